import { isDate, isInstant, isTimestamp, parseInstant } from '../core/calendar.ts';
import { MillraceError } from '../core/errors.ts';
import { type NamedField, typeText } from '../core/field-types.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';

/** A part of a stored key: LMDB orders texts and numbers as they should be. */
export type KeyPart = string | number | boolean;

const SORTABLE_OFFSET = 10n ** 39n;

/** Integers beyond a double's 53 bits as texts of one length, in the order of their values. */
function sortable(value: bigint): string {
  return String(value + SORTABLE_OFFSET).padStart(40, '0');
}

/** The key part of a canonical JSON value (as canonicalRow makes it); undefined for null. */
export function keyPartOfJson(field: NamedField, json: string): KeyPart | undefined {
  const value: unknown = JSON.parse(json);
  if (value === null) return undefined;
  return typeof value === 'boolean' ? value : keyPartOfText(field, String(value));
}

/**
 * The key part of a text from an address. Decimals become integers of their last digit and times
 * microseconds, so that they sort by value.
 * @throws MillraceError MR_LOOKUP_KEY with the form that is expected.
 */
export function keyPartOfText(field: NamedField, text: string): KeyPart {
  const { type } = field;
  switch (type.kind) {
    case 'int':
      if (/^-?\d{1,10}$/.test(text)) return Number(text);
      break;
    case 'long':
      if (/^-?\d{1,19}$/.test(text)) return sortable(BigInt(text));
      break;
    case 'decimal': {
      const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
      if (match && (match[3] ?? '').length <= type.scale)
        return sortable(
          BigInt(`${match[1]}${match[2]}${(match[3] ?? '').padEnd(type.scale, '0')}`),
        );
      break;
    }
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true';
      break;
    case 'date':
      if (isDate(text)) return text;
      break;
    case 'timestamp':
      if (isTimestamp(text)) return sortable(parseInstant(`${text}Z`));
      break;
    case 'timestamptz':
      if (isInstant(text)) return sortable(parseInstant(text));
      break;
    case 'uuid':
      if (/^[0-9a-f-]{36}$/i.test(text)) return text.toLowerCase();
      break;
    default:
      return text;
  }
  throw new MillraceError(
    'MR_LOOKUP_KEY',
    `Key part '${field.name}' is ${typeText(type)}; ${JSON.stringify(text)} is not.`,
    { details: { field: field.name } },
  );
}

const NUMBER_BYTES = 9;

/** Bytes of the texts in a key: LMDB's keys are limited. */
export function keyBytes(parts: readonly KeyPart[]): number {
  return parts.reduce<number>(
    (bytes, part) => bytes + (typeof part === 'string' ? Buffer.byteLength(part) : NUMBER_BYTES),
    0,
  );
}

/** The same as an expression over a row's columns, so that SQL shows the entries there are; null is the sequence number. */
export function keyBytesSql(parts: readonly (NamedField | null)[]): string {
  return parts.map(partBytesSql).join(' + ');
}

function partBytesSql(field: NamedField | null): string {
  switch (field?.type.kind) {
    case 'string':
      return `strlen(${quoteIdentifier(field.name)})`;
    case 'long':
    case 'decimal':
    case 'timestamp':
    case 'timestamptz':
      return String(sortable(0n).length);
    case 'date':
      return String('YYYY-MM-DD'.length);
    case 'uuid':
      return '36';
    default:
      return String(NUMBER_BYTES);
  }
}

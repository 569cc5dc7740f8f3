import type { NamedField } from '../core/field-types.ts';
import type { RecordSchema } from '../stream/stream-store.ts';
import { scanValue, VALUE_SCANNERS } from './scan-values.ts';

/**
 * A byte scanner generated from the fields of a stream. It can only accept: where it answers -1 the
 * reference validator decides and words the refusal. Sound by test: scanner accepts ⇒ reference accepts.
 *
 * The bytes must be UTF-8 and at least 64 newlines must follow the last record: a newline stops every
 * loop, so none needs a bounds check (ingest-ceiling.md §3).
 */
export interface Scanner {
  /** The position behind the closing brace of the record that starts at `at`, or -1. */
  accept(bytes: Buffer, at: number): number;
  /** Where the key of the accepted record lies: [start, end); start -1 where it has none. */
  readonly keyRange: Int32Array;
  /** The same of the id. */
  readonly idRange: Int32Array;
}

/** The fields whose places are told. */
export interface MarkedFields {
  readonly key: string | undefined;
  readonly id: string | undefined;
}

/** More fields than a bitmask holds, or a type without a scanner, leave every record to the reference. */
const FIELDS_MAX = 31;

export function compileScanner(
  schema: RecordSchema,
  marked: MarkedFields = { key: undefined, id: undefined },
): Scanner {
  const keyRange = new Int32Array([-1, -1]);
  const idRange = new Int32Array([-1, -1]);
  if (schema.fields.length > FIELDS_MAX) return { accept: () => -1, keyRange, idRange };
  const source = generate(schema.fields, marked);
  // Field names reach the code only as byte values; `helpers` holds everything else it needs.
  const build = new Function('helpers', 'keyRange', 'idRange', source) as (
    helpers: typeof VALUE_SCANNERS,
    keyRange: Int32Array,
    idRange: Int32Array,
  ) => Scanner['accept'];
  return { accept: build(VALUE_SCANNERS, keyRange, idRange), keyRange, idRange };
}

function generate(fields: readonly NamedField[], marked: MarkedFields): string {
  const required = fields.reduce(
    (mask, field, index) => (field.optional ? mask : mask | (1 << index)),
    0,
  );
  const helpers = Object.keys(VALUE_SCANNERS).join(', ');
  return `
const { ${helpers} } = helpers;
return function accept(b, at) {
  let p = at, seen = 0, q = 0;
  keyRange[0] = -1;
  ${marked.id === undefined ? '' : 'idRange[0] = -1;'}
  if (b[p] !== 123) return -1;
  p++;
  inOrder: {
${fields.map((field, index) => inOrder(field, index, required, marked)).join('')}
  }
  for (;;) {
    p = skip(b, p);
    if (b[p] !== 34) return -1;
${fields.map((field, index) => anyOrder(field, index, marked)).join('    else ')}
    else return -1;
    p = skip(b, p);
    if (b[p] === 44) { p++; continue; }
    if (b[p] === 125) return (seen & ${required}) === ${required} ? p + 1 : -1;
    return -1;
  }
};`;
}

/** The common case: members in the order of the definition. Leaves for the loop at the first that is not. */
function inOrder(field: NamedField, index: number, required: number, marked: MarkedFields): string {
  return `
    q = b[p] <= 32 ? skip(b, p) : p;
    if (!(${keyTest(field.name, 'q')})) break inOrder;
    p = q;
    ${member(field, index, marked)}
    if (b[p] <= 32) p = skip(b, p);
    if (b[p] === 44) p++;
    else return b[p] === 125 && (seen & ${required}) === ${required} ? p + 1 : -1;
`;
}

function anyOrder(field: NamedField, index: number, marked: MarkedFields): string {
  return `if (${keyTest(field.name, 'p')}) {
      if (seen & ${1 << index}) return -1;
      ${member(field, index, marked)}
    }
`;
}

/** Compares the quoted name byte by byte; names are ASCII. */
function keyTest(name: string, at: string): string {
  const codes = [34, ...Buffer.from(name), 34];
  return codes.map((code, offset) => `b[${at} + ${offset}] === ${code}`).join(' && ');
}

function member(field: NamedField, index: number, { key, id }: MarkedFields): string {
  const ranges = [
    ...(field.name === key ? ['keyRange'] : []),
    ...(field.name === id ? ['idRange'] : []),
  ];
  const scanned = scanValue(field, ranges.length > 0);
  const told = ranges.map((range) => `${range}[0] = start + text; ${range}[1] = p - text;`);
  const nullable = field.optional
    ? `if (b[p] === 110 && b[p + 1] === 117 && b[p + 2] === 108 && b[p + 3] === 108) p += 4; else `
    : '';
  const range =
    ranges.length > 0
      ? `{ const start = p; ${scanned} const text = b[start] === 34 ? 1 : 0; ${told.join(' ')} }`
      : `{ ${scanned} }`;
  return `p += ${field.name.length + 2};
    if (b[p] <= 32) p = skip(b, p);
    if (b[p] !== 58) return -1;
    p++;
    if (b[p] <= 32) p = skip(b, p);
    ${nullable}${range}
    seen |= ${1 << index};`;
}

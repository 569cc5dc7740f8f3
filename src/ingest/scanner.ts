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
}

/** More fields than a bitmask holds, or a type without a scanner, leave every record to the reference. */
const FIELDS_MAX = 31;

export function compileScanner(schema: RecordSchema, key: string | undefined): Scanner {
  const keyRange = new Int32Array([-1, -1]);
  if (schema.fields.length > FIELDS_MAX) return { accept: () => -1, keyRange };
  const source = generate(schema.fields, key);
  // Field names reach the code only as byte values; `helpers` holds everything else it needs.
  const build = new Function('helpers', 'keyRange', source) as (
    helpers: typeof VALUE_SCANNERS,
    range: Int32Array,
  ) => Scanner['accept'];
  return { accept: build(VALUE_SCANNERS, keyRange), keyRange };
}

function generate(fields: readonly NamedField[], key: string | undefined): string {
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
  if (b[p] !== 123) return -1;
  p++;
  inOrder: {
${fields.map((field, index) => inOrder(field, index, required, key)).join('')}
  }
  for (;;) {
    p = skip(b, p);
    if (b[p] !== 34) return -1;
${fields.map((field, index) => anyOrder(field, index, key)).join('    else ')}
    else return -1;
    p = skip(b, p);
    if (b[p] === 44) { p++; continue; }
    if (b[p] === 125) return (seen & ${required}) === ${required} ? p + 1 : -1;
    return -1;
  }
};`;
}

/** The common case: members in the order of the definition. Leaves for the loop at the first that is not. */
function inOrder(
  field: NamedField,
  index: number,
  required: number,
  key: string | undefined,
): string {
  return `
    q = b[p] <= 32 ? skip(b, p) : p;
    if (!(${keyTest(field.name, 'q')})) break inOrder;
    p = q;
    ${member(field, index, key)}
    if (b[p] <= 32) p = skip(b, p);
    if (b[p] === 44) p++;
    else return b[p] === 125 && (seen & ${required}) === ${required} ? p + 1 : -1;
`;
}

function anyOrder(field: NamedField, index: number, key: string | undefined): string {
  return `if (${keyTest(field.name, 'p')}) {
      if (seen & ${1 << index}) return -1;
      ${member(field, index, key)}
    }
`;
}

/** Compares the quoted name byte by byte; names are ASCII. */
function keyTest(name: string, at: string): string {
  const codes = [34, ...Buffer.from(name), 34];
  return codes.map((code, offset) => `b[${at} + ${offset}] === ${code}`).join(' && ');
}

function member(field: NamedField, index: number, key: string | undefined): string {
  const isKey = field.name === key;
  const scanned = scanValue(field, isKey);
  const nullable = field.optional
    ? `if (b[p] === 110 && b[p + 1] === 117 && b[p + 2] === 108 && b[p + 3] === 108) p += 4; else `
    : '';
  const range = isKey
    ? `{ const start = p; ${scanned} const text = b[start] === 34 ? 1 : 0; keyRange[0] = start + text; keyRange[1] = p - text; }`
    : `{ ${scanned} }`;
  return `p += ${field.name.length + 2};
    if (b[p] <= 32) p = skip(b, p);
    if (b[p] !== 58) return -1;
    p++;
    if (b[p] <= 32) p = skip(b, p);
    ${nullable}${range}
    seen |= ${1 << index};`;
}

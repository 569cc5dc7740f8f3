import type { NamedField } from '../core/field-types.ts';

/** Bytes that end a run of plain text inside a string: quote, backslash, control bytes. */
const STOP = new Uint8Array(256);
STOP.fill(1, 0, 32);
STOP[34] = 1;
STOP[92] = 1;

/** Escapes of one character; \u may hide half a surrogate pair or NUL and goes to the reference. */
const SIMPLE_ESCAPE = new Uint8Array(256);
for (const char of '"\\/bfnrt') SIMPLE_ESCAPE[char.charCodeAt(0)] = 1;

function skip(b: Uint8Array, p: number): number {
  while (b[p] === 32 || b[p] === 9 || b[p] === 13) p++;
  return p;
}

/** Each scanner gets the position of a value's first byte and answers the position behind it, or -1. */
function string(b: Uint8Array, p: number): number {
  if (b[p] !== 34) return -1;
  p++;
  for (;;) {
    while (STOP[b[p] as number] === 0) p++;
    if (b[p] === 34) return p + 1;
    if (b[p] !== 92 || SIMPLE_ESCAPE[b[p + 1] as number] === 0) return -1;
    p += 2;
  }
}

/** A string whose bytes are its value: keys are hashed from the bytes. */
function plainString(b: Uint8Array, p: number): number {
  if (b[p] !== 34) return -1;
  p++;
  while (STOP[b[p] as number] === 0) p++;
  return b[p] === 34 ? p + 1 : -1;
}

function digits(b: Uint8Array, p: number): number {
  while ((b[p] as number) >= 48 && (b[p] as number) <= 57) p++;
  return p;
}

/** The JSON grammar's whole numbers of at most `most` digits: those need no range check. */
function integer(b: Uint8Array, p: number, most: number): number {
  if (b[p] === 45) p++;
  const end = digits(b, p);
  const count = end - p;
  if (count === 0 || count > most || (count > 1 && b[p] === 48)) return -1;
  return end;
}

/** Any text, or a whole number. */
function integerText(b: Uint8Array, p: number): number {
  return b[p] === 34 ? string(b, p) : integer(b, p, 15);
}

function double(b: Uint8Array, p: number): number {
  const whole = integer(b, p, 30);
  if (whole === -1 || b[whole] !== 46) return whole;
  const end = digits(b, whole + 1);
  return end === whole + 1 || end - whole > 30 ? -1 : end;
}

/** A number, or its text, within precision and scale and the 15 digits that a double keeps. */
function decimal(b: Uint8Array, p: number, wholeMost: number, scale: number): number {
  const quoted = b[p] === 34;
  if (quoted) p++;
  const start = b[p] === 45 ? p + 1 : p;
  const whole = integer(b, p, 15);
  if (whole === -1 || (whole - start > wholeMost && b[start] !== 48)) return -1;
  let end = whole;
  if (b[whole] === 46) {
    end = digits(b, whole + 1);
    if (end === whole + 1 || end - whole - 1 > scale) return -1;
  }
  if (end - start > 15) return -1;
  if (!quoted) return end;
  return b[end] === 34 ? end + 1 : -1;
}

function boolean(b: Uint8Array, p: number): number {
  if (b[p] === 116 && b[p + 1] === 114 && b[p + 2] === 117 && b[p + 3] === 101) return p + 4;
  if (b[p] === 102 && b[p + 1] === 97 && b[p + 2] === 108 && b[p + 3] === 115 && b[p + 4] === 101)
    return p + 5;
  return -1;
}

function isDigit(b: Uint8Array, p: number): boolean {
  return (b[p] as number) >= 48 && (b[p] as number) <= 57;
}

function twoDigits(b: Uint8Array, p: number, most: number): boolean {
  return (
    isDigit(b, p) &&
    isDigit(b, p + 1) &&
    ((b[p] as number) - 48) * 10 + (b[p + 1] as number) - 48 <= most
  );
}

/** `YYYY-MM-DD` of the years 1000 to 2999; the 29th to 31st of short months go to the reference. */
function dateBody(b: Uint8Array, p: number): number {
  if (
    (b[p] !== 49 && b[p] !== 50) ||
    !isDigit(b, p + 1) ||
    !isDigit(b, p + 2) ||
    !isDigit(b, p + 3)
  )
    return -1;
  if (b[p + 4] !== 45 || b[p + 7] !== 45 || !twoDigits(b, p + 5, 12) || !twoDigits(b, p + 8, 31))
    return -1;
  const month = ((b[p + 5] as number) - 48) * 10 + (b[p + 6] as number) - 48;
  const day = ((b[p + 8] as number) - 48) * 10 + (b[p + 9] as number) - 48;
  if (month === 0 || day === 0) return -1;
  if (
    day > 28 &&
    (month === 2 || (day === 31 && (month === 4 || month === 6 || month === 9 || month === 11)))
  )
    return -1;
  return p + 10;
}

function date(b: Uint8Array, p: number): number {
  if (b[p] !== 34) return -1;
  const end = dateBody(b, p + 1);
  return end !== -1 && b[end] === 34 ? end + 1 : -1;
}

function timeBody(b: Uint8Array, p: number): number {
  const at = dateBody(b, p);
  if (at === -1 || (b[at] !== 84 && b[at] !== 32)) return -1;
  if (
    !twoDigits(b, at + 1, 23) ||
    b[at + 3] !== 58 ||
    !twoDigits(b, at + 4, 59) ||
    b[at + 6] !== 58 ||
    !twoDigits(b, at + 7, 59)
  )
    return -1;
  if (b[at + 9] !== 46) return at + 9;
  const end = digits(b, at + 10);
  return end === at + 10 || end > at + 16 ? -1 : end;
}

function timestamp(b: Uint8Array, p: number): number {
  if (b[p] !== 34) return -1;
  const end = timeBody(b, p + 1);
  return end !== -1 && b[end] === 34 ? end + 1 : -1;
}

function timestamptz(b: Uint8Array, p: number): number {
  if (b[p] !== 34) return -1;
  const end = timeBody(b, p + 1);
  if (end === -1) return -1;
  if (b[end] === 90) return b[end + 1] === 34 ? end + 2 : -1;
  if (
    (b[end] !== 43 && b[end] !== 45) ||
    !twoDigits(b, end + 1, 14) ||
    b[end + 3] !== 58 ||
    !twoDigits(b, end + 4, 59)
  )
    return -1;
  return b[end + 6] === 34 ? end + 7 : -1;
}

function inRange(b: Buffer, start: number, end: number, min: number, max: number): boolean {
  const value = Number(b.toString('latin1', start, end));
  return value >= min && value <= max;
}

export const VALUE_SCANNERS = Object.freeze({
  skip,
  string,
  plainString,
  integer,
  integerText,
  double,
  decimal,
  boolean,
  date,
  timestamp,
  timestamptz,
  inRange,
});

const NEVER = 'return -1;';

/** Code that moves `p` behind a value of the field, or returns -1. */
export function scanValue(field: NamedField, isKey: boolean): string {
  const call = scannerCall(field, isKey);
  if (call === undefined) return NEVER;
  const scanned = `p = ${call}; if (p === -1) return -1;`;
  if (field.min === undefined && field.max === undefined) return scanned;
  if (field.type.kind !== 'int' && field.type.kind !== 'double') return NEVER;
  const [min, max] = [field.min ?? '-Infinity', field.max ?? 'Infinity'].map((bound) =>
    String(Number(bound)),
  );
  return `const from = p; ${scanned} if (!inRange(b, from, p, ${min}, ${max})) return -1;`;
}

function scannerCall(field: NamedField, isKey: boolean): string | undefined {
  if (field.pattern !== undefined || field.oneOf !== undefined) return undefined;
  if (field.from === 'integer-text') return 'integerText(b, p)';
  if (field.from === 'epoch-seconds') return 'integer(b, p, 10)';
  if (field.from === 'epoch-milliseconds') return 'integer(b, p, 13)';
  switch (field.type.kind) {
    case 'string':
      return isKey ? 'plainString(b, p)' : 'string(b, p)';
    case 'int':
      return 'integer(b, p, 9)';
    case 'long':
      return 'integer(b, p, 15)';
    case 'double':
    case 'float':
      return 'double(b, p)';
    case 'decimal':
      return `decimal(b, p, ${field.type.precision - field.type.scale}, ${field.type.scale})`;
    case 'boolean':
      return 'boolean(b, p)';
    case 'date':
      return 'date(b, p)';
    case 'timestamp':
      return 'timestamp(b, p)';
    case 'timestamptz':
      return 'timestamptz(b, p)';
    default:
      return undefined;
  }
}

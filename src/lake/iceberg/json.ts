/**
 * JSON of Iceberg: ids of other writers have 63 bits, which JSON.parse would round. A number is a bigint
 * where it is no safe integer, and a number wherever it is one: equal ids are equal by `===`.
 */

/** A 64-bit id in its one form. */
export type Id = number | bigint;

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const MARK = '\u0000id:';

/** @throws SyntaxError */
export function parseIcebergJson(text: string): unknown {
  let hasLarge = false;
  const marked = text.replace(TOKENS, (token) => {
    if (token.startsWith('"')) return token;
    hasLarge = true;
    return JSON.stringify(`${MARK}${token}`);
  });
  return JSON.parse(hasLarge ? marked : text, (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? idOf(value.slice(MARK.length)) : value,
  );
}

export function icebergJson(value: unknown): string {
  let hasLarge = false;
  const text = JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part !== 'bigint') return part;
    hasLarge = true;
    return `${MARK}${part}`;
  });
  return hasLarge ? text.replace(/"\\u0000id:(-?\d+)"/g, '$1') : text;
}

export function idOf(value: string | bigint): Id {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

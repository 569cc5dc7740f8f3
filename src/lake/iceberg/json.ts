/**
 * JSON of Iceberg: ids of other writers have 63 bits, which JSON.parse would round. A number is a bigint
 * where it is no safe integer, and a number wherever it is one: equal ids are equal by `===`.
 */

/** A 64-bit id in its one form. */
export type Id = number | bigint;

/** Strings, with the colon of those that are names, and numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"(?:\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** What strings that stand for something else begin with; those that begin so by themselves get `PLAIN` before it. */
const MARK = '\u0000';
const MARK_TEXT = '"\\u0000';
const LARGE = `${MARK}id:`;
const PLAIN = `${MARK}is:`;

/** @throws SyntaxError */
export function parseIcebergJson(text: string): unknown {
  let isMarked = false;
  const mark = (value: string): string => {
    isMarked = true;
    return JSON.stringify(value);
  };
  const marked = text.replace(TOKENS, (token) => {
    if (!token.startsWith('"')) return isLarge(token) ? mark(`${LARGE}${token}`) : token;
    if (!token.startsWith(MARK_TEXT) || token.endsWith(':')) return token;
    return mark(`${PLAIN}${JSON.parse(token) as string}`);
  });
  if (!isMarked) return JSON.parse(text);
  return JSON.parse(marked, (_name, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(MARK)) return value;
    const rest = value.slice(LARGE.length);
    return value.startsWith(LARGE) ? idOf(rest) : rest;
  });
}

/** Zeros before a number are an error of JSON, which must stay one. */
const isLarge = (token: string): boolean => /^-?[1-9]\d{15,}$/.test(token);

export function icebergJson(value: unknown): string {
  let hasLarge = false;
  const text = JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === 'string' && part.startsWith(MARK)) return `${PLAIN}${part}`;
    if (typeof part !== 'bigint') return part;
    hasLarge = true;
    return `${LARGE}${part}`;
  });
  if (!hasLarge && !text.includes(MARK_TEXT)) return text;
  return text.replace(TOKENS, (token) => {
    if (!token.startsWith(MARK_TEXT) || token.endsWith(':')) return token;
    const marked = JSON.parse(token) as string;
    const rest = marked.slice(LARGE.length);
    return marked.startsWith(LARGE) ? rest : JSON.stringify(rest);
  });
}

export function idOf(value: string | bigint): Id {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

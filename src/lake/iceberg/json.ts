import { randomUUID } from 'node:crypto';

/**
 * JSON of Iceberg: ids of other writers have 63 bits, which JSON.parse would round. A number is a bigint
 * where it is no safe integer, and a number wherever it is one: equal ids are equal by `===`.
 */

/** A 64-bit id in its one form. */
export type Id = number | bigint;

const HAS_LONG = /\d{16}/;
/** Whole: digits behind a point are no id. */
const NUMBERS = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONG = /^-?\d{16,}$/;

/** @throws SyntaxError */
export function parseIcebergJson(text: string): unknown {
  if (!HAS_LONG.test(text)) return JSON.parse(text);
  const mark = newMark();
  return JSON.parse(marked(text, mark), (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? idOf(value.slice(mark.length)) : value,
  );
}

/** Step by step: one regular expression over texts of megabytes overflows the stack. */
function marked(text: string, mark: string): string {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const open = quote < 0 ? text.length : quote;
    parts.push(
      text
        .slice(at, open)
        .replace(NUMBERS, (number) => (LONG.test(number) ? `"${mark}${number}"` : number)),
    );
    at = endOfText(text, open);
    parts.push(text.slice(open, at));
  }
  return parts.join('');
}

function endOfText(text: string, open: number): number {
  let end = open;
  do {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
  } while (isEscaped(text, end));
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text[before] === '\\') before -= 1;
  return (at - before) % 2 === 0;
}

export function icebergJson(value: unknown): string {
  const mark = newMark();
  let hasLarge = false;
  const text = JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part !== 'bigint') return part;
    hasLarge = true;
    return `${mark}${part}`;
  });
  return hasLarge ? text.replace(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1') : text;
}

/** Nobody can have written it before: texts of a client are never taken for ids. */
const newMark = (): string => `${randomUUID()}:`;

export function idOf(value: string | bigint): Id {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : BigInt(value);
}

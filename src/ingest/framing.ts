import { isUtf8 } from 'node:buffer';
import { characterEnd } from '../wire/utf8.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const NEWLINE = 10;

/** Space, tab, carriage return and newline. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === 13 || byte === NEWLINE;
}

export function skipSpace(bytes: Buffer, at: number, end: number): number {
  while (at < end && isSpace(bytes[at])) at++;
  return at;
}

/** Behind the JSON value at `at`; -1 where it does not end before `end`, -2 where it cannot be JSON. */
export function extentOf(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at, end);
  if (first !== 123 && first !== 91) return endOfWord(bytes, at, end);
  let depth = 0;
  for (let p = at; p < end; p++) {
    const byte = bytes[p];
    if (byte === QUOTE) {
      p = endOfString(bytes, p, end) - 1;
      if (p < 0) return p + 1;
    } else if (byte === 123 || byte === 91) depth += 1;
    else if ((byte === 125 || byte === 93) && --depth === 0) return p + 1;
  }
  return -1;
}

/** A raw newline in a string cannot be JSON: without this an unclosed quote would swallow what follows. */
function endOfString(bytes: Buffer, at: number, end: number): number {
  for (let p = at + 1; p < end; p++) {
    const byte = bytes[p];
    if (byte === BACKSLASH) p += 1;
    else if (byte === QUOTE) return p + 1;
    else if (byte === NEWLINE) return -2;
  }
  return -1;
}

function endOfWord(bytes: Buffer, at: number, end: number): number {
  let p = at;
  while (p < end && !isSpace(bytes[p]) && bytes[p] !== 44 && bytes[p] !== 93 && bytes[p] !== 125)
    p++;
  return p === at ? at + 1 : p;
}

/** Newlines between tokens become spaces: a stored record is one line. Inside strings there are none. */
export function joinLines(bytes: Buffer, start: number, end: number): void {
  for (let p = start; p < end; p++) if (bytes[p] === NEWLINE || bytes[p] === 13) bytes[p] = 32;
}

/** Where the first character begins that is not UTF-8, in bytes that are not. */
export function firstBadByte(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUtf8Piece(bytes, middle)) good = middle;
    else bad = middle;
  }
  return characterEnd(bytes, good);
}

/** Whether [0, end) is UTF-8, leaving out a character that is cut off at the end of a piece. */
export function isUtf8Piece(bytes: Buffer, end: number): boolean {
  return isUtf8(bytes.subarray(0, characterEnd(bytes, end)));
}

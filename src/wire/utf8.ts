import { isUtf8 } from 'node:buffer';

/**
 * UTF-8 as text without loss: a byte that is not UTF-8 becomes the lone surrogate U+DC00 + byte, which
 * no UTF-8 gives, and `bytesOfText` makes it that byte again. What such a text is for is to be refused
 * whole, with its bytes; `isWellFormed()` tells it.
 */
export function textOfBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  let valid = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += bytes.toString('utf8', valid, at) + String.fromCharCode(ESCAPE + (bytes[at] as number));
    at += 1;
    valid = at;
  }
  return text + bytes.toString('utf8', valid);
}

const ESCAPE = 0xdc00;

/** The bytes that `textOfBytes` had. */
export function bytesOfText(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const part of text.split(/([\udc80-\udcff])/u)) {
    const isEscape = part.length === 1 && !part.isWellFormed();
    parts.push(isEscape ? Buffer.from([part.charCodeAt(0) - ESCAPE]) : Buffer.from(part));
  }
  return Buffer.concat(parts);
}

/** Bytes of the UTF-8 character at `at` (Unicode, table 3-7), 0 where there is none. */
export function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (!isBetween(bytes[at + 1], SECOND_MIN[first] ?? 0x80, SECOND_MAX[first] ?? 0xbf)) return 0;
  if (first < 0xe0) return 2;
  if (!isBetween(bytes[at + 2], 0x80, 0xbf)) return 0;
  if (first < 0xf0) return 3;
  return isBetween(bytes[at + 3], 0x80, 0xbf) ? 4 : 0;
}

/** Longer than needed, surrogates, and past U+10FFFF are no characters. */
const SECOND_MIN: { readonly [first: number]: number } = { 224: 0xa0, 240: 0x90 };
const SECOND_MAX: { readonly [first: number]: number } = { 237: 0x9f, 244: 0x8f };

function isBetween(byte: number | undefined, min: number, max: number): boolean {
  return byte !== undefined && byte >= min && byte <= max;
}

/** The same bytes, cut so that no character of UTF-8 lies over two pieces. */
export async function* wholeCharacters(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    // The first piece must show a byte order mark whole.
    const end = bytes.length < 4 ? 0 : characterEnd(bytes, bytes.length);
    rest = bytes.subarray(end);
    yield bytes.subarray(0, end);
  }
  yield rest;
}

/** The end of [0, end) without a character that is cut off there. */
export function characterEnd(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const wants = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return wants > back ? end - back : end;
  }
  return end;
}

import { isAscii, isUtf8 } from 'node:buffer';
import { sequenceLength } from '../wire/utf8.ts';

/** What the bytes of a file say about its encoding. */
export interface Evidence {
  /** Characters of several bytes that are UTF-8. */
  readonly characters: number;
  /** Bytes that are not UTF-8. */
  readonly broken: number;
  /** Whether each broken byte is a character of windows-1252. */
  readonly isWindows: boolean;
}

/** Counts over pieces that hold whole characters (`wholeCharacters`). */
export class EvidenceCounter implements Evidence {
  characters = 0;
  broken = 0;
  isWindows = true;

  take(bytes: Buffer): void {
    if (isAscii(bytes)) return;
    if (isUtf8(bytes)) {
      for (let at = 0; at < bytes.length; at++)
        if ((bytes[at] as number) >= FIRST_LEAD) this.characters += 1;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const length = sequenceLength(bytes, at);
      if (length > 1) this.characters += 1;
      if (length === 0) {
        this.broken += 1;
        if (NOT_WINDOWS.has(bytes[at] as number)) this.isWindows = false;
      }
      at += Math.max(1, length);
    }
  }
}

const FIRST_LEAD = 0xc2;

/** Bytes that windows-1252 leaves undefined. */
const NOT_WINDOWS: ReadonlySet<number> = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/**
 * The encoding of a CSV without a byte order mark, or undefined where a guess could store wrong texts.
 *
 * Texts of windows-1252 hardly ever hold what UTF-8 takes for a character: the two bytes would be an
 * accented capital before a sign, as in `É»`. So where at least as many characters are UTF-8 as bytes are
 * not, the file is UTF-8 with broken rows; where there is at most one for ten such bytes, it is windows-1252.
 */
export function encodingOf({ characters, broken, isWindows }: Evidence): string | undefined {
  if (broken === 0 || characters >= broken) return 'utf-8';
  return isWindows && characters * 10 <= broken ? 'windows-1252' : undefined;
}

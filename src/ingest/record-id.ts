import type { NamedField } from '../core/field-types.ts';
import { ID_WORDS } from './dedupe-window.ts';
import { md5Words } from './md5.ts';

/** Hashes of the values of the field that tells records apart. */
export interface RecordIds {
  readonly field: string;
  /** Of a value's own bytes, without quotes. */
  hashBytes(bytes: Uint8Array, start: number, end: number, words: Uint32Array, at: number): void;
  /** Of its text. */
  hashText(text: string, words: Uint32Array, at: number): void;
}

/** One text for each value, of types where a value can be written in several ways. */
const CANONICAL: { readonly [kind: string]: (text: string) => string } = {
  uuid: (text) => text.toLowerCase(),
  int: (text) => String(BigInt(text)),
  long: (text) => String(BigInt(text)),
};

export function recordIds(field: NamedField): RecordIds {
  const canonical = CANONICAL[field.type.kind] ?? ((text: string) => text);
  const hashText = (text: string, words: Uint32Array, at: number): void => {
    const bytes = Buffer.from(canonical(text));
    md5Words(bytes, 0, bytes.length, words, at, ID_WORDS);
  };
  return {
    field: field.name,
    hashText,
    hashBytes: (bytes, start, end, words, at) => {
      if (field.type.kind in CANONICAL)
        hashText(Buffer.from(bytes.subarray(start, end)).toString('latin1'), words, at);
      else md5Words(bytes, start, end, words, at, ID_WORDS);
    },
  };
}

/** The text of a stored value; undefined where there is none. `raw` is its JSON. */
export function idText(raw: string | undefined): string | undefined {
  if (raw === undefined || raw === 'null') return undefined;
  return raw.startsWith('"') ? (JSON.parse(raw) as string) : wholeNumberText(raw);
}

/** A text that was sent as a whole number: 17850.0 is 17850. */
export function wholeNumberText(text: string): string {
  return /^-?[1-9]\d*$/.test(text) ? text : String(Number(text) + 0);
}

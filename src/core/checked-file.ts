import { crc32 } from 'node:zlib';
import type { FileSystem } from './file-system.ts';

/** Bytes that are not what was written, named for people, with where they are. */
export interface Damage {
  readonly text: string;
  readonly places: readonly {
    readonly file: string;
    readonly start: number;
    readonly end: number;
  }[];
}

export interface CheckedFile {
  /** Undefined where there is none, or none that is sound. */
  readonly value: object | undefined;
  /** Both copies are there and the same. */
  readonly isWhole: boolean;
  readonly damaged: readonly Damage[];
}

/**
 * JSON that people can read, in two copies, each with a checksum of the rest: of what nothing else says,
 * one wrong bit would otherwise cost all. The first copy is written first and counts.
 */
export async function readChecked(files: FileSystem, path: string): Promise<CheckedFile> {
  const copies = [await readCopy(files, path), await readCopy(files, copyOf(path))];
  return {
    value: (copies.find(({ isSound }) => isSound) ?? copies.find(({ value }) => value))?.value,
    isWhole: copies[0]?.text !== undefined && copies[0].text === copies[1]?.text,
    damaged: copies.flatMap(({ damage }) => (damage ? [damage] : [])),
  };
}

/** The second copy goes first: what is left of a removal that a crash ended is what it was. */
export async function removeChecked(files: FileSystem, path: string): Promise<void> {
  await files.remove(copyOf(path));
  await files.remove(path);
}

export async function writeChecked(files: FileSystem, path: string, value: object): Promise<void> {
  for (const copy of checkedTexts(path, value)) await files.replaceFile(copy.path, copy.text);
}

/** What is written. */
export function checkedTexts(path: string, value: object): { path: string; text: string }[] {
  const text = checkedText(value);
  return [path, copyOf(path)].map((copy) => ({ path: copy, text }));
}

export function checkedText(value: object): string {
  return `${JSON.stringify({ ...value, crc: crcOf(value) }, null, 1)}\n`;
}

export const copyOf = (path: string): string => path.replace(/\.json$/, '.copy.json');
const crcOf = (value: object): number => crc32(JSON.stringify(value));

interface Copy {
  readonly text?: string;
  readonly value?: object;
  /** False for a value of another format, whose checksum is not known. */
  readonly isSound?: boolean;
  readonly damage?: Damage;
}

/** The format whose files have a checksum as here. */
const FORMAT = 2;

async function readCopy(files: FileSystem, path: string): Promise<Copy> {
  if (!(await files.exists(path))) return {};
  const bytes = await files.readFile(path);
  const text = bytes.toString();
  const value = parse(text);
  if (value) return { text, ...value };
  return { damage: { text: path, places: [{ file: path, start: 0, end: bytes.length }] } };
}

/** Undefined where it is not what was written. */
function parse(text: string): { value: object; isSound: boolean } | undefined {
  let parsed: { readonly crc?: unknown; readonly format?: unknown } | null;
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { crc, ...value } = parsed;
  if (crc === crcOf(value)) return { value, isSound: true };
  const isOther = typeof parsed.format === 'number' && parsed.format !== FORMAT;
  return isOther && crc === undefined ? { value, isSound: false } : undefined;
}

import { crc32 } from 'node:zlib';
import type { FileSystem } from '../core/file-system.ts';
import type { KeysPlace } from './run-reader.ts';

/** The line of a record with the key of the one before it: one `Data` may hold a million of them. */
export const SAME_KEY = '^';

/** In hexadecimal. */
const CHECKSUM_LENGTH = 8;

/** The lines of a run's records, behind their checksum: of runs in memory there are too many to keep it there. */
export function keysBlock(lines: string): Buffer {
  return Buffer.from(`${checksum(Buffer.from(lines))}\n${lines}`);
}

function parseKeys(block: Buffer): readonly string[] {
  const lines = block.subarray(CHECKSUM_LENGTH + 1);
  const isSound = block.toString('latin1', 0, CHECKSUM_LENGTH) === checksum(lines);
  if (!isSound) return [];
  let last = '';
  return lines
    .toString()
    .split('\n')
    .map((line) => {
      if (line !== SAME_KEY) last = line;
      return last;
    });
}

const checksum = (lines: Buffer): string =>
  crc32(lines).toString(16).padStart(CHECKSUM_LENGTH, '0');

/** The line of a record whose producer gave none; a key has at least one character. */
export const NOT_GIVEN = '';

/** Partition keys of the run that was read last: a reader goes through one after the other. */
export class PartitionKeys {
  #place: KeysPlace | undefined;
  #lines: readonly string[] = [];

  /** Of the record at `index` of its run; undefined where the one that was given is damaged. */
  async of(files: FileSystem, place: KeysPlace, index: number): Promise<string | undefined> {
    if (this.#place?.file !== place.file || this.#place.position !== place.position) {
      this.#lines = await linesOf(files, place);
      this.#place = place;
    }
    const line = this.#lines[index];
    return line === undefined || line === '' ? line : (JSON.parse(line) as string);
  }
}

async function linesOf(files: FileSystem, place: KeysPlace): Promise<readonly string[]> {
  if (!(await files.exists(place.file))) return [];
  const handle = await files.open(place.file, 'read');
  try {
    return parseKeys(await handle.read(place.position, place.length));
  } finally {
    await handle.close();
  }
}

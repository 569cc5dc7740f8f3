import { crc32 } from 'node:zlib';
import type { FileSystem } from '../core/file-system.ts';
import type { KeysPlace } from './run-reader.ts';

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
    const bytes = await handle.read(place.position, place.length);
    return crc32(bytes) === place.crc ? bytes.toString().split('\n') : [];
  } finally {
    await handle.close();
  }
}

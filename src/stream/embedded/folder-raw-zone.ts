import { dirname, join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { RawZone } from '../raw-zone.ts';

const PIECE_BYTES = 1024 * 1024;

/** A folder, of this machine or mounted. */
export class FolderRawZone implements RawZone {
  readonly place: string;
  readonly #files: FileSystem;

  constructor({ files, folder }: { readonly files: FileSystem; readonly folder: string }) {
    this.#files = files;
    this.place = folder;
  }

  put(name: string, file: string): Promise<void> {
    return this.#reached(async () => {
      const target = join(this.place, name);
      const folder = dirname(target);
      await this.#files.makeFolder(folder);
      await this.#copy(file, `${target}.part`);
      await this.#files.rename(`${target}.part`, target);
      await this.#files.syncFolder(folder);
    });
  }

  get(name: string, file: string): Promise<void> {
    return this.#reached(async () => {
      try {
        await this.#copy(join(this.place, name), file);
      } catch (error) {
        await this.#files.remove(file);
        throw error;
      }
    });
  }

  remove(name: string): Promise<void> {
    return this.#reached(() => this.#files.remove(join(this.place, name)));
  }

  async #copy(from: string, to: string): Promise<void> {
    const source = await this.#files.open(from, 'read');
    try {
      const target = await this.#files.open(to, 'write');
      try {
        await target.truncate(0);
        const size = await source.size();
        for (let at = 0; at < size; at += PIECE_BYTES)
          await target.write(await source.read(at, Math.min(PIECE_BYTES, size - at)), at);
        await target.sync();
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  }

  async #reached<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const { message } = error as Error;
      throw new MillraceError('MR_RAW_UNAVAILABLE', `${this.place}: ${message}`, { cause: error });
    }
  }
}

import { dirname, join, resolve } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { checkObjectName } from '../../core/object-name.ts';
import { Turns } from '../../core/turns.ts';
import { piecesOf, writeWhole } from '../../core/whole-file.ts';
import type { RawZone } from '../raw-zone.ts';

export interface FolderRawZoneOptions {
  readonly files: FileSystem;
  /** Made with the first object. */
  readonly folder: string;
}

/** Objects as files of a folder, for instance of a disk that another machine shares. */
export class FolderRawZone implements RawZone {
  readonly place: string;
  readonly #files: FileSystem;
  // Two of the same object would mix their bytes in its temporary file.
  readonly #puts = new Turns({ atOnce: 1, waitingMax: 1000, what: 'copies to a raw zone' });

  constructor({ files, folder }: FolderRawZoneOptions) {
    this.#files = files;
    this.place = resolve(folder);
  }

  /** @throws MillraceError MR_RAW_UNAVAILABLE where the folder cannot be written */
  async put(name: string, file: string): Promise<void> {
    const path = this.#path(name);
    const copy = async () => {
      await writeWhole(this.#files, path, piecesOf(this.#files, file));
      await this.#syncFoldersOf(path);
    };
    await this.#attempt(() => this.#puts.take(copy));
  }

  /** @throws MillraceError MR_RAW_UNAVAILABLE where the folder is not there, or one of the two cannot be read or written */
  async get(name: string, file: string): Promise<boolean> {
    const path = this.#path(name);
    return this.#attempt(async () => {
      // A folder with nothing in it is a disk that is not mounted, rather than one without the object.
      const beside = [
        ...(await this.#files.list(dirname(path))),
        ...(await this.#files.list(this.place)),
      ];
      if (beside.length > 0 && !(await this.#files.exists(path))) return false;
      await writeWhole(this.#files, file, piecesOf(this.#files, path));
      return true;
    });
  }

  /** @throws MillraceError MR_RAW_UNAVAILABLE where the folder cannot be written */
  async remove(name: string): Promise<void> {
    const path = this.#path(name);
    await this.#attempt(async () => {
      const folder = dirname(path);
      const entries = await this.#files.list(folder);
      // A folder is no object: the objects in it have names of their own and stay.
      if (!entries.some((entry) => !entry.isFolder && join(folder, entry.name) === path)) return;
      await this.#files.remove(path);
      await this.#files.syncFolder(folder);
    });
  }

  #path(name: string): string {
    checkObjectName(name);
    return join(this.place, name);
  }

  /** Up to that of the zone, every time: a put that a power cut ended may have made one and not synced its name. */
  async #syncFoldersOf(path: string): Promise<void> {
    let folder = path;
    do {
      folder = dirname(folder);
      await this.#files.syncFolder(folder);
    } while (folder !== this.place);
  }

  async #attempt<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new MillraceError('MR_RAW_UNAVAILABLE', `${this.place}: ${reason}`, { cause: error });
    }
  }
}

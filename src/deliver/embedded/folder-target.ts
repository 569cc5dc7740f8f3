import { dirname, join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { FileTarget } from '../file-target.ts';

/** A folder: files get their names once they are whole, on the same disk. */
export class FolderTarget implements FileTarget {
  readonly place: string;
  readonly #files: FileSystem;

  constructor(files: FileSystem, place: string) {
    this.#files = files;
    this.place = place;
  }

  stagingOf(epoch: string): string {
    return join(this.place, '.millrace', epoch);
  }

  async publish(staged: string, name: string): Promise<void> {
    const files = this.#files;
    const path = join(this.place, ...name.split('/'));
    if (await files.exists(staged)) {
      await files.makeFolder(dirname(path));
      await files.rename(staged, path);
    } else if (!(await files.exists(dirname(staged)))) {
      // With its folder gone the whole target may be: a disk that is not mounted.
      throw new MillraceError(
        'MR_DELIVERY_FAILED',
        `${staged} is missing, and was to become ${path}. Is the disk of ${this.place} there?`,
      );
    }
    // A power cut between rename and sync may have kept neither.
    if (await files.exists(dirname(path))) await files.syncFolder(dirname(path));
  }
}

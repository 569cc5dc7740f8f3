import { sep } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import { isInBucket, isLocal, localPath, plainPlace } from '../location.ts';

/**
 * Where files of tables may be: in the lake, and where whoever runs the server allows it besides.
 * Commits of other programs name files by location: what they name elsewhere is neither read nor removed.
 */
export class Places {
  readonly #lake: string;
  readonly #folders: readonly string[];

  constructor(lake: string, allowed: readonly string[]) {
    this.#lake = lake;
    this.#folders = [lake, ...allowed.map((location) => plainPlace(localPath(location)))];
  }

  /** The path of a location. @throws MillraceError MR_TABLE_LOCATION, MR_TABLE_UNSUPPORTED */
  path(location: string): string {
    if (!isInBucket(this.#lake) && !isLocal(location))
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `${shown(location)} is not on this machine. Tables are in files here.`,
      );
    const path = localPath(location);
    const isPlain = !path.includes('\u0000') && !path.split(sep).includes('..');
    if (isPlain && this.#folders.some((folder) => isInside(plainPlace(path), folder))) return path;
    throw new MillraceError(
      'MR_TABLE_LOCATION',
      isInBucket(this.#lake)
        ? `${shown(location)} is not in the lake, ${this.#lake}: its tables have all their files there.`
        : `${shown(location)} is not in the lake, nor in a folder that --allow-location names.`,
    );
  }
}

/** The folder itself, or something in it. */
export const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);

const shown = (location: string): string =>
  location.length > 300 ? `${location.slice(0, 300)}…` : location;

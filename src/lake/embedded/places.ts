import { resolve, sep } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import { isLocal, localPath } from '../location.ts';

/**
 * Where files of tables may be: in the lake's folder, and where whoever runs the server allows it besides.
 * Commits of other programs name files by location: what they name elsewhere is neither read nor removed.
 */
export class Places {
  readonly #folders: readonly string[];

  constructor(lake: string, allowed: readonly string[]) {
    this.#folders = [lake, ...allowed.map((location) => resolve(localPath(location)))];
  }

  /** The path of a location. @throws MillraceError MR_TABLE_LOCATION, MR_TABLE_UNSUPPORTED */
  path(location: string): string {
    if (!isLocal(location))
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `${shown(location)} is not on this machine. Tables are in files here.`,
      );
    const path = localPath(location);
    const isPlain = !path.includes('\u0000') && !path.split(sep).includes('..');
    if (isPlain && this.#folders.some((folder) => isInside(resolve(path), folder))) return path;
    throw new MillraceError(
      'MR_TABLE_LOCATION',
      `${shown(location)} is not in the lake, nor in a folder that --allow-location names.`,
    );
  }
}

/** The folder itself, or something in it. */
export const isInside = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);

const shown = (location: string): string =>
  location.length > 300 ? `${location.slice(0, 300)}…` : location;

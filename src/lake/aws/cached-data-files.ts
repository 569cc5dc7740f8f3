import { basename, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import { Turns } from '../../core/turns.ts';
import { within } from '../../core/waiting.ts';
import { writeWhole } from '../../core/whole-file.ts';
import type { DataFiles, FetchWait, StorableFile } from '../data-files.ts';
import type { TableScan } from '../iceberg/live-files.ts';
import { placeIn } from '../location.ts';
import type { FileCache } from './file-cache.ts';
import { putFile } from './put-file.ts';
import type { S3Objects } from './s3-objects.ts';

export interface CachedDataFilesOptions {
  readonly objects: S3Objects;
  readonly cache: FileCache;
  /** Of this machine. */
  readonly files: FileSystem;
  /** Where the engine writes; emptied and made by who opens the lake. */
  readonly staging: string;
  readonly clock: Clock;
}

const SCHEME = 's3://';

/**
 * Data files of a lake in a bucket: written here, brought there, and kept here for being read. The engine has no way to
 * the network (decision 0018). In the cache a file's path is its location's: `<cache>/<bucket>/<key>`.
 */
export class CachedDataFiles implements DataFiles {
  readonly #options: CachedDataFilesOptions;
  readonly #turns = new Turns({
    atOnce: LIMITS.lakeTransfersAtOnce,
    waitingMax: Number.POSITIVE_INFINITY,
    what: 'transfers',
  });

  constructor(options: CachedDataFilesOptions) {
    this.#options = options;
  }

  writeFolder(): string {
    return this.#options.staging;
  }

  async store<T extends StorableFile>(
    written: readonly T[],
    dataFolder: string,
  ): Promise<readonly T[]> {
    const { objects, cache, files } = this.#options;
    const stored = written.map((file) => ({
      ...file,
      path: placeIn(dataFolder, basename(file.path)),
    }));
    const puts = await Promise.allSettled(
      written.map(({ path }, index) => {
        const { path: location } = stored[index] as T;
        return this.#turns.take(() => putFile(objects, { files, path, location }));
      }),
    );
    const failed = puts.find((put) => put.status === 'rejected');
    for (const [index, { path, bytes }] of written.entries())
      if (failed) await files.remove(path);
      // Whoever asks next reads it; what cannot be kept here comes from the bucket again.
      else
        await cache
          .adopt(path, this.readPath((stored[index] as T).path), bytes)
          .catch(() => files.remove(path));
    if (failed) throw failed.reason;
    return stored;
  }

  /** @throws MillraceError MR_TABLE_UNSUPPORTED for files that are elsewhere */
  readPath(location: string): string {
    const { objects, cache } = this.#options;
    objects.keyOf(location);
    return join(cache.folder, location.slice(SCHEME.length));
  }

  readable(scan: TableScan): TableScan {
    const placed = <T extends { readonly path: string }>(file: T): T => ({
      ...file,
      path: this.readPath(file.path),
    });
    return {
      ...scan,
      files: scan.files.map(placed),
      positionDeletes: scan.positionDeletes.map((location) => this.readPath(location)),
      equalityDeletes: scan.equalityDeletes.map(placed),
      placed: { from: SCHEME, to: `${this.#options.cache.folder}/` },
    };
  }

  async fetch(scan: TableScan, { keepMs, waitMs }: FetchWait): Promise<void> {
    const { cache } = this.#options;
    const wanted = filesOf(scan);
    const bytes = sum(wanted);
    if (bytes > cache.bytesMax)
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `It reads ${megabytes(bytes)} of data files, which are in a bucket; ${megabytes(cache.bytesMax)} of them can be here at once. Read the table with another engine through the catalog, at /iceberg/v1, or a model that holds less of it.`,
      );
    const progress = { files: 0, bytes: 0 };
    const bring = async (): Promise<void> => {
      // What came first may have had to go before the last one was here.
      for (let missing = wanted; missing.length > 0; ) {
        missing = wanted.filter((file) => !cache.keep(file.path, keepMs));
        await Promise.all(missing.map((file) => this.#bring(file, progress)));
      }
    };
    const late = () => {
      const all = `${wanted.length} data files (${megabytes(bytes)})`;
      const message = `Of ${all} that it reads, ${progress.files} (${megabytes(progress.bytes)}) came from the bucket so far. Ask again in a few seconds; they go on coming.`;
      return new MillraceError('MR_NOT_READY', message, { details: { fetching: true } });
    };
    await within(bring(), { clock: this.#options.clock, limitMs: waitMs, late });
  }

  async #bring({ path, bytes }: Wanted, progress: { files: number; bytes: number }): Promise<void> {
    const { objects, cache, files } = this.#options;
    const location = `${SCHEME}${path.slice(cache.folder.length + 1)}`;
    await cache.bring(path, bytes, () =>
      this.#turns.take(() =>
        objects.retried(async () => writeWhole(files, path, await objects.stream(location, bytes))),
      ),
    );
    progress.files += 1;
    progress.bytes += bytes;
  }
}

interface Wanted {
  readonly path: string;
  /** 0 for files with deletes, which are small. */
  readonly bytes: number;
}

function filesOf({ files, positionDeletes, equalityDeletes }: TableScan): Wanted[] {
  const deletes = [...positionDeletes, ...equalityDeletes.map(({ path }) => path)];
  return [...files, ...deletes.map((path) => ({ path, bytes: 0 }))];
}

const sum = (files: readonly Wanted[]): number =>
  files.reduce((total, { bytes }) => total + bytes, 0);

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

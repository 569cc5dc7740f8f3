import { LIMITS } from '../core/limits.ts';
import type { TableScan } from './iceberg/live-files.ts';

/**
 * Where the engine, which knows files of this machine only, writes and reads data files of tables.
 *
 * Contract:
 * D1  What was written is in the table's folder, whole, when `store` resolves; where it fails, nothing is left here.
 * D2  Files of a scan can be read when `fetch` resolves, and for as long afterwards as was asked.
 */
export interface DataFiles {
  /** Where the engine writes files that shall be in this folder of a table; it is there. */
  writeFolder(dataFolder: string): string;
  /** The files, with the paths they have in the table's folder. */
  store<T extends StorableFile>(files: readonly T[], dataFolder: string): Promise<readonly T[]>;
  /** The path the engine reads a file of a table at. */
  readPath(path: string): string;
  /** The scan, with these paths. */
  readable(scan: TableScan): TableScan;
  /**
   * @param scan one that is readable
   * @throws MillraceError MR_NOT_READY saying how far it is, with the detail `fetching`; it goes on, and who asks
   * again waits for less
   * @throws MillraceError MR_QUERY_LIMIT for more than can be here at once
   */
  fetch(scan: TableScan, wait: FetchWait): Promise<void>;
}

export interface StorableFile {
  readonly path: string;
  readonly bytes: number;
}

export interface FetchWait {
  /** How long the files are read from then on. */
  readonly keepMs: number;
  readonly waitMs: number;
}

/** Of work besides queries, runs of models above all: as long as a run may take. */
export const WORK_FETCH: FetchWait = {
  keepMs: LIMITS.modelDeadlineMs,
  waitMs: LIMITS.modelDeadlineMs,
};

/** The tables are on this machine: files are written and read where they are. */
export const FILES_IN_PLACE: DataFiles = Object.freeze({
  writeFolder: (dataFolder: string) => dataFolder,
  store: async <T>(files: readonly T[]) => files,
  readPath: (path: string) => path,
  readable: (scan: TableScan) => scan,
  fetch: async () => {},
});

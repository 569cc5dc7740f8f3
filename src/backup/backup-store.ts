/**
 * Backups of a data folder, in a folder of their own. What is the same in several of them is there once.
 *
 * Contract (each number has a test of that name in test/backup/folder-backup-store.test.ts):
 * B1  A backup is listed once all of it survives a power cut, and never before.
 * B2  Files that are there from an earlier backup, whole and unchanged, are not read and not written again.
 * B3  What a backup that broke off has left is gone after the next one, or part of it.
 * B4  A file that is not what was copied is named, and is never given out.
 * B5  A backup is removed without harm to the others.
 * B6  Backups are listed in the order they were begun, whatever the clock says.
 */
export interface BackupStore {
  /** Oldest first. @throws MillraceError MR_BACKUP_DAMAGED where one cannot be read */
  list(): Promise<readonly BackupManifest[]>;
  /** The one of the id, or the newest. @throws MillraceError MR_BACKUP_UNKNOWN */
  find(id: string | undefined): Promise<BackupManifest>;
  /** One at a time. */
  begin(): Promise<BackupWriter>;
  /** Bytes of a file; a last piece of nothing is not given. @throws MillraceError MR_BACKUP_DAMAGED at its end */
  read(file: BackupFile): AsyncIterable<Buffer>;
  /** Removes all but the newest ones. Returns their ids. */
  keep(count: number): Promise<readonly string[]>;
}

export interface BackupManifest {
  readonly format: 1;
  /** Begins with the time, so that names sort as backups came. */
  readonly id: string;
  readonly millrace: string;
  readonly startedMs: number;
  readonly endedMs: number;
  /** The data folder it is of. */
  readonly folder: string;
  readonly logs: readonly BackedUpLog[];
  readonly tables: readonly string[];
  readonly files: readonly BackupFile[];
  /** What is wrong with what was copied. */
  readonly notices: readonly string[];
  /** Places that belong to it and are not in it. */
  readonly outside: readonly string[];
}

export interface BackedUpLog {
  readonly name: string;
  readonly kind: 'stream' | 'dead letters' | 'created stream';
  /** Null for a log that no definition has opened. */
  readonly nextSequence: number | null;
}

export interface BackupFile {
  /** Below the data folder, with `/` between names. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Of the file it is a copy of, where all of it was copied. */
  readonly stamp?: string;
}

/** Where the bytes of a file come from. */
export type BackupSource =
  /** The first bytes of a file, or all of it. */
  | { readonly file: string; readonly bytes?: number }
  | { readonly text: string }
  /** A file that was made at `BackupWriter.place` for this backup. */
  | { readonly made: string };

export interface BackupWriter {
  readonly id: string;
  /** Where a file can be made that is to be part of it. */
  place(): string;
  /** False where there is no such file. `onBytes` is told of bytes as they are done. */
  add(path: string, source: BackupSource, onBytes: (bytes: number) => void): Promise<boolean>;
  /** The backup as it would be listed: to be looked at first. */
  manifest(facts: BackupFacts): BackupManifest;
  /** Lists it. */
  end(manifest: BackupManifest): Promise<void>;
  readonly copied: { readonly files: number; readonly bytes: number };
}

export type BackupFacts = Pick<
  BackupManifest,
  'millrace' | 'startedMs' | 'endedMs' | 'folder' | 'logs' | 'tables' | 'notices' | 'outside'
>;

const PATH = /^[^/\\\0]+(\/[^/\\\0]+)*$/;

/** A path of a manifest leads nowhere but below the folder that it is restored to. */
export function isBackupPath(path: unknown): path is string {
  return (
    typeof path === 'string' &&
    PATH.test(path) &&
    path.split('/').every((part) => part !== '.' && part !== '..')
  );
}

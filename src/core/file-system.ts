/**
 * All file access of log, delivery and catalog goes through this interface, so that a seeded fault
 * file system can fail the n-th call, tear writes and drop what was not synced.
 *
 * Contract:
 * F1  `write` returns only when all bytes were taken over, or throws: a short write is an error.
 * F2  After `sync` (or a write to a handle opened with `durable`) returns, the bytes survive a power cut.
 * F3  A new, renamed or removed name survives a power cut only after `syncFolder` of its folder.
 * F4  Errors are the system's, with their `code` (ENOENT, ENOSPC, EIO).
 */
export interface FileHandle {
  /** Writes all of `bytes` at `position` (bytes from the start of the file). */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Reads up to `length` bytes at `position`; fewer only at the end of the file. `into` is used where it is large enough. */
  read(position: number, length: number, into?: Buffer): Promise<Buffer>;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export type OpenMode =
  /** An existing file, for reading. */
  | 'read'
  /**
   * As `read`, for going through a large file once: past the page cache where the disk can. Position and
   * length of its reads are multiples of SECTOR_BYTES, and `into` is from `alignedBuffer`.
   */
  | 'scan'
  /** An existing or new file, for reading and writing. */
  | 'write'
  /** As `write`, and each write is on disk when it returns, past the page cache where the disk can. */
  | 'durable';

export interface FileEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<FileHandle>;
  readFile(path: string): Promise<Buffer>;
  /** Replaces the whole file: afterwards it holds the old or the new bytes, never a mix, and survives. */
  replaceFile(path: string, bytes: Uint8Array | string): Promise<void>;
  /** Sorted by name; empty where the folder does not exist. */
  list(folder: string): Promise<FileEntry[]>;
  /** With the folders above it that are missing; they survive a power cut. */
  makeFolder(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** When its bytes last changed, in milliseconds since 1970. */
  changedMs(path: string): Promise<number>;
  /** A text that is another one once the file is another one, or has other bytes. */
  stamp(path: string): Promise<string>;
}

/** Writes to a `durable` handle and reads of a `scan` must start and end at multiples of this (O_DIRECT). */
export const SECTOR_BYTES = 512;

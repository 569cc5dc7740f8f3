import type { NamedField } from '../core/field-types.ts';
import type { Partition } from '../definition/partition.ts';
import type { StoredColumn, WrittenFile } from '../engine/protocol.ts';

/**
 * The tables of the lake: Apache Iceberg, format version 2, with Parquet files.
 *
 * Contract:
 * L1  A commit is one step: readers see the table before it or after it.
 * L2  Properties change in the same commit as the files, so a checkpoint can never disagree with the rows.
 * L3  When a commit returns it survives a power cut.
 * L4  Commits of one table come one after the other; each is made on the state the one before left.
 * L5  A column keeps its field id for the table's life, so old files are read right after a change.
 * L6  What a pinned table reaches stays there until it is released, whatever is committed, expired or compacted.
 */
export interface TableStore {
  /** Opens the table, or creates it. A changed schema or partitioning becomes a new version of the table. */
  open(settings: TableSettings): Promise<LakeTable>;
  /** Gives a table another name; nothing happens where there is none, or the new name has one. */
  rename(namespace: string, from: string, to: string): Promise<void>;
  /** The table if it is there; its schema is left as it is. */
  find(namespace: string, name: string): Promise<LakeTable | undefined>;
  /** Names of the stored tables. */
  names(namespace: string): Promise<string[]>;
  /** Bytes on disk under this name, older snapshots included. */
  bytes(namespace: string, name: string): Promise<number>;
  /** Removes a table with all its snapshots for good, durably when it resolves; nobody may have it open. */
  remove(namespace: string, name: string): Promise<void>;
}

export interface TableSettings {
  readonly namespace: 'lake' | 'warehouse';
  readonly name: string;
  readonly fields: readonly NamedField[];
  readonly partitionBy: readonly Partition[];
}

export interface SnapshotInfo {
  readonly id: string;
  readonly operation: string;
  readonly timeMs: number;
  readonly addedRows: number;
  readonly totalRows: number;
  readonly totalFiles: number;
  readonly totalBytes: number;
}

export interface LakeTable {
  readonly namespace: string;
  readonly name: string;
  /** Rises with each commit of this process. */
  readonly version: number;
  readonly columns: readonly StoredColumn[];
  /** Expressions of the partition values, in the order of the spec. */
  readonly partitions: readonly { readonly expression: string }[];
  /** Folder for new data files; exists. */
  readonly dataFolder: string;
  /** Paths of the current data files. */
  readonly files: readonly string[];
  readonly rows: number;
  readonly properties: { readonly [name: string]: string };
  readonly snapshots: readonly SnapshotInfo[];
  readonly snapshotId: string | undefined;
  /** Keeps what it is now as it is (L6). */
  pin(): Promise<TablePin>;
  /** Adds files and sets properties in one commit. */
  append(
    files: readonly WrittenFile[],
    properties: { readonly [name: string]: string },
  ): Promise<void>;
  /** Replaces all rows by those of `files`. */
  replace(
    files: readonly WrittenFile[],
    properties: { readonly [name: string]: string },
  ): Promise<void>;
}

/** A table as it was when it was pinned. */
export interface TablePin {
  readonly properties: { readonly [name: string]: string };
  /** Names all there is of the table. */
  readonly metadataFile: string;
  /** The file that names it, and with what text. */
  readonly pointer: { readonly path: string; readonly text: string };
  /** Every file that its snapshots reach. */
  files(): Promise<readonly PinnedFile[]>;
  release(): Promise<void>;
}

export interface PinnedFile {
  readonly path: string;
  /** What the manifest says of a data file. */
  readonly data?: {
    readonly bytes: number;
    readonly rows: number;
    /** It is in the current snapshot, not in older ones alone. */
    readonly isCurrent: boolean;
  };
}

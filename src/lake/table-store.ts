import type { NamedField } from '../core/field-types.ts';
import type { Partition } from '../definition/partition.ts';
import type { Sort } from '../definition/sort.ts';
import type { StoredColumn, WriteTarget, WrittenDeletes, WrittenFile } from '../engine/protocol.ts';
import type { FetchWait } from './data-files.ts';
import type { FieldsVersion } from './iceberg/evolution.ts';
import type { Id } from './iceberg/json.ts';
import type { LiveFile, TableScan } from './iceberg/live-files.ts';

/**
 * The tables of the lake: Apache Iceberg, format version 2, with Parquet files.
 *
 * Contract:
 * L1  A commit is one step: readers see the table before it or after it.
 * L2  Properties change in the same commit as the files, so a checkpoint can never disagree with the rows.
 * L3  When a commit returns it survives a power cut.
 * L4  Commits of one table come one after the other, ours and those of other programs; each is made on the
 *     state the one before left.
 * L5  A column keeps its field id for the table's life, so old files are read right after a change.
 * L6  Of a commit that failed it is found out whether it was made; where that cannot be, nothing is
 *     committed until it can.
 * L7  Files of a state that somebody holds, or that ended less than a while ago, are not removed.
 */
export interface TableStore {
  /** Opens the table, or creates it. A changed schema or partitioning becomes a new version of the table. */
  open(settings: TableSettings): Promise<LakeTable>;
  /** Gives a table another name; nothing happens where there is none, or the new name has one. */
  rename(namespace: string, from: string, to: string): Promise<void>;
  /** The table if it is there; its schema is left as it is. */
  find(namespace: string, name: string): Promise<LakeTable | undefined>;
  namespaces(): Promise<string[]>;
  /** Tables that other programs made; those of definitions that were removed are not among them. */
  foreign(): Promise<readonly { readonly namespace: string; readonly name: string }[]>;
  /** The files that say which tables and views there are, as texts, for a copy that has those tables alone. */
  catalogFiles(
    isCopied: (table: string) => boolean,
  ): Promise<readonly { path: string; text: string }[]>;
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
  /** Where there is none, an order that another program set stays. */
  readonly sortBy?: readonly Sort[] | undefined;
  /** Fields of before, in order, and those of today: through them a field is found that was renamed several times. */
  readonly versions?: readonly FieldsVersion[] | undefined;
}

export interface SnapshotInfo {
  readonly id: string;
  readonly parent: string | null;
  readonly operation: string;
  readonly timeMs: number;
  readonly addedRows: number;
  readonly totalRows: number;
  readonly totalFiles: number;
  readonly totalBytes: number;
}

export interface Properties {
  readonly [name: string]: string;
}

/** What properties still have to be when a commit is made. */
export interface Were {
  readonly [name: string]: string | undefined;
}

/** What a table is at one moment. */
export interface TableState {
  readonly columns: readonly StoredColumn[];
  readonly scan: TableScan;
}

export interface LakeTable extends TableState {
  readonly namespace: string;
  readonly name: string;
  /** True of the pipeline's own. */
  readonly isDefined: boolean;
  /** True while deletes of rows name paths from before the lake was moved: they are to be folded in soon. */
  readonly isMoved: boolean;
  /** Rises with each commit of this process. */
  readonly version: number;
  /** Another one where rows it had were changed or taken out: by a rollback, or by other programs. */
  readonly rowsVersion: number;
  /** Of the table's folder. */
  readonly location: string;
  /** How files for it are written. */
  readonly target: WriteTarget;
  readonly rows: number;
  readonly properties: Properties;
  readonly snapshots: readonly SnapshotInfo[];
  readonly snapshotId: string | undefined;
  /** All files of the current snapshot, for those who look after them. */
  readonly live: readonly LiveFile[];
  /** What is needed to write files anew: all columns, those too that no definition knows. */
  readonly rewriting: RewriteState;
  /** What it is now, and holds it (L7). */
  pin(): Promise<TablePin>;
  /**
   * Adds files and sets properties in one commit.
   * @throws MillraceError MR_TABLE_COMMIT_CONFLICT where properties are not as they were
   */
  append(files: readonly WrittenFile[], properties: Properties, were?: Were): Promise<void>;
  /** Replaces all rows by those of `files`. */
  replace(files: readonly WrittenFile[], properties: Properties): Promise<void>;
  /**
   * Adds files, and deletes of rows by their place, in one commit with properties.
   * @throws MillraceError MR_TABLE_COMMIT_CONFLICT where the table is not as it was read
   */
  merge(change: Merge, properties: Properties, were?: Were): Promise<void>;
  /**
   * Puts files in the place of others that have the same rows.
   * @throws MillraceError MR_TABLE_COMMIT_CONFLICT where one of those is gone, or rows of it were deleted since
   */
  rewrite(change: Rewrite): Promise<void>;
  /** The table as it was. @throws MillraceError MR_TABLE_NOT_FOUND where there is no such snapshot */
  at(when: SnapshotPlace): Promise<TableState & { readonly snapshotId: string }>;
  /**
   * Makes an older snapshot the current one; `restored` properties become in the same commit what they were then.
   * @param accept throws where they cannot be that any more
   * @throws MillraceError MR_TABLE_NOT_FOUND
   */
  rollback(
    when: SnapshotPlace,
    restored: readonly string[],
    accept?: (restored: Properties) => void,
  ): Promise<SnapshotInfo>;
  /** Lets go of snapshots that are not kept; says how many there were. */
  expire(nowMs: number, asked: AskedRetention): Promise<number>;
  /** Removes files that ended long enough ago and nobody holds; says how many. */
  removeEnded(nowMs: number): Promise<number>;
  /** Removes files in the table's folder that nothing names and that are older; says which. */
  sweep(olderThanMs: number): Promise<readonly string[]>;
  /** Waits until the files of a scan of this table can be read. */
  fetch(scan: TableScan, wait: FetchWait): Promise<void>;
  /** Until it is called, no file of the table is removed. */
  hold(): () => void;
}

/** What to keep; what it leaves out the table says itself. */
export interface AskedRetention {
  readonly snapshotsMin?: number | undefined;
  readonly ageMs?: number | undefined;
}

export interface RewriteState {
  readonly live: readonly LiveFile[];
  /** Of the same files, in the same order. */
  readonly scan: TableScan;
  readonly target: WriteTarget;
  /** Of the newest commit; deletes that come later have a higher one. */
  readonly sequence: bigint;
}

export type SnapshotPlace = { readonly id: Id } | { readonly timeMs: number };

export interface Merge {
  /** What the deletes were found in. */
  readonly state: RewriteState;
  readonly files: readonly WrittenFile[];
  readonly deletes: readonly WrittenDeletes[];
}

export interface Rewrite {
  /** Locations of the files that were read. */
  readonly replaced: ReadonlySet<string>;
  readonly files: readonly WrittenFile[];
  /** Of the state they were read at. */
  readonly sequence: bigint;
}

/** A table as it was when it was pinned. */
export interface TablePin {
  readonly properties: { readonly [name: string]: string };
  /** Names all there is of the table. */
  readonly metadataFile: string;
  /** The file that names it, and with what text. */
  readonly pointer: { readonly path: string; readonly text: string };
  readonly scan: TableScan;
  /** Every file that its snapshots reach. */
  files(): Promise<readonly PinnedFile[]>;
  /** How large a file is; undefined where it is missing. */
  bytesOf(file: PinnedFile): Promise<number | undefined>;
  release(): Promise<void>;
}

export interface PinnedFile {
  readonly path: string;
  /** What the manifest says of a data file. */
  readonly data?: {
    /** Where the engine reads it, once it was fetched. */
    readonly readPath: string;
    readonly bytes: number;
    readonly rows: number;
    /** It is in the current snapshot, not in older ones alone. */
    readonly isCurrent: boolean;
  };
}

import { MillraceError } from '../../core/errors.ts';
import { localPath } from '../location.ts';
import {
  ADDED,
  DATA,
  type DataFile,
  DELETED,
  deletedPaths,
  EQUALITY_DELETES,
  type ManifestEntry,
  type ManifestFile,
} from './manifest.ts';
import {
  currentSchema,
  type IcebergField,
  type IcebergType,
  type TableMetadata,
} from './metadata.ts';
import { type MovedPaths, movedPaths } from './moved-paths.ts';
import { duckdbTypeOf, reshapedColumns } from './schema.ts';

/** A file of the current snapshot, with what its entry inherits from the manifest (specification, "Sequence Number Inheritance"). */
export interface LiveFile {
  readonly file: DataFile;
  readonly specId: number;
  readonly sequence: bigint;
  readonly fileSequence: bigint;
  readonly snapshotId: bigint;
}

/** All that a snapshot consists of. */
export interface LiveFiles {
  readonly manifests: readonly ManifestFile[];
  readonly data: readonly LiveFile[];
  readonly deletes: readonly LiveFile[];
}

export const NO_FILES: LiveFiles = Object.freeze({ manifests: [], data: [], deletes: [] });

export function liveFiles(
  manifests: readonly ManifestFile[],
  entriesOf: (manifest: ManifestFile) => readonly ManifestEntry[],
): LiveFiles {
  const data: LiveFile[] = [];
  const deletes: LiveFile[] = [];
  for (const manifest of manifests) {
    for (const entry of entriesOf(manifest))
      if (entry.status !== DELETED)
        (entry.data_file.content === DATA ? data : deletes).push(liveFile(entry, manifest));
  }
  return { manifests, data, deletes };
}

export function liveFile(entry: ManifestEntry, manifest: ManifestFile): LiveFile {
  const inherited = entry.status === ADDED ? manifest.sequence_number : 0n;
  return {
    file: entry.data_file,
    specId: manifest.partition_spec_id,
    sequence: entry.sequence_number ?? inherited,
    fileSequence: entry.file_sequence_number ?? inherited,
    snapshotId: entry.snapshot_id ?? manifest.added_snapshot_id,
  };
}

/** What a reader does with the files of a snapshot. */
export interface TableScan {
  readonly files: readonly ScanFile[];
  /** Files with the places of deleted rows. */
  readonly positionDeletes: readonly string[];
  /** Files with values whose rows are deleted. */
  readonly equalityDeletes: readonly {
    readonly path: string;
    readonly fieldIds: readonly number[];
  }[];
  /** Paths in the files of deleted places that are others by now. */
  readonly moved?: MovedPaths;
  /** Ids of columns whose nested parts have other names in some files. */
  readonly reshaped: readonly number[];
  /** Columns that only deletes by value need: today's table has them no more, or calls them otherwise. */
  readonly hidden: readonly HiddenColumn[];
  /** Where files are read at other paths than their locations: what those begin with, here and there. */
  readonly placed?: { readonly from: string; readonly to: string };
}

/** The scan of a table without rows. */
export const NO_ROWS: TableScan = Object.freeze({
  files: [],
  positionDeletes: [],
  equalityDeletes: [],
  reshaped: [],
  hidden: [],
});

export interface HiddenColumn {
  readonly id: number;
  /** A DuckDB type. */
  readonly type: string;
}

export interface ScanFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** How many files with deleted places count for it; absent where none does. */
  readonly positionDeletes?: number;
  /** Indexes of `equalityDeletes` that count for this file. */
  readonly equalityDeletes?: readonly number[];
}

/**
 * Which deletes count for which file (specification, "Scan Planning").
 * @param columns as the reader calls them
 * @throws MillraceError MR_TABLE_UNSUPPORTED for files that the engine cannot read right
 */
export function tableScan(
  { data, deletes }: LiveFiles,
  metadata: TableMetadata,
  columns: readonly IcebergField[],
): TableScan {
  for (const { file } of [...data, ...deletes]) requireParquet(file);
  const equality = deletes.filter(({ file }) => file.content === EQUALITY_DELETES);
  const position = deletes.filter(({ file }) => file.content !== EQUALITY_DELETES);
  const keys = new Set(equality.flatMap(({ file }) => file.equality_ids ?? []));
  return {
    files: data.map((live) => scanFile(live, equality, position)),
    positionDeletes: position.map(({ file }) => localPath(file.file_path)),
    equalityDeletes: equality.map(({ file }) => ({
      path: localPath(file.file_path),
      fieldIds: file.equality_ids ?? [],
    })),
    ...(position.length > 0 ? { moved: movedPaths(metadata) } : {}),
    reshaped: reshapedColumns(columns, metadata.schemas),
    hidden: [...keys].map((id) => ({ id, type: duckdbTypeOf(typeOfKey(metadata, id)) })),
  };
}

function scanFile(
  live: LiveFile,
  equality: readonly LiveFile[],
  position: readonly LiveFile[],
): ScanFile {
  const byPlace = position.filter((one) => countsByPlace(one, live)).length;
  const counting = equality.flatMap((one, index) => (countsByValue(one, live) ? [index] : []));
  return {
    path: localPath(live.file.file_path),
    rows: Number(live.file.record_count),
    bytes: Number(live.file.file_size_in_bytes),
    ...(byPlace > 0 ? { positionDeletes: byPlace } : {}),
    ...(counting.length > 0 ? { equalityDeletes: counting } : {}),
  };
}

/** Of the youngest schema that has the column: a key may have been dropped since. */
function typeOfKey(metadata: TableMetadata, id: number): IcebergType {
  for (const schema of [currentSchema(metadata), ...metadata.schemas.toReversed()]) {
    const field = schema.fields.find((candidate) => candidate.id === id);
    if (field) return field.type;
  }
  throw new MillraceError(
    'MR_TABLE_UNSUPPORTED',
    `Rows are deleted by the values of field ${id}, which is no column of the table: deletes by parts of a column cannot be read.`,
  );
}

function requireParquet({ file_format: format, file_path: path }: DataFile): void {
  if (format.toUpperCase() === 'PARQUET') return;
  throw new MillraceError(
    'MR_TABLE_UNSUPPORTED',
    format.toUpperCase() === 'PUFFIN'
      ? `${path} holds deletion vectors of format version 3, which cannot be read yet. Rewrite the table's data files with the program that wrote it, or keep the table at format version 2.`
      : `${path} is in the format ${format}; tables of Parquet files can be read.`,
  );
}

const samePartition = (a: LiveFile, b: LiveFile): boolean =>
  a.specId === b.specId && partitionText(a.file) === partitionText(b.file);

const PARTITION_TEXTS = new WeakMap<DataFile, string>();

/** Equal for equal partitions, also where a column was an int in one file and is a long in the other. */
export function partitionText(file: DataFile): string {
  const known = PARTITION_TEXTS.get(file);
  if (known !== undefined) return known;
  const text = JSON.stringify(file.partition, (_name, value: unknown) =>
    typeof value === 'bigint' ? shortest(value) : value,
  );
  PARTITION_TEXTS.set(file, text);
  return text;
}

function shortest(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : `${value}n`;
}

export function countsByPlace(one: LiveFile, data: LiveFile): boolean {
  if (data.sequence > one.sequence) return false;
  const reference = one.file.referenced_data_file;
  if (reference) return reference === data.file.file_path;
  return samePartition(one, data) && isInBounds(data.file.file_path, one.file);
}

/** Bounds of texts may be cut short: a path is above a lower bound that begins it. */
function isInBounds(path: string, deletes: DataFile): boolean {
  const { lower, upper } = deletedPaths(deletes);
  const bytes = Buffer.from(path);
  if (lower && Buffer.compare(bytes, lower) < 0) return false;
  return !upper || Buffer.compare(bytes.subarray(0, upper.length), upper) <= 0;
}

/** Deletes of a spec without fields count for the whole table. */
export function countsByValue(one: LiveFile, data: LiveFile): boolean {
  if (data.sequence >= one.sequence) return false;
  return Object.keys(one.file.partition).length === 0 || samePartition(one, data);
}

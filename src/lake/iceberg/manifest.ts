import type { WrittenDeletes, WrittenFile } from '../../engine/protocol.ts';
import { fileLocation } from '../location.ts';
import { type AvroSchema, readAvro, writeAvro } from './avro-file.ts';
import { lowerBound, microseconds, twosComplement, upperBound } from './bounds.ts';
import type { Id } from './json.ts';
import type { IcebergField, IcebergSchema, PartitionSpec } from './metadata.ts';
import { leavesByPath } from './schema.ts';
import { partitionType } from './transform.ts';

/** Manifests and manifest lists (Iceberg specification, "Manifests" and "Manifest Lists", version 2). */

type Pair<V> = { readonly key: number; readonly value: V };

export interface DataFile {
  readonly content: number;
  readonly file_path: string;
  readonly file_format: string;
  readonly partition: { readonly [name: string]: unknown };
  readonly record_count: bigint;
  readonly file_size_in_bytes: bigint;
  readonly column_sizes: readonly Pair<bigint>[] | null;
  readonly value_counts: readonly Pair<bigint>[] | null;
  readonly null_value_counts: readonly Pair<bigint>[] | null;
  readonly nan_value_counts: readonly Pair<bigint>[] | null;
  readonly lower_bounds: readonly Pair<Buffer>[] | null;
  readonly upper_bounds: readonly Pair<Buffer>[] | null;
  readonly key_metadata: Buffer | null;
  readonly split_offsets: readonly bigint[] | null;
  readonly equality_ids: readonly number[] | null;
  readonly sort_order_id: number | null;
  /** Of position deletes that are all of one data file. */
  readonly referenced_data_file?: string | null;
  /** Of version 3: where a deletion vector lies in its Puffin file. */
  readonly content_offset?: bigint | null;
  readonly content_size_in_bytes?: bigint | null;
}

/** `content` of a data file. */
export const DATA = 0;
export const POSITION_DELETES = 1;
export const EQUALITY_DELETES = 2;

/** `content` of a manifest of delete files. */
export const DELETES = 1;

/** `status` of an entry. */
export const EXISTING = 0;
export const ADDED = 1;
export const DELETED = 2;

export interface ManifestEntry {
  readonly status: number;
  readonly snapshot_id: bigint | null;
  readonly sequence_number: bigint | null;
  readonly file_sequence_number: bigint | null;
  readonly data_file: DataFile;
}

export interface ManifestFile {
  readonly manifest_path: string;
  readonly manifest_length: bigint;
  readonly partition_spec_id: number;
  /** 0 with data files, 1 with delete files. */
  readonly content: number;
  readonly sequence_number: bigint;
  readonly min_sequence_number: bigint;
  readonly added_snapshot_id: bigint;
  readonly added_files_count: number;
  readonly existing_files_count: number;
  readonly deleted_files_count: number;
  readonly added_rows_count: bigint;
  readonly existing_rows_count: bigint;
  readonly deleted_rows_count: bigint;
  readonly partitions: readonly object[] | null;
  readonly key_metadata: Buffer | null;
}

const optional = (name: string, id: number, type: AvroSchema) => ({
  name,
  type: ['null', type],
  default: null,
  'field-id': id,
});
const required = (name: string, id: number, type: AvroSchema) => ({ name, type, 'field-id': id });
const intMap = (key: number, value: number, type: AvroSchema): AvroSchema => ({
  type: 'array',
  logicalType: 'map',
  items: {
    type: 'record',
    name: `k${key}_v${value}`,
    fields: [required('key', key, 'int'), required('value', value, type)],
  },
});
const list = (id: number, items: AvroSchema): AvroSchema => ({
  type: 'array',
  items,
  'element-id': id,
});

/** Named by the partition field: two of one type in a manifest would be one name for two types. */
function avroType(type: string, id: number): AvroSchema {
  const decimal = decimalParts(type);
  if (decimal)
    return {
      type: 'fixed',
      name: `decimal_${id}`,
      size: decimal.bytes,
      logicalType: 'decimal',
      precision: decimal.precision,
      scale: decimal.scale,
    };
  switch (type) {
    case 'date':
      return { type: 'int', logicalType: 'date' };
    case 'timestamp':
      return { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': false };
    case 'timestamptz':
      return { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': true };
    case 'binary':
      return 'bytes';
    case 'uuid':
      return { type: 'fixed', name: `uuid_${id}`, size: 16, logicalType: 'uuid' };
    default:
      return type;
  }
}

/** A decimal in Avro has as many bytes as its precision needs at most (Iceberg specification, appendix A). */
function decimalParts(type: string) {
  const match = /^decimal\((\d+),\s*(\d+)\)$/.exec(type);
  if (!match) return undefined;
  const precision = Number(match[1]);
  const bytes = twosComplement(10n ** BigInt(precision) - 1n).length;
  return { precision, scale: Number(match[2]), bytes };
}

/** Null where it does not fit: only below the least values is there a multiple that is longer. */
function signExtended(value: Buffer | undefined, bytes: number): Buffer | null {
  if (value === undefined || value.length > bytes) return null;
  const isNegative = (value[0] as number) >= 0x80;
  return Buffer.concat([Buffer.alloc(bytes - value.length, isNegative ? 0xff : 0), value]);
}

function entrySchema(spec: PartitionSpec, schema: IcebergSchema): AvroSchema {
  const partition = spec.fields.map((field) =>
    optional(
      field.name,
      field['field-id'],
      avroType(partitionType(field, schema.fields), field['field-id']),
    ),
  );
  const dataFile = {
    type: 'record',
    name: 'r2',
    fields: [
      required('content', 134, 'int'),
      required('file_path', 100, 'string'),
      required('file_format', 101, 'string'),
      required('partition', 102, { type: 'record', name: 'r102', fields: partition }),
      required('record_count', 103, 'long'),
      required('file_size_in_bytes', 104, 'long'),
      optional('column_sizes', 108, intMap(117, 118, 'long')),
      optional('value_counts', 109, intMap(119, 120, 'long')),
      optional('null_value_counts', 110, intMap(121, 122, 'long')),
      optional('nan_value_counts', 137, intMap(138, 139, 'long')),
      optional('lower_bounds', 125, intMap(126, 127, 'bytes')),
      optional('upper_bounds', 128, intMap(129, 130, 'bytes')),
      optional('key_metadata', 131, 'bytes'),
      optional('split_offsets', 132, list(133, 'long')),
      optional('equality_ids', 135, list(136, 'int')),
      optional('sort_order_id', 140, 'int'),
      optional('referenced_data_file', 143, 'string'),
    ],
  };
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      required('status', 0, 'int'),
      optional('snapshot_id', 1, 'long'),
      optional('sequence_number', 3, 'long'),
      optional('file_sequence_number', 4, 'long'),
      required('data_file', 2, dataFile),
    ],
  };
}

const LIST_SCHEMA: AvroSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    required('manifest_path', 500, 'string'),
    required('manifest_length', 501, 'long'),
    required('partition_spec_id', 502, 'int'),
    required('content', 517, 'int'),
    required('sequence_number', 515, 'long'),
    required('min_sequence_number', 516, 'long'),
    required('added_snapshot_id', 503, 'long'),
    required('added_files_count', 504, 'int'),
    required('existing_files_count', 505, 'int'),
    required('deleted_files_count', 506, 'int'),
    required('added_rows_count', 512, 'long'),
    required('existing_rows_count', 513, 'long'),
    required('deleted_rows_count', 514, 'long'),
    optional(
      'partitions',
      507,
      list(508, {
        type: 'record',
        name: 'r508',
        fields: [
          required('contains_null', 509, 'boolean'),
          optional('contains_nan', 518, 'boolean'),
          optional('lower_bound', 510, 'bytes'),
          optional('upper_bound', 511, 'bytes'),
        ],
      }),
    ),
    optional('key_metadata', 519, 'bytes'),
  ],
};

/**
 * A data file of a manifest, from what the engine told of it; bounds and counts by field id.
 * @param fields columns as the engine calls them
 */
export function dataFile(
  file: WrittenFile,
  spec: PartitionSpec,
  fields: readonly IcebergField[],
): DataFile {
  const leaves = leavesByPath(fields);
  const known = Object.entries(file.statistics).flatMap(([path, statistics]) => {
    const leaf = leaves.get(path);
    return leaf ? [{ leaf, statistics }] : [];
  });
  const counts = (name: string): Pair<bigint>[] =>
    known.flatMap(({ leaf, statistics }) =>
      statistics[name] === undefined ? [] : [{ key: leaf.id, value: BigInt(statistics[name]) }],
    );
  const bounds = (name: string, bound: typeof lowerBound): Pair<Buffer>[] =>
    known.flatMap(({ leaf, statistics }) => {
      const value = statistics[name] === undefined ? undefined : bound(leaf.type, statistics[name]);
      return value ? [{ key: leaf.id, value }] : [];
    });
  const partition = spec.fields.map((field, index) => [
    field.name,
    partitionValue(file.partition[index] ?? null, partitionType(field, fields)),
  ]);
  return {
    content: 0,
    file_path: fileLocation(file.path),
    file_format: 'PARQUET',
    partition: Object.fromEntries(partition),
    record_count: BigInt(file.rows),
    file_size_in_bytes: BigInt(file.bytes),
    column_sizes: counts('column_size_bytes'),
    value_counts: counts('num_values'),
    null_value_counts: counts('null_count'),
    nan_value_counts: null,
    lower_bounds: bounds('min', lowerBound),
    upper_bounds: bounds('max', upperBound),
    key_metadata: null,
    split_offsets: null,
    equality_ids: null,
    sort_order_id: file.sortOrderId,
  };
}

/** Reserved for the path in files of position deletes. */
const DELETED_PATH_ID = 2147483546;

/** A file of position deletes, of the partition that this data file is in; readers skip by the paths in it. */
export function deleteFile(written: WrittenDeletes, of: DataFile): DataFile {
  const paths = [...written.of].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const bound = (path: string | undefined) => [
    { key: DELETED_PATH_ID, value: Buffer.from(path as string) },
  ];
  return {
    content: POSITION_DELETES,
    file_path: fileLocation(written.path),
    file_format: 'PARQUET',
    partition: of.partition,
    record_count: BigInt(written.rows),
    file_size_in_bytes: BigInt(written.bytes),
    ...NOTHING_KNOWN,
    lower_bounds: bound(paths[0]),
    upper_bounds: bound(paths.at(-1)),
    referenced_data_file: paths.length === 1 ? (paths[0] as string) : null,
  };
}

/** The file with the paths that it is about as they are now. */
export function withDeletedPaths(file: DataFile, to: (path: string) => string): DataFile {
  const moved = (bounds: DataFile['lower_bounds']) =>
    bounds?.map(({ key, value }) =>
      key === DELETED_PATH_ID ? { key, value: Buffer.from(to(value.toString())) } : { key, value },
    ) ?? null;
  const reference = file.referenced_data_file;
  return {
    ...file,
    lower_bounds: moved(file.lower_bounds),
    upper_bounds: moved(file.upper_bounds),
    ...(reference ? { referenced_data_file: to(reference) } : {}),
  };
}

/** The paths that a file of position deletes is about, as far as it says. */
export function deletedPaths({ lower_bounds: lower, upper_bounds: upper }: DataFile) {
  const bound = (bounds: DataFile['lower_bounds']) =>
    bounds?.find(({ key }) => key === DELETED_PATH_ID)?.value;
  return { lower: bound(lower), upper: bound(upper) };
}

function partitionValue(text: string | null, type: string): unknown {
  if (text === null) return null;
  const decimal = decimalParts(type);
  if (decimal) return signExtended(lowerBound(type, text), decimal.bytes);
  switch (type) {
    case 'boolean':
      return text === 'true' || text === '1';
    case 'int':
      return Number(text);
    case 'long':
      return BigInt(text);
    case 'date':
      return Date.parse(`${text}T00:00:00Z`) / 86_400_000;
    case 'timestamp':
    case 'timestamptz':
      return microseconds(text) ?? null;
    case 'uuid':
      return Buffer.from(text.replaceAll('-', ''), 'hex');
    default:
      return text;
  }
}

/** Content 0 is a manifest of data files, 1 one of delete files. */
export function writeManifest(
  entries: readonly ManifestEntry[],
  spec: PartitionSpec,
  schema: IcebergSchema,
  content: number,
): Buffer {
  return writeAvro(entrySchema(spec, schema), entries.map(withReference), {
    schema: JSON.stringify(schema),
    'schema-id': String(schema['schema-id']),
    'partition-spec': JSON.stringify(spec.fields),
    'partition-spec-id': String(spec['spec-id']),
    'format-version': '2',
    content: content === DATA ? 'data' : 'deletes',
  });
}

const withReference = (entry: ManifestEntry): ManifestEntry => ({
  ...entry,
  data_file: {
    ...entry.data_file,
    referenced_data_file: entry.data_file.referenced_data_file ?? null,
  },
});

/** The entries of a manifest of any format version, with what version 1 leaves out. */
export function readManifest(path: string, file: Buffer): ManifestEntry[] {
  return (readAvro(path, file).values as ManifestEntry[]).map((entry) => ({
    ...entry,
    snapshot_id: entry.snapshot_id ?? null,
    sequence_number: entry.sequence_number ?? null,
    file_sequence_number: entry.file_sequence_number ?? null,
    data_file: { ...NOTHING_KNOWN, ...entry.data_file, content: entry.data_file.content ?? DATA },
  }));
}

/** What writers may leave out of a data file. */
const NOTHING_KNOWN = {
  column_sizes: null,
  value_counts: null,
  null_value_counts: null,
  nan_value_counts: null,
  lower_bounds: null,
  upper_bounds: null,
  key_metadata: null,
  split_offsets: null,
  equality_ids: null,
  sort_order_id: null,
};

export function writeManifestList(
  manifests: readonly ManifestFile[],
  snapshot: { readonly id: Id; readonly parent: Id | undefined; readonly sequence: number },
): Buffer {
  return writeAvro(LIST_SCHEMA, manifests, {
    'snapshot-id': String(snapshot.id),
    'parent-snapshot-id': snapshot.parent === undefined ? 'null' : String(snapshot.parent),
    'sequence-number': String(snapshot.sequence),
    'format-version': '2',
  });
}

export function readManifestList(path: string, file: Buffer): ManifestFile[] {
  return (readAvro(path, file).values as (ManifestFile & OldNames)[]).map((manifest) => ({
    ...manifest,
    content: manifest.content ?? DATA,
    sequence_number: manifest.sequence_number ?? 0n,
    min_sequence_number: manifest.min_sequence_number ?? 0n,
    added_files_count: manifest.added_files_count ?? manifest.added_data_files_count ?? 0,
    existing_files_count: manifest.existing_files_count ?? manifest.existing_data_files_count ?? 0,
    deleted_files_count: manifest.deleted_files_count ?? manifest.deleted_data_files_count ?? 0,
    added_rows_count: manifest.added_rows_count ?? 0n,
    existing_rows_count: manifest.existing_rows_count ?? 0n,
    deleted_rows_count: manifest.deleted_rows_count ?? 0n,
    partitions: manifest.partitions ?? null,
    key_metadata: manifest.key_metadata ?? null,
  }));
}

/** Writers still spell three fields as drafts of the specification did. */
interface OldNames {
  readonly added_data_files_count?: number;
  readonly existing_data_files_count?: number;
  readonly deleted_data_files_count?: number;
}

import { MillraceError } from '../../core/errors.ts';
import { type Id, icebergJson, parseIcebergJson } from './json.ts';

/**
 * Table metadata as the Iceberg specification spells it ("Table Metadata Fields", appendix C). Fields that
 * are not named here are kept as they came.
 */

export type IcebergType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly IcebergField[] }
  | {
      readonly type: 'list';
      readonly 'element-id': number;
      readonly element: IcebergType;
      readonly 'element-required': boolean;
    }
  | {
      readonly type: 'map';
      readonly 'key-id': number;
      readonly key: IcebergType;
      readonly 'value-id': number;
      readonly value: IcebergType;
      readonly 'value-required': boolean;
    };

export interface IcebergField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: IcebergType;
  readonly doc?: string;
  /** Of version 3: what rows have that were written before the field. */
  readonly 'initial-default'?: unknown;
  readonly 'write-default'?: unknown;
}

export interface IcebergSchema {
  readonly type: 'struct';
  readonly 'schema-id': number;
  readonly 'identifier-field-ids'?: readonly number[];
  readonly fields: readonly IcebergField[];
}

export interface PartitionField {
  readonly 'source-id': number;
  readonly 'field-id': number;
  readonly name: string;
  readonly transform: string;
}

export interface PartitionSpec {
  readonly 'spec-id': number;
  readonly fields: readonly PartitionField[];
}

export interface SortField {
  readonly transform: string;
  readonly 'source-id': number;
  readonly direction: 'asc' | 'desc';
  readonly 'null-order': 'nulls-first' | 'nulls-last';
}

export interface SortOrder {
  readonly 'order-id': number;
  readonly fields: readonly SortField[];
}

export interface Snapshot {
  readonly 'snapshot-id': Id;
  readonly 'parent-snapshot-id'?: Id;
  readonly 'sequence-number': number;
  readonly 'timestamp-ms': number;
  readonly 'manifest-list': string;
  readonly summary: { readonly operation: string; readonly [name: string]: string };
  readonly 'schema-id'?: number;
  /** Of version 3. */
  readonly 'first-row-id'?: number;
  readonly 'added-rows'?: number;
}

export interface SnapshotRef {
  readonly 'snapshot-id': Id;
  readonly type: 'branch' | 'tag';
  readonly 'min-snapshots-to-keep'?: number;
  readonly 'max-snapshot-age-ms'?: number;
  readonly 'max-ref-age-ms'?: number;
}

export interface SnapshotLogEntry {
  readonly 'snapshot-id': Id;
  readonly 'timestamp-ms': number;
}

export interface StatisticsFile {
  readonly 'snapshot-id': Id;
  readonly 'statistics-path': string;
}

export interface TableMetadata {
  readonly 'format-version': number;
  readonly 'table-uuid': string;
  readonly location: string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'last-column-id': number;
  readonly 'current-schema-id': number;
  readonly schemas: readonly IcebergSchema[];
  readonly 'default-spec-id': number;
  readonly 'partition-specs': readonly PartitionSpec[];
  readonly 'last-partition-id': number;
  readonly 'default-sort-order-id': number;
  readonly 'sort-orders': readonly SortOrder[];
  readonly properties: { readonly [name: string]: string };
  /** -1 where there is none. */
  readonly 'current-snapshot-id': Id;
  readonly refs: { readonly [name: string]: SnapshotRef };
  readonly snapshots: readonly Snapshot[];
  readonly 'snapshot-log': readonly SnapshotLogEntry[];
  readonly 'metadata-log': readonly {
    readonly 'metadata-file': string;
    readonly 'timestamp-ms': number;
  }[];
  readonly statistics?: readonly StatisticsFile[];
  readonly 'partition-statistics'?: readonly StatisticsFile[];
  readonly 'encryption-keys'?: readonly { readonly 'key-id': string }[];
  /** Of version 3. */
  readonly 'next-row-id'?: number;
}

export const NO_SNAPSHOT = -1;
export const FORMAT_VERSION = 2;
export const FORMAT_VERSION_MAX = 3;

/**
 * @param name of the file, for errors
 * @throws MillraceError MR_STORAGE_DAMAGED, MR_TABLE_UNSUPPORTED
 */
export function parseMetadata(name: string, text: string): TableMetadata {
  let parsed: Partial<TableMetadata> & {
    schema?: IcebergSchema;
    'partition-spec'?: PartitionField[];
  };
  try {
    parsed = parseIcebergJson(text) as typeof parsed;
  } catch (error) {
    throw new MillraceError('MR_STORAGE_DAMAGED', `${name} is not a whole JSON file.`, {
      cause: error,
    });
  }
  const version = parsed['format-version'];
  if (version === undefined || typeof parsed.location !== 'string')
    throw new MillraceError('MR_STORAGE_DAMAGED', `${name} is not the metadata of a table.`);
  if (version < 1 || version > FORMAT_VERSION_MAX)
    throw new MillraceError(
      'MR_TABLE_UNSUPPORTED',
      `${name} has Iceberg format version ${version}; versions 1 to ${FORMAT_VERSION_MAX} can be read.`,
    );
  return { ...defaultsOf(parsed), ...withoutNulls(parsed) } as TableMetadata;
}

/** What version 1 may leave out, or say with one schema and one spec. */
function defaultsOf(parsed: {
  readonly schema?: IcebergSchema;
  readonly 'partition-spec'?: readonly PartitionField[];
  readonly schemas?: readonly IcebergSchema[];
  readonly 'current-snapshot-id'?: Id | null;
  readonly refs?: object;
}): object {
  const schemas = parsed.schemas ?? [{ ...(parsed.schema as IcebergSchema), 'schema-id': 0 }];
  const fields = parsed['partition-spec'] ?? [];
  const current = parsed['current-snapshot-id'] ?? NO_SNAPSHOT;
  return {
    'last-sequence-number': 0,
    schemas,
    'current-schema-id': schemas[0]?.['schema-id'] ?? 0,
    'partition-specs': [{ 'spec-id': 0, fields }],
    'default-spec-id': 0,
    'last-partition-id': Math.max(999, ...fields.map((field) => field['field-id'])),
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    'default-sort-order-id': 0,
    properties: {},
    'current-snapshot-id': NO_SNAPSHOT,
    refs: current === NO_SNAPSHOT ? {} : { main: { 'snapshot-id': current, type: 'branch' } },
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
  };
}

function withoutNulls(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
}

/** The text of a metadata file. Version 1 also has the schema and spec that its readers look for. */
export function metadataText(metadata: TableMetadata): string {
  if (metadata['format-version'] > 1) return icebergJson(metadata);
  return icebergJson({
    ...metadata,
    schema: currentSchema(metadata),
    'partition-spec': currentSpec(metadata).fields,
  });
}

export function currentSchema(metadata: TableMetadata): IcebergSchema {
  return schemaOf(metadata, metadata['current-schema-id']) as IcebergSchema;
}

export function schemaOf(metadata: TableMetadata, id: number): IcebergSchema | undefined {
  return metadata.schemas.find((schema) => schema['schema-id'] === id);
}

export function currentSpec(metadata: TableMetadata): PartitionSpec {
  return specOf(metadata, metadata['default-spec-id']) as PartitionSpec;
}

export function specOf(metadata: TableMetadata, id: number): PartitionSpec | undefined {
  return metadata['partition-specs'].find((spec) => spec['spec-id'] === id);
}

export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  return snapshotOf(metadata, metadata['current-snapshot-id']);
}

export function snapshotOf(metadata: TableMetadata, id: Id): Snapshot | undefined {
  return metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id);
}

import { LIMITS } from '../../core/limits.ts';
import type { ManifestFile } from './manifest.ts';
import {
  currentSnapshot,
  type IcebergSchema,
  type PartitionSpec,
  type Snapshot,
  type TableMetadata,
} from './metadata.ts';

/** The metadata of a new, empty table. */
export function newTable(table: {
  uuid: string;
  location: string;
  schema: IcebergSchema;
  lastColumnId: number;
  spec: PartitionSpec;
  nowMs: number;
}): TableMetadata {
  return {
    'format-version': 2,
    'table-uuid': table.uuid,
    location: table.location,
    'last-sequence-number': 0,
    'last-updated-ms': table.nowMs,
    'last-column-id': table.lastColumnId,
    'current-schema-id': table.schema['schema-id'],
    schemas: [table.schema],
    'default-spec-id': table.spec['spec-id'],
    'partition-specs': [table.spec],
    'last-partition-id': lastPartitionId([table.spec]),
    'default-sort-order-id': 0,
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    properties: { 'write.parquet.compression-codec': 'zstd' },
    'current-snapshot-id': -1,
    refs: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
  };
}

export function lastPartitionId(specs: readonly PartitionSpec[]): number {
  return Math.max(999, ...specs.flatMap((spec) => spec.fields.map((field) => field['field-id'])));
}

export interface NewSnapshot {
  readonly id: number;
  readonly operation: 'append' | 'overwrite';
  readonly manifestList: string;
  readonly addedFiles: number;
  readonly addedRows: number;
  readonly addedBytes: number;
  readonly totals: { readonly files: number; readonly rows: number; readonly bytes: number };
  readonly nowMs: number;
}

const EXPIRE_STEP = 20;

/** The metadata after a snapshot; snapshots beyond those kept leave it. */
export function withSnapshot(
  metadata: TableMetadata,
  added: NewSnapshot,
  properties: { readonly [name: string]: string },
): TableMetadata {
  const parent = currentSnapshot(metadata);
  const sequence = metadata['last-sequence-number'] + 1;
  const snapshot: Snapshot = {
    'snapshot-id': added.id,
    ...(parent ? { 'parent-snapshot-id': parent['snapshot-id'] } : {}),
    'sequence-number': sequence,
    'timestamp-ms': added.nowMs,
    'manifest-list': added.manifestList,
    summary: {
      operation: added.operation,
      'added-data-files': String(added.addedFiles),
      'added-records': String(added.addedRows),
      'added-files-size': String(added.addedBytes),
      'total-data-files': String(added.totals.files),
      'total-records': String(added.totals.rows),
      'total-files-size': String(added.totals.bytes),
      'total-delete-files': '0',
      'total-position-deletes': '0',
      'total-equality-deletes': '0',
    },
    'schema-id': metadata['current-schema-id'],
  };
  const all = [...metadata.snapshots, snapshot];
  // Cut in steps: finding what only the old snapshots reach costs reading all that is kept.
  const kept =
    all.length > LIMITS.snapshotsKept + EXPIRE_STEP ? all.slice(-LIMITS.snapshotsKept) : all;
  const keptIds = new Set(kept.map((one) => one['snapshot-id']));
  return {
    ...metadata,
    'last-sequence-number': sequence,
    'last-updated-ms': added.nowMs,
    properties: { ...metadata.properties, ...properties },
    'current-snapshot-id': added.id,
    refs: { ...metadata.refs, main: { 'snapshot-id': added.id, type: 'branch' } },
    snapshots: kept,
    'snapshot-log': [
      ...metadata['snapshot-log'],
      { 'snapshot-id': added.id, 'timestamp-ms': added.nowMs },
    ].filter((entry) => keptIds.has(entry['snapshot-id'])),
  };
}

/** Files and rows of manifests, for the totals of a snapshot. */
export function totalsOf(manifests: readonly ManifestFile[]): { files: number; rows: number } {
  return manifests.reduce(
    (total, manifest) => ({
      files: total.files + manifest.added_files_count + manifest.existing_files_count,
      rows: total.rows + Number(manifest.added_rows_count + manifest.existing_rows_count),
    }),
    { files: 0, rows: 0 },
  );
}

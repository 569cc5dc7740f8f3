import type { Id } from './json.ts';
import type { ManifestFile } from './manifest.ts';
import {
  FORMAT_VERSION,
  type IcebergSchema,
  NO_SNAPSHOT,
  type PartitionSpec,
  type Snapshot,
  type SortOrder,
  type TableMetadata,
} from './metadata.ts';

const UNSORTED: SortOrder = { 'order-id': 0, fields: [] };

/** The metadata of a new, empty table. */
export function newTable(table: {
  readonly uuid: string;
  readonly location: string;
  readonly schema: IcebergSchema;
  readonly lastColumnId: number;
  readonly spec: PartitionSpec;
  readonly sortOrder?: SortOrder;
  readonly formatVersion?: number;
  readonly properties?: { readonly [name: string]: string };
  readonly nowMs: number;
}): TableMetadata {
  const version = table.formatVersion ?? FORMAT_VERSION;
  const order = table.sortOrder ?? UNSORTED;
  return {
    'format-version': version,
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
    'default-sort-order-id': order['order-id'],
    'sort-orders': [order],
    properties: { 'write.parquet.compression-codec': 'zstd', ...table.properties },
    'current-snapshot-id': NO_SNAPSHOT,
    refs: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    ...(version >= 3 ? { 'next-row-id': 0 } : {}),
  };
}

export function lastPartitionId(specs: readonly PartitionSpec[]): number {
  return Math.max(999, ...specs.flatMap((spec) => spec.fields.map((field) => field['field-id'])));
}

export type Operation = 'append' | 'overwrite' | 'replace' | 'delete';

/** Files, rows and bytes that a snapshot adds or removes. */
export interface Amount {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

export interface NewSnapshot {
  readonly id: Id;
  readonly parent: Id | undefined;
  readonly sequence: number;
  readonly schemaId: number;
  readonly operation: Operation;
  readonly manifestList: string;
  readonly added: Amount;
  readonly removed: Amount;
  readonly total: Amount;
  readonly deleteFiles: {
    readonly files: number;
    readonly added: number;
    readonly removed: number;
  };
  readonly deletedRows: { readonly position: number; readonly equality: number };
  readonly nowMs: number;
  /** Said of the snapshot beside what the specification asks. */
  readonly said: { readonly [name: string]: string };
}

/** A snapshot with its summary (specification, "Optional Snapshot Summary Fields"). */
export function snapshotFrom(added: NewSnapshot): Snapshot {
  const amounts = {
    'added-data-files': added.added.files,
    'added-records': added.added.rows,
    'added-files-size': added.added.bytes,
    'deleted-data-files': added.removed.files,
    'deleted-records': added.removed.rows,
    'removed-files-size': added.removed.bytes,
    'added-delete-files': added.deleteFiles.added,
    'removed-delete-files': added.deleteFiles.removed,
  };
  return {
    'snapshot-id': added.id,
    ...(added.parent === undefined ? {} : { 'parent-snapshot-id': added.parent }),
    'sequence-number': added.sequence,
    'timestamp-ms': added.nowMs,
    'manifest-list': added.manifestList,
    summary: {
      operation: added.operation,
      ...Object.fromEntries(
        Object.entries(amounts)
          .filter(([, amount]) => amount > 0)
          .map(([name, amount]) => [name, String(amount)]),
      ),
      'total-data-files': String(added.total.files),
      'total-records': String(added.total.rows),
      'total-files-size': String(added.total.bytes),
      'total-delete-files': String(added.deleteFiles.files),
      'total-position-deletes': String(added.deletedRows.position),
      'total-equality-deletes': String(added.deletedRows.equality),
      ...added.said,
    },
    'schema-id': added.schemaId,
  };
}

/** Sum over entries that are there after the snapshot. */
export const rowsOf = (manifests: readonly ManifestFile[]): number =>
  manifests.reduce(
    (rows, manifest) => rows + Number(manifest.added_rows_count + manifest.existing_rows_count),
    0,
  );

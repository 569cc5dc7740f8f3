import { MillraceError } from '../../core/errors.ts';
import type { WriteTarget, WrittenDeletes } from '../../engine/protocol.ts';
import { type LiveFile, type LiveFiles, tableScan } from '../iceberg/live-files.ts';
import { deleteFile } from '../iceberg/manifest.ts';
import {
  currentSchema,
  currentSnapshot,
  currentSpec,
  FORMAT_VERSION,
  type IcebergField,
  type Snapshot,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { fieldsOf } from '../iceberg/schema.ts';
import { partitionExpression, partitionType, sortedBy } from '../iceberg/transform.ts';
import type { RewriteState } from '../table-store.ts';

/** What follows from the metadata of a table alone. */

/** A commit that is written, and not the table yet. */
export interface PreparedCommit {
  readonly metadata: TableMetadata;
  readonly live: LiveFiles;
}

export function writeTarget(
  metadata: TableMetadata,
  folder: string,
  fields: readonly IcebergField[],
): WriteTarget {
  const spec = currentSpec(metadata);
  return {
    folder,
    columns: fields.map(({ name, id, type }) => ({ name, id, type })),
    partitions: spec.fields.map((field) => ({
      expression: partitionExpression(field, fields),
      isText: partitionType(field, fields) === 'string',
    })),
    specId: spec['spec-id'],
    ...sortedBy(metadata, fields),
  };
}

/** The table as it was at a snapshot, whose files these are. */
export function stateAt(metadata: TableMetadata, snapshot: Snapshot, live: LiveFiles) {
  const schemaId = snapshot['schema-id'] ?? metadata['current-schema-id'];
  const fields = fieldsOf(metadata, schemaId);
  return {
    snapshotId: String(snapshot['snapshot-id']),
    columns: fields.map(({ name, id, type }) => ({ name, id, type })),
    scan: tableScan(live, metadata, fields),
  };
}

export function rewriteState(
  metadata: TableMetadata,
  live: LiveFiles,
  folder: string,
): RewriteState {
  const { fields } = currentSchema(metadata);
  return {
    live: live.data,
    scan: tableScan(live, metadata, fields),
    target: writeTarget(metadata, folder, fields),
    sequence: BigInt(metadata['last-sequence-number']),
  };
}

/** Rows that were deleted by their values are counted: how many there are only a reader finds. */
export function rowCount(metadata: TableMetadata): number {
  const summary = currentSnapshot(metadata)?.summary;
  const all = Number(summary?.['total-records'] ?? 0);
  return all - Number(summary?.['total-position-deletes'] ?? 0);
}

export function commitConflict(table: string, why: string): MillraceError {
  return new MillraceError(
    'MR_TABLE_COMMIT_CONFLICT',
    `The commit of ${table} was made on another state of the table: ${why}. Load the table again and commit anew.`,
  );
}

/** @throws MillraceError MR_TABLE_UNSUPPORTED */
export function requireWritable(metadata: TableMetadata, table: string): void {
  const version = metadata['format-version'];
  if (version === FORMAT_VERSION) return;
  throw new MillraceError(
    'MR_TABLE_UNSUPPORTED',
    `${table} has Iceberg format version ${version}; only version ${FORMAT_VERSION} can be written.`,
  );
}

/** Files of deletes, each in the partition of the files that it names. */
export function placedDeletes({ live }: RewriteState, deletes: readonly WrittenDeletes[]) {
  const byLocation = new Map(live.map((one) => [one.file.file_path, one]));
  return deletes.map((written) => {
    const of = byLocation.get(written.of[0] as string) as LiveFile;
    return { specId: of.specId, files: [deleteFile(written, of.file)] };
  });
}

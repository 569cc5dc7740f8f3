import { MillraceError } from '../../core/errors.ts';
import type { WriteTarget } from '../../engine/protocol.ts';
import { type LiveFiles, tableScan } from '../iceberg/live-files.ts';
import {
  currentSchema,
  currentSnapshot,
  currentSpec,
  type IcebergField,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { partitionExpression, partitionType, sortedBy } from '../iceberg/transform.ts';
import type { RewriteState } from '../table-store.ts';

/** What follows from the metadata of a table alone. */

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

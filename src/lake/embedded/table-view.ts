import type { StoredColumn, WriteTarget } from '../../engine/protocol.ts';
import {
  currentSnapshot,
  currentSpec,
  type IcebergField,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { partitionExpression, partitionType, sortedBy } from '../iceberg/transform.ts';

/** What follows from the metadata of a table alone. */

export const columnsOf = (fields: readonly IcebergField[]): StoredColumn[] =>
  fields.map(({ name, id, type }) => ({ name, id, type }));

export function writeTarget(
  metadata: TableMetadata,
  folder: string,
  fields: readonly IcebergField[],
): WriteTarget {
  const spec = currentSpec(metadata);
  return {
    folder,
    columns: columnsOf(fields),
    partitions: spec.fields.map((field) => ({
      expression: partitionExpression(field, fields),
      isText: partitionType(field, fields) === 'string',
    })),
    specId: spec['spec-id'],
    ...sortedBy(metadata, fields),
  };
}

/** Rows that were deleted by their values are counted: how many there are only a reader finds. */
export function rowCount(metadata: TableMetadata): number {
  const summary = currentSnapshot(metadata)?.summary;
  const all = Number(summary?.['total-records'] ?? 0);
  return all - Number(summary?.['total-position-deletes'] ?? 0);
}

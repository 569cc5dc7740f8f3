import { newTable } from '../../src/lake/iceberg/commit.ts';
import type { Id } from '../../src/lake/iceberg/json.ts';
import type { Snapshot, TableMetadata } from '../../src/lake/iceberg/metadata.ts';
import { applyUpdates } from '../../src/lake/iceberg/updates.ts';

/** The metadata of a table of one column without snapshots. */
export const emptyTable = (changes: Partial<TableMetadata> = {}): TableMetadata => ({
  ...newTable({
    uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
    location: 'file:/t',
    schema: {
      type: 'struct',
      'schema-id': 0,
      fields: [{ id: 1, name: 'id', required: true, type: 'long' }],
    },
    lastColumnId: 1,
    spec: { 'spec-id': 0, fields: [] },
    nowMs: 0,
  }),
  ...changes,
});

export const snapshot = (id: Id, more: Partial<Snapshot> = {}): Snapshot => ({
  'snapshot-id': id,
  'sequence-number': Number(id),
  'timestamp-ms': Number(id) * 1000,
  'manifest-list': `file:/t/metadata/snap-${id}.avro`,
  summary: { operation: 'append' },
  'schema-id': 0,
  ...more,
});

/** Snapshots 1 to `count` of `main`, one a second, each after the one before. */
export function tableWithHistory(count: number): TableMetadata {
  let metadata = emptyTable();
  for (let id = 1; id <= count; id++)
    metadata = applyUpdates(
      metadata,
      [
        {
          action: 'add-snapshot',
          snapshot: snapshot(id, id > 1 ? { 'parent-snapshot-id': id - 1 } : {}),
        },
        { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': id },
      ],
      id * 1000,
    );
  return metadata;
}

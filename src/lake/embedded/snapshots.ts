import { MillraceError } from '../../core/errors.ts';
import { type Snapshot, snapshotOf, type TableMetadata } from '../iceberg/metadata.ts';
import type { TableUpdate } from '../iceberg/updates.ts';
import type { SnapshotInfo, SnapshotPlace } from '../table-store.ts';

export function snapshotInfo(snapshot: Snapshot): SnapshotInfo {
  const { summary } = snapshot;
  const parent = snapshot['parent-snapshot-id'];
  return {
    id: String(snapshot['snapshot-id']),
    parent: parent === undefined ? null : String(parent),
    operation: summary.operation,
    timeMs: snapshot['timestamp-ms'],
    addedRows: Number(summary['added-records'] ?? 0),
    totalRows: Number(summary['total-records'] ?? 0),
    totalFiles: Number(summary['total-data-files'] ?? 0),
    totalBytes: Number(summary['total-files-size'] ?? 0),
  };
}

/**
 * The snapshot with this id, or the one that was current at this time.
 * @throws MillraceError MR_TABLE_NOT_FOUND naming those there are
 */
export function snapshotAt(metadata: TableMetadata, when: SnapshotPlace, table: string): Snapshot {
  const found = 'id' in when ? snapshotOf(metadata, when.id) : currentAt(metadata, when.timeMs);
  if (found) return found;
  const what =
    'id' in when ? `no snapshot ${when.id}` : `no snapshot from before ${instant(when.timeMs)}`;
  const known = metadata.snapshots.map(
    (snapshot) => `${snapshot['snapshot-id']} (${instant(snapshot['timestamp-ms'])})`,
  );
  const some = known.length > 6 ? [...known.slice(0, 2), '…', ...known.slice(-3)] : known;
  throw new MillraceError(
    'MR_TABLE_NOT_FOUND',
    `Table ${table} has ${what}. It has ${some.join(', ') || 'none'}; sys.snapshots lists them.`,
  );
}

/** The step that makes a snapshot the current one. What somebody said of the branch, such as its retention, stays. */
export function mainAt({ refs: { main } }: TableMetadata, snapshot: Snapshot): TableUpdate {
  return {
    ...main,
    action: 'set-snapshot-ref',
    'ref-name': 'main',
    type: 'branch',
    'snapshot-id': snapshot['snapshot-id'],
  };
}

/** Properties as they were when the snapshot was current: each is in the summary of the commit that set it. */
export function saidBy(
  metadata: TableMetadata,
  snapshot: Snapshot,
  names: readonly string[],
): { readonly [name: string]: string } {
  const said: { [name: string]: string } = {};
  let next: Snapshot | undefined = snapshot;
  while (next) {
    for (const name of names)
      if (next.summary[name] !== undefined) said[name] ??= next.summary[name];
    const parent: Snapshot['parent-snapshot-id'] = next['parent-snapshot-id'];
    next = parent === undefined ? undefined : snapshotOf(metadata, parent);
  }
  const missing = names.find((name) => said[name] === undefined);
  if (missing === undefined) return said;
  throw new MillraceError(
    'MR_TABLE_COMMIT_INVALID',
    `Snapshot ${snapshot['snapshot-id']} does not say what ${missing} was then, and no snapshot before it that is still there.`,
  );
}

const instant = (ms: number): string => new Date(ms).toISOString();

function currentAt(metadata: TableMetadata, timeMs: number): Snapshot | undefined {
  const entry = metadata['snapshot-log'].findLast((one) => one['timestamp-ms'] <= timeMs);
  return entry && snapshotOf(metadata, entry['snapshot-id']);
}

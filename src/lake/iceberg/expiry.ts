import { LIMITS } from '../../core/limits.ts';
import type { AskedRetention } from '../table-store.ts';
import type { Id } from './json.ts';
import type { Snapshot, SnapshotRef, TableMetadata } from './metadata.ts';
import { applyUpdates, type TableUpdate } from './updates.ts';

/** Which snapshots a table keeps (specification, "Snapshot Retention Policy"). */
export interface Retention {
  /** Of each branch, at least so many. */
  readonly snapshotsMin: number;
  /** And those that are younger. */
  readonly ageMs: number;
  /** Branches and tags whose snapshot is older end, where they say nothing themselves. */
  readonly refAgeMs?: number;
}

/**
 * Tables say it by Iceberg's own properties; else the last hundred are kept, so that commits stay as fast as
 * they are. Who asks for one of the two says it for the other as well.
 */
export function retentionOf({ properties }: TableMetadata, asked: AskedRetention = {}): Retention {
  const said = (name: string): number => Number(properties[`history.expire.${name}`] ?? Number.NaN);
  const snapshotsMin = said('min-snapshots-to-keep');
  const ageMs = said('max-snapshot-age-ms');
  const refAgeMs = said('max-ref-age-ms');
  const own = {
    snapshotsMin: snapshotsMin >= 1 ? snapshotsMin : LIMITS.snapshotsKept,
    ageMs: Math.max(0, ageMs || 0),
    ...(refAgeMs > 0 ? { refAgeMs } : {}),
  };
  if (asked.snapshotsMin === undefined && asked.ageMs === undefined) return own;
  return { ...own, snapshotsMin: Math.max(1, asked.snapshotsMin ?? 1), ageMs: asked.ageMs ?? 0 };
}

/**
 * The table without the snapshots it does not keep; the same where it keeps all. Without being asked it looks now
 * and then: finding what only the old snapshots reach costs reading all that is kept.
 */
export function withoutOld(
  metadata: TableMetadata,
  nowMs: number,
  asked?: AskedRetention,
): TableMetadata {
  const retention = asked ? retentionOf(metadata, asked) : ownRetention(metadata);
  const count = metadata.snapshots.length - retentionOf(metadata, asked).snapshotsMin;
  // Where it is young ones that are kept, their number says nothing.
  if (!asked && (count <= 0 || count % LIMITS.snapshotsExpiredAtOnce !== 0)) return metadata;
  const updates = expiry(metadata, retention, nowMs);
  return updates.length === 0 ? metadata : applyUpdates(metadata, updates, nowMs);
}

/**
 * By itself a table also keeps what is younger than a commit may take: programs hold what they commit against the
 * snapshots since they began, and give up where one of those is gone. Of a table with very many commits so many; and
 * an age that the table says is the one that counts.
 */
function ownRetention(metadata: TableMetadata): Retention {
  const own = retentionOf(metadata);
  if (own.ageMs > 0) return own;
  return metadata.snapshots.length > LIMITS.snapshotsYoungMax
    ? { ...own, snapshotsMin: Math.max(own.snapshotsMin, LIMITS.snapshotsYoungMax) }
    : { ...own, ageMs: LIMITS.snapshotYoungMs };
}

/** The steps that let go of what is not kept; none where nothing is. */
export function expiry(
  metadata: TableMetadata,
  retention: Retention,
  nowMs: number,
): TableUpdate[] {
  const history = new History(metadata);
  const ended = Object.entries(metadata.refs).filter(
    ([name, ref]) => name !== 'main' && history.hasEnded(ref, retention, nowMs),
  );
  const refs = Object.values(metadata.refs).filter(
    (ref) => !ended.some(([, other]) => other === ref),
  );
  const kept = new Set<Id>();
  const ofBranches = new Set<Id>();
  for (const ref of refs) {
    const ancestors = history.ancestors(ref['snapshot-id']);
    const keeps =
      ref.type === 'tag' ? ancestors.slice(0, 1) : keptOf(ancestors, ref, retention, nowMs);
    for (const { id } of keeps) kept.add(id);
    if (ref.type === 'branch') for (const { id } of ancestors) ofBranches.add(id);
  }
  // Snapshots of no branch are somebody's who has not committed yet, or were rolled back: age decides.
  const youngest = nowMs - Math.max(retention.ageMs, LIMITS.tableOrphanAgeMs);
  const gone = metadata.snapshots.filter(
    ({ 'snapshot-id': id, 'timestamp-ms': timeMs }) =>
      !kept.has(id) && (ofBranches.has(id) || timeMs < youngest),
  );
  return [
    ...ended.map(([name]): TableUpdate => ({ action: 'remove-snapshot-ref', 'ref-name': name })),
    ...(gone.length > 0
      ? [
          {
            action: 'remove-snapshots' as const,
            'snapshot-ids': gone.map((snapshot) => snapshot['snapshot-id']),
          },
        ]
      : []),
  ];
}

interface Ancestor {
  readonly id: Id;
  readonly timeMs: number;
}

/** The snapshots of a table by id: walking by looking through the list would take the square of their number. */
class History {
  readonly #byId: ReadonlyMap<Id, Snapshot>;

  constructor(metadata: TableMetadata) {
    this.#byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
  }

  /** The snapshot itself and those before it. */
  ancestors(from: Id): Ancestor[] {
    const found: Ancestor[] = [];
    let next = this.#byId.get(from);
    while (next) {
      found.push({ id: next['snapshot-id'], timeMs: next['timestamp-ms'] });
      const parent = next['parent-snapshot-id'];
      next = parent === undefined ? undefined : this.#byId.get(parent);
    }
    return found;
  }

  hasEnded(ref: SnapshotRef, { refAgeMs }: Retention, nowMs: number): boolean {
    const age = ref['max-ref-age-ms'] ?? refAgeMs;
    const snapshot = this.#byId.get(ref['snapshot-id']);
    return age !== undefined && snapshot !== undefined && snapshot['timestamp-ms'] < nowMs - age;
  }
}

/** "Until": behind the first that is not kept nothing is. */
function keptOf(
  ancestors: readonly Ancestor[],
  ref: SnapshotRef,
  retention: Retention,
  nowMs: number,
): Ancestor[] {
  const min = ref['min-snapshots-to-keep'] ?? retention.snapshotsMin;
  const since = nowMs - (ref['max-snapshot-age-ms'] ?? retention.ageMs);
  const end = ancestors.findIndex(({ timeMs }, index) => index >= min && timeMs < since);
  return end < 0 ? [...ancestors] : ancestors.slice(0, end);
}

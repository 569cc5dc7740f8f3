import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { expiry, type Retention, retentionOf } from '../../src/lake/iceberg/expiry.ts';
import type { Id } from '../../src/lake/iceberg/json.ts';
import type { SnapshotRef, TableMetadata } from '../../src/lake/iceberg/metadata.ts';
import { applyUpdates, type TableUpdate } from '../../src/lake/iceberg/updates.ts';
import { emptyTable, snapshot, tableWithHistory } from '../support/table-metadata.ts';

const DAY_MS = 24 * 60 * 60_000;
const NEWEST: Retention = { snapshotsMin: 1, ageMs: 0 };

const branch = (id: Id, more: Partial<SnapshotRef> = {}): SnapshotRef => ({
  'snapshot-id': id,
  type: 'branch',
  ...more,
});
const tag = (id: Id, more: Partial<SnapshotRef> = {}): SnapshotRef => ({
  ...branch(id, more),
  type: 'tag',
});

/** Ten snapshots of `main`, a second apart; now is second 11. */
const ten = (refs: TableMetadata['refs'] = {}): TableMetadata => {
  const metadata = tableWithHistory(10);
  return { ...metadata, refs: { ...metadata.refs, ...refs } };
};
const NOW = 11_000;

function expired(metadata: TableMetadata, retention: Retention, nowMs = NOW): TableMetadata {
  return applyUpdates(metadata, expiry(metadata, retention, nowMs), nowMs);
}
const kept = (metadata: TableMetadata, retention: Retention, nowMs = NOW): Id[] =>
  expired(metadata, retention, nowMs).snapshots.map((one) => one['snapshot-id']);

describe('what a table keeps (specification, Snapshot Retention Policy)', () => {
  test('the newest so many, and those that are younger', () => {
    expect(kept(ten(), { snapshotsMin: 3, ageMs: 0 })).toEqual([8, 9, 10]);
    expect(kept(ten(), { snapshotsMin: 1, ageMs: 4000 })).toEqual([7, 8, 9, 10]);
    expect(kept(ten(), { snapshotsMin: 6, ageMs: 4000 })).toEqual([5, 6, 7, 8, 9, 10]);
    expect(kept(ten(), { snapshotsMin: 99, ageMs: 0 })).toHaveLength(10);
  });

  test('the current snapshot always, however old', () => {
    expect(kept(ten(), NEWEST, 100 * DAY_MS)).toEqual([10]);
    expect(expiry(expired(ten(), NEWEST), NEWEST, 100 * DAY_MS), 'and then nothing more').toEqual(
      [],
    );
    expect(expiry(emptyTable(), NEWEST, NOW)).toEqual([]);
  });

  test('what a tag names, without what came before it', () => {
    expect(kept(ten({ release: tag(3) }), NEWEST)).toEqual([3, 10]);
  });

  test('of a branch as many, and as old ones, as it says itself', () => {
    const own = { 'min-snapshots-to-keep': 2 };
    expect(kept(ten({ audit: branch(5, own) }), NEWEST)).toEqual([4, 5, 10]);
    expect(kept(ten({ audit: branch(5, { 'max-snapshot-age-ms': 8000 }) }), NEWEST)).toEqual([
      3, 4, 5, 10,
    ]);
    expect(kept(ten({ audit: branch(5) }), { snapshotsMin: 2, ageMs: 0 })).toEqual([4, 5, 9, 10]);
    expect(kept(ten({ main: branch(10, own) }), NEWEST), 'main too').toEqual([9, 10]);
  });

  test('branches and tags end at the age they have, main never', () => {
    const old = { 'max-ref-age-ms': 5000 };
    const metadata = ten({
      audit: branch(5, old),
      release: tag(6, old),
      main: branch(10, { 'max-ref-age-ms': 1 }),
    });
    const next = expired(metadata, NEWEST, 11_500);
    expect(Object.keys(next.refs)).toEqual(['main']);
    expect(next.snapshots.map((one) => one['snapshot-id'])).toEqual([10]);
    expect(
      Object.keys(expired(metadata, NEWEST, 10_500).refs).sort(),
      'of snapshot 5 and 6',
    ).toEqual(['main', 'release']);
    const properties = { 'history.expire.max-ref-age-ms': '5000' };
    expect(
      Object.keys(
        expired(
          { ...ten({ audit: branch(5), young: branch(9) }), properties },
          retentionOf({ ...ten(), properties }),
          NOW,
        ).refs,
      ).sort(),
      'as the table says',
    ).toEqual(['main', 'young']);
  });

  test('ancestors end at the first that is too old: a clock that was set back opens no hole', () => {
    const base = ten();
    const metadata = {
      ...base,
      snapshots: base.snapshots.map((one) =>
        one['snapshot-id'] === 4 ? { ...one, 'timestamp-ms': NOW } : one,
      ),
    };
    expect(kept(metadata, { snapshotsMin: 2, ageMs: 2500 })).toEqual([9, 10]);
  });

  test('snapshots of no branch stay a day: somebody may be about to commit them', () => {
    const staged = applyUpdates(
      ten(),
      [
        {
          action: 'add-snapshot',
          snapshot: snapshot(77, { 'parent-snapshot-id': 9, 'timestamp-ms': 10_500 }),
        },
      ],
      10_500,
    );
    expect(kept(staged, NEWEST)).toEqual([10, 77]);
    expect(kept(staged, NEWEST, LIMITS.tableOrphanAgeMs + 11_000)).toEqual([10]);
  });

  test('what came after a rollback stays a day, then goes', () => {
    const rolled: TableUpdate = {
      action: 'set-snapshot-ref',
      'ref-name': 'main',
      type: 'branch',
      'snapshot-id': 4,
    };
    const metadata = applyUpdates(ten(), [rolled], NOW);
    expect(kept(metadata, NEWEST)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    expect(kept(metadata, NEWEST, DAY_MS + 8000)).toEqual([4, 8, 9, 10]);
    expect(kept(metadata, NEWEST, 2 * DAY_MS)).toEqual([4]);
  });
});

describe('properties of a table say its retention', () => {
  const of = (properties: Record<string, string>) => retentionOf(emptyTable({ properties }));

  test('as Iceberg calls them', () => {
    expect(of({})).toMatchObject({ snapshotsMin: LIMITS.snapshotsKept, ageMs: 0 });
    expect(
      of({
        'history.expire.min-snapshots-to-keep': '5',
        'history.expire.max-snapshot-age-ms': '86400000',
      }),
    ).toMatchObject({ snapshotsMin: 5, ageMs: DAY_MS });
  });

  test.each(['0', '-3', 'many', ''])('%j snapshots are at least one', (text) => {
    expect(of({ 'history.expire.min-snapshots-to-keep': text }).snapshotsMin).toBeGreaterThan(0);
  });

  test.each(['-1', 'old', ''])('an age of %j is none', (text) => {
    expect(of({ 'history.expire.max-snapshot-age-ms': text }).ageMs).toBe(0);
  });
});

test('whatever there is: each ref’s snapshot stays, and what goes is none that the policy keeps', () => {
  const ref = fc.record({
    id: fc.integer({ min: 1, max: 12 }),
    type: fc.constantFrom('branch' as const, 'tag' as const),
    min: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    age: fc.option(fc.integer({ min: 1, max: 15_000 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), ref),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 15_000 }),
      (others, snapshotsMin, ageMs) => {
        const history = tableWithHistory(12);
        const refs: Record<string, SnapshotRef> = { ...history.refs };
        for (const [name, { id, type, min, age }] of Object.entries(others))
          refs[name] = {
            'snapshot-id': id,
            type,
            ...(type === 'branch' && min !== undefined ? { 'min-snapshots-to-keep': min } : {}),
            ...(type === 'branch' && age !== undefined ? { 'max-snapshot-age-ms': age } : {}),
          };
        const ids = kept({ ...history, refs }, { snapshotsMin, ageMs }, 12_500);
        expect(ids).toEqual(byThePolicy(refs, snapshotsMin, ageMs));
      },
    ),
    { numRuns: 300 },
  );
});

/** The words of the specification, one for one, of a history whose snapshot n came n seconds in, after n - 1. */
function byThePolicy(refs: TableMetadata['refs'], min: number, ageMs: number): number[] {
  const retained = new Set<number>();
  for (const ref of Object.values(refs)) {
    const head = Number(ref['snapshot-id']);
    retained.add(head);
    if (ref.type === 'tag') continue;
    for (let id = head; id >= 1; id--) {
      const isOld = id * 1000 < 12_500 - (ref['max-snapshot-age-ms'] ?? ageMs);
      const isFirst = head - id < (ref['min-snapshots-to-keep'] ?? min);
      if (isOld && !isFirst) break;
      retained.add(id);
    }
  }
  return [...retained].sort((a, b) => a - b);
}

import { describe, expect, test } from 'vitest';
import { saidBy, snapshotAt } from '../../src/lake/embedded/snapshots.ts';
import type { TableMetadata } from '../../src/lake/iceberg/metadata.ts';
import { applyUpdates, removeSnapshots } from '../../src/lake/iceberg/updates.ts';
import { emptyTable, snapshot, tableWithHistory } from '../support/table-metadata.ts';

const at = (metadata: TableMetadata, timeMs: number) =>
  snapshotAt(metadata, { timeMs }, 'lake.t')['snapshot-id'];

describe('the table as it was', () => {
  test('at a time is what was current then, to the millisecond', () => {
    const table = tableWithHistory(3);
    expect([1000, 1999, 2000, 2500, 3000, 9e9].map((time) => at(table, time))).toEqual([
      1, 1, 2, 2, 3, 3,
    ]);
  });

  test('before its first snapshot there is none, and it says which there are', () => {
    expect(() => at(tableWithHistory(2), 999)).toThrow(
      expect.objectContaining({
        code: 'MR_TABLE_NOT_FOUND',
        message:
          'Table lake.t has no snapshot from before 1970-01-01T00:00:00.999Z. It has 1 (1970-01-01T00:00:01.000Z), 2 (1970-01-01T00:00:02.000Z); sys.snapshots lists them.',
      }),
    );
    expect(() => at(emptyTable(), 5)).toThrow(/It has none/);
  });

  test('after a rollback is what was current then, not what is the newest', () => {
    const rolled = applyUpdates(
      tableWithHistory(3),
      [{ action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': 1 }],
      5000,
    );
    expect([4999, 5000, 6000].map((time) => at(rolled, time))).toEqual([3, 1, 1]);
  });

  test('by an id finds also what is of no branch, and ids of 63 bits', () => {
    const large = 3051729675574597004n;
    const table = applyUpdates(
      tableWithHistory(1),
      [
        {
          action: 'add-snapshot',
          snapshot: snapshot(large, { 'sequence-number': 2, 'timestamp-ms': 1500 }),
        },
      ],
      1500,
    );
    expect(snapshotAt(table, { id: large }, 'lake.t')['snapshot-id']).toBe(large);
    expect(() => snapshotAt(table, { id: 3051729675574597005n }, 'lake.t')).toThrow(
      /no snapshot 3051729675574597005/,
    );
    expect(at(table, 9000), 'and was never current').toBe(1);
  });

  test('after expiry the times before are refused, with the first and last that are left', () => {
    const table = removeSnapshots(tableWithHistory(20), [1, 2, 3, 5]);
    expect(at(table, 6000)).toBe(6);
    expect(() => at(table, 5999), 'what was current then is gone').toThrow(
      /It has 4 \(.*\), 6 \(.*\), …, 18 \(.*\), 19 \(.*\), 20 \(/,
    );
    expect(() => snapshotAt(table, { id: 5 }, 'lake.t')).toThrow(/no snapshot 5\. It has 4/);
  });
});

describe('what a table said when a snapshot was current', () => {
  const CHECKPOINT = 'millrace.checkpoint';
  const saying = (said: Record<number, string>): TableMetadata => {
    const table = tableWithHistory(4);
    return {
      ...table,
      snapshots: table.snapshots.map((one) => {
        const value = said[Number(one['snapshot-id'])];
        return value === undefined
          ? one
          : { ...one, summary: { ...one.summary, [CHECKPOINT]: value } };
      }),
    };
  };
  const of = (table: TableMetadata, id: number) =>
    saidBy(table, snapshotAt(table, { id }, 'lake.t'), [CHECKPOINT])[CHECKPOINT];

  test('is in its own summary, or in that of the last commit before it that set it', () => {
    const table = saying({ 1: 'a', 3: 'c' });
    expect([1, 2, 3, 4].map((id) => of(table, id))).toEqual(['a', 'a', 'c', 'c']);
  });

  test('is not guessed where the snapshots that said it are gone', () => {
    const table = removeSnapshots(saying({ 1: 'a' }), [1]);
    expect(() => of(table, 2)).toThrow(
      expect.objectContaining({ code: 'MR_TABLE_COMMIT_INVALID' }),
    );
  });
});

import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import type { LogSettings, StreamStore } from '../../src/stream/stream-store.ts';
import { batchOf, LOG_SETTINGS, readAll } from '../support/stream.ts';

export interface StreamStoreUnderTest {
  readonly store: StreamStore;
  readonly files: FileSystem;
  /** What a crash and a new start leave. */
  reopen(): StreamStoreUnderTest;
  /** The time that the store sees. */
  setTime(ms: number): void;
}

const lines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `{"n":${from + index}}`);
const settings = (changes: Partial<LogSettings> = {}): LogSettings => ({
  ...LOG_SETTINGS,
  ...changes,
});

/** The contract of StreamStore: one test per number. */
export function describeStreamStore(name: string, create: () => StreamStoreUnderTest): void {
  describe(`${name} keeps the contract of StreamStore`, () => {
    test('S1: a record is on disk before append resolves', async () => {
      const before = create();
      const log = await before.store.open(settings());
      await log.append(batchOf(lines(10), (index) => index % 4));
      const after = before.reopen();
      const { records } = await readAll(await after.store.open(settings()), after.files);
      expect(records.map((record) => record.line).sort()).toEqual(lines(10).sort());
    });

    test('S2: sequence numbers rise by one over all shards, in the order of the log, and go on after a restart', async () => {
      const first = create();
      const log = await first.store.open(settings());
      for (let batch = 0; batch < 5; batch++)
        await log.append(batchOf(lines(7, batch * 7), (index) => index % 4));
      const second = first.reopen();
      const again = await second.store.open(settings());
      await again.append(batchOf(lines(3, 35)));
      const { records } = await readAll(again, second.files);
      expect(records.map((record) => record.sequence)).toEqual(
        Array.from({ length: 38 }, (_, index) => index),
      );
    });

    test('S2: numbers come from no clock: one that jumps back changes nothing', async () => {
      const under = create();
      const log = await under.store.open(settings());
      under.setTime(1_000_000);
      await log.append(batchOf(lines(2)));
      under.setTime(1000);
      const [placement] = await log.append(batchOf(lines(1, 2)));
      expect(placement).toEqual({ shard: 0, first: 2, last: 2, count: 1 });
    });

    test('S3: records of one shard keep the order in which they were appended', async () => {
      const under = create();
      const log = await under.store.open(settings());
      await Promise.all(
        Array.from({ length: 50 }, (_, batch) =>
          log.append(batchOf(lines(6, batch * 6), (index) => index % 3)),
        ),
      );
      const { records } = await readAll(log, under.files);
      for (const shard of [0, 1, 2]) {
        const numbers = records
          .filter((record) => record.shard === shard)
          .map((record) => JSON.parse(record.line).n as number);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        expect(numbers).toHaveLength(100);
      }
    });

    test('S4: what is being written is not seen before it is durable', async () => {
      const under = create();
      const log = await under.store.open(settings());
      const writing = log.append(batchOf(lines(4)));
      expect(log.nextSequence).toBe(0);
      expect((await readAll(log, under.files)).records).toHaveLength(0);
      await writing;
      expect(log.nextSequence).toBe(4);
    });

    test('S7: retention removes only closed segments that every consumer has passed', async () => {
      const under = create();
      const first = await under.store.open(settings({ retentionMs: 1000 }));
      under.setTime(10_000);
      await first.append(batchOf(lines(5)));
      await first.close();
      // A changed schema closes the segment.
      const changed = {
        fields: [
          ...LOG_SETTINGS.schema.fields,
          { name: 'm', type: { kind: 'string' as const }, optional: true },
        ],
        unknown: 'refuse' as const,
      };
      const log = await under.store.open(settings({ retentionMs: 1000, schema: changed }));
      log.setConsumer('table', 3);
      await log.append(batchOf(lines(5, 5)));
      under.setTime(60_000);
      expect(await log.trim()).toBe(0);
      log.setConsumer('table', 5);
      expect(await log.trim()).toBe(1);
      expect(log.firstSequence).toBe(5);
      expect((await readAll(log, under.files)).records.map((record) => record.sequence)).toEqual([
        5, 6, 7, 8, 9,
      ]);
    });

    test('S8: a keyed request is stored once, and its repeat gets the first answer, also after a restart', async () => {
      const first = create();
      const log = await first.store.open(settings());
      const request = { key: 'k1', bodyHash: 'h1', answer: () => '{"accepted":2}' };
      await log.append(batchOf(lines(2)), request);
      expect(await log.answered('k1', 'h1')).toBe('{"accepted":2}');
      await expect(log.append(batchOf(lines(2)), request)).rejects.toMatchObject({
        code: 'MR_REQUEST_CONFLICT',
      });
      const second = first.reopen();
      const again = await second.store.open(settings());
      expect(await again.answered('k1', 'h1')).toBe('{"accepted":2}');
      await expect(again.answered('k1', 'other')).rejects.toMatchObject({
        code: 'MR_IDEMPOTENCY_MISMATCH',
      });
      expect(await again.answered('k2', 'h1')).toBeUndefined();
      expect(again.nextSequence).toBe(2);
    });

    test('S8: a keyed request is forgotten after 24 hours', async () => {
      const under = create();
      const log = await under.store.open(settings());
      under.setTime(1_000_000);
      await log.append(batchOf(lines(1)), { key: 'k1', bodyHash: 'h1', answer: () => '{}' });
      under.setTime(1_000_000 + 25 * 3_600_000);
      expect(await log.answered('k1', 'h1')).toBeUndefined();
    });

    test('a closed log refuses appends', async () => {
      const log = await create().store.open(settings());
      await log.close();
      await expect(log.append(batchOf(lines(1)))).rejects.toBeInstanceOf(MillraceError);
    });
  });
}

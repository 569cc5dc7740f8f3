import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { createRouter } from '../../src/ingest/route.ts';
import { openShards, type Shard, type ShardChange } from '../../src/stream/shard-map.ts';
import type {
  LogSettings,
  RawSettings,
  Retention,
  StreamLog,
  StreamStore,
} from '../../src/stream/stream-store.ts';
import { batchOf, LOG_SETTINGS, readAll } from '../support/stream.ts';

export interface StreamStoreUnderTest {
  readonly store: StreamStore;
  readonly files: FileSystem;
  /** What a crash and a new start leave. */
  reopen(): StreamStoreUnderTest;
  /** The time that the store sees. */
  setTime(ms: number): void;
  /** Where a raw zone can be. */
  readonly rawPlace: string;
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
      const first = await under.store.open(settings({ retention: { ageMs: 1000 } }));
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
      const log = await under.store.open(settings({ retention: { ageMs: 1000 }, schema: changed }));
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

    /** A log with a closed segment of 5 records, at time 10,000, and one that takes records. */
    const withClosedSegment = async (
      under: StreamStoreUnderTest,
      retention: Retention,
      raw?: RawSettings,
    ) => {
      under.setTime(10_000);
      const first = await under.store.open(settings({ retention, raw }));
      await first.append(batchOf(lines(5)), { key: 'k', bodyHash: 'h', answer: () => '{"a":1}' });
      await first.close();
      const field = { name: 'm', type: { kind: 'string' as const }, optional: true };
      const schema = {
        fields: [...LOG_SETTINGS.schema.fields, field],
        unknown: 'refuse' as const,
      };
      const log = await under.store.open(settings({ retention, schema, raw }));
      await log.append(batchOf(lines(5, 5)));
      return log;
    };

    test('S7: retention says which consumer holds how much of what it would remove', async () => {
      const under = create();
      const log = await withClosedSegment(under, { ageMs: 1000 });
      log.setConsumer('table', 10);
      await log.commitConsumer('billing', 2);
      under.setTime(60_000);
      expect(await log.trim()).toBe(0);
      expect(log.status().held).toEqual({ consumer: 'billing', bytes: expect.any(Number) });
      expect(log.status().held?.bytes).toBeGreaterThan(500);
      await log.removeConsumer('billing');
      expect(await log.trim()).toBe(1);
      expect(log.status().held).toBeNull();
    });

    test('S7: beyond its size the oldest records go before their time', async () => {
      const under = create();
      const log = await withClosedSegment(under, { ageMs: 1e12, bytesMax: 1 });
      log.setConsumer('table', 4);
      expect(await log.trim()).toBe(0);
      log.setConsumer('table', 10);
      expect(await log.trim()).toBe(1);
      expect(log.firstSequence).toBe(5);
    });

    test('S7: records go when their time is over although none came after them', async () => {
      const under = create();
      under.setTime(10_000);
      const log = await under.store.open(settings({ retention: { ageMs: 3_600_000 } }));
      await log.append(batchOf(lines(5)));
      expect(await log.trim()).toBe(0);
      under.setTime(10_000 + 4_000_000);
      expect(await log.trim()).toBe(1);
      expect([log.firstSequence, log.nextSequence]).toEqual([5, 5]);
      const after = under.reopen();
      const again = await after.store.open(settings({ retention: { ageMs: 3_600_000 } }));
      expect([again.firstSequence, again.nextSequence]).toEqual([5, 5]);
      const [placement] = await again.append(batchOf(lines(1)));
      expect(placement?.first).toBe(5);
    });

    test('S8: answers stay for 24 hours although their records are gone', async () => {
      const under = create();
      const log = await withClosedSegment(under, { ageMs: 1000 });
      under.setTime(60_000);
      expect(await log.trim()).toBe(1);
      expect(await log.answered('k', 'h')).toBe('{"a":1}');
      const after = under.reopen();
      const again = await after.store.open(settings({ retention: { ageMs: 1000 } }));
      expect(await again.answered('k', 'h')).toBe('{"a":1}');
      after.setTime(26 * 3_600_000);
      await again.trim();
      const later = after.reopen();
      const last = await later.store.open(settings({ retention: { ageMs: 1000 } }));
      expect(await last.answered('k', 'h')).toBeUndefined();
    });

    test('S3, S10: records of one key keep their order while shards are split and merged under load', async () => {
      const under = create();
      const log = await under.store.open(settings({ shards: 2 }));
      const keys = Array.from({ length: 40 }, (_, key) => Buffer.from(`key-${key}`));
      const changes: ShardChange[] = [{ split: 0 }, { count: 7 }, { count: 3 }, { count: 3 }];
      const appends: Promise<unknown>[] = [];
      const reshards: Promise<unknown>[] = [];
      for (let round = 0; round < 60; round++) {
        const router = createRouter(log.routing);
        const records = keys.map((_, key) => JSON.stringify({ n: key * 1000 + round }));
        const place = (key: number) => router.byKey(keys[key] as Buffer, 0, 5 + String(key).length);
        appends.push(log.append(batchOf(records, (key) => place(key), log.routing.version)));
        const change = round % 20 === 10 ? changes[Math.floor(round / 20)] : undefined;
        if (change) reshards.push(log.reshard(change));
      }
      await Promise.all([...appends, ...reshards]);
      const after = under.reopen();
      const again = await after.store.open(settings({ shards: 2 }));
      const { records } = await readAll(again, after.files);
      expect(records).toHaveLength(40 * 60);
      for (const [key] of keys.entries()) {
        const rounds = records
          .map(({ line }) => JSON.parse(line).n as number)
          .filter((n) => Math.floor(n / 1000) === key)
          .map((n) => n % 1000);
        expect(rounds).toEqual(Array.from({ length: 60 }, (_, round) => round));
      }
      for (const { shard, sequence } of records) {
        const { openedAt, closedAt } = again.shards.find(({ id }) => id === shard) as Shard;
        expect(sequence).toBeGreaterThanOrEqual(openedAt);
        expect(sequence).toBeLessThan(closedAt ?? Number.POSITIVE_INFINITY);
      }
      expect(openShards(again.shards)).toHaveLength(3);
      expect(new Set(again.shards.map(({ id }) => id)).size).toBe(again.shards.length);
    });

    test('S10: records routed before a change are refused after it, and nothing of them is stored', async () => {
      const log = await create().store.open(settings({ shards: 1 }));
      const batch = batchOf(lines(3));
      await log.reshard({ count: 2 });
      await expect(log.append(batch)).rejects.toMatchObject({ code: 'MR_RESHARDED' });
      expect(log.nextSequence).toBe(0);
    });

    test('S10: another number of shards in the definition changes them, the same one does not', async () => {
      const first = create();
      const log = await first.store.open(settings({ shards: 2 }));
      await log.append(batchOf(lines(2), (index) => index));
      await log.reshard({ split: 1 });
      const second = first.reopen();
      const again = await second.store.open(settings({ shards: 2 }));
      expect(openShards(again.shards).map(({ id }) => id)).toEqual([0, 2, 3]);
      await again.close();
      const third = second.reopen();
      const wider = await third.store.open(settings({ shards: 4 }));
      expect(openShards(wider.shards)).toHaveLength(4);
      expect((await readAll(wider, third.files)).records).toHaveLength(2);
    });

    test('S11: a named consumer and its position survive a restart, until it is removed', async () => {
      const first = create();
      const log = await first.store.open(settings());
      await log.append(batchOf(lines(5)));
      log.setConsumer('table', 5);
      await log.commitConsumer('billing', 3);
      await expect(log.commitConsumer('billing', 6)).rejects.toMatchObject({
        code: 'MR_REQUEST_INVALID',
      });
      await expect(log.commitConsumer('table', 1)).rejects.toMatchObject({
        code: 'MR_REQUEST_INVALID',
      });
      const second = first.reopen();
      const again = await second.store.open(settings());
      expect([...again.consumers]).toEqual([['billing', 3]]);
      expect(await again.removeConsumer('billing')).toBe(true);
      expect(await again.removeConsumer('billing')).toBe(false);
      const third = second.reopen();
      expect([...(await third.store.open(settings())).consumers]).toEqual([]);
    });

    test('S12: a closed segment goes to the raw zone and is read from there, until its time there is over', async () => {
      const under = create();
      const raw = { to: under.rawPlace, keepMs: 1_000_000 };
      const log = await withClosedSegment(under, { ageMs: 1000 }, raw);
      under.setTime(60_000);
      expect(await log.trim()).toBe(1);
      expect(log.status()).toMatchObject({ firstSequence: 0, segments: 1, raw: { segments: 1 } });
      const all = lines(10);
      expect((await readAll(log, under.files)).records.map(({ line }) => line)).toEqual(all);
      expect(await log.firstAtOrAfter(10_000)).toBe(0);
      const after = under.reopen();
      const again = await after.store.open({ ...settings({ raw }), schema: log.schema });
      expect((await readAll(again, after.files)).records.map(({ line }) => line)).toEqual(all);
      after.setTime(1_100_000);
      again.setConsumer('table', 4);
      await again.trim();
      expect(again.firstSequence).toBe(0);
      again.setConsumer('table', 5);
      await again.trim();
      expect(again.firstSequence).toBe(5);
      expect((await readAll(again, after.files)).records.map(({ line }) => line)).toEqual(
        all.slice(5),
      );
    });

    test('S13: partition keys stay with their records, also in a raw zone, and go with them', async () => {
      const under = create();
      const raw = { to: under.rawPlace, keepMs: 1_000_000 };
      const log = await under.store.open(settings({ raw }));
      under.setTime(10_000);
      const keys = ['a\n"b', '\ud800', 'ü', 'd', 'e', 'f'];
      await Promise.all([
        log.append(batchOf(lines(6), (index) => index % 4, 0, keys)),
        log.append(batchOf(lines(6, 6), (index) => index % 4)),
      ]);
      const expected = [...lines(6).map((line, index) => [line, keys[index]])].concat(
        lines(6, 6).map((line) => [line, '']),
      );
      const found = async (opened: StreamStoreUnderTest, from: StreamLog) =>
        (await readAll(from, opened.files)).records.map(({ line, key }) => [line, key]).sort();
      expect(await found(under, log)).toEqual([...expected].sort());
      const after = under.reopen();
      const schema = {
        fields: [
          ...LOG_SETTINGS.schema.fields,
          { name: 'm', type: { kind: 'string' as const }, optional: true },
        ],
        unknown: 'refuse' as const,
      };
      const again = await after.store.open(settings({ raw, schema }));
      expect(await found(after, again)).toEqual([...expected].sort());
      after.setTime(1_000_000);
      await again.append(batchOf(lines(1, 12)));
      expect(await again.trim()).toBe(1);
      const rest = (await found(after, again)).filter(([line]) => line !== '{"n":12}');
      expect(rest).toEqual([...expected].sort());
    });

    test('S14: put back, a log has another epoch from there on, says which it had, and reads what it has', async () => {
      const first = create();
      const log = await first.store.open(settings());
      await log.append(batchOf(lines(6)));
      const { epoch } = log;
      const second = first.reopen();
      await second.store.putBack('sales');
      const again = await second.store.open(settings());
      expect(again.epoch).not.toBe(epoch);
      expect(again.lineage).toEqual([{ epoch, next: 6 }]);
      await again.append(batchOf(lines(2, 6)));
      const third = second.reopen();
      await third.store.putBack('sales');
      const twice = await third.store.open(settings());
      expect(twice.lineage).toEqual([
        { epoch, next: 6 },
        { epoch: again.epoch, next: 8 },
      ]);
      const { records, damage } = await readAll(twice, third.files);
      expect([records.map(({ line }) => line), damage]).toEqual([lines(8), []]);
      const fourth = third.reopen();
      expect((await fourth.store.open(settings())).epoch, 'it stays so').toBe(twice.epoch);
    });

    test('S14: a checkpoint beyond the end says that the log was put back; others say nothing', async () => {
      const first = create();
      const log = await first.store.open(settings());
      await log.append(batchOf(lines(6)));
      const { epoch } = log;
      const harmless = [
        { epoch, next: 6 },
        { epoch: 'another', next: 100 },
      ];
      const second = first.reopen();
      const same = await second.store.open(settings({ checkpoints: harmless }));
      expect([same.epoch, same.lineage]).toEqual([epoch, []]);
      const third = second.reopen();
      const put = await third.store.open(settings({ checkpoints: [{ epoch, next: 7 }] }));
      expect(put.lineage).toEqual([{ epoch, next: 6 }]);
      const fourth = third.reopen();
      const known = await fourth.store.open(settings({ checkpoints: [{ epoch, next: 7 }] }));
      expect(known.epoch, 'it is known from then on').toBe(put.epoch);
    });

    test('S15: while it is held nothing goes, and the files of a moment are the log of that moment', async () => {
      const under = create();
      const log = await withClosedSegment(under, { ageMs: 1000 });
      const request = { key: 'k1', bodyHash: 'h1', answer: () => '{"accepted":1}' };
      const keys = ['a'];
      await log.append(
        batchOf(lines(1, 10), () => 0, 0, keys),
        request,
      );
      await log.commitConsumer('billing', 3);
      under.setTime(60_000);
      const hold = await under.store.hold();
      expect(await log.trim(), 'retention waits').toBe(0);
      const [moment] = hold.moment();
      expect(moment).toMatchObject({ name: 'sales', nextSequence: 11 });
      await log.append(batchOf(lines(5, 11)));
      await log.commitConsumer('billing', 16);
      await log.reshard({ count: 8 });
      const { files } = under;
      const from = moment?.folder ?? '';
      const to = join(dirname(from), 'copied');
      await files.makeFolder(to);
      for (const { name: file, bytes, text } of moment?.files ?? []) {
        const all = text === undefined ? await files.readFile(join(from, file)) : Buffer.from(text);
        await files.replaceFile(join(to, file), all.subarray(0, bytes));
      }
      hold.release();
      expect(await log.trim(), 'retention goes on').toBe(1);
      const copy = await under.store.open({ ...settings({ name: 'copied' }), schema: log.schema });
      const { records, damage } = await readAll(copy, files);
      expect(damage).toEqual([]);
      expect(records.map(({ line }) => line)).toEqual(lines(11));
      expect(records.at(-1)?.key).toBe('a');
      expect(copy.consumers.get('billing')).toBe(3);
      expect(openShards(copy.shards)).toHaveLength(4);
      expect(await copy.answered('k1', 'h1')).toBe('{"accepted":1}');
      expect(copy.status().damaged).toEqual([]);
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

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemErrorCode } from '../../src/core/errors.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { ReadTurns } from '../../src/stream/read-turns.ts';
import type { ReadRequest } from '../../src/stream/record-reader.ts';
import type { LogSettings, StreamLog } from '../../src/stream/stream-store.ts';
import { FaultFileSystem, seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { nextPiece, parseLines, piecesOf, readBuffer, readerOf } from '../support/reading.ts';
import { batchOf, LOG_SETTINGS, readAll, storeOn } from '../support/stream.ts';

/** Another schema closes the segment. */
const withField = (version: number): LogSettings => ({
  ...LOG_SETTINGS,
  schema: {
    fields: [
      ...LOG_SETTINGS.schema.fields,
      ...Array.from({ length: version }, (_, index) => ({
        name: `m${index}`,
        type: { kind: 'string' as const },
        optional: true,
      })),
    ],
    unknown: 'refuse',
  },
});

interface Stored {
  readonly log: StreamLog;
  readonly files: FileSystem;
  readonly expected: readonly { sequence: number; shard: number; line: string }[];
}

/** A log of several segments: tiny commits, large ones (more than a window), records of any length. */
async function stored(seed: number, rounds = 6): Promise<Stored> {
  const random = seededRandom(seed);
  const files = new FaultFileSystem(seed);
  let log = await storeOn(files, '/data').open(LOG_SETTINGS);
  let n = 0;
  for (let round = 0; round < rounds; round++) {
    if (random() < 0.4) {
      await log.close();
      log = await storeOn(files, '/data').open(withField(round + 1));
    }
    const isLarge = random() < 0.3;
    const count = isLarge ? 3000 : 1 + Math.floor(random() * 30);
    const lines = Array.from({ length: count }, () => {
      const pad = random() < 0.01 ? 90_000 : Math.floor(random() * 60);
      return `{"n":${n++},"p":"${'x'.repeat(pad)}"}`;
    });
    await log.append(batchOf(lines, () => Math.floor(random() * 4)));
  }
  const { records } = await readAll(log, files);
  return { log, files, expected: records };
}

const numbers = (text: string) => parseLines(text).records.map(({ sequence }) => sequence);

describe('Reading records back', () => {
  test('L1: the pieces are the records of the log, in order, once, with shard and bytes', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const { log, files, expected } = await stored(seed);
      const { records, damaged } = parseLines(await piecesOf(readerOf(files), log));
      expect(damaged).toEqual([]);
      expect(
        records.map(({ sequence, shard, text }) => ({ line: text, sequence, shard, key: '' })),
        `seed ${seed}`,
      ).toEqual(expected);
    }
  });

  test('L1: readers that go on where others were read the log, in order, once; filters, range and limit hold', async () => {
    const logs = await Promise.all([11, 12, 13].map((seed) => stored(seed)));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 }),
        fc.option(fc.uniqueArray(fc.nat(3), { minLength: 1 })),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.option(fc.integer({ min: 1, max: 5000 })),
        async (which, steps, shards, start, end, limit) => {
          const { log, files, expected } = logs[which] as Stored;
          const from = Math.floor(start * log.nextSequence);
          const until = from + Math.floor(end * (log.nextSequence - from));
          const request: Partial<ReadRequest> = {
            until,
            shards: shards ? new Set(shards) : undefined,
          };
          let reader = readerOf(files, { ...request, from, limit: limit ?? undefined });
          const buffer = readBuffer();
          let text = '';
          for (const pieces of [...steps, Number.POSITIVE_INFINITY]) {
            for (let piece = 0; piece < pieces && !reader.done; piece++)
              text += (await nextPiece(reader, log, { buffer })).toString();
            if (reader.done) break;
            reader = readerOf(files, { ...request, from: reader.position, limit: reader.left });
          }
          const wanted = expected
            .filter(({ sequence }) => sequence >= from && sequence < until)
            .filter(({ shard }) => !shards || shards.includes(shard))
            .slice(0, limit ?? undefined);
          expect(numbers(text)).toEqual(wanted.map(({ sequence }) => sequence));
        },
      ),
      { numRuns: 60, seed: 20261121 },
    );
  });

  test('L2: a reader beside a writer sees what is durable and nothing else, without gap or double', async () => {
    const files = nodeFileSystem();
    const log = await storeOn(files, temporaryFolder()).open(LOG_SETTINGS);
    let acknowledged = 0;
    const writing = (async () => {
      for (let batch = 0; batch < 120; batch++) {
        const lines = Array.from({ length: 20 }, (_, index) => `{"n":${batch * 20 + index}}`);
        await log.append(batchOf(lines));
        acknowledged += 20;
      }
    })();
    const reader = readerOf(files);
    const buffer = readBuffer();
    let text = '';
    while (acknowledged < 2400 || reader.position < log.nextSequence) {
      const piece = await nextPiece(reader, log, { buffer });
      expect(reader.position).toBeLessThanOrEqual(log.nextSequence);
      text += piece.toString();
      if (piece.length === 0) await new Promise(setImmediate);
    }
    await writing;
    expect(parseLines(text).records.map((record) => record.text)).toEqual(
      Array.from({ length: 2400 }, (_, index) => `{"n":${index}}`),
    );
    await log.close();
  });

  test('L3: a piece is bounded, whatever the commits are', async () => {
    const files = new FaultFileSystem(3);
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    const large = `{"p":"${'x'.repeat(LIMITS.recordBytesMax - 8)}"}`;
    expect(large).toHaveLength(LIMITS.recordBytesMax);
    await log.append(batchOf([large, large, '{}']));
    await log.append(batchOf(Array.from({ length: 100_000 }, () => '{}')));
    await log.append(batchOf(Array.from({ length: 20_000 }, () => `{"p":"${'y'.repeat(200)}"}`)));
    let pieces = 0;
    const onPiece = (piece: Buffer) => {
      pieces += 1;
      const records = piece.toString().split('\n').length - 1;
      expect(piece.length).toBeLessThan(
        LIMITS.readerPieceBytesMax + (records === 1 ? LIMITS.recordBytesMax : 300) + 200,
      );
    };
    const text = await piecesOf(readerOf(files), log, { onPiece });
    expect(numbers(text)).toEqual(Array.from({ length: 120_003 }, (_, index) => index));
    expect(pieces).toBeGreaterThan(40);
    expect(pieces, 'and large enough').toBeLessThan(400);
  });

  test('L3: of many readers few hold a buffer at once', async () => {
    const turns = new ReadTurns();
    const buffers = new Set<Buffer>();
    let [now, most] = [0, 0];
    const read = async (buffer: Buffer) => {
      buffers.add(buffer);
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now -= 1;
    };
    await Promise.all(Array.from({ length: 100 }, () => turns.take(read)));
    expect([most, buffers.size]).toEqual([LIMITS.readsAtOnce, LIMITS.readsAtOnce]);
  });

  test('L4: damaged bytes are named in their place, in a short and in a long run, and what lies behind is read', async () => {
    const files = new FaultFileSystem(5);
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    await log.append(batchOf(['{"n":0}', '{"n":1}']));
    await log.append(batchOf(['{"n":2}', '{"n":3}'], (index) => index));
    const long = Array.from({ length: 9000 }, (_, index) => `{"n":${index},"p":"xxxxxxxxxx"}`);
    await log.append(batchOf(long));
    await log.append(batchOf(['{"n":9004}']));
    files.flipBit('/data/sales/0000000000000000.ndjson', 512 + 3);
    files.flipBit('/data/sales/0000000000000000.ndjson', 512 * 3 + 100_000);
    const whole = parseLines(await piecesOf(readerOf(files), log));
    expect(whole.order).toEqual(['0', '1', '2..2@0', '3', '4..9003@0', '9004']);
    const inside = await piecesOf(readerOf(files, { from: 5000, until: 6000 }), log);
    expect(parseLines(inside).order).toEqual(['5000..5999@0']);
    const other = await piecesOf(readerOf(files, { shards: new Set([1]) }), log);
    expect(parseLines(other).order, 'of other shards nothing is read').toEqual(['3']);
  });

  test('L4: records whose index entry is lost are named, at the end of a segment too', async () => {
    const files = new FaultFileSystem(6);
    const first = await storeOn(files, '/data').open(LOG_SETTINGS);
    for (let n = 0; n < 4; n++) await first.append(batchOf([`{"n":${n}}`]));
    await first.close();
    const second = await storeOn(files, '/data').open(withField(1));
    await second.append(batchOf(['{"n":4}']));
    await second.close();
    // Of one wrong bit an entry is mended.
    for (const at of [60, 70, 512 * 2 + 60, 512 * 2 + 70])
      files.flipBit('/data/sales/0000000000000000.idx', 512 + at);
    const log = await storeOn(files, '/data').open(withField(1));
    const { order } = parseLines(await piecesOf(readerOf(files), log));
    expect(order).toEqual(['0', '1..1@?', '2', '3..3@?', '4']);
  });

  test('L4: a disk that lost a run since it was checked is damage, not an end', async () => {
    const files = new FaultFileSystem(7);
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    const line = `{"p":"${'x'.repeat(100)}"}`;
    await log.append(batchOf(Array.from({ length: 9000 }, () => line)));
    await log.append(batchOf(['{"n":9000}']));
    const reader = readerOf(files);
    const start = parseLines((await nextPiece(reader, log)).toString());
    const handle = await files.open('/data/sales/0000000000000000.ndjson', 'write');
    await handle.truncate(1000);
    const rest = parseLines(await piecesOf(reader, log));
    expect(rest.order).toEqual([`${start.records.length}..8999@0`, '9000..9000@0']);
  });

  test('L5: records come as their bytes are, and as events on one line each', async () => {
    const files = new FaultFileSystem(8);
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    const lines = ['{ "n" : 1.50, "ü":"\u2028" }', '{"n":1,\r"m":2}'];
    await log.append(batchOf(lines));
    const { records } = parseLines(await piecesOf(readerOf(files), log));
    expect(records.map(({ text }) => text)).toEqual(lines);
    const events = await piecesOf(readerOf(files), log, { form: 'events' });
    const time = records[0]?.arrivedAt;
    expect(events.split('\n\n')).toEqual([
      `id: 0\ndata: {"sequenceNumber":"0","shard":0,"arrivedAt":"${time}","record":${lines[0]}}`,
      `id: 1\ndata: {"sequenceNumber":"1","shard":0,"arrivedAt":"${time}","record":{"n":1, "m":2}}`,
      '',
    ]);
  });

  test('L5: what cannot match is not parsed', async () => {
    const files = new FaultFileSystem(9);
    const log = await storeOn(files, '/data').open(LOG_SETTINGS);
    await log.append(batchOf(Array.from({ length: 20_000 }, (_, n) => `{"n":${n}}`)));
    const looked: string[] = [];
    const key = {
      mayMatch: (bytes: Buffer) => bytes.includes('123'),
      matches: (line: Buffer) => {
        looked.push(line.toString());
        return line.toString() === '{"n":123}';
      },
    };
    expect(numbers(await piecesOf(readerOf(files, { key }), log))).toEqual([123]);
    expect(looked.length).toBeGreaterThan(1);
    expect(looked.filter((line) => !line.includes('123'))).toEqual([]);
  });

  test('L6: records that retention took are an error, before and while they are read', async () => {
    const files = new FaultFileSystem(10);
    let now = 1_000_000;
    const clock = { now: () => now, after: () => () => {} };
    const first = await storeOn(files, '/data', { clock }).open(LOG_SETTINGS);
    await first.append(batchOf(Array.from({ length: 5 }, (_, n) => `{"n":${n}}`)));
    await first.close();
    const log = await storeOn(files, '/data', { clock }).open(withField(1));
    await log.append(batchOf(['{"n":5}']));
    const slow = readerOf(files, { limit: 2 });
    expect(numbers(await piecesOf(slow, log))).toEqual([0, 1]);
    log.setConsumer('table', 5);
    now += 10 * LOG_SETTINGS.retention.ageMs;
    // Listed before retention ran, opened after it.
    const retained = {
      open: async (...args: Parameters<FileSystem['open']>) => {
        await log.trim();
        return files.open(...args);
      },
    } as FileSystem;
    const racing = nextPiece(readerOf(retained), log);
    const refusal = { code: 'MR_STREAM_EXPIRED', details: { oldest: '5' } };
    await expect(racing).rejects.toMatchObject(refusal);
    const late = readerOf(files, { from: slow.position });
    const error = await nextPiece(late, log).catch((caught: unknown) => caught);
    expect(error).toMatchObject(refusal);
    expect((error as Error).message).toContain('from=earliest, or from=5');
    expect(systemErrorCode(error)).not.toBe('ENOENT');
    expect(numbers(await piecesOf(readerOf(files, { from: 5 }), log))).toEqual([5]);
  });

  test('a time finds the first record that arrived then or later, over segments and a clock that jumps back', async () => {
    const files = new FaultFileSystem(11);
    let now = 1000;
    const clock = { now: () => now, after: () => () => {} };
    const times: number[] = [];
    let log = await storeOn(files, '/data', { clock }).open(LOG_SETTINGS);
    for (const [index, time] of [1000, 2000, 2000, 1500, 3000, 5000, 5000, 9000].entries()) {
      now = time;
      if (index % 3 === 2) {
        await log.close();
        log = await storeOn(files, '/data', { clock }).open(withField(index));
      }
      await log.append(batchOf(['{}', '{}'], (record) => record));
      times.push(Math.max(time, times.at(-1) ?? 0), Math.max(time, times.at(-1) ?? 0));
    }
    for (let time = 0; time <= 10_000; time += 250) {
      const found = times.findIndex((arrived) => arrived >= time);
      expect(await log.firstAtOrAfter(time), `at ${time}`).toBe(
        found === -1 ? times.length : found,
      );
    }
  });
});

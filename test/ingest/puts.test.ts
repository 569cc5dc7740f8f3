import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { NamedField } from '../../src/core/field-types.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { SlicedDedupeWindow } from '../../src/ingest/embedded/sliced-dedupe-window.ts';
import { OPAQUE_FIELDS, OpaquePuts, type OpaqueRecord } from '../../src/ingest/opaque-puts.ts';
import type { Rejected } from '../../src/ingest/piece.ts';
import type { PutEntry, PutOutcome } from '../../src/ingest/puts.ts';
import { recordIds } from '../../src/ingest/record-id.ts';
import { StreamPuts } from '../../src/ingest/stream-puts.ts';
import type { StreamLog } from '../../src/stream/stream-store.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import { LOG_SETTINGS, readAll, storeOn } from '../support/stream.ts';

const FIELDS: readonly NamedField[] = [
  { name: 'id', type: { kind: 'string' }, optional: false },
  { name: 'n', type: { kind: 'int' }, optional: true },
];

async function openPuts({
  keepsLetters = false,
  key = 'id' as string | undefined,
  tellsApart = false,
} = {}) {
  const files = new FaultFileSystem(1);
  const log = await storeOn(files, '/data').open({
    ...LOG_SETTINGS,
    schema: { fields: FIELDS, unknown: 'refuse' },
  });
  const ids = recordIds(FIELDS[0] as NamedField);
  const window = await SlicedDedupeWindow.open({
    ...{ log, ids, files, clock: systemClock, logger: silentLogger },
    withinMs: 60_000,
    folder: '/data/ids',
  });
  const letters: Rejected[] = [];
  const puts = new StreamPuts({
    log,
    key,
    deadLetters: keepsLetters
      ? async (rejected) => {
          letters.push(...rejected);
        }
      : undefined,
    dedupe: tellsApart ? { ids, window } : undefined,
  });
  return { files, log, puts, letters };
}

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

const entry = (text: string | Buffer, partitionKey?: string, hashKey?: bigint): PutEntry => ({
  data: base64(text),
  partitionKey,
  hashKey,
});

/** The rule of Kinesis, by hand. */
function shardOf(key: string, log: StreamLog): number {
  const hash = BigInt(`0x${createHash('md5').update(key).digest('hex')}`);
  return log.shards.find(({ hashFrom, hashLast }) => hashFrom <= hash && hash <= hashLast)
    ?.id as number;
}

const places = (outcomes: readonly PutOutcome[]) =>
  outcomes.map((outcome) =>
    'refusal' in outcome ? outcome.refusal.code : `${outcome.shard}:${outcome.sequence}`,
  );

describe('puts into a stream of the pipeline', () => {
  test('P1, P3: each entry is told the shard of its partition key and the number it has in the log', async () => {
    const { files, log, puts } = await openPuts();
    const keys = Array.from({ length: 200 }, (_, index) => `key ${index % 17}`);
    const outcomes = await puts.put(keys.map((key, n) => entry(`{"id":"a","n":${n}}`, key)));
    const { records } = await readAll(log, files);
    const byLine = new Map(records.map((record) => [record.line, record]));
    outcomes.forEach((outcome, n) => {
      const record = byLine.get(`{"id":"a","n":${n}}`);
      expect(outcome).toEqual({ shard: record?.shard, sequence: record?.sequence });
      expect(record?.shard).toBe(shardOf(keys[n] as string, log));
      expect(record?.key).toBe(keys[n]);
    });
  });

  test('P3: an explicit hash key says it instead, and without both the key of the record does', async () => {
    const { log, puts } = await openPuts();
    const last = 2n ** 128n - 1n;
    const outcomes = await puts.put([
      entry('{"id":"a"}', 'a', 0n),
      entry('{"id":"a"}', 'a', last),
      entry('{"id":"abc"}'),
    ]);
    expect(outcomes.map((outcome) => 'shard' in outcome && outcome.shard)).toEqual([
      0,
      3,
      shardOf('abc', log),
    ]);
  });

  test('P4: a partition key that is the value of the stream’s own key takes no room of its own', async () => {
    const { files, log, puts } = await openPuts();
    await puts.put([entry('{"id":"a"}', 'a'), entry('{ "n": 1, "id": "b" }', 'b')]);
    expect((await readAll(log, files)).records.map(({ key }) => key)).toEqual(['', '']);
    await puts.put([entry('{"id":"a"}', 'a'), entry('{"id":"b"}', 'other')]);
    const after = (await readAll(log, files)).records.slice(2);
    expect(after.map(({ key }) => key).sort()).toEqual(['a', 'other']);
  });

  test('P2: of one entry either all is stored or nothing; the others do not mind', async () => {
    const { files, log, puts } = await openPuts();
    const outcomes = await puts.put([
      entry('{"id":"1"}{"id":"2"}\n{"id":"3"}', 'k'),
      entry('{"id":"4"}{"id":5}', 'k'),
      entry('not JSON', 'k'),
      entry('', 'k'),
      entry(' \n', 'k'),
      entry('[{"id":"6"},{"id":"7"}]', 'k'),
      entry(Buffer.from([0x7b, 0xff, 0x7d]), 'k'),
      entry('{"id":"8"}\r\n', 'k'),
    ]);
    expect(places(outcomes)).toEqual([
      '2:2',
      'MR_FIELD_TYPE',
      'MR_RECORD_SYNTAX',
      'MR_RECORD_SYNTAX',
      'MR_RECORD_SYNTAX',
      '2:4',
      'MR_RECORD_ENCODING',
      '2:5',
    ]);
    const { records } = await readAll(log, files);
    expect(records.map(({ line }) => JSON.parse(line).id)).toEqual(['1', '2', '3', '6', '7', '8']);
  });

  test('where refused records are kept elsewhere the entry is taken, and the rest of it stored', async () => {
    const { files, log, puts, letters } = await openPuts({ keepsLetters: true });
    const outcomes = await puts.put([entry('{"id":"1"}{"id":2}', 'k'), entry('nothing', 'k')]);
    expect(places(outcomes), 'the second one has no record: the newest number').toEqual([
      '2:0',
      '0:0',
    ]);
    expect((await readAll(log, files)).records.map(({ line }) => line)).toEqual(['{"id":"1"}']);
    expect(letters.map(({ index, bytes }) => [index, bytes.toString()])).toEqual([
      [0, '{"id":2}'],
      [1, 'nothing'],
    ]);
  });

  test('nothing but refused entries stores nothing, and says why', async () => {
    const { log, puts } = await openPuts();
    const [outcome] = await puts.put([entry('{"id":1}', 'k')]);
    expect(outcome).toMatchObject({ refusal: { code: 'MR_FIELD_TYPE', field: 'id' } });
    expect(log.nextSequence).toBe(0);
  });

  test('a record that is there already is not stored again; its entry is told its shard and the newest number', async () => {
    const { files, log, puts } = await openPuts({ tellsApart: true });
    await puts.put([entry('{"id":"1"}', 'a')]);
    const again = await puts.put([
      entry('{"id":"2"}', 'b'),
      entry('{"id":"1"}', 'a'),
      entry('{"id":"3"}', 'a'),
      entry('{"id":"3"}', 'b'),
    ]);
    const [a, b] = [shardOf('a', log), shardOf('b', log)];
    const { records } = await readAll(log, files);
    expect(records.map(({ line }) => line).sort()).toEqual([
      '{"id":"1"}',
      '{"id":"2"}',
      '{"id":"3"}',
    ]);
    const sequenceOf = (line: string) => records.find((record) => record.line === line)?.sequence;
    expect(a).not.toBe(b);
    expect(again).toEqual([
      { shard: b, sequence: sequenceOf('{"id":"2"}') },
      { shard: a, sequence: 2 },
      { shard: a, sequence: sequenceOf('{"id":"3"}') },
      { shard: b, sequence: 2 },
    ]);
  });

  test('bytes as they are come as base64 does', async () => {
    const { files, log, puts } = await openPuts();
    const data = new Uint8Array(Buffer.from('{"id":"a"}'));
    await puts.put([{ data, partitionKey: 'a', hashKey: undefined }]);
    expect((await readAll(log, files)).records.map(({ line }) => line)).toEqual(['{"id":"a"}']);
  });

  test('shards that change are followed', async () => {
    const { log, puts } = await openPuts();
    await puts.put([entry('{"id":"a"}', 'a')]);
    await log.reshard({ count: 1 });
    const [outcome] = await puts.put([entry('{"id":"a"}', 'a')]);
    expect(outcome).toEqual({ shard: log.routing.open[0]?.id, sequence: 1 });
  });
});

describe('puts into a stream that a program made', () => {
  test('P1, P3, P4: any bytes lie in the log with their key, in the shard of it', async () => {
    const files = new FaultFileSystem(2);
    const log = await storeOn(files, '/data').open({
      ...LOG_SETTINGS,
      schema: { fields: OPAQUE_FIELDS, unknown: 'refuse' },
    });
    const puts = new OpaquePuts(log);
    const given = Array.from({ length: 50 }, (_, index) => ({
      bytes: randomBytes(index),
      key: ['k"1', 'ü', '\ud800', 'line\nbreak'][index % 4] as string,
    }));
    const outcomes = await puts.put(
      given.map(({ bytes, key }, index) =>
        index % 2 === 0
          ? entry(bytes, key)
          : { data: new Uint8Array(bytes), partitionKey: key, hashKey: undefined },
      ),
    );
    const { records } = await readAll(log, files);
    outcomes.forEach((outcome, index) => {
      const { bytes, key } = given[index] as (typeof given)[number];
      const found = records.find(
        ({ sequence }) => 'sequence' in outcome && sequence === outcome.sequence,
      );
      const { data, partitionKey } = JSON.parse(found?.line ?? '') as OpaqueRecord;
      expect(Buffer.from(data, 'base64')).toEqual(bytes);
      expect(partitionKey).toBe(key);
      expect(found?.shard).toBe(shardOf(key, log));
    });
  });
});

test('what a library put together beside what has no key: each record keeps its own', async () => {
  const { files, log, puts } = await openPuts({ key: undefined });
  const message = Buffer.concat([
    Buffer.from([0x0a, 1, 0x6b]),
    Buffer.from([0x1a, 14, 0x08, 0, 0x1a, 10]),
    Buffer.from('{"id":"b"}'),
  ]);
  const digest = createHash('md5').update(message).digest();
  const aggregated = Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, digest]);
  await puts.put([entry('{"id":"a"}'), entry(aggregated), entry('{"id":"c"}')]);
  const { records } = await readAll(log, files);
  const keys = Object.fromEntries(records.map(({ line, key }) => [JSON.parse(line).id, key]));
  expect(keys).toEqual({ a: '', b: 'k', c: '' });
});

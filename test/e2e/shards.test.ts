import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { HASH_KEYS } from '../../src/stream/shard-map.ts';
import { temporaryFolder } from '../support/folder.ts';
import { millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const pipeline = (options: string) => `
import { field as f, lookup, stream } from 'millrace';
export const steps = stream('steps', {
  fields: { device: f.string(), step: f.int() }, ${options},
});
`;
const KEYED = "key: 'device', shards: 2, table: { every: '1s' }";
const DEVICES = 30;

/** Each device's steps in order, one step of all devices a request. */
async function walk(running: RunningPipeline, from: number, until: number): Promise<void> {
  for (let step = from; step < until; step++) {
    const rows = Array.from({ length: DEVICES }, (_, device) =>
      JSON.stringify({ device: `d${device}`, step }),
    );
    const response = await running.post('/v1/streams/steps/records', rows.join('\n'));
    expect(await response.json()).toMatchObject({ accepted: DEVICES, rejected: [] });
  }
}

test('shards change while records come in: none is lost, each device stays in order, closed shards keep theirs', async () => {
  const folder = temporaryFolder();
  const running = await startPipeline(folder, pipeline(KEYED));
  const cli = (...words: string[]) =>
    millrace(['reshard', 'steps', ...words, '--pipeline', folder, '--json']);
  const walking = walk(running, 0, 150);
  for (const words of [
    ['--count', '5'],
    ['--split', '2'],
  ]) {
    const done = await cli(...words);
    expect(done.code, done.err).toBe(0);
  }
  await walking;
  const merged = await running.post('/v1/streams/steps/shards', '{"count":1}');
  expect(merged.status).toBe(200);
  await walk(running, 150, 160);
  await running.kill();
  const again = await startPipeline(folder, undefined);
  await walk(again, 160, 165);
  const inOrder = `select device, list(step order by _sequence_number) = range(165) from records.steps group by all`;
  const rows = await again.sql(inOrder);
  expect(rows).toHaveLength(DEVICES);
  expect(rows.filter(([, whole]) => whole !== true)).toEqual([]);
  const misplaced = await again.sql(`
    select count(*) from records.steps r left join sys.shards s on s.stream = 'steps' and s.shard = r._shard
    where s.shard is null or r._sequence_number < s.opened_at_sequence_number or r._sequence_number >= s.closed_at_sequence_number`);
  expect(misplaced).toEqual([['0']]);
  const open = await again.sql(
    `select count(*) from sys.shards where stream = 'steps' and state = 'open'`,
  );
  expect(open).toEqual([['1']]);
}, 90_000);

test('another number of shards in the definition is no breaking change, and moves no record', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, pipeline(KEYED));
  await walk(first, 0, 3);
  await first.stop();
  const second = await startPipeline(folder, pipeline(KEYED.replace('shards: 2', 'shards: 8')));
  await walk(second, 3, 6);
  const rows = await second.sql(
    'select list(step order by _sequence_number) = range(6) from records.steps group by device',
  );
  expect(rows).toEqual(Array.from({ length: DEVICES }, () => [true]));
  const open = await second.sql("select count(*) from sys.shards where state = 'open'");
  expect(open).toEqual([['8']]);
}, 60_000);

describe('of a stream without key', () => {
  test('records go where their hash key says, and a stream with a key refuses one', async () => {
    const running = await startPipeline(temporaryFolder(), pipeline('shards: 3'));
    const row = '{"device":"d1","step":1}';
    const keys = ['0', String(HASH_KEYS / 2n), String(HASH_KEYS - 1n)];
    for (const key of keys)
      expect((await running.post(`/v1/streams/steps/records?hashKey=${key}`, row)).status).toBe(
        200,
      );
    const shards = await running.sql('select _shard from records.steps order by _sequence_number');
    expect(shards).toEqual([[0], [1], [2]]);
    for (const wrong of ['-1', '1.5', 'x', '', String(HASH_KEYS)]) {
      const refused = await running.post(`/v1/streams/steps/records?hashKey=${wrong}`, row);
      expect(refused.status).toBe(400);
      expect(await refused.text()).toContain("'hashKey' must be a hash key");
    }
  });
});

test('a key goes to the shard that Kinesis gives it', async () => {
  const running = await startPipeline(temporaryFolder(), pipeline("key: 'device', shards: 3"));
  await walk(running, 0, 1);
  const shards = await running.sql('select shard, hash_from, hash_last from sys.shards');
  const records = await running.sql('select device, _shard from records.steps');
  for (const [device, shard] of records) {
    const hashKey = BigInt(`0x${createHash('md5').update(String(device)).digest('hex')}`);
    const expected = shards.find(
      ([, from, last]) => BigInt(from as string) <= hashKey && hashKey <= BigInt(last as string),
    );
    expect(shard).toBe(expected?.[0]);
  }
  const refused = await running.post(
    '/v1/streams/steps/records?hashKey=1',
    '{"device":"d1","step":1}',
  );
  expect(await refused.text()).toContain("has the key 'device'");
});

test('a named consumer keeps its place over restarts, and can be removed', async () => {
  const folder = temporaryFolder();
  const running = await startPipeline(folder, pipeline(KEYED));
  await walk(running, 0, 2);
  const put = (at: RunningPipeline, next: unknown) =>
    fetch(`${at.url}/v1/streams/steps/consumers/billing`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ next }),
    });
  expect((await put(running, '40')).status).toBe(200);
  for (const wrong of ['61', 40, '-1', 'x', null])
    expect((await put(running, wrong)).status).toBe(400);
  await running.kill();
  const again = await startPipeline(folder, undefined);
  const asked = `select named, next_sequence_number, lag from sys.consumers where consumer = 'billing'`;
  expect(await again.sql(asked)).toEqual([[true, '40', '20']]);
  expect(await (await fetch(`${again.url}/metrics`)).text()).toContain(
    'millrace_consumer_lag_records{stream="steps",consumer="billing"} 20',
  );
  const remove = () =>
    fetch(`${again.url}/v1/streams/steps/consumers/billing`, { method: 'DELETE' });
  expect((await remove()).status).toBe(200);
  expect((await remove()).status).toBe(404);
  expect(await again.sql(asked)).toEqual([]);
});

test.each([
  ['{"split":9}', 'no open shard 9'],
  ['{"merge":[0]}', 'whole numbers'],
  ['{"count":0}', '1 to 256'],
  ['{"count":2,"split":1}', 'One change at a time'],
  ['{"shards":2}', "no member 'shards'"],
  ['{"split":0,"at":5}', "'at' must be a hash key"],
])('the change %s is refused with what is wrong', async (body, message) => {
  const running = await startPipeline(temporaryFolder(), pipeline(KEYED));
  const response = await running.post('/v1/streams/steps/shards', body);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain(message);
});

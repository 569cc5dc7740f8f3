import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);
const CYCLES = Number(process.env['BACKUP_CYCLES'] ?? 2);

const PIPELINE = `
import { field as f, lookup, model, sql, stream } from 'millrace';
export const orders = stream('orders', { fields: { id: f.int(), customer: f.string() }, key: 'customer', shards: 2, invalid: 'deadletter', table: { every: '150ms' } });
export const by_id = lookup('by_id', { from: orders, key: 'id' });
export const totals = model('totals', { sql: sql\`select customer, count(*) as n from \${orders} group by all\`, schedule: 'manual' });
`;

type Event = { readonly event: string; readonly [name: string]: unknown };

async function call(...args: string[]): Promise<{ code: number | null; err: string; last: Event }> {
  const { code, out, err } = await millrace([...args, '--json']);
  const last = JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Event;
  return { code, err, last };
}

const orders = (ids: readonly number[]) =>
  ids.map((id) => JSON.stringify({ id, customer: `c${id % 7}` })).join('\n');

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

async function send(pipeline: RunningPipeline, ids: readonly number[], headers = {}) {
  const response = await pipeline.post('/v1/streams/orders/records', orders(ids), headers);
  return (await response.json()) as { accepted: number };
}

/** Restores the newest backup beside a copy of the pipeline, and runs it. */
async function restored(from: string, ...args: string[]) {
  const folder = temporaryFolder();
  const data = join(folder, '.millrace');
  const done = await call('restore', from, '--data', data, ...args);
  expect([done.code, done.err]).toEqual([0, '']);
  return { folder, data, done, run: () => startPipeline(folder, PIPELINE) };
}

const delivered = (pipeline: RunningPipeline) =>
  eventually(async () => {
    const [row] = await pipeline.sql("select lag from sys.consumers where consumer = 'table'");
    return row?.[0] === '0' ? true : undefined;
  });

const counts = async (pipeline: RunningPipeline) =>
  (await pipeline.sql('select count(*), count(distinct id) from lake.orders'))[0]?.map(Number);

/** Files of the table that are read by whoever opens it: what is delivered. */
const inTable = async (pipeline: RunningPipeline) => {
  await delivered(pipeline);
  return counts(pipeline);
};

const contents = (backups: string) => readdirSync(join(backups, 'files')).sort();

test('a backup has log, lake, lookups, letters, consumers, keys and runs, and restored they are as they were', async () => {
  const folder = temporaryFolder();
  const backups = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, range(0, 500));
  await pipeline.post('/v1/streams/orders/records', '{"id":"wrong"}');
  await delivered(pipeline);
  await send(pipeline, range(500, 600), { 'idempotency-key': 'k1' });
  await fetch(`${pipeline.url}/v1/streams/orders/consumers/billing`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"next":"17"}',
  });
  await millrace(['run', 'totals', '--pipeline', folder]);
  const key = await call('keys', 'create', '--role', 'admin', '--pipeline', folder);
  const done = await call('backup', backups, '--pipeline', folder);
  expect([done.code, done.err]).toEqual([0, '']);
  expect(done.last).toMatchObject({ event: 'done', notices: [], removed: [] });
  expect((await call('backup', backups, '--verify')).last).toMatchObject({ wrong: [] });
  await send(pipeline, range(600, 700));
  expect(await pipeline.stop()).toBe(0);

  const copy = await restored(backups);
  const again = await copy.run();
  expect(await inTable(again)).toEqual([600, 600]);
  expect(await again.sql('select count(*) from deadletters.orders')).toEqual([['1']]);
  expect(await again.sql('select sum(n)::int from warehouse.totals')).toEqual([[600]]);
  expect(
    await again.sql("select next_sequence_number from sys.consumers where consumer = 'billing'"),
  ).toEqual([['17']]);
  const lookup = await fetch(`${again.url}/v1/lookups/by_id/599`);
  expect(await lookup.json()).toEqual({ id: 599, customer: 'c4' });
  await send(again, range(500, 600), { 'idempotency-key': 'k1' });
  await send(again, range(1000, 1100));
  expect(await inTable(again), 'a repeat is known, new records are new').toEqual([700, 700]);
  expect(await again.stop()).toBe(0);
  const keys = await call('keys', 'list', '--pipeline', copy.folder);
  expect(JSON.stringify(keys.last)).toContain(String(key.last['id']));
  expect(statSync(join(copy.data, 'system/sealing.key')).mode & 0o777).toBe(0o600);
});

test('a second backup copies what is new, `--keep` removes the oldest and nothing that others have', async () => {
  const folder = temporaryFolder();
  const backups = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, range(0, 3000));
  await delivered(pipeline);
  const first = await call('backup', backups, '--pipeline', folder);
  const firstFiles = contents(backups);
  const second = await call('backup', backups, '--pipeline', folder);
  expect(second.last['files']).toBe(first.last['files']);
  expect(Number(second.last['copiedFiles'])).toBeLessThan(3);
  await send(pipeline, range(3000, 3100));
  await delivered(pipeline);
  const third = await call('backup', backups, '--pipeline', folder, '--keep', '2');
  expect(third.last['removed']).toEqual([first.last['id']]);
  expect(Number(third.last['copiedFiles'])).toBeLessThan(Number(third.last['files']));
  const { backups: listed } = (await call('backup', backups, '--list')).last as unknown as {
    backups: { id: string }[];
  };
  expect(listed.map(({ id }) => id)).toEqual([second.last['id'], third.last['id']]);
  for (const { id } of listed)
    expect((await call('backup', backups, '--verify', id)).last['wrong'], id).toEqual([]);
  expect(firstFiles.filter((name) => contents(backups).includes(name)).length).toBeGreaterThan(2);
  const older = await restored(backups, '--id', String(second.last['id']));
  expect(await inTable(await older.run())).toEqual([3000, 3000]);
  const without = await call('backup', backups, '--verify', 'nothing');
  expect([without.code, without.last['code']]).toEqual([1, 'MR_BACKUP_UNKNOWN']);
});

test('nothing runs: the folder is opened for it', async () => {
  const folder = temporaryFolder();
  const backups = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, range(0, 10));
  expect(await pipeline.stop()).toBe(0);
  expect((await call('backup', backups, '--pipeline', folder)).code).toBe(0);
  expect(await inTable(await (await restored(backups)).run())).toEqual([10, 10]);
});

test(`while producers send and deliveries go on, also cut off by kill -9: what was acknowledged before is in it, once (seed ${SEED}, ${CYCLES} cycles)`, async () => {
  const folder = temporaryFolder();
  const backups = temporaryFolder();
  const random = seededRandom(SEED);
  let pipeline = await startPipeline(folder, PIPELINE);
  const acknowledged: number[] = [];
  let next = 0;
  let isSending = true;
  const producers = [0, 1, 2].map(async () => {
    while (isSending) {
      const ids = Array.from({ length: 1 + Math.floor(random() * 60) }, () => next++);
      try {
        const { accepted } = await send(pipeline, ids);
        if (accepted === ids.length) acknowledged.push(...ids);
        // SQL answers with a million rows at most.
        await new Promise((resolve) => setTimeout(resolve, 5 + random() * 20));
      } catch {
        // Killed: what was not answered may be there or not.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  });
  await new Promise((resolve) => setTimeout(resolve, 600));
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const cut = call('backup', backups, '--pipeline', folder);
    await new Promise((resolve) => setTimeout(resolve, 150 + random() * 500));
    await pipeline.kill();
    await cut;
    pipeline = await startPipeline(folder, undefined);
    const before = acknowledged.length;
    const known = acknowledged.slice(0, before);
    const done = await call('backup', backups, '--pipeline', folder, '--keep', '1');
    expect([done.code, done.err]).toEqual([0, '']);
    const manifests = readdirSync(backups).filter((name) => /^\d{8}T/.test(name));
    expect(manifests, 'one that broke off leaves nothing').toEqual([done.last['id']]);
    expect(contents(backups).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    const copy = await (await restored(backups)).run();
    const [rows, distinct] = (await inTable(copy)) ?? [];
    expect(rows, 'none is there twice').toBe(distinct);
    const there = new Set((await copy.sql('select id from lake.orders')).map(([id]) => Number(id)));
    expect(
      known.filter((id) => !there.has(id)),
      'none is lost',
    ).toEqual([]);
    const verified = await call('verify', '--pipeline', copy.folder);
    expect([verified.code, verified.last['differences']]).toEqual([0, []]);
    await copy.kill();
  }
  isSending = false;
  await Promise.all(producers);
  expect(acknowledged.length).toBeGreaterThan(500);
});

test('deliveries went on after it: with the newer lake kept, new records are not passed over and none is doubled', async () => {
  const folder = temporaryFolder();
  const backups = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, range(0, 100));
  await delivered(pipeline);
  await send(pipeline, range(100, 120));
  await call('backup', backups, '--pipeline', folder);
  await send(pipeline, range(120, 300));
  await delivered(pipeline);
  expect(await pipeline.stop()).toBe(0);
  let lake = join(folder, '.millrace/lake');
  let rows = 300;
  // Restored twice from the same backup, each time with the lake as it was last.
  for (const round of [1, 2]) {
    const copy = await restored(backups);
    rmSync(join(copy.data, 'lake'), { recursive: true });
    cpSync(lake, join(copy.data, 'lake'), { recursive: true });
    lake = join(copy.data, 'lake');
    const again = await copy.run();
    await send(again, range(round * 1000, round * 1000 + 50));
    rows += 50;
    expect(await inTable(again)).toEqual([rows, rows]);
    expect(again.errors()).toMatch(/the log was put back to 120/);
    expect(await again.stop()).toBe(0);
    const third = await startPipeline(copy.folder, undefined);
    await send(third, [round * 1000 + 500]);
    rows += 1;
    expect(await inTable(third), 'it goes on from there').toEqual([rows, rows]);
    expect(third.errors()).not.toMatch(/put back/);
    expect(await third.stop()).toBe(0);
    const verified = await call('verify', '--pipeline', copy.folder);
    expect([verified.code, verified.last['differences']]).toEqual([0, []]);
  }
});

test('a log that was put back by hand, under a lake and lookups that know more, is noticed', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, range(0, 100));
  expect(await pipeline.stop()).toBe(0);
  const streams = join(folder, '.millrace/streams');
  cpSync(streams, join(folder, 'kept'), { recursive: true });
  const newer = await startPipeline(folder, undefined);
  await send(newer, range(100, 150));
  expect(await newer.stop()).toBe(0);
  rmSync(streams, { recursive: true });
  renameSync(join(folder, 'kept'), streams);
  const back = await startPipeline(folder, undefined);
  await send(back, range(1000, 1020));
  expect(await inTable(back)).toEqual([170, 170]);
  expect(back.errors()).toMatch(/the log ends before what was read of it/);
  const found = await eventually(async () => {
    const response = await fetch(`${back.url}/v1/lookups/by_id/1019`);
    return response.status === 200 ? response.json() : undefined;
  });
  expect(found).toEqual({ id: 1019, customer: 'c4' });
});

test('a damaged backup is named, and is restored to nothing that can be opened', async () => {
  const folder = temporaryFolder();
  const backups = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, range(0, 1000));
  await call('backup', backups, '--pipeline', folder);
  const file = contents(backups)
    .map((name) => join(backups, 'files', name))
    .find((path) => statSync(path).size > 20_000) as string;
  const bytes = readFileSync(file);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
  const verified = await call('backup', backups, '--verify');
  expect(verified.code).toBe(1);
  expect(verified.last['wrong']).toEqual([
    expect.stringContaining(`${file} is not what was copied`),
  ]);
  const data = join(temporaryFolder(), '.millrace');
  const done = await call('restore', backups, '--data', data);
  expect([done.code, done.last['code']]).toEqual([1, 'MR_BACKUP_DAMAGED']);
  const opened = await millrace(['status', '--pipeline', folder, '--data', data]);
  expect(opened.code).toBe(1);
  expect(opened.err).toMatch(/A restore into .* was broken off/);
  rmSync(file);
  expect((await call('backup', backups, '--pipeline', folder)).last).toMatchObject({ notices: [] });
  const repeated = await call('restore', backups, '--data', data);
  expect([repeated.code, repeated.err], 'and the same folder takes the next one').toEqual([0, '']);
  expect((await millrace(['status', '--pipeline', folder, '--data', data])).code).toBe(0);
});

test('a backup into the data folder and a restore over data are refused', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, [1]);
  const inside = await call('backup', join(folder, '.millrace/b'), '--pipeline', folder);
  expect([inside.code, inside.last['code']]).toEqual([1, 'MR_BACKUP_REFUSED']);
  expect(existsSync(join(folder, '.millrace/b'))).toBe(false);
  const backups = temporaryFolder();
  const none = await call('restore', backups, '--data', join(folder, 'other'));
  expect([none.code, none.last['code']]).toEqual([1, 'MR_BACKUP_UNKNOWN']);
  await call('backup', backups, '--pipeline', folder);
  const over = await call('restore', backups, '--pipeline', folder);
  expect([over.code, over.last['code']]).toEqual([1, 'MR_BACKUP_REFUSED']);
  expect(over.err).toMatch(/is not empty/);
  const response = await pipeline.post('/v1/backup', JSON.stringify({ to: backups }));
  expect(response.status, 'without the key of the data folder').toBe(403);
});

test('streams that programs made are in it, with their records, shards and tags', async () => {
  const folder = temporaryFolder();
  const backups = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  const put = (to: RunningPipeline, data: string) =>
    kinesis(to, 'PutRecord', { StreamName: 'bytes', PartitionKey: 'p', Data: btoa(data) });
  await kinesis(pipeline, 'CreateStream', { StreamName: 'bytes', ShardCount: 1 });
  await put(pipeline, 'one');
  await put(pipeline, 'two');
  await kinesis(pipeline, 'AddTagsToStream', { StreamName: 'bytes', Tags: { team: 'a' } });
  expect((await call('backup', backups, '--pipeline', folder)).last).toMatchObject({ notices: [] });
  await put(pipeline, 'three');
  const again = await (await restored(backups)).run();
  await put(again, 'four');
  const { ShardIterator } = await kinesis(again, 'GetShardIterator', {
    StreamName: 'bytes',
    ShardId: 'shardId-000000000000',
    ShardIteratorType: 'TRIM_HORIZON',
  });
  const { Records } = await kinesis(again, 'GetRecords', { ShardIterator });
  expect((Records as { Data: string }[]).map(({ Data }) => atob(Data))).toEqual([
    'one',
    'two',
    'four',
  ]);
  const { Tags } = await kinesis(again, 'ListTagsForStream', { StreamName: 'bytes' });
  expect(Tags).toEqual([{ Key: 'team', Value: 'a' }]);
});

async function kinesis(
  pipeline: RunningPipeline,
  operation: string,
  input: object,
): Promise<{ [member: string]: unknown }> {
  const response = await pipeline.post('/', JSON.stringify(input), {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `Kinesis_20131202.${operation}`,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${operation}: ${text}`);
  return text === '' ? {} : (JSON.parse(text) as { [member: string]: unknown });
}

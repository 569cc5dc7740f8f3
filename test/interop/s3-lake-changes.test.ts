import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { motoServer, S3_KEYS } from '../support/moto.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const BUCKET = 'changes';
const server = motoServer(BUCKET);

const PIPELINE = `
import { field as f, lookup, stream } from 'millrace';
export const accounts = stream('accounts', {
  fields: { id: f.long(), balance: f.long().optional(), gone: f.boolean().optional() },
  table: { every: '200ms', upsert: ['id'], tombstone: 'gone' },
});
export const by_id = lookup('by_id', { from: accounts, key: 'id', tombstone: 'gone' });
`;

const environment = () => ({ ...S3_KEYS, AWS_ENDPOINT_URL: server.endpoint });

/** Sends and waits until the table has it. */
async function deliver(pipeline: RunningPipeline, records: readonly object[]): Promise<void> {
  const lines = records.map((record) => JSON.stringify(record)).join('\n');
  expect((await pipeline.post('/v1/streams/accounts/records', lines)).status).toBe(200);
  await eventually(async () => {
    const [row] = await pipeline.sql("select lag from sys.deliveries where stream = 'accounts'");
    return row?.[0] === '0' ? true : undefined;
  }, 60_000);
}

const balances = (pipeline: RunningPipeline, at = '') =>
  pipeline.sql(`select id, balance from lake.accounts ${at} order by id`);

const forget = (folder: string): void =>
  rmSync(join(folder, '.millrace/cache'), { recursive: true });

test('rows of a bucket are replaced and deleted, put together, read as they were, verified; a backup leaves them there', async () => {
  const folder = temporaryFolder();
  const env = environment();
  const first = await startPipeline(folder, PIPELINE, {
    args: ['--lake', `s3://${BUCKET}/whole`],
    env,
  });
  await deliver(
    first,
    [1, 2, 3, 4].map((id) => ({ id, balance: id * 10 })),
  );
  const [[then] = []] = await first.sql(
    "select snapshot_id from sys.snapshots where table_name = 'lake.accounts' order by committed_at desc limit 1",
  );
  await deliver(first, [
    { id: 2, balance: 21 },
    { id: 3, gone: true },
  ]);
  const before = [
    ['1', '10'],
    ['2', '20'],
    ['3', '30'],
    ['4', '40'],
  ];
  const now = [
    ['1', '10'],
    ['2', '21'],
    ['4', '40'],
  ];
  expect(await balances(first)).toEqual(now);
  const paths = await first.sql("select path from sys.files where table_name = 'lake.accounts'");
  for (const [path] of paths)
    expect(path).toMatch(/^s3:\/\/changes\/whole\/lake\/accounts\/data\//);
  expect(await first.stop()).toBe(0);

  // What has to be read comes from the bucket: for a merge, the past, a compaction and a verification.
  forget(folder);
  let pipeline = await startPipeline(folder, undefined, { env });
  await deliver(pipeline, [{ id: 1, balance: 11 }]);
  now[0] = ['1', '11'];
  expect(await balances(pipeline, `AT (VERSION => ${then})`)).toEqual(before);
  expect(await balances(pipeline)).toEqual(now);
  await pipeline.stop();

  forget(folder);
  pipeline = await startPipeline(folder, undefined, { env });
  const on = ['--pipeline', folder];
  const compacted = await millrace(['compact', 'lake.accounts', ...on], { env });
  expect(compacted.code, compacted.err).toBe(0);
  const files = await pipeline.sql(
    "select path, has_deletes from sys.files where table_name = 'lake.accounts'",
  );
  expect(files).toEqual([[expect.stringMatching(/^s3:/), false]]);
  expect(await balances(pipeline)).toEqual(now);
  await pipeline.stop();

  forget(folder);
  pipeline = await startPipeline(folder, undefined, { env });
  const verified = await millrace(['verify', ...on], { env });
  expect(verified.code, verified.out + verified.err).toBe(0);
  expect(verified.out).toMatch(/files of table lake\.accounts/);

  const backups = temporaryFolder();
  const saved = await millrace(['backup', backups, ...on], { env });
  expect(saved.code, saved.out + saved.err).toBe(0);
  expect(saved.out).toMatch(/not in it: the tables: s3:\/\/changes\/whole/);
  await pipeline.stop();
  rmSync(join(folder, '.millrace'), { recursive: true });
  const restored = await millrace(['restore', backups, '--data', join(folder, '.millrace')], {
    env,
  });
  expect(restored.code, restored.out + restored.err).toBe(0);
  expect(JSON.parse(readFileSync(join(folder, '.millrace/system/lake.json'), 'utf8'))).toEqual({
    place: `s3://${BUCKET}/whole`,
  });
  pipeline = await startPipeline(folder, undefined, { env });
  expect(await balances(pipeline)).toEqual(now);
  await deliver(pipeline, [{ id: 4, balance: 41 }]);
  now[2] = ['4', '41'];
  expect(await balances(pipeline)).toEqual(now);
  expect(await pipeline.stop()).toBe(0);
}, 180_000);

test('a file that is missing in the bucket, or is another, is found by a verification', async () => {
  const folder = temporaryFolder();
  const env = environment();
  const pipeline = await startPipeline(folder, PIPELINE, {
    args: ['--lake', `s3://${BUCKET}/damaged`],
    env,
  });
  await deliver(pipeline, [{ id: 1, balance: 1 }]);
  await deliver(pipeline, [{ id: 2, balance: 2 }]);
  const [[path = ''] = [], [other = ''] = []] = (await pipeline.sql(
    "select path from sys.files where table_name = 'lake.accounts'",
  )) as string[][];
  const urlOf = (location: string) => location.replace('s3:/', server.endpoint);
  const client = new AwsClient({ accessKeyId: 'key', secretAccessKey: 'secret', service: 's3' });
  expect((await client.fetch(urlOf(path), { method: 'DELETE' })).status).toBe(204);
  const replaced = await client.fetch(urlOf(other), { method: 'PUT', body: 'other bytes' });
  expect(replaced.status).toBe(200);
  const { code, out, err } = await millrace(['verify', '--pipeline', folder], { env });
  expect(code).toBe(1);
  expect(out + err).toContain(`${path} is missing`);
  expect(out + err).toContain(`${other} has 11 bytes; the manifest says`);
  await pipeline.stop();
}, 60_000);

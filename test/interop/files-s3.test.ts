import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { S3Client } from '../../src/s3/client.ts';
import { s3Settings } from '../../src/s3/settings.ts';
import { temporaryFolder } from '../support/folder.ts';
import { motoServer, S3_KEYS } from '../support/moto.ts';
import { eventually, startPipeline } from '../support/pipeline.ts';

const BUCKET = 'delivered';
const server = motoServer(BUCKET);

const pipeline = (bucket: string) => `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { id: f.int(), country: f.string() },
  files: { to: 's3://${bucket}/some/prefix', format: 'ndjson', every: '150ms', prefix: 'c=!{partitionKeyFromQuery:c}/', partitionKeys: { c: 'country' } },
});
`;

async function keysOf(bucket: string): Promise<string[]> {
  const listed = await (await fetch(`${server.endpoint}/${bucket}?list-type=2`)).text();
  return [...listed.matchAll(/<Key>([^<]+)<\/Key>/g)]
    .map(([, key]) => key as string)
    .filter((key) => !key.startsWith('some/prefix/.millrace/'));
}

async function idsIn(bucket: string): Promise<number[]> {
  const ids: number[] = [];
  const env = { ...S3_KEYS, AWS_ENDPOINT_URL: server.endpoint };
  const client = new S3Client(s3Settings(env, `s3://${bucket}`, 'the test'), systemClock);
  for (const key of await keysOf(bucket)) {
    expect(key).toMatch(/^some\/prefix\/c=(FR|DE)\/sales-.*\.ndjson\.gz$/);
    const answer = await client.send({ method: 'GET', key, timeoutMs: 10_000 });
    const bytes = await answer.arrayBuffer();
    for (const line of gunzipSync(bytes).toString().trimEnd().split('\n'))
      ids.push((JSON.parse(line) as { id: number }).id);
  }
  return ids.sort((a, b) => a - b);
}

test('files go to a bucket; what a kill or a bucket that is away cut off is put there once it is back', async () => {
  const folder = temporaryFolder();
  const env = { ...S3_KEYS, AWS_ENDPOINT_URL: server.endpoint };
  let running = await startPipeline(folder, pipeline(BUCKET), { env });
  const send = async (from: number, count: number) => {
    const ids = Array.from({ length: count }, (_, index) => from + index);
    const lines = ids.map((id) => JSON.stringify({ id, country: id % 2 ? 'FR' : 'DE' }));
    const answer = await running.post('/v1/streams/sales/records', lines.join('\n'));
    expect(answer.status).toBe(200);
  };
  for (let part = 0; part < 10; part++) await send(part * 100, 100);
  await running.kill();
  running = await startPipeline(folder, undefined, { env });
  await send(1000, 10);
  await eventually(async () => ((await idsIn(BUCKET)).length >= 1010 ? true : undefined), 60_000);
  expect(await running.stop()).toBe(0);
  expect(await idsIn(BUCKET)).toEqual(Array.from({ length: 1010 }, (_, id) => id));

  running = await startPipeline(folder, pipeline('missing'), { env });
  await send(2000, 5);
  const error = await eventually(async () => {
    const rows = await running.sql(
      "SELECT error FROM sys.deliveries WHERE target = 's3://missing/some/prefix' AND error IS NOT NULL",
    );
    return rows[0]?.[0] as string | undefined;
  }, 60_000);
  expect(error).toMatch(/s3:\/\/missing\/some\/prefix: .*NoSuchBucket/);
  await running.kill();
  expect((await fetch(`${server.endpoint}/missing`, { method: 'PUT' })).status).toBe(200);
  running = await startPipeline(folder, undefined, { env });
  await eventually(async () => ((await keysOf('missing')).length > 0 ? true : undefined), 60_000);
  expect(await running.stop()).toBe(0);
  expect(await idsIn('missing')).toEqual([2000, 2001, 2002, 2003, 2004]);
}, 240_000);

test('without keys in the environment a bucket is refused at the start, by its option', async () => {
  const env = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
  await expect(startPipeline(temporaryFolder(), pipeline(BUCKET), { env })).rejects.toThrow(
    /files\.to 's3:\/\/delivered\/some\/prefix' needs AWS_ACCESS_KEY_ID/,
  );
}, 60_000);

import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { motoServer, S3_KEYS } from '../support/moto.ts';
import {
  eventually,
  millrace,
  type RunningPipeline,
  type StartOptions,
  startPipeline,
} from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';
import { s3Proxy } from '../support/s3-proxy.ts';

const BUCKET = 'tables';
const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);
const READ_TABLE = fileURLToPath(new URL('s3_lake.py', import.meta.url));
const server = motoServer(BUCKET);

const PIPELINE = `
import { field as f, model, sql, stream } from 'millrace';
export const orders = stream('orders', {
  fields: { id: f.int(), customer: f.string() }, key: 'customer', table: { every: '200ms' },
});
export const customers = model('customers', {
  sql: sql\`select customer, count(*)::bigint as orders from \${orders} group by customer\`,
  schedule: 'manual',
});
`;

const inBucket = (prefix: string, endpoint = server.endpoint): StartOptions => ({
  args: ['--lake', `s3://${BUCKET}/${prefix}`],
  env: { ...S3_KEYS, AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'eu-west-1' },
});

/** The same data folder, which knows where its tables are. */
const again: () => StartOptions = () => {
  const { env } = inBucket('');
  return env ? { env } : {};
};

async function send(pipeline: RunningPipeline, ids: readonly number[]): Promise<void> {
  const records = ids.map((id) => JSON.stringify({ id, customer: `c${id % 7}` }));
  const answer = await pipeline.post('/v1/streams/orders/records', records.join('\n'));
  expect(answer.status).toBe(200);
}

const range = (from: number, until: number): number[] =>
  Array.from({ length: until - from }, (_, index) => from + index);

const delivered = (pipeline: RunningPipeline): Promise<boolean> =>
  eventually(async () => {
    const [row] = await pipeline.sql(
      "select lag from sys.consumers where consumer = 'table' and stream = 'orders'",
    );
    return row?.[0] === '0' ? true : undefined;
  }, 60_000);

const countsOf = (pipeline: RunningPipeline) =>
  pipeline.sql('select count(*), count(distinct id), sum(id) from lake.orders');

async function keysBelow(prefix: string): Promise<string[]> {
  const answer = await fetch(`${server.endpoint}/${BUCKET}?list-type=2&prefix=${prefix}/`);
  return [...(await answer.text()).matchAll(/<Key>([^<]*)<\/Key>/g)].map(
    ([, key]) => key as string,
  );
}

test('a pipeline has its tables in a bucket: deliveries, models, SQL, PyIceberg and a restart', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, PIPELINE, inBucket('whole'));
  await send(first, range(0, 5000));
  await delivered(first);
  expect(await countsOf(first)).toEqual([['5000', '5000', '12497500']]);
  expect((await millrace(['run', 'customers', '--pipeline', folder])).code).toBe(0);
  expect(await first.sql('select sum(orders) from warehouse.customers')).toEqual([['5000']]);

  const uri = `${first.url}/iceberg`;
  const added = [{ id: 5000, customer: 'from outside' }];
  const script = [READ_TABLE, [uri, 'lake.orders', 'append', JSON.stringify(added)]] as const;
  const read = JSON.parse(await runPython(...script)) as {
    location: string;
    metadata: string;
    files: string[];
    rows: { id: number }[];
  };
  expect(read).toMatchObject({
    location: `s3://${BUCKET}/whole/lake/orders`,
    endpoint: server.endpoint,
    pathStyle: 'true',
    region: 'eu-west-1',
  });
  expect(read.rows.map(({ id }) => id)).toEqual(range(0, 5001));
  for (const path of [read.metadata, ...read.files])
    expect(path.startsWith(`s3://${BUCKET}/whole/lake/orders/`)).toBe(true);
  expect(await countsOf(first)).toEqual([['5001', '5001', '12502500']]);

  await send(first, range(5001, 6000));
  expect(await first.stop()).toBe(0);
  expect(existsSync(join(folder, '.millrace/lake')), 'no tables here').toBe(false);
  expect(readdirSync(join(folder, '.millrace/staging')), 'nothing is left to be sent').toEqual([]);
  expect(await keysBelow('whole')).not.toContain('whole/lock.json');

  // What is here of data files is a copy.
  rmSync(join(folder, '.millrace/cache'), { recursive: true });
  const second = await startPipeline(folder, undefined, again());
  expect(await countsOf(second)).toEqual([['6000', '6000', '17997000']]);
  expect(await second.sql('select sum(orders) from warehouse.customers')).toEqual([['5000']]);
  expect(await second.stop()).toBe(0);
});

test(`kill -9 in deliveries: each acknowledged record is in the bucket once (seed ${SEED})`, async () => {
  const folder = temporaryFolder();
  const random = seededRandom(SEED);
  const acknowledged: number[] = [];
  let next = 0;
  for (let cycle = 0; cycle < 5; cycle++) {
    const pipeline = await startPipeline(
      folder,
      cycle === 0 ? PIPELINE : undefined,
      cycle === 0 ? inBucket('killed') : again(),
    );
    const endMs = Date.now() + 300 + random() * 1200;
    while (Date.now() < endMs) {
      const ids = range(next, next + 50);
      next += 50;
      await send(pipeline, ids);
      acknowledged.push(...ids);
    }
    await pipeline.kill();
  }
  const pipeline = await startPipeline(folder, undefined, again());
  await delivered(pipeline);
  const { rows } = JSON.parse(
    await runPython(READ_TABLE, [`${pipeline.url}/iceberg`, 'lake.orders']),
  ) as { rows: { id: number }[] };
  expect(rows.map(({ id }) => id)).toEqual(acknowledged);
  expect(acknowledged.length).toBeGreaterThan(500);
  expect(await pipeline.stop()).toBe(0);
});

test('while the bucket fails, cuts and is slow, nothing is lost or doubled', async () => {
  const proxy = await s3Proxy(server.endpoint);
  const random = seededRandom(SEED);
  const faults = [
    'refused',
    'done, then 500',
    'done, then cut',
    'slow down',
    'cut',
    'slow',
  ] as const;
  const pipeline = await startPipeline(
    temporaryFolder(),
    PIPELINE,
    inBucket('faults', proxy.endpoint),
  );
  let [played, sent] = [0, 0];
  proxy.play(() => {
    if (random() > 0.15) return undefined;
    played += 1;
    return faults[Math.floor(random() * faults.length)];
  });
  for (; played < 15 && sent < 20_000; sent += 100) {
    await send(pipeline, range(sent, sent + 100));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await delivered(pipeline);
  proxy.play(() => undefined);
  expect(played).toBeGreaterThanOrEqual(15);
  const sum = (sent * (sent - 1)) / 2;
  expect(await countsOf(pipeline)).toEqual([[`${sent}`, `${sent}`, `${sum}`]]);
  const uri = `${pipeline.url}/iceberg`;
  const { rows } = JSON.parse(await runPython(READ_TABLE, [uri, 'lake.orders'])) as {
    rows: { id: number }[];
  };
  expect(rows.map(({ id }) => id)).toEqual(range(0, sent));
  expect(await pipeline.stop()).toBe(0);
});

test('a second process does not get the same tables, and a data folder keeps those it has', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, PIPELINE, inBucket('owned'));
  await expect(startPipeline(temporaryFolder(), PIPELINE, inBucket('owned'))).rejects.toThrow(
    /MR_STORAGE_LOCKED|owns the lake s3:\/\/tables\/owned/,
  );
  await first.stop();
  await expect(startPipeline(folder, undefined, inBucket('elsewhere'))).rejects.toThrow(
    /are in s3:\/\/tables\/owned, and do not move to s3:\/\/tables\/elsewhere/,
  );
  const local = temporaryFolder();
  const here = await startPipeline(local, PIPELINE);
  await here.stop();
  await expect(startPipeline(local, undefined, inBucket('moved'))).rejects.toThrow(
    /do not move to s3:\/\/tables\/moved by themselves/,
  );
});

test('doctor tries what tables in a bucket need, and says how SQL reads them', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE, inBucket('doctor'));
  const { env = {} } = inBucket('doctor');
  const args = ['doctor', '--pipeline', folder];
  const found = await millrace(args, { env });
  expect(found.out).toMatch(
    /ok +tables: s3:\/\/tables\/doctor can be written.*SQL reads data files from .*cache\/lake.*httpfs is not used/,
  );
  expect((await keysBelow('doctor')).filter((key) => key.includes('probe'))).toEqual([]);
  const nowhere = await millrace([...args, '--lake', 's3://no-such-bucket'], { env });
  expect(nowhere.out).toMatch(/fail tables: s3:\/\/no-such-bucket: NoSuchBucket/);
  expect(nowhere.code).not.toBe(0);
  await pipeline.stop();
});

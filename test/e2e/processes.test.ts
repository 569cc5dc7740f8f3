import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { field as f, lookup, stream } from 'millrace';
export const things = stream('things', { fields: { id: f.int() }, table: { every: '1h' } });
export const by_id = lookup('by_id', { from: things, key: 'id' });
`;

interface Status {
  readonly processes: readonly {
    readonly name: string;
    readonly pid: number;
    readonly restarts: number;
  }[];
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const statusOf = async (url: string) => (await (await fetch(`${url}/v1/status`)).json()) as Status;

test.runIf(existsSync('/proc/self/maps'))(
  'main never loads DuckDB; engine and sql do, and the worker has LMDB only',
  async () => {
    const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
    await pipeline.post('/v1/streams/things/records', '{"id":1}');
    expect(await pipeline.sql('select count(*) from things')).toEqual([['1']]);
    // The engine comes up after those who answer people.
    const processes = await eventually(async () => {
      const all = (await statusOf(pipeline.url)).processes;
      return all.every(({ pid }) => pid !== null) ? all : undefined;
    });
    const loads = (name: string, library: string) =>
      readFileSync(
        `/proc/${processes.find((one) => one.name === name)?.pid}/maps`,
        'utf8',
      ).includes(library);
    await eventually(() => loads('engine', 'libduckdb') || undefined);
    expect(processes.map((one) => [one.name, loads(one.name, 'libduckdb')])).toEqual([
      ['main', false],
      ['engine', true],
      ['sql', true],
      ['worker', false],
    ]);
    // It is started last, so the pipeline is ready before it is.
    await eventually(() => loads('worker', 'lmdb') || undefined);
  },
);

test('every child killed by hand is back within a second, and ingest does not notice', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  let id = 0;
  for (const name of ['engine', 'sql', 'worker']) {
    const before = await eventually(async () => {
      const found = (await statusOf(pipeline.url)).processes.find((one) => one.name === name);
      return found?.pid ? found : undefined;
    });
    const killedAt = Date.now();
    process.kill(before.pid as number, 'SIGKILL');
    const response = await pipeline.post('/v1/streams/things/records', `{"id":${id++}}`);
    expect(response.status).toBe(200);
    const after = await eventually(async () => {
      const now = (await statusOf(pipeline.url)).processes.find((one) => one.name === name);
      return now && now.pid !== before.pid ? now : undefined;
    });
    expect(Date.now() - killedAt, `${name} took too long`).toBeLessThan(3000);
    expect(after.restarts).toBe(1);
    expect(await pipeline.sql('select count(*) from things'), `after ${name} was killed`).toEqual([
      [String(id)],
    ]);
  }
  await eventually(async () =>
    (await fetch(`${pipeline.url}/v1/lookups/by_id/2`)).status === 200 ? true : undefined,
  );
  expect(await pipeline.stop()).toBe(0);
});

test('a query without an end ends with main: no child goes on when main is killed', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const pids = await eventually(async () => {
    const all = (await statusOf(pipeline.url)).processes.map(({ pid }) => pid);
    return all.includes(null as never) ? undefined : all;
  });
  const endless = 'select sum(a.range * b.range) from range(1000000000) a, range(1000000000) b';
  const asked = pipeline.post('/v1/sql', JSON.stringify({ sql: endless }));
  const answered = asked.then(
    () => true,
    () => true,
  );
  expect(await Promise.race([answered, sleep(1500, false)])).toBe(false);
  await pipeline.kill();
  await eventually(() => (pids.some(isThere) ? undefined : true), 5000);
});

test('a query waits ten seconds for a respawned sql child, and is then told to ask again', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  await pipeline.post('/v1/streams/things/records', '{"id":1}');
  const sqlChild = async () =>
    (await statusOf(pipeline.url)).processes.find((one) => one.name === 'sql')?.pid as number;
  const before = await sqlChild();
  process.kill(before, 'SIGKILL');
  const respawned = await eventually(async () => {
    const pid = await sqlChild();
    return pid === before ? undefined : pid;
  });
  process.kill(respawned, 'SIGSTOP');
  const began = Date.now();
  const response = await pipeline.post('/v1/sql', '{"sql":"select count(*) from things"}');
  const waited = Date.now() - began;
  process.kill(respawned, 'SIGCONT');
  expect([response.status, await response.json()]).toEqual([
    503,
    { error: { code: 'MR_NOT_READY', message: expect.stringMatching(/Ask again/) } },
  ]);
  expect(waited).toBeGreaterThan(9_000);
  expect(waited).toBeLessThan(15_000);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await pipeline.sql('select count(*) from things')).toEqual([['1']]);
});

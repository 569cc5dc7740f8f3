import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { ESCAPES, HOGS } from '../support/hostile-sql.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

/** R9: SQL of strangers reaches nothing but the pipeline's tables, and takes nothing from others for long. */

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const events = stream('events', { fields: { id: f.int(), note: f.string() }, table: { every: '200ms' } });
`;

const CANARY = 'canary-in-the-mine';
const HOG_MS = 700;

async function send(pipeline: RunningPipeline, id: number): Promise<void> {
  const response = await pipeline.post(
    '/v1/streams/events/records',
    JSON.stringify({ id, note: 'ordinary' }),
  );
  expect(response.status).toBe(200);
}

async function ask(pipeline: RunningPipeline, sql: string, timeoutMs = 10_000) {
  const response = await pipeline.post('/v1/sql', JSON.stringify({ sql, timeoutMs }));
  const text = await response.text();
  const code = /"code":"(\w+)"/.exec(text)?.[1];
  return { status: response.status, text, code };
}

const processes = async (pipeline: RunningPipeline) => {
  const status = (await (await fetch(`${pipeline.url}/v1/status`)).json()) as {
    processes: { name: string; pid: number; restarts: number }[];
  };
  return status.processes;
};

const REFUSALS = ['MR_QUERY_REFUSED', 'MR_QUERY_FAILED', 'MR_QUERY_SYNTAX'];

test(`${ESCAPES.length} ways out are refused: no file, setting, variable or question of others is reached, and nothing is written`, async () => {
  const folder = temporaryFolder();
  const secret = join(temporaryFolder(), 'secret.txt');
  writeFileSync(secret, CANARY);
  const env = { MILLRACE_TEST_SECRET: CANARY };
  const pipeline = await startPipeline(folder, PIPELINE, { env });
  await send(pipeline, 1);
  const before = await eventually(async () => {
    const all = await processes(pipeline);
    return all.every(({ pid }) => pid !== null) ? all : undefined;
  });
  for (const statement of ESCAPES) {
    const sql = statement.replaceAll('%SECRET%', secret);
    // What others ask must not be there for anybody else.
    const [{ status, text, code }] = await Promise.all([
      ask(pipeline, sql),
      ask(pipeline, `select '${CANARY}' as asked, count(*) from events`),
    ]);
    expect({ sql, status }, text).toEqual({ sql, status: expect.toSatisfy(isRefusal) });
    expect(REFUSALS, sql).toContain(code);
    expect(text.replaceAll(sql, ''), sql).not.toContain(CANARY);
  }
  expect(readdirSync(dirname(secret)), 'nothing was written').toEqual(['secret.txt']);
  expect(existsSync(`${secret}.copy`)).toBe(false);
  const restarts = (await processes(pipeline)).map(({ name, pid }) => ({ name, pid }));
  expect(restarts, 'no process fell over').toEqual(before.map(({ name, pid }) => ({ name, pid })));
  expect(await pipeline.sql('select count(*), max(note) from events')).toEqual([['1', 'ordinary']]);
});

const isRefusal = (status: number): boolean => status >= 400 && status < 500;

test('control: what the gate lets through reaches the canary where it may', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  expect((await ask(pipeline, `select '${CANARY}'`)).text).toContain(CANARY);
});

test(`${HOGS.length} hogs are ended or refused, while records go in; main stays, and who asks next is answered`, async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const main = (await processes(pipeline)).find(({ name }) => name === 'main')?.pid;
  let sent = 0;
  const memory = watchMemory(pipeline);
  for (const hog of HOGS) {
    const title = hog.length > 200 ? `${hog.slice(0, 60)}… (${hog.length})` : hog;
    const asked = ask(pipeline, hog, HOG_MS);
    for (let index = 0; index < 5; index++) await send(pipeline, ++sent);
    const { status, code, text } = await asked;
    expect({ title, status, code }, text.slice(0, 300)).toEqual({
      title,
      status: expect.toSatisfy(isRefusal),
      code: expect.toSatisfy((found: string) => ['MR_QUERY_LIMIT', ...REFUSALS].includes(found)),
    });
    const next = await ask(pipeline, 'select count(*) from events');
    expect({ title, text: next.text }).toMatchObject({
      text: expect.stringContaining(`["${sent}"]`),
    });
  }
  expect((await processes(pipeline)).find(({ name }) => name === 'main')?.pid).toBe(main);
  expect(await memory.most(), 'bytes of the SQL process').toBeLessThan(3.5 * 1024 ** 3);
  expect(await pipeline.stop()).toBe(0);
}, 300_000);

/** The most memory that the SQL process had, looked at all the while. */
function watchMemory(pipeline: RunningPipeline) {
  let [most, isOver] = [0, false];
  const looking = (async () => {
    while (!isOver) {
      const pid = (await processes(pipeline)).find(({ name }) => name === 'sql')?.pid;
      if (pid && existsSync(`/proc/${pid}/statm`))
        most = Math.max(
          most,
          4096 * Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]),
        );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    most: async () => {
      isOver = true;
      await looking;
      return most;
    },
  };
}

test('who asks for much at once waits, and others are answered meanwhile', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE, { mode: 'start' });
  const secretOf = async (path: string, body: object, key?: string) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await pipeline.post(path, JSON.stringify(body), headers);
    return ((await response.json()) as { secret: string }).secret;
  };
  const { claim } = (pipeline.events[0]?.['keys'] ?? {}) as { claim?: string };
  const admin = await secretOf('/v1/claim', { token: claim });
  const keyOf = (label: string) => secretOf('/v1/keys', { roles: ['reader'], label }, admin);
  const [greedy, modest] = [await keyOf('greedy'), await keyOf('modest')];
  const question = (key: string, sql: string, signal?: AbortSignal) =>
    fetch(`${pipeline.url}/v1/sql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ sql, timeoutMs: 30_000 }),
      ...(signal ? { signal } : {}),
    });
  const leave = new AbortController();
  let ended = 0;
  const hogs = Array.from({ length: 20 }, () =>
    question(greedy, HOGS[0] as string, leave.signal)
      .catch(() => undefined)
      .finally(() => {
        ended += 1;
      }),
  );
  for (let asked = 0; asked < 5; asked++) {
    const answer = await question(modest, 'select 42 as answer');
    expect(await answer.json()).toMatchObject({ rows: [[42]] });
  }
  expect(ended, 'hogs that were over before').toBe(0);
  leave.abort();
  await Promise.all(hogs);
  const again = await question(greedy, 'select 42 as answer');
  expect(again.status, 'who leaves gives the places back').toBe(200);
  expect(await pipeline.stop()).toBe(0);
});

test('a query that takes more memory than there is is ended; who asked beside it is answered all the same', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  await send(pipeline, 1);
  const before = (await processes(pipeline)).find(({ name }) => name === 'sql')?.pid;
  const hog = ask(pipeline, 'select len(range(1000000000))', 30_000);
  const beside = Array.from({ length: 3 }, (_, index) =>
    ask(pipeline, `select count(*) + ${index} from events, range(30000000)`, 30_000),
  );
  const { status, code, text } = await hog;
  expect({ status, code }, text).toEqual({ status: 400, code: 'MR_QUERY_LIMIT' });
  expect(text).toContain('of memory');
  for (const answer of await Promise.all(beside)) expect(answer.status, answer.text).toBe(200);
  const after = (await processes(pipeline)).find(({ name }) => name === 'sql')?.pid;
  expect(after, 'the SQL process was started anew').not.toBe(before);
}, 120_000);

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int(), country: f.string(), amount: f.decimal(10, 2) } });
`;
const ENDLESS =
  'select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = 3';

interface Logged {
  readonly id: string;
  readonly sql: string;
  readonly state: string;
  readonly rows?: number;
  readonly isKept?: boolean;
  readonly error?: { readonly code: string };
}

/** Somebody who asks, with a key of his own. */
function person(pipeline: RunningPipeline, key?: string) {
  const headers: Record<string, string> =
    key === undefined ? {} : { authorization: `Bearer ${key}` };
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${pipeline.url}${path}`, {
      method,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  return {
    call,
    ask: (sql: string, more: object = {}) => call('POST', '/v1/sql', { sql, ...more }),
    queries: async () => (await call('GET', '/v1/queries')).body.queries as Logged[],
    saved: async () => (await call('GET', '/v1/saved-queries')).body.queries as object[],
  };
}

async function keyOf(pipeline: RunningPipeline, role = 'reader'): Promise<string> {
  const run = JSON.parse(readFileSync(join(pipeline.folder, '.millrace/run.json'), 'utf8'));
  const owner = person(pipeline, run.key);
  return (await owner.call('POST', '/v1/keys', { roles: [role], label: role })).body.secret;
}

test('who asks finds his own queries, running and ended, and nobody else’s; they outlive a stop', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE, { mode: 'start' });
  const key = await keyOf(pipeline);
  const [ann, ben] = [person(pipeline, key), person(pipeline, await keyOf(pipeline))];
  await ann.ask('select 1 as one');
  await ann.ask('select 1 as one');
  await ann.ask('select nope from sales');
  await ann.ask('select 2 as hidden', { history: false });
  await ben.ask('select 3 as of_ben');
  const expected = [
    { sql: 'select nope from sales', state: 'failed', error: { code: 'MR_QUERY_FAILED' } },
    { sql: 'select 1 as one', state: 'succeeded', rows: 1, isKept: true },
    { sql: 'select 1 as one', state: 'succeeded', rows: 1, isKept: false },
  ];
  expect(await ann.queries()).toMatchObject(expected);
  expect(await ann.queries()).toHaveLength(3);
  expect((await ben.queries()).map(({ sql }) => sql)).toEqual(['select 3 as of_ben']);
  await pipeline.stop();
  const again = await startPipeline(folder, undefined, { mode: 'start' });
  expect(await person(again, key).queries()).toMatchObject(expected);
});

test('a query that runs is cancelled by its id: by who asked it or an administrator, nobody else', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE, { mode: 'start' });
  const [ann, ben] = [
    person(pipeline, await keyOf(pipeline)),
    person(pipeline, await keyOf(pipeline)),
  ];
  const admin = person(pipeline, await keyOf(pipeline, 'admin'));
  for (const who of [ann, admin]) {
    const asked = ann.ask(ENDLESS);
    const running = await eventually(async () =>
      (await ann.queries()).find(({ state }) => state === 'running'),
    );
    expect(await ben.call('DELETE', `/v1/queries/${running.id}`)).toMatchObject({ status: 404 });
    expect((await who.call('DELETE', `/v1/queries/${running.id}`)).status).toBe(204);
    expect(await asked).toMatchObject({
      status: 499,
      body: { error: { code: 'MR_QUERY_CANCELLED' } },
    });
    expect((await ann.queries())[0]).toMatchObject({ id: running.id, state: 'cancelled' });
  }
});

test('queries are saved under names, for oneself or for all; only who saved one changes it', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE, { mode: 'start' });
  const key = await keyOf(pipeline);
  const [ann, ben] = [person(pipeline, key), person(pipeline, await keyOf(pipeline))];
  const name = encodeURIComponent('Größte Länder / 2026');
  const put = await ann.call('PUT', `/v1/saved-queries/${name}`, { sql: 'select 1' });
  expect(put).toMatchObject({ status: 200, body: { shared: false, isOwn: true } });
  expect(await ben.saved()).toEqual([]);
  await ann.call('PUT', `/v1/saved-queries/${name}`, { sql: 'select 2', shared: true });
  expect(await ben.saved()).toMatchObject([
    { name: 'Größte Länder / 2026', sql: 'select 2', isOwn: false },
  ]);
  expect((await ben.call('DELETE', `/v1/saved-queries/${name}`)).status).toBe(404);
  await ben.call('PUT', `/v1/saved-queries/${name}`, { sql: 'select 3' });
  expect(await ann.saved(), 'a name is of one person').toMatchObject([{ sql: 'select 2' }]);
  const wrong = await ann.call('PUT', '/v1/saved-queries/x', { sql: ' ', shared: 'yes' });
  expect(wrong).toMatchObject({ status: 400, body: { error: { code: 'MR_REQUEST_INVALID' } } });
  await pipeline.stop();
  const again = person(await startPipeline(folder, undefined, { mode: 'start' }), key);
  expect(await again.saved()).toMatchObject([{ sql: 'select 2', isOwn: true }]);
  expect((await again.call('DELETE', `/v1/saved-queries/${name}`)).status).toBe(204);
  expect(await again.saved()).toEqual([]);
});

test('EXPLAIN has a row for each step; EXPLAIN ANALYZE says what each took; neither names a file', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const rows = Array.from({ length: 100 }, (_, id) => ({
    id,
    country: `c${id % 3}`,
    amount: '1.50',
  }));
  await pipeline.post('/v1/streams/sales/records', JSON.stringify(rows));
  await millrace(['deliver', pipeline.folder]);
  const me = person(pipeline);
  const sql = 'select country, sum(amount) as total from sales where id > ? group by country';
  const plan = await me.ask(`explain ${sql}`, { params: [5], format: 'objects' });
  const steps = plan.body.rows as { id: number; parent: number; step: string; details: string }[];
  expect(steps[0]).toMatchObject({ id: 1, parent: null, ms: null });
  expect(steps.some(({ step }) => /group by/.test(step))).toBe(true);
  expect(steps.every(({ id, parent }) => id === 1 || parent < id)).toBe(true);
  const run = await me.ask(`EXPLAIN ANALYZE ${sql}`, { params: [5], format: 'objects' });
  const group = run.body.rows.find(({ step }: { step: string }) => /group by/.test(step));
  expect(Number(group.rows)).toBe(3);
  expect(group.ms).toBeGreaterThanOrEqual(0);
  expect(JSON.stringify([plan.body, run.body])).not.toMatch(/parquet'|\/|\.millrace|hot\./);
  const wrong = await me.ask('explain select nope from sales');
  expect(wrong.body.error).toMatchObject({ code: 'MR_QUERY_FAILED', position: 15 });
});

test('the words that can stand next are told, and nothing else: no name, no file', async () => {
  const me = person(await startPipeline(temporaryFolder(), PIPELINE));
  const next = async (sql: string) =>
    (await me.call('POST', '/v1/sql/completions', { sql })).body.keywords as string[];
  // A child that is starting says nothing.
  await me.ask('select 1');
  expect(await next('select * fr')).toContain('from');
  expect(await next('select * from sales gr')).toContain('group');
  for (const sql of ["select * from '/etc/pas", 'select * from hot.', 'select * from sal'])
    expect((await next(sql)).join(' ')).not.toMatch(/\b(passwd|hot|sales)\b/);
  expect(await me.call('POST', '/v1/sql/completions', {})).toMatchObject({ status: 400 });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const SALES = `
import { field as f, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.long() } });
`;
const ENDLESS =
  'select count(*) from sales, range(10000000) a, range(10000000) b where a.range + b.range = -3';

async function ask(pipeline: RunningPipeline, sql: string) {
  const response = await pipeline.post('/v1/sql', JSON.stringify({ sql }));
  return (await response.json()) as {
    columns?: { name: string; type: string }[];
    rows?: unknown[][];
    error?: { code: string; message: string };
  };
}

test('a query in WITH that is named as a table reads the table, to its last record, also asked again', async () => {
  const pipeline = await startPipeline(temporaryFolder(), SALES);
  const sql = 'with sales as (select * from sales) select count(*)::int from sales';
  for (let count = 1; count < 5; count++) {
    await pipeline.post('/v1/streams/sales/records', JSON.stringify({ id: count }));
    expect((await ask(pipeline, sql)).rows).toEqual([[count]]);
    expect((await ask(pipeline, sql)).rows).toEqual([[count]]);
  }
});

test('a table can be named in full; an error names nothing of the inside', async () => {
  const pipeline = await startPipeline(temporaryFolder(), SALES);
  await pipeline.post('/v1/streams/sales/records', '{"id":7}');
  expect((await ask(pipeline, 'select millrace.lake.sales.id from sales')).rows).toEqual([['7']]);
  for (const wrong of ['select other.lake.sales.id from sales', 'select nope from sales']) {
    const { error } = await ask(pipeline, wrong);
    expect(error?.message, wrong).not.toMatch(/shapes|hot\\./);
    expect(error?.code, wrong).toMatch(/^MR_QUERY_/);
  }
});

test('after a change of the pipeline a name is what it is now, with its columns', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(
    folder,
    `${SALES}export const daily = model('daily', { sql: sql\`select id as n from \${sales}\`, materialize: 'view' });`,
  );
  expect((await ask(pipeline, 'select * from daily')).columns).toEqual([
    { name: 'n', type: 'BIGINT' },
  ]);
  writeFileSync(
    join(folder, 'pipeline.ts'),
    `${SALES}export const daily = stream('daily', { fields: { k: f.string(), amount: f.decimal(10, 2) } });`,
  );
  await eventually(async () => {
    const sent = await pipeline.post('/v1/streams/daily/records', '{"k":"a","amount":"1.50"}');
    return sent.ok ? true : undefined;
  });
  // The child is told of the change right after.
  const answer = await eventually(async () => {
    const one = await ask(pipeline, 'select * from daily');
    return one.error ? undefined : one;
  });
  expect(answer).toMatchObject({
    columns: [
      { name: 'k', type: 'VARCHAR' },
      { name: 'amount', type: 'DECIMAL(10,2)' },
    ],
    rows: [['a', '1.50']],
  });
});

test('a column of a view that is nothing but NULL takes the type that is wanted', async () => {
  const pipeline = await startPipeline(
    temporaryFolder(),
    `${SALES}export const notes = model('notes', { sql: sql\`select id, null as note from \${sales}\`, materialize: 'view' });`,
  );
  await pipeline.post('/v1/streams/sales/records', '{"id":7}');
  expect(await ask(pipeline, "select coalesce(note, 'none') as note from notes")).toMatchObject({
    columns: [{ name: 'note', type: 'VARCHAR' }],
    rows: [['none']],
  });
});

test('queries that are given up at once end, and those of others go on', async () => {
  const pipeline = await startPipeline(temporaryFolder(), SALES);
  await pipeline.post('/v1/streams/sales/records', '{"id":7}');
  await ask(pipeline, 'select count(*) from sales');
  const sqlChild = async () => {
    const { processes } = (await (await fetch(`${pipeline.url}/v1/status`)).json()) as {
      processes: { name: string; pid: number | null }[];
    };
    return processes.find(({ name }) => name === 'sql')?.pid;
  };
  const before = await sqlChild();
  for (let turn = 0; turn < 24; turn++) {
    const leave = new AbortController();
    const body = JSON.stringify({ sql: `${ENDLESS} -- ${turn}` });
    const headers = { 'content-type': 'application/json' };
    const asked = fetch(`${pipeline.url}/v1/sql`, {
      method: 'POST',
      body,
      headers,
      signal: leave.signal,
    });
    await sleep(2 + (turn % 6));
    leave.abort();
    await expect(asked).rejects.toThrow();
  }
  // One that is not ended by then is ended with its process.
  await sleep(3000);
  expect(await sqlChild()).toBe(before);
  expect((await ask(pipeline, 'select 1 as one')).rows).toEqual([[1]]);
});

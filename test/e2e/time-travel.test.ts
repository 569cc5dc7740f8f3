import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { askSql, sendTo, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const PIPELINE = `
import { dashboard, field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int(), country: f.string(), amount: f.decimal(10, 2) }, key: 'country', shards: 2, table: { every: '1h' } });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
export const totals = model('totals', { sql: sql\`select country, sum(amount) as total from \${sales} group by country\`, schedule: 'manual' });
export const large = model('large', { sql: sql\`select * from \${sales} where amount > 5\`, materialize: 'view' });
export const shop = dashboard('shop', {}, ({ kpi, bar }) => [
  kpi('Rows', { from: sales, value: sql\`count(*)\` }),
  bar('By country', { from: sales, x: 'country', y: sql\`count(*)\` }),
]);
`;

const sale = (id: number) => ({ id, country: id % 2 === 0 ? 'DE' : 'FR', amount: id });
const sales = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, index) => sale(from + index));

async function deliver(app: App, from: number, until: number): Promise<string> {
  await sendTo(app, 'sales', sales(from, until));
  await app.current?.stream('sales').delivery?.deliverNow();
  // Two snapshots of one millisecond could not be told apart by time.
  await sleep(5);
  return current(app);
}

async function current(app: App, table = 'lake.sales'): Promise<string> {
  const [[id] = []] = await askSql(
    app,
    `select snapshot_id from sys.snapshots where table_name = '${table}' and is_current`,
  );
  return String(id);
}

async function post(
  app: App,
  path: string,
  body: object,
): Promise<{ status: number; answer: never }> {
  const response = await fetch(`${app.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as never };
}

const withParams = async (app: App, sql: string, params: unknown) => {
  const { answer } = await post(app, '/v1/sql', { sql, params });
  const { rows, error } = answer as { rows?: unknown[][]; error?: { message: string } };
  if (!rows) throw new Error(error?.message);
  return rows;
};

describe('tables as they were', () => {
  test('stand wherever a table may: joined, in subqueries and CTEs, with aliases, parameters, all columns', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    const first = await deliver(app, 1, 3);
    const between = new Date().toISOString();
    await sleep(5);
    const second = await deliver(app, 3, 4);
    await sendTo(app, 'sales', sales(4, 5));
    const ask = (sql: string) => askSql(app, sql);
    const at = `AT (VERSION => ${first})`;

    expect(await ask('select count(*) from sales')).toEqual([['4']]);
    expect(await ask(`select count(*) from sales ${at}`)).toEqual([['2']]);
    expect(await ask(`select count(*) from lake.sales AT (VERSION => ${second})`)).toEqual([['3']]);
    expect(
      await ask(`select count(*) from sales at (timestamp => timestamptz '${between}')`),
    ).toEqual([['2']]);
    expect(
      await ask('select count(*) from sales AT (TIMESTAMP => now() + interval 1 hour)'),
    ).toEqual([['3']]);
    expect(
      await ask(
        `select n.id from sales n left join sales b ${at} using (id) where b.id is null order by 1`,
      ),
      'with itself as it is',
    ).toEqual([[3], [4]]);
    expect(
      await ask(
        `with old as (select * from sales ${at}) select max(id), (select count(*) from sales AT (VERSION => ${second})) from old`,
      ),
    ).toEqual([[2, '3']]);
    expect(
      await ask(
        `select id from sales where id not in (select id from lake.sales ${at}) order by id`,
      ),
    ).toEqual([[3], [4]]);
    expect(
      await ask(`select sales.id from sales ${at} where sales.country = 'FR'`),
      'by its own name',
    ).toEqual([[1]]);
    expect(
      await ask(
        `select o.id, count(*) over () from sales as o ${at} union all select 9, 9 order by 1`,
      ),
    ).toEqual([
      [1, '2'],
      [2, '2'],
      [9, '9'],
    ]);
    expect(await ask(`select * from sales ${at} order by id`)).toEqual([
      [1, 'FR', '1.00'],
      [2, 'DE', '2.00'],
    ]);
    expect(await ask(`select _sequence_number, id from records.sales ${at} order by 1`)).toEqual([
      ['0', 1],
      ['1', 2],
    ]);
    expect(
      await withParams(app, `select id from sales ${at} where country = ? and id < ?`, ['FR', 9]),
    ).toEqual([[1]]);
    expect(
      await withParams(app, `select id from sales ${at} where country = $c`, { c: 'DE' }),
    ).toEqual([[2]]);
    expect(
      await withParams(app, 'select count(*) from sales AT (VERSION => $v)', { v: first }),
    ).toEqual([['2']]);
    expect(
      await withParams(app, 'select count(*) from sales AT (TIMESTAMP => ?) where id > ?', [
        between,
        1,
      ]),
    ).toEqual([['1']]);
    expect(
      await withParams(app, 'select id from sales AT (VERSION => $1) where id > $2', {
        1: first,
        2: 1,
      }),
      'by place, as the page and the command line send them',
    ).toEqual([[2]]);

    await app.current?.models.run('totals', 'manual');
    const before = await current(app, 'warehouse.totals');
    await deliver(app, 5, 6);
    await app.current?.models.run('totals', 'manual');
    expect(
      await ask(`select total from totals AT (VERSION => ${before}) where country = 'FR'`),
    ).toEqual([['4.00']]);
    expect(await ask("select total from totals where country = 'FR'")).toEqual([['9.00']]);
  });

  test('are refused where there is none, with what there is', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    const [first, , third] = [
      await deliver(app, 1, 3),
      await deliver(app, 3, 4),
      await deliver(app, 4, 5),
    ];
    const refused = (from: string) =>
      askSql(app, `select count(*) from ${from}`).then(
        () => expect.unreachable(from),
        (error: { code: string; message: string }) => error,
      );
    for (const from of ['sys.streams', 'lookups.by_id', 'deadletters.sales', 'large'])
      expect(await refused(`${from} AT (VERSION => 1)`), from).toMatchObject({
        message: expect.stringContaining('has no history'),
      });
    expect(await refused('sales AT (VERSION => 42)')).toMatchObject({
      code: 'MR_TABLE_NOT_FOUND',
      message: expect.stringMatching(
        /lake\.sales has no snapshot 42\. It has \d+ \(.*sys\.snapshots/,
      ),
    });
    expect(await refused("sales AT (TIMESTAMP => '2001-01-01')")).toMatchObject({
      message: expect.stringContaining('no snapshot from before 2001-01-01T00:00:00.000Z'),
    });
    expect(await refused("sales AT (VERSION => 'yesterday')")).toMatchObject({
      code: 'MR_QUERY_FAILED',
      message: expect.stringMatching(/^AT: .*'yesterday'/),
    });
    expect(await refused('sales AT (VERSION => NULL)')).toMatchObject({
      message: expect.stringContaining('needs the id of a snapshot'),
    });

    const { answer } = await post(app, '/v1/tables/lake/sales/expire', { keep: 1 });
    expect(answer).toMatchObject({ snapshots: 2 });
    const { message } = await refused(`sales AT (VERSION => ${first})`);
    expect(message).toContain(`has no snapshot ${first}`);
    expect(message).toContain(`It has ${third} (`);
    expect(await askSql(app, `select count(*) from sales AT (VERSION => ${third})`)).toEqual([
      ['4'],
    ]);
  });

  test('are there for tables that other programs made, too', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    await runPython(
      `
import sys, pyarrow as pa
from pyiceberg.catalog import load_catalog
catalog = load_catalog('m', type='rest', uri=sys.argv[1])
catalog.create_namespace('other')
rows = lambda *ids: pa.table({'id': pa.array(ids, pa.int64())})
table = catalog.create_table('other.things', schema=rows().schema)
table.append(rows(1, 2))
table.append(rows(3))
table.delete('id = 1')
`,
      [`${app.address}/iceberg`],
    );
    const snapshots = await askSql(
      app,
      "select snapshot_id from sys.snapshots where table_name = 'other.things' order by committed_at, total_rows desc",
    );
    const counts = await Promise.all(
      snapshots.map(([id]) =>
        askSql(app, `select sum(id) from other.things AT (VERSION => ${id})`),
      ),
    );
    expect(counts.flat(2).slice(0, 2)).toEqual(['3', '6']);
    expect(await askSql(app, 'select sum(id) from other.things')).toEqual([['5']]);
    expect(
      await askSql(
        app,
        `select t.id from other.things t AT (VERSION => ${snapshots[0]?.[0]}) anti join other.things using (id)`,
      ),
    ).toEqual([['1']]);
  });
});

describe('a rollback', () => {
  const ids = async (app: App) =>
    (await askSql(app, 'select count(*), count(distinct id), sum(id) from sales'))[0];
  const sum = (from: number, until: number) => ((from + until - 1) * (until - from)) / 2;
  const rows = (count: number, total: number) => [String(count), String(count), String(total)];
  const shown = async (app: App) =>
    JSON.stringify((await post(app, '/v1/dashboards/shop/answers', {})).answer);
  const roll = (app: App, to: string, redeliver = false) =>
    post(app, '/v1/tables/lake/sales/rollback', { to, redeliver });

  test('by id takes out what was delivered since; what waits stays, and deliveries go on', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    const first = await deliver(app, 0, 10);
    await deliver(app, 10, 20);
    await sendTo(app, 'sales', sales(20, 25));
    expect(await ids(app)).toEqual(rows(25, sum(0, 25)));
    expect(await shown(app)).toContain('25');
    expect((await roll(app, first)).answer).toMatchObject({ id: first, totalRows: 10 });
    expect(await ids(app)).toEqual(rows(15, sum(0, 10) + sum(20, 25)));
    expect(await shown(app), 'the dashboard too').toContain('15');
    await deliver(app, 25, 30);
    expect(await ids(app)).toEqual(rows(20, sum(0, 10) + sum(20, 30)));
    expect(await shown(app)).toContain('20');
    expect(await askSql(app, 'select count(*) from records.sales AT (TIMESTAMP => now())')).toEqual(
      [['20']],
    );
  });

  test('with --redeliver every record is there at each moment, once', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    await deliver(app, 0, 10);
    const moment = new Date().toISOString();
    await sleep(5);
    await deliver(app, 10, 20);
    await sendTo(app, 'sales', sales(20, 25));
    expect(await ids(app)).toEqual(rows(25, sum(0, 25)));
    expect((await roll(app, moment, true)).answer).toMatchObject({ totalRows: 10 });
    expect(await ids(app), 'before anything is delivered again').toEqual(rows(25, sum(0, 25)));
    expect(await shown(app)).toContain('25');
    expect(await askSql(app, 'select next_sequence_number, lag from sys.deliveries')).toEqual([
      ['10', '15'],
    ]);
    await deliver(app, 25, 30);
    expect(await ids(app)).toEqual(rows(30, sum(0, 30)));
    expect(await askSql(app, 'select count(*) from sales AT (TIMESTAMP => now())')).toEqual([
      ['30'],
    ]);
  });

  test('in the middle of a delivery loses and doubles nothing', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    const first = await deliver(app, 0, 10);
    let next = 10;
    for (let round = 0; round < 6; round++) {
      await sendTo(app, 'sales', sales(next, next + 50));
      next += 50;
      const delivery = app.current?.stream('sales').delivery?.deliverNow();
      await sleep(4 * round);
      expect((await roll(app, first, true)).status).toBe(200);
      expect(await ids(app), `round ${round}`).toEqual(rows(next, sum(0, next)));
      await delivery;
      expect(await ids(app), `round ${round}, delivered`).toEqual(rows(next, sum(0, next)));
    }
  });

  test('that would need records that are gone is refused, and changes nothing', async () => {
    const source = PIPELINE.replace('table:', "retention: { maxBytes: '4KB' }, table:");
    const app = await startApp(temporaryFolder(), source);
    const first = await deliver(app, 0, 10);
    for (let from = 10; from < 400; from += 10) await sendTo(app, 'sales', sales(from, from + 10));
    await app.current?.stream('sales').delivery?.deliverNow();
    const { log } = app.current?.stream('sales') ?? {};
    await eventually(async () => {
      await log?.trim();
      return (log?.firstSequence ?? 0) > 10 ? true : undefined;
    });
    expect(await roll(app, first, true)).toMatchObject({
      answer: { error: { code: 'MR_STREAM_EXPIRED' } },
    });
    expect(await ids(app)).toEqual(rows(400, sum(0, 400)));
  });

  test('of a table that no stream fills cannot deliver again', async () => {
    const app = await startApp(temporaryFolder(), PIPELINE);
    await deliver(app, 0, 10);
    await app.current?.models.run('totals', 'manual');
    const to = await current(app, 'warehouse.totals');
    expect(
      await post(app, '/v1/tables/warehouse/totals/rollback', { to, redeliver: true }),
    ).toMatchObject({
      answer: { error: { message: expect.stringContaining('no table of a stream') } },
    });
  });
});

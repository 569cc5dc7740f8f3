import { expect, test } from 'vitest';
import { askSql, sendTo, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';

const PIPELINE = `
import { check, field as f, model, sql, stream } from 'millrace';
export const orders = stream('orders', { fields: { id: f.int(), country: f.string(), amount: f.decimal(10, 2) }, table: { every: '1h' } });
export const large = model('large', { sql: sql\`select * from \${orders} where amount > \${10}\`, materialize: 'view' });
export const totals = model('totals', {
  sql: sql\`select country, sum(amount) as total, count(*) as orders from \${orders} group by country\`,
  schedule: 'manual', checks: [check.unique('country'), check.between('total', 0, 1000), check.oneOf('country', ['DE', 'FR'], { severity: 'warn' })],
});
export const best = model('best', { sql: sql\`select country from \${totals} order by total desc limit 1\`, schedule: 'on-change' });
export const nightly = model('nightly', { sql: sql\`select count(*) as n from \${large}\`, schedule: '0 2 * * *', timezone: 'Europe/London' });
`;

test('models run over everything acknowledged, a failing check keeps the old result, and runs are recorded', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const models = app.current?.models;
  await sendTo(app, 'orders', [
    { id: 1, country: 'DE', amount: 12.5 },
    { id: 2, country: 'FR', amount: '7.25' },
    { id: 3, country: 'DE', amount: 1 },
  ]);

  const first = await models?.run('totals', 'manual');
  expect(first).toMatchObject({ state: 'succeeded', rows: 2, cause: 'manual' });
  expect(await askSql(app, 'select * from totals order by country')).toEqual([
    ['DE', '13.50', '2'],
    ['FR', '7.25', '1'],
  ]);
  expect(await askSql(app, 'select id from warehouse.large')).toEqual([[1]]);

  await sendTo(app, 'orders', [{ id: 4, country: 'IT', amount: 5 }]);
  expect(await models?.run('totals', 'manual')).toMatchObject({
    state: 'succeeded',
    checks: [
      { failures: 0 },
      { failures: 0 },
      { failures: 1, severity: 'warn', sample: expect.stringContaining('IT') },
    ],
  });

  await sendTo(app, 'orders', [{ id: 5, country: 'DE', amount: 5000 }]);
  const failed = await models?.run('totals', 'manual');
  expect(failed).toMatchObject({
    state: 'failed',
    error: expect.stringContaining(
      "Check 'total is between 0 and 1000' fails for 1 rows, for example",
    ),
  });
  expect(
    await askSql(app, 'select total from totals order by country'),
    'the old result is kept',
  ).toEqual([['13.50'], ['7.25'], ['5.00']]);

  const runs = await askSql(
    app,
    "select state, rows, duration_ms >= 0, error is null from sys.runs where model = 'totals' order by started_at",
  );
  expect(runs).toEqual([
    ['succeeded', '2', true, true],
    ['succeeded', '3', true, true],
    ['failed', null, true, false],
  ]);
  expect(
    await askSql(app, 'select distinct check_name from sys.checks where failures > 0 order by 1'),
  ).toHaveLength(2);
});

test('a model that follows another runs after it, and one that has never run does so at the start', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  await eventually(async () =>
    (
      await askSql(
        app,
        "select count(*) from sys.runs where model = 'nightly' and cause = 'first' and state = 'succeeded'",
      )
    )[0]?.[0] === '1'
      ? true
      : undefined,
  );
  await eventually(async () =>
    (
      await askSql(
        app,
        "select count(*) from sys.runs where model = 'best' and state = 'succeeded'",
      )
    )[0]?.[0] === '1'
      ? true
      : undefined,
  );
  const reads = app.current?.plan.models.map((model) => model.name);
  expect(reads?.indexOf('totals')).toBeLessThan(reads?.indexOf('best') as number);
});

test('a query that the engine refuses is a plan error with file, line and place', async () => {
  const folder = temporaryFolder();
  const broken = PIPELINE.replace('sum(amount)', 'sum(amout)');
  await expect(startApp(folder, broken)).rejects.toMatchObject({
    code: 'MR_PLAN_QUERY',
    message: expect.stringMatching(/pipeline\.ts:5: totals: Referenced column "amout" not found/),
  });
  const interval = PIPELINE.replace('count(*) as n', "interval '1 day' as n");
  await expect(startApp(folder, interval)).rejects.toMatchObject({
    message: expect.stringContaining('which a table cannot store. Cast it'),
  });
});

const CHECKED = `
import { check, field as f, model, sql, stream } from 'millrace';
export const customers = stream('customers', { fields: { id: f.string() }, table: { every: '1h' } });
export const orders = stream('orders', { fields: { customer: f.string(), day: f.date() }, table: { every: '1h' } });
export const daily = model('daily', {
  sql: sql\`select customer, day, count(*) as orders from \${orders} group by all\`,
  schedule: 'manual', key: ['customer'], checks: [check.notNull('day')],
});
`;

test('a check sees all of another stream that it reads, and follows it', async () => {
  const known =
    "check.sql('known', sql`select * from result where customer not in (select id from ${customers})`)";
  const app = await startApp(temporaryFolder(), CHECKED.replace("check.notNull('day')", known));
  await sendTo(app, 'customers', [{ id: 'a' }]);
  await sendTo(app, 'orders', [{ customer: 'a', day: '2026-01-01' }]);
  expect(await app.current?.models.run('daily', 'manual')).toMatchObject({
    state: 'succeeded',
    rows: 1,
  });
  await sendTo(app, 'orders', [{ customer: 'b', day: '2026-01-01' }]);
  expect(await app.current?.models.run('daily', 'manual')).toMatchObject({
    state: 'failed',
    error: expect.stringContaining("Check 'known' fails for 1 rows"),
  });
});

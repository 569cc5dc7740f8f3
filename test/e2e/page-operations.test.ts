import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { accessibilityProblems, overflow, PHONE, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const PIPELINE = `
import { check, field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', {
  description: 'Lines of invoices', shards: 2, key: 'id', invalid: 'deadletter',
  fields: { id: f.string(), qty: f.int().min(1) }, table: { every: '1s' },
});
export const quiet = stream('quiet', { fields: { n: f.int() }, table: false });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
export const per_id = model('per_id', {
  description: 'Pieces per invoice', schedule: 'manual', key: ['id'],
  sql: sql\`select id, sum(qty) as qty from \${sales} group by all\`,
  checks: [check.unique(['id']), check.between('qty', 1, 100)],
});
export const all_qty = model('all_qty', { materialize: 'view', sql: sql\`select sum(qty) as qty from \${sales}\` });
`;
const start = () => startPipeline(temporaryFolder(), PIPELINE);

function send(pipeline: RunningPipeline, rows: readonly object[]): Promise<Response> {
  const body = rows.map((row) => JSON.stringify(row)).join('\n');
  return pipeline.post('/v1/streams/sales/records', body, {
    'content-type': 'application/x-ndjson',
  });
}

const lines = (count: number, qty = 1) =>
  Array.from({ length: count }, (_, index) => ({ id: `i${index}`, qty }));
const streamCard = (page: Page, name: string) =>
  page.getByRole('region', { name: new RegExp(`^${name}`) });
/** The value that stands under a figure's name. */
const figure = (card: ReturnType<Page['getByRole']>, name: string) =>
  card
    .locator('dl > div')
    .filter({ has: card.page().getByText(name, { exact: true }) })
    .locator('dd')
    .first();

describe('streams', () => {
  test('each stream with its rate, records, delivery and readers; numbers follow by themselves', async () => {
    const pipeline = await start();
    const page = await visit(pipeline.url, { path: '/streams' });
    const card = streamCard(page, 'sales');
    await card.getByText('no record yet').waitFor();
    await send(pipeline, lines(1234));
    await eventually(async () =>
      (await figure(card, 'Records in the log').textContent()) === '1,234' ? true : undefined,
    );
    expect(await card.getByText('2 shards').count()).toBe(1);
    await eventually(async () =>
      Number(await figure(card, 'Records per second').textContent()) > 0 ? true : undefined,
    );
    await card.getByText('1,234 rows in').waitFor();
    expect(await figure(card, 'Waiting for delivery').textContent()).toBe('0');
    expect(await figure(card, 'lake.sales on disk').textContent()).toMatch(/[1-9].*B$/);
    const reader = card.getByRole('row', { name: /Lookups/ });
    await eventually(async () =>
      /1,234\s*0$/.test((await reader.textContent()) ?? '') ? true : undefined,
    );
    expect(await page.getByText('2 streams, all healthy').count()).toBe(1);
    expect(await figure(streamCard(page, 'quiet'), 'Table').textContent()).toBe('none');
  });

  test('refused records are counted by reason, each with a sample; more of them are shown as they come', async () => {
    const pipeline = await start();
    await send(pipeline, [
      { id: 'a', qty: 0 },
      { id: 'b', qty: 0 },
      { id: 7, qty: 1 },
    ]);
    const page = await visit(pipeline.url, { path: '/streams' });
    await page.getByText('3 dead letters').click();
    const table = page.getByRole('region', { name: 'Dead letters of sales by reason' });
    const row = table.getByRole('row', { name: /MR_FIELD_RULE/ });
    expect(await row.textContent()).toMatch(/MR_FIELD_RULEqty2.*\{"id":"b","qty":0\}/);
    expect(await table.getByRole('row').count()).toBe(3);
    await send(pipeline, [{ id: 'c', qty: 0 }]);
    await page.getByText('4 dead letters').waitFor();
    await table.getByRole('row', { name: /MR_FIELD_RULE qty 3/ }).waitFor();
    // Nothing was fixed: they stay, and the page says why.
    await table.getByRole('button', { name: 'Send again MR_FIELD_RULE qty' }).click();
    await page.getByText(/0 letters stored, 3 refused again: Field 'qty'/).waitFor();
    await page.getByText('4 dead letters').waitFor();
  });

  test('a delivery that cannot be made is red, says why and what to do, and is well again by itself', async () => {
    const pipeline = await start();
    const page = await visit(pipeline.url, { path: '/streams' });
    const card = streamCard(page, 'sales');
    await card.getByText('healthy').waitFor();
    const table = join(pipeline.folder, '.millrace/lake/lake/sales');
    const [data] = readdirSync(table).filter((name) => name === 'data');
    // Where files should go there is a file.
    if (data) renameSync(join(table, data), join(table, 'data-before'));
    writeFileSync(join(table, 'data'), '');
    await send(pipeline, lines(5));
    const problem = card.getByRole('alert');
    await problem.getByText(/The delivery to lake.sales fails/).waitFor();
    expect(await problem.textContent()).toMatch(/5 records wait in the log.*tried again every 5 s/);
    expect(await card.getByText('needs attention').count()).toBe(1);
    expect(await page.getByText('1 of them in need of attention').count()).toBe(1);
    expect(await accessibilityProblems(page)).toEqual([]);
    renameSync(join(table, 'data'), join(table, 'in-the-way'));
    if (data) renameSync(join(table, 'data-before'), join(table, data));
    await card.getByText('healthy').waitFor();
    await card.getByText('5 rows in').waitFor();
  });

  test('what was seen stays, and says so, while the pipeline does not answer', async () => {
    const folder = temporaryFolder();
    const pipeline = await startPipeline(folder, PIPELINE);
    await send(pipeline, lines(7));
    const page = await visit(pipeline.url, { path: '/streams', expected: /ERR_|status of 503/ });
    await streamCard(page, 'sales').getByText('healthy').waitFor();
    await pipeline.kill();
    await page.getByText(/The pipeline does not answer.*This is from \d+:\d+/).waitFor();
    expect(await figure(streamCard(page, 'sales'), 'Records in the log').textContent()).toBe('7');
    await page.getByText('2 streams as they were when the pipeline last answered.').waitFor();
    expect(await page.getByText('healthy').count(), 'nobody knows').toBe(0);
    expect(await page.getByText('not known').count()).toBe(2);
    const port = new URL(pipeline.url).port;
    await startPipeline(folder, undefined, { args: ['--port', port] });
    await page.getByText(/The pipeline does not answer/).waitFor({ state: 'detached' });
  });
});

describe('models', () => {
  test('a run on demand: state, rows, duration, checks, and the list of runs', async () => {
    const pipeline = await start();
    await send(pipeline, lines(3));
    const page = await visit(pipeline.url, { path: '/models' });
    const card = page.getByRole('region', { name: /^per_id/ });
    await card.getByText('never run').waitFor();
    await card.getByRole('button', { name: 'Run now per_id' }).click();
    await card.getByText('succeeded').waitFor();
    await page
      .getByRole('status')
      .getByText(/per_id: 3 rows in \d/)
      .waitFor();
    expect(await figure(card, 'Rows').textContent()).toBe('3');
    expect(await figure(card, 'Runs').textContent()).toBe('when asked');
    expect(await card.getByText('holds').count()).toBe(2);
    const runs = page.getByRole('region', { name: 'Runs of models' });
    expect(await runs.getByRole('row').nth(1).textContent()).toMatch(
      /per_idsomebody askedsucceeded.*3/,
    );
    expect(await page.getByText('Runs, times in Europe/Berlin').count()).toBe(1);
    const view = page.getByRole('region', { name: /^all_qty/ });
    expect(await view.getByText('view, computed when asked').count()).toBe(1);
    expect(await view.getByRole('button').count()).toBe(0);
  });

  test('a model that has never succeeded says that there is no result, and so does SQL', async () => {
    const pipeline = await start();
    await send(pipeline, lines(2, 500));
    await pipeline.post('/v1/models/per_id/runs', '{}');
    const page = await visit(pipeline.url, { path: '/models' });
    const card = page.getByRole('region', { name: /^per_id/ });
    await card.getByText('2 rows break it').waitFor();
    const words = await card.getByRole('alert').textContent();
    expect(words).toMatch(/It has never succeeded: there is no result yet/);
    expect(words).not.toMatch(/still there/);
    await expect(pipeline.sql('select * from per_id')).rejects.toThrow(
      /Model 'per_id' has no result yet: its last run failed: Check 'qty is between .*millrace run per_id/,
    );
  });

  test('a check that fails is red: how many rows, one of them, and that the old result stands', async () => {
    const pipeline = await start();
    await send(pipeline, lines(2));
    await pipeline.post('/v1/models/per_id/runs', '{}');
    await send(pipeline, lines(2, 500));
    await pipeline.post('/v1/models/per_id/runs', '{}');
    const page = await visit(pipeline.url, { path: '/models' });
    const card = page.getByRole('region', { name: /^per_id/ });
    await card.getByText('2 rows break it').waitFor();
    const check = card.getByRole('row', { name: /qty is between/ });
    expect(await check.textContent()).toMatch(/2 rows break it\{"id":"i\d","qty":"?501"?\}/);
    expect(await card.getByRole('alert').textContent()).toMatch(
      /result from before it is still there/,
    );
    expect(await accessibilityProblems(page)).toEqual([]);
  });
});

test.each(['light', 'dark'] as const)(
  'both pages are accessible and fit a phone, %s',
  async (theme) => {
    const pipeline = await start();
    await send(pipeline, [...lines(50), { id: 'bad' }]);
    await pipeline.post('/v1/models/per_id/runs', '{}');
    const page = await visit(pipeline.url, { ...PHONE, path: '/streams', theme });
    await page.getByText('1 dead letter').click();
    await page.getByText('MR_FIELD_MISSING', { exact: true }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    await page.getByRole('link', { name: 'Models' }).click();
    await page.getByText('holds').first().waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
  },
);

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { accessibilityProblems, overflow, PHONE, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, startPipeline } from '../support/pipeline.ts';
import { editor, grid, run, write } from '../support/sql-page.ts';

const PIPELINE = `
import { field as f, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: {
  id: f.string().describe('Number of the line'), price: f.decimal(20, 3), big: f.long(), at: f.timestamptz(), note: f.string().optional(),
} });
export const totals = model('totals', { schedule: 'manual', sql: sql\`select id, sum(price) as price from \${sales} group by all\` });
`;
const start = () => startPipeline(temporaryFolder(), PIPELINE);
const row = (id: string, more: object = {}) =>
  JSON.stringify({
    id,
    price: '1234567890123.450',
    big: '9007199254740993',
    at: '2026-06-01T00:30:00.000001Z',
    ...more,
  });

const cells = async (page: Page, index: number) =>
  grid(page).getByRole('row').nth(index).getByRole('gridcell').allTextContents();
const link = (sql: string) => `/sql#q=${encodeURIComponent(sql)}`;

/** A column of the stream, by its alias, is offered to somebody who types. */
async function offered(url: string): Promise<Page> {
  const page = await visit(url, { path: link('select ') });
  await page.getByRole('button', { name: 'Insert lake.sales' }).waitFor();
  await write(page, 'from sales s select s.pr');
  await page.keyboard.type('i');
  await page.getByRole('option', { name: /^price/ }).waitFor();
  return page;
}

describe('a query', () => {
  test('answers with exact values, their types, the number of rows and the time it took', async () => {
    const pipeline = await start();
    await pipeline.post('/v1/streams/sales/records', row('a'));
    const page = await visit(pipeline.url, { path: '/sql' });
    await run(page, "select *, {'k': [1, null]} as nested from sales");
    await page.getByText(/^1 row · \d/).waitFor();
    expect(await grid(page).getByRole('columnheader').allTextContents()).toEqual([
      'idvarchar',
      'pricedecimal(20,3)',
      'bigbigint',
      'attimestamptz (UTC)',
      'notevarchar',
      'nestedstruct("k" integer[])',
    ]);
    expect(await cells(page, 1)).toEqual([
      'a',
      '1234567890123.450',
      '9007199254740993',
      '2026-06-01T00:30:00.000001Z',
      'NULL',
      '{"k":[1,null]}',
    ]);
  });

  test('is run by Ctrl+Enter, a selected part alone, and is there again after a reload and behind a link', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/sql' });
    await write(page, "select 'é' as x, 2 as y");
    await page.keyboard.press('ControlOrMeta+Enter');
    await page.getByText(/^1 row/).waitFor();
    expect(await cells(page, 1)).toEqual(['é', '2']);
    const shared = page.url();
    await page.reload();
    expect(await editor(page).textContent()).toBe("select 'é' as x, 2 as y");
    await page.goto(`${url}/streams`);
    await page.goto(`${url}/sql`);
    await page.getByText("select 'é' as x, 2 as y").waitFor();
    const other = await visit(url, { path: shared.slice(url.length) });
    await other.getByText("select 'é' as x, 2 as y").waitFor();
    expect(await other.getByText('Nothing was asked yet').count(), 'a link runs nothing').toBe(1);

    await write(page, 'nonsense select 7 as seven');
    await page.keyboard.press('Home');
    for (let step = 0; step < 9; step++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+End');
    await page.keyboard.press('ControlOrMeta+Enter');
    await page.getByRole('columnheader', { name: 'seven' }).waitFor();
  });

  test('that is refused says why, what else there is, and where: marked in the text, behind any letters', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/sql', expected: /status of 40[03]/ });
    await run(page, "select 'äöü€😀' as x,\n  prize from sales");
    const alert = page.getByRole('alert');
    await alert.getByText('Referenced column "prize" not found').waitFor();
    expect(await alert.textContent()).toMatch(/price.*MR_QUERY_FAILED.*line 2, character 3/s);
    expect(await page.locator('.cm-lintRange-error').textContent()).toBe('prize');
    await alert.getByRole('button', { name: 'line 2, character 3' }).click();
    await page.keyboard.press('ControlOrMeta+Delete');
    await page.keyboard.insertText('price');
    await page.keyboard.press('ControlOrMeta+Enter');
    await page.getByText('The query gives no row').waitFor();
    expect(await page.locator('.cm-lintRange-error').count()).toBe(0);
    await run(page, 'drop table sales');
    await alert.getByText(/Only SELECT is allowed/).waitFor();
  });

  test('can be cancelled, and the next one is answered', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/sql' });
    await run(page, 'select sum(a.range * b.range) from range(100000000) a, range(100000) b');
    await page.getByRole('status').getByText('Running …').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText(/^Cancelled after/).waitFor();
    await run(page, 'select 1 as one');
    await page.getByText(/^1 row/).waitFor();
  });

  test('with 100,000 rows is scrolled and walked through by keyboard; only what is in sight is in the document', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/sql' });
    await run(page, 'select range as n, range * 1.5 as x from range(100000)');
    await page.getByText(/^100,000 rows/).waitFor();
    expect(await grid(page).getAttribute('aria-rowcount')).toBe('100001');
    expect(await grid(page).getByRole('row').count()).toBeLessThan(80);
    await grid(page).focus();
    await page.keyboard.press('ControlOrMeta+End');
    await page.getByText('Row 100,000, x:').waitFor();
    await grid(page).getByRole('gridcell', { name: '99999', exact: true }).waitFor();
    expect(await grid(page).getByRole('row').count()).toBeLessThan(80);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowLeft');
    await page.getByText('Row 99,999, n:').waitFor();
    await page.keyboard.press('ControlOrMeta+Home');
    await page.getByText('Row 1, n:').waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  test('shows each value on one line of its own cell, and the whole of it below', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/sql' });
    await run(
      page,
      "select '123-35-4896' as id, 'line' || chr(10) || 'break' as weird, date '2026-01-20' as day, timestamptz '2026-01-20 12:00:00+00' as at union all select 'x', '', null, null",
    );
    const cell = grid(page).getByRole('gridcell', { name: 'line↵break' });
    await cell.click();
    expect(await page.locator('code').last().textContent()).toBe('line\nbreak');
    const [row, text] = await Promise.all([
      grid(page).getByRole('row').nth(1).boundingBox(),
      cell.boundingBox(),
    ]);
    expect((text?.y ?? 0) + (text?.height ?? 0)).toBeLessThanOrEqual(
      (row?.y ?? 0) + (row?.height ?? 0),
    );
    const cut = await grid(page)
      .getByRole('gridcell')
      .evaluateAll((all) =>
        (all as unknown as { scrollWidth: number; clientWidth: number; textContent: string }[])
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
          .map(({ textContent }) => textContent),
      );
    expect(cut, 'ids, dates and instants are seen in full').toEqual([]);
  });

  test('of a model without a result is refused, with the reason and what to do', async () => {
    const pipeline = await start();
    const page = await visit(pipeline.url, { path: '/sql', expected: /status of 409/ });
    await run(page, 'select * from warehouse.totals');
    await page
      .getByRole('alert')
      .getByText(
        "Model 'totals' has no result yet: it has never run. Run it with: millrace run totals",
      )
      .waitFor();
    await pipeline.post('/v1/models/totals/runs', '{}');
    await run(page, 'select * from warehouse.totals');
    await page.getByText('The query gives no row').waitFor();
  });

  test('is downloaded as CSV, JSON and Parquet', async () => {
    const pipeline = await start();
    await pipeline.post('/v1/streams/sales/records', row('a', { note: 'x,"y"' }));
    const page = await visit(pipeline.url, { path: link('select id, big, note from sales') });
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const download = async (name: string) => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: `Download ${name}` }).click(),
      ]);
      return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
    };
    const csv = await download('CSV');
    expect([csv.name, csv.bytes.toString()]).toEqual([
      'result.csv',
      'id,big,note\na,9007199254740993,"x,""y"""\n',
    ]);
    const json = await download('JSON');
    expect(JSON.parse(json.bytes.toString())).toMatchObject({
      rows: [['a', '9007199254740993', 'x,"y"']],
    });
    const parquet = await download('Parquet');
    expect([parquet.name, parquet.bytes.subarray(0, 4).toString()]).toEqual([
      'result.parquet',
      'PAR1',
    ]);
  });
});

describe('writing one', () => {
  test('tables are listed with their columns; a click writes their names', async () => {
    const { url } = await start();
    const page = await visit(url, { path: link(' ') });
    const tables = page.getByRole('complementary', { name: 'Tables and queries' });
    await tables.getByRole('button', { name: 'Columns of lake.sales' }).click();
    await tables.getByText('decimal(20,3)').waitFor();
    expect(await tables.getByTitle('Number of the line').count()).toBe(1);
    await write(page, 'select ');
    await tables.getByRole('button', { name: 'Insert column price' }).click();
    await page.keyboard.insertText(' from ');
    await tables.getByRole('button', { name: 'Insert lake.sales' }).click();
    expect(await editor(page).textContent()).toBe('select price from sales');
    for (const name of ['warehouse.totals', 'records.sales', 'sys.streams'])
      expect(await tables.getByRole('button', { name: `Insert ${name}` }).count(), name).toBe(1);
  });

  test('columns of the tables in the statement are offered, also by alias; Tab leaves the editor', async () => {
    const { url } = await start();
    const page = await offered(url);
    // A list that comes while somebody types does not take keys in its first moment.
    await page.waitForTimeout(150);
    await page.keyboard.press('Enter');
    await eventually(async () =>
      (await editor(page).textContent()) === 'from sales s select s.price' ? true : undefined,
    );
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Run');
  });

  test('what is offered goes away when the statement is run', async () => {
    const { url } = await start();
    const page = await offered(url);
    await page.keyboard.type('ce');
    await page.getByRole('option', { name: /^price/ }).waitFor();
    await page.keyboard.press('ControlOrMeta+Enter');
    await page.getByText('The query gives no row').waitFor();
    expect(await page.getByRole('option', { name: /^price/ }).count()).toBe(0);
  });

  test('a first visit finds a question about a stream that has records', async () => {
    const pipeline = await startPipeline(
      temporaryFolder(),
      `${PIPELINE}export const bare = stream('bare', { fields: { n: f.int() } });`,
    );
    await pipeline.post('/v1/streams/sales/records', row('a'));
    const page = await visit(pipeline.url, { path: '/sql' });
    await eventually(async () =>
      /from sales/.test((await editor(page).textContent()) ?? '') ? true : undefined,
    );
  });

  test('the editor comes with this page only', async () => {
    const { url } = await start();
    const page = await visit(url, { path: '/lookups' });
    const scripts = () =>
      page.evaluate(
        'performance.getEntriesByType("resource").map((one) => one.name).filter((name) => /sql-page.*js/.test(name)).length',
      );
    await page.getByRole('heading', { level: 1, name: 'Lookups' }).waitFor();
    expect(await scripts()).toBe(0);
    await page.getByRole('link', { name: 'SQL' }).click();
    await editor(page).waitFor();
    expect(await scripts()).toBe(1);
  });
});

test.each(['light', 'dark'] as const)(
  'the page is accessible with a result, with an error and on a phone, %s',
  async (theme) => {
    const { url } = await start();
    const page = await visit(url, { path: '/sql', theme, expected: /status of 400/ });
    await run(page, 'select range, null as nothing from range(50)');
    await grid(page).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await run(page, 'select nothing');
    await page.getByRole('alert').waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    const phone = await visit(url, { ...PHONE, path: link('select * from range(50)'), theme });
    await phone.getByRole('button', { name: 'Run', exact: true }).click();
    await grid(phone).waitFor();
    expect(await accessibilityProblems(phone)).toEqual([]);
    expect(await overflow(phone)).toBe(0);
  },
);

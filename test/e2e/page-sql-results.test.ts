import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { accessibilityProblems, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';
import { grid, run, write } from '../support/sql-page.ts';

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int(), country: f.string().optional(), price: f.decimal(20, 3), day: f.date() } });
`;
const COUNTRIES = ['France', 'Germany', null, 'France'];
const RECORDS = Array.from({ length: 40 }, (_, id) => ({
  id,
  country: COUNTRIES[id % 4],
  price: `${(id * 7) % 40}.500`,
  day: `2026-01-0${1 + (id % 5)}`,
}));

async function open(): Promise<{ page: Page; url: string }> {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  await pipeline.post('/v1/streams/sales/records', JSON.stringify(RECORDS));
  const page = await visit(pipeline.url, { path: '/sql', expected: /status of 400/ });
  return { page, url: pipeline.url };
}

const firstCells = async (page: Page, rows: number): Promise<string[]> => {
  const all = Array.from({ length: rows }, (_, row) =>
    grid(page)
      .getByRole('row')
      .nth(row + 1)
      .getByRole('gridcell')
      .first()
      .textContent(),
  );
  return (await Promise.all(all)).map(String);
};

describe('a result', () => {
  test('is sorted by a column, up, down and as it was given; NULL comes last', async () => {
    const { page } = await open();
    await run(page, 'select country, price, id from sales order by id');
    const sort = (name: string) => page.getByTitle(`Sort by ${name}`).click();
    await grid(page).waitFor();
    await sort('country');
    expect(await firstCells(page, 2)).toEqual(['France', 'France']);
    await sort('country');
    expect(await firstCells(page, 2)).toEqual(['Germany', 'Germany']);
    const head = grid(page).getByRole('columnheader').first();
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    await grid(page).focus();
    await page.keyboard.press('ControlOrMeta+End');
    await page.getByText('Row 40, id:').waitFor();
    expect(
      await grid(page).getByRole('row').last().getByRole('gridcell').first().textContent(),
    ).toBe('NULL');
    await page.keyboard.press('ControlOrMeta+Home');
    await sort('country');
    expect(await firstCells(page, 3)).toEqual(['France', 'Germany', 'NULL']);
    await run(page, 'select price, id from sales');
    await sort('price');
    await sort('price');
    expect(await firstCells(page, 2), 'numbers by their value').toEqual(['39.500', '38.500']);
  });

  test('says what is in a column: how many values, the least, the greatest, the most frequent', async () => {
    const { page } = await open();
    await run(page, 'select country, price from sales');
    await page.getByRole('button', { name: 'statistics of country' }).click();
    const panel = page.getByRole('region', { name: 'Statistics of country' });
    expect(await panel.getByRole('definition').allTextContents()).toEqual([
      '40',
      '10 (25 %)',
      '2',
      'France',
      'Germany',
    ]);
    expect(await panel.getByRole('listitem').allTextContents()).toEqual(['France20', 'Germany10']);
    await page.getByRole('button', { name: 'statistics of price' }).click();
    const numbers = page.getByRole('region', { name: 'Statistics of price' });
    expect(await numbers.getByRole('definition').allTextContents()).toEqual([
      '40',
      '0',
      '40',
      '0.500',
      '39.500',
      '20',
      '800.000',
    ]);
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  test('is drawn as a chart, of the columns that are chosen', async () => {
    const { page } = await open();
    await run(
      page,
      'select day, count(*) as n, sum(price) as revenue from sales group by all order by all',
    );
    await page.getByRole('button', { name: 'Chart', exact: true }).click();
    await page.getByRole('figure', { name: 'revenue by day' }).waitFor();
    await page.getByText('2026-01-03').waitFor();
    await page.getByLabel('Up').selectOption('n');
    await page.getByRole('figure', { name: 'n by day' }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  test('with a time and names is drawn as a line for each name, which can be put together again', async () => {
    const { page } = await open();
    await run(
      page,
      'select country, day, sum(price) as revenue from sales group by all order by all',
    );
    await page.getByRole('button', { name: 'Chart', exact: true }).click();
    const colours = page.getByRole('list', { name: 'Colours' });
    await colours.waitFor();
    expect(await colours.getByRole('listitem').allTextContents()).toEqual([
      ' France',
      ' Germany',
      ' NULL',
    ]);
    const lines = page.getByRole('figure', { name: 'revenue by day' }).locator('path[fill=none]');
    const apart = await lines.count();
    await page.getByLabel('Split by').selectOption('nothing');
    await colours.waitFor({ state: 'detached' });
    expect(apart - (await lines.count())).toBe(2);
    await page.getByLabel('Split by').selectOption('country');
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  test('of a million rows is here within seconds, and its last row as well', async () => {
    const { page } = await open();
    await run(page, "select range as n, 'row ' || range as name from range(1000000)");
    await page.getByText(/^1,000,000 rows/).waitFor();
    await grid(page).focus();
    await page.keyboard.press('ControlOrMeta+End');
    await page.getByText('Row 1,000,000, name:').waitFor();
    await grid(page).getByRole('gridcell', { name: 'row 999999', exact: true }).waitFor();
    expect(await grid(page).getByRole('row').count()).toBeLessThan(80);
  });

  test('of thousands of rows is an Excel workbook, too', async () => {
    const { page } = await open();
    await run(page, "select range as n, repeat('text ', 20) || range as t from range(20000)");
    await page.getByText(/^20,000 rows/).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download Excel' }).click(),
    ]);
    const rows = await runPython(
      "import sys, openpyxl\nprint(openpyxl.load_workbook(open(sys.argv[1], 'rb')).active.max_row)",
      [await file.path()],
    );
    expect(rows.trim()).toBe('20001');
  });

  test('is downloaded as an Excel workbook: numbers and days are such, what Excel cannot count is text', async () => {
    const { page } = await open();
    await run(
      page,
      "select 12.5::decimal(4,1) as price, 9007199254740993 as big, date '2026-01-02' as day, '=1+1 is a text of some length' as text, null as none, true as flag",
    );
    await page.getByText(/^1 row/).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download Excel' }).click(),
    ]);
    expect(file.suggestedFilename()).toBe('result.xlsx');
    const read = await runPython(
      `import json, sys, openpyxl
sheet = openpyxl.load_workbook(open(sys.argv[1], 'rb')).active
wide = [sheet.column_dimensions[letter].width for letter in 'AD']
print(json.dumps([[[cell.data_type, str(cell.value)] for cell in row] for row in sheet.iter_rows()] + [wide]))`,
      [await file.path()],
    );
    const [head, row, [price, text]] = JSON.parse(read);
    expect(text, 'columns are as wide as their texts').toBeGreaterThan(price * 2);
    expect(head.map(([, name]: string[]) => name)).toEqual([
      'price',
      'big',
      'day',
      'text',
      'none',
      'flag',
    ]);
    expect(row).toEqual([
      ['n', '12.5'],
      ['s', '9007199254740993'],
      ['d', '2026-01-02 00:00:00'],
      ['s', '=1+1 is a text of some length'],
      ['n', 'None'],
      ['b', 'True'],
    ]);
  });
});

describe('several statements', () => {
  test('have a result each, up to the first that is refused, which is marked at its place', async () => {
    const { page } = await open();
    await run(
      page,
      "select 'a;b' as one; -- two; three\nselect count(*) as n from sales;\nselect nope from sales; select 4",
    );
    const tabs = page.getByRole('tablist', { name: 'Results' }).getByRole('tab');
    await page.getByRole('tab', { name: /^3: Refused/ }).waitFor();
    await page.getByRole('alert').getByText('line 3, character 8').waitFor();
    await page.getByText('2 of 4 statements answered, 1 refused, 1 not run').waitFor();
    expect(await tabs.count()).toBe(4);
    await tabs.nth(0).click();
    expect(await firstCells(page, 1)).toEqual(['a;b']);
    await tabs.nth(1).click();
    expect(await firstCells(page, 1)).toEqual(['40']);
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  test('are explained: each step with what it took', async () => {
    const { page } = await open();
    await write(page, 'select country, sum(price) from sales where id > 5 group by country');
    await page.getByRole('button', { name: 'Explain' }).click();
    const plan = page.getByRole('list', { name: 'Plan' });
    await plan.waitFor();
    expect(await plan.getByText(/group by/).count()).toBeGreaterThan(0);
    expect(await plan.getByText(/rows · [\d.]+ ms/).count()).toBeGreaterThan(1);
    await write(page, 'select nope from sales');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByRole('alert').getByText('line 1, character 8').waitFor();
  });
});

test('parameters have fields: their values are typed as they look, go with explain and download, and come with Enter', async () => {
  const { page } = await open();
  await write(
    page,
    "select country, count(*) as n, '$no' as text from sales where country = $country and price > $least group by all -- $nor",
  );
  const fields = page.getByRole('group', { name: 'Parameters' });
  expect(await fields.getByRole('textbox').count()).toBe(2);
  await page.getByLabel('$country').fill('France');
  await page.getByLabel('$least').fill('20.5');
  await page.keyboard.press('Enter');
  await page.getByText(/^1 row/).waitFor();
  expect(await firstCells(page, 1)).toEqual(['France']);
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ]);
  expect(readFileSync(await file.path(), 'utf8')).toMatch(/^country,n,text\nFrance,\d+,\$no\n$/);
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByRole('list', { name: 'Plan' }).waitFor();
  await page.getByLabel('$country').fill('null');
  await page.keyboard.press('Enter');
  await page.getByText('The query gives no row').waitFor();
  await run(page, 'select $text as a, $flag as b, $long::bigint + 1 as c');
  await page.getByLabel('$text').fill("'5'");
  await page.getByLabel('$flag').fill('true');
  await page.getByLabel('$long').fill('9007199254740993');
  await page.keyboard.press('Enter');
  const row = grid(page).getByRole('row').nth(1).getByRole('gridcell');
  await row.nth(2).getByText('9007199254740994').waitFor();
  expect(await row.allTextContents()).toEqual(['5', 'true', '9007199254740994']);
  expect(await accessibilityProblems(page)).toEqual([]);
});

test('what was written and not run is there after a reload; a link is to what was run', async () => {
  const { page } = await open();
  await run(page, 'select 1 as one');
  await page.getByText(/^1 row/).waitFor();
  const shared = page.url();
  await write(page, 'select 2 as two');
  expect(page.url()).not.toBe(shared);
  await page.reload();
  await page.getByText('select 2 as two').waitFor();
  await page.goto(shared);
  await page.getByText('select 1 as one').waitFor();
});

test('what was asked is in the history, and what is saved is there on the next visit; a click writes it', async () => {
  const { page, url } = await open();
  await run(page, 'select 1 as one');
  await page.getByText(/^1 row/).waitFor();
  await run(page, 'select 2 as two');
  await page.getByText(/^1 row/).waitFor();
  await page.getByRole('tab', { name: 'History' }).click();
  const history = page.getByRole('list', { name: 'History' });
  await history.getByText('select 1 as one').waitFor();
  expect(await history.getByRole('listitem').count(), 'the page asks for itself unseen').toBe(2);
  await history.getByText('select 1 as one').click();
  expect(await page.getByRole('textbox', { name: 'SQL' }).textContent()).toBe('select 1 as one');
  await page.getByRole('tab', { name: 'Saved' }).click();
  await page.getByLabel('Save what is in the editor as').fill('The first');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: /^The first/ }).waitFor();
  expect(await accessibilityProblems(page)).toEqual([]);
  await page.goto(`${url}/sql#q=select+3`);
  await page.reload();
  await page.getByRole('tab', { name: 'Saved' }).click();
  await page.getByRole('button', { name: /^The first/ }).click();
  expect(await page.getByRole('textbox', { name: 'SQL' }).textContent()).toBe('select 1 as one');
  await page.getByRole('button', { name: 'Delete The first' }).click();
  await page.getByRole('button', { name: /^The first/ }).waitFor({ state: 'detached' });
});

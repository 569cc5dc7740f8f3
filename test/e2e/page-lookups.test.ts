import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { accessibilityProblems, overflow, PHONE, visit } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const PIPELINE = `
import { field as f, lookup, sequence, stream } from 'millrace';
export const sales = stream('sales', { fields: {
  invoice_no: f.string(), stock_code: f.string(), quantity: f.int(), price: f.decimal(10, 3), at: f.timestamptz(), tags: f.list(f.string()).optional(),
} });
export const invoices = lookup('invoices', { description: 'Lines of an invoice', from: sales, key: 'invoice_no', sort: ['stock_code', sequence] });
export const by_quantity = lookup('by_quantity', { from: sales, key: 'quantity' });
`;
const ODD = `it's 5/5 "ü"`;

async function start(): Promise<RunningPipeline> {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const line = (invoice_no: string, index: number) =>
    JSON.stringify({
      invoice_no,
      stock_code: `s${String(index).padStart(3, '0')}`,
      quantity: index,
      price: '2.500',
      at: '2026-06-01T00:30:00Z',
      tags: ['a', 'b'],
    });
  const lines = [
    ...Array.from({ length: 130 }, (_, index) => line('long', index)),
    line('1000001', 7),
    line(ODD, 9),
  ];
  await pipeline.post('/v1/streams/sales/records', lines.join('\n'), {
    'content-type': 'application/x-ndjson',
  });
  await eventually(async () =>
    (await fetch(`${pipeline.url}/v1/lookups/by_quantity/9`)).ok ? true : undefined,
  );
  return pipeline;
}

async function lookUp(page: Page, key: string): Promise<void> {
  await page.getByLabel('Lookup').selectOption('invoices');
  await page.getByLabel('invoice_no', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Look up' }).click();
}

const table = (page: Page, lookup = 'invoices') =>
  page.getByRole('region', { name: `Rows of ${lookup}` });

test('rows of a key: as a table in the viewer’s time zone, as JSON as they were sent, and behind a link', async () => {
  const { url } = await start();
  const page = await visit(url, { path: '/lookups' });
  await lookUp(page, '1000001');
  await page.getByText(/^1 row · \d/).waitFor();
  expect(await table(page).getByRole('columnheader').allTextContents()).toEqual([
    'invoice_no',
    'stock_code',
    'quantity',
    'price',
    'at (Europe/Berlin)',
    'tags',
  ]);
  expect(await table(page).getByRole('cell').allTextContents()).toEqual([
    '1000001',
    's007',
    '7',
    '2.500',
    '1 Jun 2026, 02:30:00',
    '["a","b"]',
  ]);
  await page.getByRole('tab', { name: 'JSON' }).click();
  const json = page.getByRole('region', { name: 'JSON' });
  expect(JSON.parse((await json.textContent()) ?? '')).toMatchObject([
    { invoice_no: '1000001', price: '2.500', at: '2026-06-01T00:30:00Z', tags: ['a', 'b'] },
  ]);
  const other = await visit(url, { path: page.url().slice(url.length), timezone: 'Asia/Tokyo' });
  await other.getByRole('columnheader', { name: 'at (Asia/Tokyo)' }).waitFor();
  await other.getByRole('cell', { name: '1 Jun 2026, 09:30:00' }).waitFor();
});

test('sort parts narrow it, named as their fields; more than a page is asked for by “More rows”', async () => {
  const { url } = await start();
  const page = await visit(url, { path: '/lookups' });
  await lookUp(page, 'long');
  await page.getByText(/^100 rows, and more/).waitFor();
  await page.getByRole('button', { name: 'More rows' }).click();
  await page.getByText(/^130 rows ·/).waitFor();
  expect(await page.getByRole('button', { name: 'More rows' }).count()).toBe(0);
  expect(await page.getByLabel('sequence', { exact: true }).isDisabled()).toBe(true);
  await page.getByLabel('stock_code', { exact: true }).fill('s042');
  await page.keyboard.press('Enter');
  await page.getByText(/^1 row ·/).waitFor();
  await page.getByLabel('sequence', { exact: true }).fill('42');
  await page.keyboard.press('Enter');
  await page.getByText(/^1 row ·/).waitFor();
  expect(new URL(page.url()).searchParams.getAll('part')).toEqual(['s042', '42']);
  await page.goBack();
  await page.goBack();
  await page.getByText(/^100 rows, and more/).waitFor();
});

test('a key that is not there, and one of the wrong type, are told apart', async () => {
  const { url } = await start();
  const page = await visit(url, { path: '/lookups', expected: /status of 40[04]/ });
  await lookUp(page, 'nobody');
  await page.getByText('No row has this key').waitFor();
  await page.getByLabel('Lookup').selectOption('by_quantity');
  await page.getByLabel('quantity', { exact: true }).fill('many');
  await page.keyboard.press('Enter');
  await page
    .getByRole('alert')
    .getByText(/quantity.*int/)
    .waitFor();
  expect(await page.getByLabel('quantity', { exact: true }).getAttribute('aria-invalid')).toBe(
    'true',
  );
  await page.getByLabel('quantity', { exact: true }).fill('7');
  await page.keyboard.press('Enter');
  await table(page, 'by_quantity').getByRole('cell', { name: '1000001' }).waitFor();
});

test('a record that was not there yet is there when asked again, by the button and by the form', async () => {
  const pipeline = await start();
  const page = await visit(pipeline.url, { path: '/lookups', expected: /status of 404/ });
  const send = (invoice_no: string) =>
    pipeline.post(
      '/v1/streams/sales/records',
      JSON.stringify({
        invoice_no,
        stock_code: 's',
        quantity: 1,
        price: 1,
        at: '2026-06-01T00:00:00Z',
      }),
    );
  for (const [key, again] of [
    ['late-1', 'Ask again'],
    ['late-2', 'Look up'],
  ] as const) {
    await lookUp(page, key);
    await page.getByText('No row has this key').waitFor();
    await send(key);
    await eventually(async () =>
      (await fetch(`${pipeline.url}/v1/lookups/invoices/${key}`)).ok ? true : undefined,
    );
    await page.getByRole('button', { name: again }).click();
    await page.getByText(/^1 row ·/).waitFor();
  }
});

test('who knows no key is offered the newest', async () => {
  const { url } = await start();
  const page = await visit(url, { path: '/lookups' });
  await page.getByLabel('Lookup').selectOption('invoices');
  await page.getByRole('button', { name: '1000001' }).click();
  await page.getByText(/^1 row ·/).waitFor();
});

test('the request is shown for curl, TypeScript and Python: pasted, each gives the rows, whatever the key', async () => {
  const pipeline = await start();
  const page = await visit(pipeline.url, { path: '/lookups' });
  await lookUp(page, ODD);
  await page.getByText(/^1 row ·/).waitFor();
  const code = async (name: string) => {
    await page.getByRole('tab', { name }).click();
    return (await page.getByRole('region', { name, exact: true }).textContent()) ?? '';
  };
  const curl = await promisify(execFile)('bash', ['-c', await code('curl')]);
  const row = { invoice_no: ODD, stock_code: 's009', quantity: 9 };
  expect(JSON.parse(curl.stdout)).toMatchObject({ items: [row] });
  expect(await runPython(await code('Python'))).toContain("'stock_code': 's009'");
  const typescript = await code('TypeScript');
  expect(typescript).toContain("import { client } from 'millrace/client';");
  const { client } = await import('../../dist/client.js');
  const invoices = { name: 'invoices', settings: { sort: ['stock_code', null] } };
  // The same statements, with the client and the lookup at hand instead of imported.
  const body = typescript.replace(/^import.*$/gm, '').replace('console.log(items)', 'return items');
  const AsyncFunction = (async () => {}).constructor as new (
    ...parts: string[]
  ) => (...values: unknown[]) => Promise<unknown>;
  expect(await new AsyncFunction('client', 'invoices', body)(client, invoices)).toMatchObject([
    row,
  ]);
});

test('what is copied is the code', async () => {
  const { url } = await start();
  const page = await visit(url, { path: '/lookups?lookup=invoices&key=1000001' });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy curl' }).click();
  await page.getByRole('status').getByText('Copied').waitFor({ state: 'attached' });
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(
    `curl -s '${url}/v1/lookups/invoices/1000001?limit=100'`,
  );
});

test.each(['light', 'dark'] as const)(
  'the page is accessible and fits a phone, %s',
  async (theme) => {
    const { url } = await start();
    const page = await visit(url, { ...PHONE, path: '/lookups?lookup=invoices&key=long', theme });
    await page.getByText(/^100 rows/).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    await page.getByRole('tab', { name: 'JSON' }).click();
    await page.getByRole('tab', { name: 'TypeScript' }).click();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
  },
);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext, test } from 'vitest';
import { SHARED_DATA, temporaryFolder } from '../support/folder.ts';
import {
  eventually,
  MILLRACE,
  millrace,
  type RunningPipeline,
  startPipeline,
} from '../support/pipeline.ts';

// The Online Retail data set: 541,909 invoice lines of a real shop, and what two independent engines
// made of them (its README.md and reference.json).
const DATA = join(SHARED_DATA, 'online-retail');
const EXAMPLE = fileURLToPath(new URL('../../examples/ecommerce/pipeline.ts', import.meta.url));
const ROWS = 541_909;

function requireData({ skip }: TestContext): void {
  if (existsSync(DATA)) return;
  const reason = `There is no ${DATA}: set MILLRACE_SHARED_DATA to the folder that has online-retail/.`;
  console.warn(reason);
  skip(reason);
}

const say = (text: string): void => console.log(`retail: ${text}`);

interface Amounts {
  readonly rows: number;
  readonly invoices: number;
  readonly revenue: string;
}

interface Reference {
  readonly rows: number;
  readonly nulls: { readonly Description: number; readonly CustomerID: number };
  readonly distinct: { readonly [column: string]: number };
  readonly distinct_StockCode_case_insensitive: number;
  readonly quantity_negative_rows: number;
  readonly quantity_zero_rows: number;
  readonly negative_not_cancelled_rows: number;
  readonly cancelled_rows: number;
  readonly cancelled_invoices: number;
  readonly invoices_starting_A: readonly (readonly (string | number | null)[])[];
  readonly unitprice_zero_rows: number;
  readonly unitprice_negative_rows: number;
  readonly exact_duplicate_extra_rows: number;
  readonly non_ascii_rows: number;
  readonly descriptions_with_edge_whitespace_rows: number;
  readonly quoted_descriptions_with_double_quote_rows: number;
  readonly first_ts: string;
  readonly last_ts: string;
  readonly distinct_days: number;
  readonly sum_quantity: number;
  readonly sum_revenue: string;
  readonly sum_revenue_not_cancelled_positive: string;
  readonly sum_revenue_cancelled: string;
  readonly top5_countries_by_revenue: readonly (Amounts & {
    readonly Country: string;
    readonly customers: number;
  })[];
  readonly top5_products_by_quantity: readonly (readonly [string, number])[];
  readonly top5_customers_by_revenue: readonly (readonly [number, string])[];
  readonly revenue_by_month: readonly (readonly [string, number, number, string])[];
  readonly invoice_536365: readonly { readonly [column: string]: string | number }[];
  readonly invoice_536365_total: string;
  readonly customer_17850: Amounts;
  readonly largest_invoice_by_rows: readonly [string, number];
  readonly invoices_with_more_than_one_timestamp: number;
  readonly stockcodes_with_more_than_one_description: number;
  readonly first_day_2010_12_01: Amounts;
}

const REVENUE = 'sum(quantity * unit_price)';
const AMOUNTS = `count(*)::int, count(distinct invoice_no)::int, ${REVENUE}`;

/** Each question in SQL, and its answer in the reference. */
function questions(reference: Reference): readonly (readonly [string, readonly unknown[][]])[] {
  const { distinct, nulls } = reference;
  const isoTime = (text: unknown) => String(text).replace(' ', 'T');
  const amounts = ({ rows, invoices, revenue }: Amounts) => [rows, invoices, revenue];
  return [
    [
      'select count(*)::int, sum(quantity)::int from lake.sales',
      [[reference.rows, reference.sum_quantity]],
    ],
    [
      `select ${REVENUE},
              ${REVENUE} filter (invoice_no not like 'C%' and quantity > 0 and unit_price > 0),
              ${REVENUE} filter (invoice_no like 'C%') from lake.sales`,
      [
        [
          reference.sum_revenue,
          reference.sum_revenue_not_cancelled_positive,
          reference.sum_revenue_cancelled,
        ],
      ],
    ],
    [
      `select count(distinct invoice_no)::int, count(distinct stock_code)::int, count(distinct lower(stock_code))::int,
              count(distinct description)::int, count(distinct customer_id)::int, count(distinct country)::int from lake.sales`,
      [
        [
          distinct['InvoiceNo'],
          distinct['StockCode'],
          reference.distinct_StockCode_case_insensitive,
          distinct['Description'],
          distinct['CustomerID'],
          distinct['Country'],
        ],
      ],
    ],
    [
      'select count(*) filter (description is null)::int, count(*) filter (customer_id is null)::int from lake.sales',
      [[nulls.Description, nulls.CustomerID]],
    ],
    [
      `select min(invoice_date), max(invoice_date), count(distinct invoice_date::date)::int from lake.sales`,
      [[isoTime(reference.first_ts), isoTime(reference.last_ts), reference.distinct_days]],
    ],
    [
      `select count(*) filter (quantity < 0)::int, count(*) filter (quantity = 0)::int,
              count(*) filter (quantity < 0 and invoice_no not like 'C%')::int,
              count(*) filter (invoice_no like 'C%')::int,
              count(distinct invoice_no) filter (invoice_no like 'C%')::int,
              count(*) filter (unit_price = 0)::int, count(*) filter (unit_price < 0)::int from lake.sales`,
      [
        [
          reference.quantity_negative_rows,
          reference.quantity_zero_rows,
          reference.negative_not_cancelled_rows,
          reference.cancelled_rows,
          reference.cancelled_invoices,
          reference.unitprice_zero_rows,
          reference.unitprice_negative_rows,
        ],
      ],
    ],
    [
      `select (select count(*) from lake.sales)::int - (select count(*) from (select distinct * from lake.sales))::int,
              count(*) filter (strlen(description) > length(description))::int,
              count(*) filter (description <> trim(description))::int,
              count(*) filter (contains(description, '"'))::int from lake.sales`,
      [
        [
          reference.exact_duplicate_extra_rows,
          reference.non_ascii_rows,
          reference.descriptions_with_edge_whitespace_rows,
          reference.quoted_descriptions_with_double_quote_rows,
        ],
      ],
    ],
    [
      `select country, count(*)::int, count(distinct invoice_no)::int, count(distinct customer_id)::int, ${REVENUE} as revenue
         from lake.sales group by country order by revenue desc limit 5`,
      reference.top5_countries_by_revenue.map((top) => [
        top.Country,
        top.rows,
        top.invoices,
        top.customers,
        top.revenue,
      ]),
    ],
    [
      'select stock_code, sum(quantity)::int as sold from lake.sales group by all order by sold desc limit 5',
      reference.top5_products_by_quantity.map((top) => [...top]),
    ],
    [
      `select customer_id::int, ${REVENUE} as revenue from lake.sales where customer_id is not null group by all order by revenue desc limit 5`,
      reference.top5_customers_by_revenue.map((top) => [...top]),
    ],
    [
      `select strftime(invoice_date, '%Y-%m') as month, ${AMOUNTS} from lake.sales group by month order by month`,
      reference.revenue_by_month.map((month) => [...month]),
    ],
    [
      `select ${AMOUNTS} from lake.sales where customer_id = '17850'`,
      [amounts(reference.customer_17850)],
    ],
    [
      `select ${AMOUNTS} from lake.sales where invoice_date >= '2010-12-01' and invoice_date < '2010-12-02'`,
      [amounts(reference.first_day_2010_12_01)],
    ],
    [
      'select invoice_no, count(*)::int as lines from lake.sales group by all order by lines desc limit 1',
      [[...reference.largest_invoice_by_rows]],
    ],
    [
      `select (select count(*) from (select 1 from lake.sales group by invoice_no having count(distinct invoice_date) > 1))::int,
              (select count(*) from (select 1 from lake.sales group by stock_code having count(distinct description) > 1))::int`,
      [
        [
          reference.invoices_with_more_than_one_timestamp,
          reference.stockcodes_with_more_than_one_description,
        ],
      ],
    ],
    [
      `select invoice_no, stock_code, description, quantity, invoice_date, unit_price, customer_id, country
         from lake.sales where invoice_no like 'A%' order by invoice_no`,
      reference.invoices_starting_A.map((row) =>
        row.map((value, column) => (column === 4 ? isoTime(value) : value)),
      ),
    ],
  ];
}

async function expectReference(pipe: RunningPipeline): Promise<void> {
  const reference = JSON.parse(readFileSync(join(DATA, 'reference.json'), 'utf8')) as Reference;
  for (const [sql, answer] of questions(reference))
    expect.soft(await pipe.sql(sql), sql).toEqual(answer);
  await expectInvoice536365(pipe, reference);
}

interface Page {
  readonly items: readonly { readonly [field: string]: unknown }[];
  readonly cursor?: string;
}

async function page(pipe: RunningPipeline, path: string): Promise<Page> {
  const response = await fetch(`${pipe.url}/v1/lookups/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Page;
}

/** All items of a key, page after page. */
async function itemsOf(pipe: RunningPipeline, lookup: string, key: string): Promise<Page['items']> {
  const path = `${lookup}/${encodeURIComponent(key)}?limit=1000`;
  let { items, cursor } = await page(pipe, path);
  while (cursor !== undefined) {
    const next: Page = await page(pipe, `${path}&cursor=${encodeURIComponent(cursor)}`);
    items = [...items, ...next.items];
    cursor = next.cursor;
  }
  return items;
}

async function expectInvoice536365(pipe: RunningPipeline, reference: Reference): Promise<void> {
  const expected = reference.invoice_536365.map((line) => ({
    invoice_no: '536365',
    stock_code: line['StockCode'],
    description: line['Description'],
    quantity: line['Quantity'],
    invoice_date: String(line['InvoiceDate']).replace(' ', 'T'),
    unit_price: line['UnitPrice'],
    customer_id: String(line['CustomerID']),
    country: line['Country'],
  }));
  expect.soft(await itemsOf(pipe, 'invoices', '536365')).toEqual(expected);
  const total = `select ${REVENUE} from lake.sales where invoice_no = '536365'`;
  expect.soft(await pipe.sql(total)).toEqual([[reference.invoice_536365_total]]);
}

async function lookupsCaughtUp(pipe: RunningPipeline): Promise<void> {
  await eventually(async () => {
    const [row] = await pipe.sql("select lag::int from sys.consumers where consumer = 'lookups'");
    return row?.[0] === 0 ? true : undefined;
  }, 60_000);
}

const FIELDS = [
  'invoice_no',
  'stock_code',
  'description',
  'quantity',
  'invoice_date',
  'unit_price',
  'customer_id',
  'country',
];
const REQUESTS_AT_ONCE = 32;

/** The lines of each invoice by SQL, in the lookup's order. */
async function linesByInvoice(pipe: RunningPipeline): Promise<Map<string, unknown[][]>> {
  const rows = await pipe.sql(
    `select ${FIELDS.join(', ')} from records.sales order by invoice_no, stock_code, _sequence_number`,
  );
  const lines = new Map<string, unknown[][]>();
  for (const row of rows) {
    const invoice = lines.get(row[0] as string);
    if (invoice) invoice.push(row);
    else lines.set(row[0] as string, [row]);
  }
  return lines;
}

async function expectEveryInvoice(pipe: RunningPipeline): Promise<void> {
  const lines = await linesByInvoice(pipe);
  expect(lines.size).toBe(25_900);
  const startMs = Date.now();
  const different: string[] = [];
  const waiting = lines.entries();
  const ask = async () => {
    for (const [invoice, expected] of waiting) {
      const items = await itemsOf(pipe, 'invoices', invoice);
      const found = items.map((item) => FIELDS.map((field) => item[field]));
      if (JSON.stringify(found) !== JSON.stringify(expected)) different.push(invoice);
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, ask));
  expect(different).toEqual([]);
  say(`the lines of 25,900 invoices by key in ${seconds(startMs)} s`);
}

const seconds = (startMs: number): string => ((Date.now() - startMs) / 1000).toFixed(1);

interface Done {
  readonly event: string;
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly replayed: number;
  readonly rejectedFile: string | null;
  readonly files: readonly object[];
}

async function importAll(folder: string, file: string): Promise<Done> {
  const startMs = Date.now();
  const { code, out, err } = await millrace([
    'import',
    'sales',
    join(DATA, file),
    '--json',
    '--pipeline',
    folder,
  ]);
  expect(code, err).toBe(0);
  const done = JSON.parse(out.trim().split('\n').at(-1) ?? '') as Done;
  const perSecond = Math.round((done.read / (Date.now() - startMs)) * 1000);
  say(`${file}: ${done.read} rows in ${seconds(startMs)} s (${perSecond} rows/s)`);
  return done;
}

function newFolder(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'pipeline.ts'), readFileSync(EXAMPLE));
  return folder;
}

test('One command imports the real file, and every answer of its reference and every invoice by key is right', async (context) => {
  requireData(context);
  const folder = newFolder();
  const pipe = await startPipeline(folder, undefined);
  expect(await importAll(folder, 'online-retail.csv.gz')).toEqual({
    event: 'done',
    read: ROWS,
    accepted: ROWS,
    rejected: 0,
    duplicate: 0,
    replayed: 0,
    reasons: {},
    rejectedFile: null,
    files: [
      {
        path: join(DATA, 'online-retail.csv.gz'),
        bytes: 48_039_726,
        format: 'csv',
        encoding: 'utf-8',
        delimiter: ',',
      },
    ],
  });
  await lookupsCaughtUp(pipe);
  await expectReference(pipe);
  await expectEveryInvoice(pipe);
  expect(await pipe.stop()).toBe(0);
});

/** Starts the import and kills it, kill -9, once it has told of `rows` rows. */
async function killedImport(folder: string, file: string, rows: number): Promise<void> {
  const child = spawn(
    process.execPath,
    [MILLRACE, 'import', 'sales', join(DATA, file), '--json', '--pipeline', folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Partial<Done>;
    if (event.event === 'done') throw new Error('The import ended before it could be killed.');
    if ((event.read ?? 0) < rows) continue;
    child.kill('SIGKILL');
    break;
  }
  await ended;
}

test('An import of the Latin-1 variant that was killed halfway is finished by the same command, and gives the same sums', async (context) => {
  requireData(context);
  const folder = newFolder();
  const file = 'online-retail-latin1-crlf.derived.csv.gz';
  await killedImport(folder, file, 100_000);

  const done = await importAll(folder, file);
  expect(done).toMatchObject({ read: ROWS, accepted: ROWS, rejected: 0, rejectedFile: null });
  expect(done.files).toMatchObject([{ encoding: 'windows-1252', dates: { invoice_date: 'MDY' } }]);
  expect(done.replayed).toBeGreaterThan(50_000);
  expect(done.replayed).toBeLessThan(ROWS);

  const pipe = await startPipeline(folder, undefined);
  expect(await pipe.sql('select count(*)::int from lake.sales')).toEqual([[ROWS]]);
  await lookupsCaughtUp(pipe);
  await expectReference(pipe);
  expect(await pipe.stop()).toBe(0);
});

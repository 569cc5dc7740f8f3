import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { awsEnvironment } from '../support/aws.ts';
import { awsPipeline } from '../support/aws-pipeline.ts';
import { SHARED_DATA, temporaryFolder } from '../support/folder.ts';
import { runPython } from '../support/python.ts';

/** The producers that the reference pipelines were published with, in their own form, on real files where there are some. */
const KINESIS = fileURLToPath(new URL('kinesis.py', import.meta.url));
const FIREHOSE = fileURLToPath(new URL('firehose.py', import.meta.url));

const aws = awsPipeline(`
import { field as f, stream } from 'millrace';
export const retail = stream('retail', { fields: {
  InvoiceNo: f.string(), StockCode: f.string(), Description: f.string(), Quantity: f.int(), InvoiceDate: f.string(),
  UnitPrice: f.decimal(10, 3), CustomerID: f.string(), Country: f.string(),
} });
export const pos = stream('pos', { unknown: 'keep', fields: {
  Invoice_ID: f.string(), Branch: f.string(), Product_line: f.string(), Quantity: f.int(), Total: f.decimal(12, 4),
} });
export const questions = stream('questions', { unknown: 'drop', fields: {
  question_id: f.long(), title: f.string(), tags: f.list(f.string()), score: f.int(), view_count: f.long(),
  is_answered: f.boolean(), owner: f.struct({ user_id: f.long().optional(), display_name: f.string().optional(),
    user_type: f.string(), account_id: f.long().optional(), reputation: f.long().optional(),
    profile_image: f.string().optional(), link: f.string().optional(), accept_rate: f.int().optional() }),
} });
`);

type CsvRow = { readonly [column: string]: string };

/** A real file, or one of the same columns where this machine has none. */
function csvOf(path: string, columns: string, made: (index: number) => string): string {
  const file = join(SHARED_DATA, path);
  if (existsSync(file)) return file;
  const rows = Array.from({ length: 300 }, (_, index) => made(index));
  const own = join(temporaryFolder(), 'rows.csv');
  writeFileSync(own, [columns, ...rows].join('\r\n'));
  return own;
}

const readCsv = (path: string): CsvRow[] => parse(readFileSync(path, 'utf8'), { columns: true });
const produce = async (script: string, ...args: string[]) =>
  JSON.parse(await runPython(script, args, { env: awsEnvironment(aws.pipeline.url) })) as object;

test('each line of the shop is a put_record with one partition key', async () => {
  const path = csvOf(
    'online-retail/online-retail-first999-mdyy-crlf.csv',
    'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
    (index) =>
      `${536365 + (index >> 2)},${index},"A ""B"", C",${index - 20},12/1/10 8:26,2.55,17850,France`,
  );
  const rows = readCsv(path);
  expect(await produce(KINESIS, 'rows', 'retail', path)).toMatchObject({
    put: rows.length,
    shards: ['shardId-000000000000'],
  });
  const columns = Object.keys(rows[0] as CsvRow);
  const quoted = columns.map((column) => `"${column}"`).join(', ');
  const stored = await aws.pipeline.sql(
    `select ${quoted} from records.retail order by _sequence_number`,
  );
  expect(stored).toEqual(
    rows.map((row) =>
      columns.map((column) =>
        column === 'Quantity'
          ? Number(row[column])
          : column === 'UnitPrice'
            ? Number(row[column]).toFixed(3)
            : row[column],
      ),
    ),
  );
});

test('each sale of the point of sale is a put_record', async () => {
  const path = csvOf(
    'pos/supermarket_sales_jan_feb.csv',
    'Invoice_ID,Branch,Product_line,Unit_price,Quantity,Total',
    (index) => `750-67-${index},A,Health and beauty,74.69,${index},${(index * 1.05).toFixed(4)}`,
  );
  const rows = readCsv(path);
  expect(await produce(KINESIS, 'rows', 'pos', path)).toMatchObject({ put: rows.length });
  const [found] = await aws.pipeline.sql(
    `select count(*)::int, count(distinct "Invoice_ID")::int, sum("Quantity")::int, sum("Total")::double from lake.pos`,
  );
  const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0);
  expect(found?.slice(0, 3)).toEqual([rows.length, rows.length, sum('Quantity')]);
  expect(found?.[3]).toBeCloseTo(sum('Total'), 3);
});

interface Item {
  readonly question_id: number;
  readonly title: string;
  readonly tags: readonly string[];
  readonly score: number;
  readonly view_count: number;
}

/** A page of the Stack Exchange API. */
function pageOf(name: string, first: number): string {
  const file = join(SHARED_DATA, 'stackexchange', name);
  if (existsSync(file)) return file;
  const items = Array.from({ length: 100 }, (_, index) => ({
    question_id: first + index,
    title: `How do I &quot;${index}&quot;? – 鍵`,
    tags: ['typescript', `tag-${index}`],
    score: index - 3,
    view_count: index * 1000,
    is_answered: index % 2 === 0,
    owner: { user_id: index, display_name: `user ${index}`, user_type: 'registered' },
    body: '<p>body</p>'.repeat(index),
  }));
  const own = join(temporaryFolder(), name);
  writeFileSync(own, JSON.stringify({ items, has_more: true }));
  return own;
}

test('questions of Stack Exchange go through Firehose one by one and in batches', async () => {
  const pages = [
    ['each', pageOf('questions-2025-05-06.json', 0)],
    ['batches', pageOf('questions-2025-03-15a.json', 1000)],
    ['batches', pageOf('page-votes-2018-07.json', 2000)],
  ] as const;
  const items: Item[] = [];
  for (const [way, path] of pages) {
    const page = JSON.parse(readFileSync(path, 'utf8')) as Item[] | { items: Item[] };
    const own = 'items' in page ? page.items : page;
    items.push(...own);
    expect(await produce(FIREHOSE, way, 'questions', path)).toEqual(
      way === 'each' ? { put: own.length, ids: own.length } : { put: own.length, failed: 0 },
    );
  }
  const stored = await aws.pipeline.sql(
    'select question_id, title, to_json(tags)::varchar, score, view_count from records.questions order by _sequence_number',
  );
  expect(stored).toEqual(
    items.map((item) => [
      String(item.question_id),
      item.title,
      JSON.stringify(item.tags),
      item.score,
      String(item.view_count),
    ]),
  );
});

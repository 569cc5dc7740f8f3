import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PutRecordsOutput } from '@aws-sdk/client-kinesis';
import { expect, test } from 'vitest';
import { awsEnvironment } from '../support/aws.ts';
import { awsPipeline } from '../support/aws-pipeline.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';
import { python, runPython } from '../support/python.ts';
import { readStream } from '../support/shards.ts';

/** What boto3 puts into a stream of the pipeline is held against its fields, and is rows of SQL. */
const PRODUCER = fileURLToPath(new URL('kinesis.py', import.meta.url));

const FIELDS = `{
  invoice_no: f.string(), stock_code: f.string(), quantity: f.int(), unit_price: f.decimal(10, 3),
  invoice_date: f.timestamp(), customer_id: f.long().optional(), gift: f.boolean().default(false),
}`;

const ORDERS = `
import { field as f, stream } from 'millrace';
export const orders = stream('orders', {
  fields: { id: f.int(), customer: f.string(), note: f.string().optional() }, key: 'customer', shards: 2,
  table: { every: '200ms' },
});
`;

const aws = awsPipeline(`${ORDERS}
export const sales = stream('sales', { fields: ${FIELDS}, key: 'invoice_no', shards: 2 });
export const careful = stream('careful', { fields: ${FIELDS}, invalid: 'deadletter' });
`);

const sale = (more = {}) => ({
  invoice_no: '536365',
  stock_code: '85123A',
  quantity: 6,
  unit_price: '2.550',
  invoice_date: '2010-12-01T08:26:00',
  ...more,
});
const entry = (row: object) => ({ Data: Buffer.from(JSON.stringify(row)), PartitionKey: 'k' });
const putAll = (stream: string, rows: readonly object[]) =>
  aws.kinesis.call<PutRecordsOutput>('put_records', {
    StreamName: stream,
    Records: rows.map(entry),
  });

test('rows of put_record and put_records are in SQL at once, with their values', async () => {
  await aws.kinesis.call('put_record', {
    StreamName: 'sales',
    ...entry(sale({ invoice_no: 'one', customer_id: 9007199254740993n.toString() })),
  });
  await putAll('sales', [
    sale({ invoice_no: 'two', quantity: -3, unit_price: 0.1, gift: true }),
    sale({ invoice_no: 'three', stock_code: 'Ünïcode 鍵', customer_id: 17850 }),
  ]);
  expect(
    await aws.pipeline.sql(
      `select invoice_no, stock_code, quantity, unit_price, invoice_date, customer_id, gift from lake.sales
       where invoice_no in ('one', 'two', 'three') order by quantity, invoice_no`,
    ),
  ).toEqual([
    ['two', '85123A', -3, '0.100', '2010-12-01T08:26:00', null, true],
    ['one', '85123A', 6, '2.550', '2010-12-01T08:26:00', '9007199254740993', false],
    ['three', 'Ünïcode 鍵', 6, '2.550', '2010-12-01T08:26:00', '17850', false],
  ]);
});

test('where one record of a call is refused, the others are stored and its entry names the field', async () => {
  const answer = await putAll('sales', [
    sale({ invoice_no: 'before' }),
    sale({ invoice_no: 'refused', quantity: 'six' }),
    sale({ invoice_no: 'after' }),
  ]);
  expect(answer.FailedRecordCount).toBe(1);
  const stored = { SequenceNumber: expect.stringMatching(/^\d+$/), ShardId: expect.any(String) };
  expect(answer.Records).toEqual([
    expect.objectContaining(stored),
    { ErrorCode: expect.any(String), ErrorMessage: expect.stringContaining('quantity') },
    expect.objectContaining(stored),
  ]);
  const rows = await aws.pipeline.sql(
    "select invoice_no from lake.sales where invoice_no in ('before', 'refused', 'after') order by 1",
  );
  expect(rows).toEqual([['after'], ['before']]);
});

test('a single record that is refused is an error that names the field', async () => {
  const Data = Buffer.from(JSON.stringify(sale({ quantity: 'six' })));
  for (const [data, named] of [
    [Data, 'quantity'],
    [Buffer.from('not JSON'), ''],
    [Buffer.from([0xff, 0x00]), ''],
    [Buffer.alloc(0), ''],
  ] as const)
    await expect(
      aws.kinesis.call('put_record', { StreamName: 'sales', Data: data, PartitionKey: 'k' }),
    ).rejects.toMatchObject({ status: 400, message: expect.stringContaining(named) });
});

test('a stream that keeps dead letters takes the call, and the bad record is among them', async () => {
  const answer = await putAll('careful', [
    sale({ invoice_no: 'good' }),
    sale({ invoice_no: 'bad', quantity: 'six' }),
  ]);
  expect(answer.FailedRecordCount).toBe(0);
  for (const { SequenceNumber } of answer.Records ?? []) expect(SequenceNumber).toMatch(/^\d+$/);
  expect(await aws.pipeline.sql('select invoice_no from lake.careful')).toEqual([['good']]);
  const letters = await aws.pipeline.sql('select field, record from deadletters.careful');
  expect(letters).toEqual([
    ['quantity', JSON.stringify(sale({ invoice_no: 'bad', quantity: 'six' }))],
  ]);
});

test('what is put by HTTP is read by boto3', async () => {
  const rows = [1, 2, 3].map((id) => ({ id, customer: `http-${id}` }));
  const body = rows.map((row) => JSON.stringify(row)).join('\n');
  await aws.pipeline.post('/v1/streams/orders/records', body);
  const read = (await readStream(aws.kinesis, 'orders')).map(
    ({ data }) => JSON.parse(data.toString()) as { customer: string },
  );
  const found = read.filter(({ customer }) => customer.startsWith('http-'));
  expect(found).toEqual(expect.arrayContaining(rows.map((row) => expect.objectContaining(row))));
  expect(found).toHaveLength(3);
});

test('user records of the Kinesis Producer Library are rows', async () => {
  const env = awsEnvironment(aws.pipeline.url);
  const before = (await aws.pipeline.sql('select count(*)::int from lake.orders'))[0]?.[0];
  const told = JSON.parse(await runPython(PRODUCER, ['aggregated', 'orders', '1000'], { env })) as {
    records: number;
    magic: string[];
  };
  expect(told.magic, 'they were aggregated').toEqual(['f3899ac2']);
  expect(told.records).toBeGreaterThan(1);
  expect(told.records).toBeLessThan(20);
  const [[count, distinct, sum, notes] = []] = await aws.pipeline.sql(
    `select count(*)::int, count(distinct id)::int, sum(id)::int, sum(length(note))::int from lake.orders
     where note is not null`,
  );
  expect([count, distinct, sum, notes]).toEqual([1000, 1000, 499_500, 24_500]);
  expect((await aws.pipeline.sql('select count(*)::int from lake.orders'))[0]?.[0]).toBe(
    (before as number) + 1000,
  );
});

test('kill -9 while boto3 puts: every acknowledged record is there after a restart, once', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, ORDERS);
  const producer = spawn(python(), [PRODUCER, 'until-cut', 'orders'], {
    env: { ...process.env, ...awsEnvironment(first.url) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: number[] = [];
  const lines = createInterface({ input: producer.stdout });
  lines.on('line', (line) => acknowledged.push(...(JSON.parse(line) as number[])));
  const ended = new Promise((resolve) => lines.once('close', resolve));
  await eventually(() => (acknowledged.length > 1000 ? true : undefined));
  await first.kill();
  await ended;
  const again = await startPipeline(folder, undefined);
  const stored = (await again.sql('select id from lake.orders')).map(([id]) => id as number);
  expect(stored, 'no record is there twice').toHaveLength(new Set(stored).size);
  const there = new Set(stored);
  expect(acknowledged.filter((id) => !there.has(id))).toEqual([]);
});

import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import avro from 'avsc';
import { expect, test } from 'vitest';
import { SHARED_DATA, temporaryFolder } from '../support/folder.ts';
import { millrace, startPipeline } from '../support/pipeline.ts';

// Avro and ORC from the command line into the lake.

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', {
  fields: {
    id: f.long(), price: f.decimal(20, 4), item: f.string(), at: f.timestamptz(), day: f.date().optional(),
    count: f.int(), tags: f.map(f.string(), f.long()).optional(), raw: f.binary().optional(),
  },
});
export const flights = stream('flights', {
  fields: { dest_country_name: f.string(), origin_country_name: f.string(), count: f.long() },
});
`;

const SCHEMA = {
  type: 'record' as const,
  name: 'sale',
  fields: [
    { name: 'Id', type: 'string' as const },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 4 } },
    { name: 'item', type: 'string' as const },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }] },
    { name: 'count', type: 'long' as const },
    { name: 'tags', type: ['null', { type: 'map', values: 'long' }] },
    { name: 'raw', type: ['null', 'bytes'] },
  ],
} as avro.Schema;

const MICROS_2020 = 1_577_836_800_000_000;

async function writeSales(path: string, rows: number, badRow: number): Promise<void> {
  const encoder = avro.createFileEncoder(path, SCHEMA, { codec: 'deflate', blockSize: 8192 });
  for (let row = 0; row < rows; row++)
    encoder.write({
      Id: String(2n ** 62n + BigInt(row)),
      price: Buffer.from([0xff, 0xff - (row % 100)]),
      item: `thing ${row}`,
      at: MICROS_2020 + row,
      day: row % 2 === 0 ? null : row,
      count: row === badRow ? 2 ** 40 : row,
      tags: row === 0 ? { a: 7 } : null,
      raw: row === 0 ? Buffer.from([0, 255]) : null,
    });
  encoder.end();
  await once(encoder, 'finish');
}

interface Done {
  readonly [name: string]: unknown;
}

test('An Avro file is imported with exact values; a second import adds nothing, and a bad row is kept with its reason', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const path = join(pipeline.folder, 'sales.avro');
  await writeSales(path, 20_000, 7777);
  const load = async (): Promise<Done> => {
    const { out } = await millrace([
      'import',
      'sales',
      path,
      '--json',
      '--pipeline',
      pipeline.folder,
    ]);
    return JSON.parse(out.trim().split('\n').at(-1) as string) as Done;
  };
  const done = await load();
  expect(done).toMatchObject({ read: 20_000, accepted: 19_999, rejected: 1 });
  expect(done['files']).toMatchObject([{ path, format: 'avro' }]);
  expect(JSON.parse(readFileSync(String(done['rejectedFile']), 'utf8'))).toMatchObject({
    row: 7778,
    code: 'MR_FIELD_TYPE',
    field: 'count',
    text: expect.stringContaining('"count":"1099511627776"'),
  });
  expect(await load()).toMatchObject({ accepted: 19_999, replayed: 19_999 });
  const count =
    'count(*)::int, sum(id)::varchar, sum(price)::varchar, max("at")::varchar, count(day)::int';
  const ids = 20_000n * 2n ** 62n + (20_000n * 19_999n) / 2n - (2n ** 62n + 7777n);
  // Of each hundred rows the prices go from -0.0001 to -0.0100.
  const price = -(200 * 5050 - 78);
  expect(await pipeline.sql(`select ${count} from lake.sales`)).toEqual([
    [19_999, String(ids), String(price / 10_000), '2020-01-01 00:00:00.019999+00', 9999],
  ]);
  expect(
    await pipeline.sql('select id, price, tags, raw, day from lake.sales order by id limit 2'),
  ).toEqual([
    [String(2n ** 62n), '-0.0001', { a: '7' }, 'AP8=', null],
    [String(2n ** 62n + 1n), '-0.0002', null, null, '1970-01-02'],
  ]);
});

test('An ORC file of Spark is imported; it is the CSV of the same flights', async ({ skip }) => {
  const folder = join(SHARED_DATA, 'flights', 'orc', '2010-summary.orc');
  if (!existsSync(folder)) {
    console.warn(`There is no ${folder}: set MILLRACE_SHARED_DATA.`);
    skip();
  }
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const [name] = readdirSync(folder);
  const run = await millrace(['import', 'flights', folder, '--pipeline', pipeline.folder]);
  expect(run.out).toContain(`${join(folder, name as string)} (`);
  expect(run.out).toContain('ORC)');
  expect(run.out).toContain('255 rows read, 255 stored, 0 rejected');
  expect(await pipeline.sql('select count(*)::int, sum(count)::int from lake.flights')).toEqual([
    [255, 422_269],
  ]);
});

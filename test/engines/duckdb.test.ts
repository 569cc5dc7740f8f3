import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Row } from '../support/every-type.ts';
import { type Duckdb, startDuckdb } from './duckdb.ts';
import { folderOfFile } from './folder-of-file.ts';
import { type LakePipeline, startLake } from './lake-pipeline.ts';
import { COLUMNS, rowsOf, sales, salesStream } from './sales.ts';

const folder = folderOfFile();
let lake: LakePipeline;
let duckdb: Duckdb;

beforeAll(async () => {
  lake = await startLake(
    folder(),
    ['changed', 'read', 'origin'].map((name) => salesStream(name)).join(''),
  );
  duckdb = await startDuckdb();
  await duckdb.sql("set timezone = 'UTC'");
  await duckdb.sql(
    `attach '' as millrace (type iceberg, endpoint '${lake.catalog}', authorization_type 'none')`,
  );
  await duckdb.sql('create schema millrace.work');
});
afterAll(async () => {
  duckdb?.stop();
  await lake?.stop();
});

const AS_TEXT =
  'id, site, amount::bigint, price::varchar, epoch(moment)::bigint, place.city, place.zip, place is null';

const expectedOf = (records: readonly Row[]) =>
  rowsOf(records).map(([id, site, amount, price, moment, place]) => [
    ...[id, site, String(amount), price, String(Date.parse(moment as string) / 1000)],
    ...[(place as Row | null)?.['city'] ?? null, (place as Row | null)?.['zip'] ?? null],
    place === null,
  ]);

/** Both say that these are the records in the table. */
async function expectRecords(table: string, records: readonly Row[], after = table): Promise<void> {
  const expected = expectedOf(records);
  const found = await duckdb.sql(`select ${AS_TEXT} from millrace.${table} order by id`);
  expect(found, `DuckDB after ${after}`).toEqual(expected);
  const own = await lake.sql(`select ${AS_TEXT} from ${table} order by id`);
  expect(own, `ours after ${after}`).toEqual(expected);
}

const idOf = (row: Row): number => row['id'] as number;

test('DuckDB reads a table by the catalog, by its folder and by its metadata file', async () => {
  await lake.deliver('read', sales(1, 30));
  await lake.deliver('read', sales(31, 60));
  await expectRecords('lake.read', sales(1, 60));
  const table = join(lake.folder, '.millrace/lake/lake/read');
  const version = readFileSync(join(table, 'metadata/version-hint.text'), 'utf8');
  const sum = 'select count(*), sum(amount)::bigint from';
  for (const place of [table, join(table, `metadata/v${version}.metadata.json`)])
    expect(await duckdb.sql(`${sum} iceberg_scan('${place}')`), place).toEqual([['60', '1830']]);
});

test('Rows that DuckDB inserts, updates and deletes in a table of the pipeline are right, and deliveries go on', async () => {
  const table = 'lake.changed';
  await lake.deliver('changed', sales(1, 60));
  await duckdb.sql(`delete from millrace.${table} where id % 11 = 0`);
  let expected = sales(1, 60).filter((row) => idOf(row) % 11 !== 0);
  await expectRecords(table, expected, 'delete');
  await duckdb.sql(`update millrace.${table} set amount = amount + 1000 where id % 7 = 3`);
  expected = expected.map((row) =>
    idOf(row) % 7 === 3 ? { ...row, amount: (row['amount'] as number) + 1000 } : row,
  );
  await expectRecords(table, expected, 'update');
  await duckdb.sql(
    `insert into millrace.${table} (${COLUMNS}) select id + 1000, site, amount, price, moment, place from millrace.${table} where id <= 10`,
  );
  const few = expected.filter((row) => idOf(row) <= 10);
  expected.push(...few.map((row) => ({ ...row, id: idOf(row) + 1000 })));
  await lake.deliver('changed', sales(61, 90));
  await expectRecords(table, [...expected, ...sales(61, 90)], 'a delivery');
});

test('Tables that DuckDB makes, changes and drops are there and gone for us too', async () => {
  await lake.deliver('origin', sales(1, 40));
  await duckdb.sql(`create table millrace.work.own as select ${COLUMNS} from millrace.lake.origin`);
  let expected = sales(1, 40);
  await expectRecords('work.own', expected, 'create');
  await duckdb.sql('delete from millrace.work.own where id <= 5');
  expected = expected.filter((row) => idOf(row) > 5);
  await duckdb.sql(
    `insert into millrace.work.own select ${COLUMNS} from millrace.lake.origin where id <= 2`,
  );
  expected.push(...sales(1, 2));
  await duckdb.sql("update millrace.work.own set site = 'moved' where id > 35");
  expected = expected.map((row) => (idOf(row) > 35 ? { ...row, site: 'moved' } : row));
  await expectRecords('work.own', expected, 'changes');
  await duckdb.sql('drop table millrace.work.own');
  await expect(lake.sql('select * from work.own')).rejects.toThrow('own');
  expect(existsSync(join(lake.folder, '.millrace/lake/work/own'))).toBe(true);
});

test('A transaction of DuckDB over two tables is made whole, or not at all', async () => {
  await duckdb.sql('create table millrace.work.left as select 1 as n');
  await duckdb.sql('create table millrace.work.right as select 10 as n');
  const sums =
    'select (select sum(n)::int from work."left"), (select sum(n)::int from work."right")';
  await duckdb.sql('begin');
  await duckdb.sql('insert into millrace.work.left values (2)');
  await duckdb.sql('insert into millrace.work.right values (20)');
  expect(await lake.sql(sums)).toEqual([[1, 10]]);
  await duckdb.sql('commit');
  expect(await lake.sql(sums)).toEqual([[3, 30]]);
  await duckdb.sql('begin');
  await duckdb.sql('insert into millrace.work.left values (4)');
  await duckdb.sql('insert into millrace.work.right values (40)');
  await duckdb.sql('rollback');
  expect(await lake.sql(sums)).toEqual([[3, 30]]);
});

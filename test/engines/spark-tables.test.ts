import { renameSync, utimesSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Row } from '../support/every-type.ts';
import { millrace } from '../support/pipeline.ts';
import { startLake } from './lake-pipeline.ts';
import { COLUMNS, rowsOf, sales, salesStream, same } from './sales.ts';
import { sparkOfFile } from './spark-of-file.ts';

const DEFINITIONS = ['evolved', 'branched', 'kept', 'maintained', 'viewed', 'equal']
  .map((name) => salesStream(name))
  .join('');

const at = sparkOfFile(DEFINITIONS);

const ours = (statement: string) => at.lake.sql(statement);
const theirs = (statement: string) => at.spark.sql(statement);
const both = (statement: string) => same(statement, ours, theirs);
const call = (procedure: string) => theirs(`call millrace.system.${procedure}`);
const idOf = (row: Row): number => row['id'] as number;

test('Columns that Spark adds, renames and widens are read right, and the pipeline goes on with its own names', async () => {
  const expected = sales(1, 40);
  const table = 'lake.evolved';
  await at.lake.deliver('evolved', sales(1, 30));
  for (const change of [
    'add column note string after id',
    'add column place.country string',
    'rename column amount to amount_eur',
    'rename column place.zip to postcode',
    'alter column amount_eur type bigint',
    'alter column price type decimal(20, 2)',
    "alter column site comment 'where it was sold'",
  ])
    await theirs(`alter table ${table} ${change}`);
  await at.lake.deliver('evolved', sales(31, 40));
  await theirs(`update ${table} set amount_eur = 5000000000, note = 'large' where id = 7`);

  const found = await theirs(
    `select id, site, amount_eur, price, moment, named_struct('city', place.city, 'zip', place.postcode), place is null, note from ${table} order by id`,
  );
  expect(found).toEqual(
    expected.map((row) => [
      ...[row['id'], row['site'], row['id'] === 7 ? '5000000000' : String(row['amount'])],
      ...[row['price'], row['moment'], row['place'] ?? { city: null, zip: null }],
      ...[row['place'] === null, row['id'] === 7 ? 'large' : null],
    ]),
  );
  const own = await ours(`select ${COLUMNS} from ${table} order by id`);
  expect(own).toEqual(
    rowsOf(expected).map((row) => [
      ...row.slice(0, 2),
      row[0] === 7 ? '5000000000' : String(row[2]),
      ...row.slice(3),
    ]),
  );
  await expect(theirs(`alter table ${table} drop column amount_eur`)).rejects.toThrow(
    'cannot be dropped here',
  );
  await theirs(`alter table ${table} drop column note`);
});

test('A partition spec and a sort order that Spark gives a table hold for what Spark writes, and rows stay', async () => {
  await at.lake.deliver('kept', sales(1, 30));
  for (const change of [
    'add partition field days(moment)',
    'drop partition field site',
    'replace partition field id_bucket_4 with truncate(10, id)',
    'write ordered by moment desc, id',
  ])
    await theirs(`alter table lake.kept ${change}`);
  await theirs('update lake.kept set amount = amount where id <= 20');
  await at.lake.deliver('kept', sales(31, 60));
  const rows = await both(`select ${COLUMNS} from lake.kept order by id`);
  expect(rows).toEqual(rowsOf(sales(1, 60)));
  const filtered = await both(
    "select id from lake.kept where moment >= timestamp '2024-02-29 00:00:00Z' and site = 'fr' order by id",
  );
  const since = Date.UTC(2024, 1, 29);
  expect(filtered).toEqual(
    sales(1, 60)
      .filter((row) => Date.parse(row['moment'] as string) >= since && row['site'] === 'fr')
      .map((row) => [row['id']]),
  );
});

test('A branch that Spark writes is not seen by others until main is at it', async () => {
  const table = 'lake.branched';
  await at.lake.deliver('branched', sales(1, 30));
  await theirs(`alter table ${table} create tag start`);
  await theirs(`alter table ${table} create branch audit`);
  await theirs(
    `insert into ${table}.branch_audit select ${COLUMNS.replace('id', 'id + 100')}, null, null, null from ${table} where id <= 5`,
  );
  await theirs(`alter table ${table} set tblproperties ('write.wap.enabled' = 'true')`);
  await theirs('set spark.wap.branch = audit');
  await theirs(`delete from ${table} where id <= 10`);
  await theirs('reset spark.wap.branch');
  const count = `select count(*), sum(amount) from ${table}`;
  expect(await both(count)).toEqual([['30', '465']]);
  expect(await theirs(`${count} version as of 'audit'`)).toEqual([['25', '425']]);
  expect(await theirs(`${count}.branch_audit`)).toEqual([['25', '425']]);
  await call(`fast_forward('${table}', 'main', 'audit')`);
  expect(await both(count)).toEqual([['25', '425']]);
  expect(await theirs(`${count} version as of 'start'`)).toEqual([['30', '465']]);
  await theirs(`alter table ${table} drop branch audit`);
  await at.lake.deliver('branched', sales(31, 40));
  expect(await both(count)).toEqual([['35', '780']]);
});

/** Makes all files of a folder two days old. */
async function age(folder: string): Promise<void> {
  const past = new Date(Date.now() - 2 * 24 * 60 * 60_000);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) utimesSync(join(entry.parentPath, entry.name), past, past);
}

test("Spark's maintenance keeps every row, and finds no orphan in a table that deliveries, deletes and maintenance made", async () => {
  const table = 'lake.maintained';
  const all = async (expected: readonly Row[], after: string) =>
    expect(await both(`select ${COLUMNS} from ${table} order by id`), after).toEqual(
      rowsOf(expected),
    );
  for (const from of [1, 21, 41]) await at.lake.deliver('maintained', sales(from, from + 19));
  await theirs(
    `alter table ${table} set tblproperties ('write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'merge-on-read')`,
  );
  await theirs(`delete from ${table} where id % 6 = 0`);
  await theirs(`delete from ${table} where id % 10 = 1`);
  const left = sales(1, 60).filter((row) => idOf(row) % 6 !== 0 && idOf(row) % 10 !== 1);
  await all(left, 'deletes');
  await call(
    `rewrite_position_delete_files(table => '${table}', options => map('rewrite-all', 'true'))`,
  );
  await all(left, 'rewrite_position_delete_files');
  await call(
    `rewrite_data_files(table => '${table}', options => map('rewrite-all', 'true', 'remove-dangling-deletes', 'true'))`,
  );
  await all(left, 'rewrite_data_files');
  await call(`rewrite_manifests('${table}')`);
  await all(left, 'rewrite_manifests');
  await call(`compute_table_stats('${table}')`);
  await call(`compute_partition_stats('${table}')`);
  const orphans = `remove_orphan_files(table => '${table}', dry_run => true)`;
  await age(join(at.lake.folder, '.millrace/lake/lake/maintained'));
  expect(await call(orphans)).toEqual([]);
  await call(
    `expire_snapshots(table => '${table}', retain_last => 1, older_than => timestamp '2100-01-01 00:00:00')`,
  );
  expect(await theirs(`select count(*) from ${table}.snapshots`)).toEqual([['1']]);
  await all(left, 'expire_snapshots');
  await age(join(at.lake.folder, '.millrace/lake/lake/maintained'));
  expect(await call(orphans)).toEqual([]);
  await at.lake.deliver('maintained', sales(61, 80));
  await all([...left, ...sales(61, 80)], 'delivery');
});

test('Tables that Spark makes, replaces, renames and drops are there and gone for us too', async () => {
  await theirs(`create table work.odd (id bigint, name string, p string, d date, ts timestamp, n timestamp_ntz, dec decimal(9, 2), bin binary, real float)
    using iceberg partitioned by (p, bucket(4, id), truncate(3, name), days(ts), months(d), hours(n), dec)`);
  await theirs(`insert into work.odd values
    (1, 'alpha', null, date '2020-02-29', timestamp '2020-02-29 23:59:59', timestamp_ntz '2020-02-29 23:59:59.123456', 1.25, X'00', 1.5),
    (2, 'alp', '', date '1969-12-31', timestamp '1969-12-31 23:59:59', timestamp_ntz '1969-12-31 23:59:59', -1.25, X'FF', float('NaN')),
    (3, null, 'NULL', null, null, null, null, null, null),
    (4, '😀😀😀😀', 'a/b=c d%é', date '0001-01-01', timestamp '1900-01-01 00:00:00', timestamp_ntz '1900-01-01 00:00:00', 99.99, X'', float('Infinity')),
    (5, '', '__HIVE_DEFAULT_PARTITION__', date '9999-12-31', timestamp '2100-01-01 00:00:00', timestamp_ntz '2100-01-01 00:00:00', 0, X'01', float('-Infinity')),
    (6, 'x', ' ', null, null, null, null, null, -0.5), (7, 'x', '+', null, null, null, null, null, 0.5)`);
  expect(await both('select * from work.odd order by id')).toHaveLength(7);
  for (const [condition, ids] of [
    ['p is null', ['1']],
    ["p = ''", ['2']],
    ["p = 'NULL'", ['3']],
    ["p = 'a/b=c d%é'", ['4']],
    ["p = '__HIVE_DEFAULT_PARTITION__'", ['5']],
    ["p = ' '", ['6']],
    ["p = '+'", ['7']],
    ["d < date '1970-01-01'", ['2', '4']],
    ['dec is null', ['3', '6', '7']],
  ] as const)
    expect(await both(`select id from work.odd where ${condition} order by id`), condition).toEqual(
      ids.map((id) => [id]),
    );
  await theirs(
    'create table work.made using iceberg partitioned by (p) as select id, p from work.odd',
  );
  expect(await both('select count(*), sum(id) from work.made')).toEqual([['7', '28']]);
  await theirs('replace table work.made using iceberg as select id * 2 as twice from work.odd');
  expect(await both('select count(*), sum(twice) from work.made')).toEqual([['7', '56']]);
  await theirs('create or replace table work.made using iceberg as select 1 as one');
  await theirs('alter table work.made rename to work.other');
  expect(await both('select * from work.other')).toEqual([[1]]);
  await expect(ours('select * from work.made')).rejects.toThrow('made');
  await theirs('drop table work.other');
  await theirs('create table work.other using iceberg as select 9 as nine');
  expect(await both('select * from work.other')).toEqual([[9]]);
  await theirs('drop table work.other purge');
  await expect(ours('select * from work.other')).rejects.toThrow('other');
  expect(await theirs('show tables in work')).toEqual([['work', 'odd', false]]);
});

test('A table of the pipeline is not dropped, renamed, or given a format that deliveries cannot write', async () => {
  for (const statement of [
    'drop table lake.viewed',
    'alter table lake.viewed rename to lake.taken',
    "alter table lake.viewed set tblproperties ('format-version' = '3')",
    "alter table lake.viewed set tblproperties ('millrace.checkpoint' = '{}')",
  ])
    await expect(theirs(statement), statement).rejects.toThrow('belongs to a definition');
});

test('Views that Spark makes, changes, renames and drops are in the catalog', async () => {
  await at.lake.deliver('viewed', sales(1, 14));
  await theirs(
    'create view work.by_site as select site, sum(amount) as total from lake.viewed group by site',
  );
  expect(await theirs("select total from work.by_site where site = 'fr'")).toEqual([['9']]);
  expect(await theirs('show views in work')).toEqual([['work', 'by_site', false]]);
  await theirs('create or replace view work.by_site as select count(*) as lines from lake.viewed');
  expect(await theirs('select * from work.by_site')).toEqual([['14']]);
  await theirs('alter view work.by_site rename to work.lines');
  await theirs("alter view work.lines set tblproperties ('team' = 'shop')");
  expect(await theirs('select * from work.lines')).toEqual([['14']]);
  await theirs('drop view work.lines');
  expect(await theirs('show views in work')).toEqual([]);
});

test('Equality deletes take the rows that were there before them, in their partition, and compaction folds them in', async () => {
  const table = 'lake.equal';
  await at.lake.deliver('equal', sales(1, 60));
  const rowOf = (id: number) => sales(id, id)[0] as Row;
  const remove = (id: number, columns: readonly string[], row: Row = rowOf(id)) => {
    const { id: number, site, amount } = row;
    return at.spark.deleteEqual({
      table: `millrace.${table}`,
      columns,
      row: { id: number, site, amount },
    });
  };
  // Of a site that is null, and of the text 'NULL'.
  for (const id of [3, 10, 9]) await remove(id, ['id']);
  await remove(20, ['site', 'amount']);
  await remove(30, ['id', 'amount'], { ...rowOf(30), amount: -1 });
  const isThere = (row: Row) => ![3, 9, 10, 20].includes(idOf(row));
  const all = `select ${COLUMNS} from ${table} order by id`;
  expect(await both(all)).toEqual(rowsOf(sales(1, 60).filter(isThere)));
  // The same keys again: what comes after a delete stays.
  await at.lake.deliver('equal', [rowOf(3), rowOf(20)]);
  const expected = rowsOf(
    sales(1, 60).filter((row) => isThere(row) || [3, 20].includes(idOf(row))),
  );
  expect(await both(all)).toEqual(expected);
  const compacted = await millrace(['compact', 'equal', '--pipeline', at.lake.folder]);
  expect([compacted.code, compacted.err]).toEqual([0, '']);
  expect(await both(all)).toEqual(expected);
  expect(await theirs(`select count(*) from ${table}.delete_files`)).toEqual([['0']]);
  await at.lake.deliver('equal', sales(61, 65));
  expect(await both(`select count(*) from ${table}`)).toEqual([['63']]);
});

test('A table of format version 3 is read right; a deletion vector is refused, and the table stays as it was', async () => {
  await theirs(`create table work.three (id bigint, name string) using iceberg
    tblproperties ('format-version' = '3', 'write.delete.mode' = 'merge-on-read')`);
  await theirs("insert into work.three select id, 'name ' || id from range(100)");
  await theirs("insert into work.three select id, 'name ' || id from range(100, 200)");
  const count = 'select count(*), sum(id), count(distinct name) from work.three';
  expect(await both(count)).toEqual([['200', '19900', '200']]);
  await expect(theirs('delete from work.three where id = 7')).rejects.toThrow('deletion vectors');
  expect(await both(count)).toEqual([['200', '19900', '200']]);
  const rowIds = 'select count(distinct _row_id), min(_row_id), max(_row_id) from work.three';
  expect(await theirs(rowIds)).toEqual([['200', '0', '199']]);
  await theirs("alter table work.three set tblproperties ('write.delete.mode' = 'copy-on-write')");
  await theirs('delete from work.three where id = 7');
  expect(await both(count)).toEqual([['199', '19893', '199']]);
  expect((await theirs(rowIds))[0]?.[0]).toBe('199');
});

test('A data folder that is moved has its tables as Spark left them, and deliveries go on', async () => {
  const before = await ours('select count(*), sum(amount) from lake.evolved');
  await at.lake.stop();
  const moved = join(at.lake.folder, 'moved');
  renameSync(join(at.lake.folder, '.millrace'), moved);
  const again = await startLake(at.lake.folder, DEFINITIONS, ['--data', moved]);
  try {
    expect(await again.sql('select count(*), sum(amount) from lake.evolved')).toEqual(before);
    await again.deliver('evolved', sales(41, 50));
    const [[count, sum] = []] = await again.sql(
      'select count(*), sum(amount) from lake.evolved where id <> 7',
    );
    expect([count, sum]).toEqual(['49', '1268']);
    expect(await again.sql('select count(*), sum(id) from work.three')).toEqual([['199', '19893']]);
  } finally {
    await again.stop();
  }
});

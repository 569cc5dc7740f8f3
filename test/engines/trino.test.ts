import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Row } from '../support/every-type.ts';
import { folderOfFile } from './folder-of-file.ts';
import { type LakePipeline, startLake } from './lake-pipeline.ts';
import {
  type Change,
  COLUMNS,
  DELETE,
  DELETE_SITE,
  MERGE,
  rowsOf,
  sales,
  salesStream,
  UPDATE,
  withoutPlaces,
} from './sales.ts';
import { startTrino, type Trino } from './trino.ts';

const folder = folderOfFile();
let lake: LakePipeline;
let trino: Trino;

beforeAll(async () => {
  lake = await startLake(
    folder(),
    ['changed', 'evolved', 'past', 'origin'].map((name) => salesStream(name)).join(''),
  );
  trino = await startTrino(folder(), {
    'iceberg.catalog.type': 'rest',
    'iceberg.rest-catalog.uri': lake.catalog,
    'iceberg.expire-snapshots.min-retention': '0s',
    'iceberg.remove-orphan-files.min-retention': '0s',
    'fs.native-local.enabled': 'true',
    'local.location': '/',
  });
  await trino.sql('create schema work');
});
afterAll(async () => {
  await trino?.stop();
  await lake?.stop();
});

/** The rows as text that both write alike: Trino's protocol has structs as lists, and times in words of its own. */
const AS_TEXT = `id, site, amount, cast(price as varchar), cast(to_unixtime(moment) as bigint), place.city, place.zip, place is null`;
const AS_OURS = `id, site, amount, price::varchar, epoch(moment)::bigint, place.city, place.zip, place is null`;

const plain = (rows: readonly (readonly unknown[])[]) =>
  rows.map((row) =>
    row.map((value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value)),
  );

const expectedOf = (records: readonly Row[]) =>
  rowsOf(records).map(([id, site, amount, price, moment, place]) => [
    ...[id, site, amount, price, Date.parse(moment as string) / 1000],
    ...[
      (place as Row | null)?.['city'] ?? null,
      (place as Row | null)?.['zip'] ?? null,
      place === null,
    ],
  ]);

/** Both say that these are the records in the table. */
async function expectRecords(table: string, records: readonly Row[], after = table): Promise<void> {
  const expected = expectedOf(records);
  const found = await trino.sql(`select ${AS_TEXT} from ${table} order by id`);
  expect(plain(found), `Trino after ${after}`).toEqual(expected);
  const own = await lake.sql(`select ${AS_OURS} from ${table} order by id`);
  expect(plain(own), `ours after ${after}`).toEqual(expected);
}

const CHANGES: readonly (readonly [string, Change])[] = [
  ['update', UPDATE],
  ['delete', DELETE],
  ['delete of a partition', DELETE_SITE],
  ['merge', MERGE],
];

test('Rows that Trino inserts, updates, merges and deletes in a table of the pipeline are right, and deliveries go on', async () => {
  await lake.deliver('changed', sales(1, 25));
  await lake.deliver('changed', sales(26, 60));
  let expected = sales(1, 60);
  await expectRecords('lake.changed', expected);
  for (const [what, { sql, to }] of CHANGES) {
    await trino.sql(sql('lake.changed'));
    expected = to(expected);
    await expectRecords('lake.changed', expected, what);
  }
  await trino.sql(
    `insert into lake.changed (${COLUMNS}) select id + 1000, site, amount, price, moment, place from lake.changed where id <= 10`,
  );
  const few = expected.filter((row) => (row['id'] as number) <= 10);
  expected.push(...few.map((row) => ({ ...row, id: (row['id'] as number) + 1000 })));
  await lake.deliver('changed', sales(61, 90));
  await expectRecords('lake.changed', [...expected, ...sales(61, 90)], 'a delivery');
});

test('Rows that Trino changes in a table of its own are right', async () => {
  await lake.deliver('origin', sales(1, 40));
  await trino.sql(`create table work.own with (partitioning = array['site', 'bucket(id, 3)', 'day(moment)'])
    as select ${COLUMNS} from lake.origin`);
  let expected = sales(1, 40);
  await expectRecords('work.own', expected, 'create');
  for (const [what, { sql, to }] of CHANGES) {
    await trino.sql(withoutPlaces(sql('work.own')));
    expected = to(expected);
    await expectRecords('work.own', expected, what);
  }
  await trino.sql('alter table work.own rename to work.renamed');
  await expectRecords('work.renamed', expected, 'rename');
  await trino.sql('alter table work.renamed execute optimize');
  await expectRecords('work.renamed', expected, 'optimize');
  await trino.sql('drop table work.renamed');
  expect(await trino.sql('show tables from work')).toEqual([]);
});

test('Trino reads a table as it was, by version and by time, as our SQL does', async () => {
  await lake.deliver('past', sales(1, 30));
  await lake.deliver('past', sales(31, 60));
  await trino.sql('delete from lake.past where id > 40');
  const snapshots = await trino.sql(
    `select cast(snapshot_id as varchar), to_iso8601(committed_at) from lake."past$snapshots" order by committed_at`,
  );
  const counts: unknown[] = [];
  for (const [id, time] of snapshots) {
    const asked = 'select count(*), sum(amount) from lake.past';
    const [byVersion] = plain(await trino.sql(`${asked} for version as of ${id}`));
    const [byTime] = plain(
      await trino.sql(`${asked} for timestamp as of from_iso8601_timestamp('${time}')`),
    );
    const [own] = plain(await lake.sql(`${asked} at (version => ${id})`));
    expect(byTime).toEqual(byVersion);
    expect(own).toEqual(byVersion);
    counts.push(byVersion?.[0]);
  }
  expect(counts.slice(-2)).toEqual([60, 40]);
  const files = await trino.sql(
    'select sum(record_count) from lake."past$files" where content = 0',
  );
  expect(Number(files[0]?.[0])).toBeGreaterThanOrEqual(40);
});

test("Columns that Trino adds, renames and widens, and Trino's maintenance, keep every row, and deliveries go on", async () => {
  const table = 'lake.evolved';
  await lake.deliver('evolved', sales(1, 30));
  for (const change of [
    'add column note varchar',
    'add column place.country varchar',
    'rename column amount to amount_eur',
    'alter column amount_eur set data type bigint',
    "set properties partitioning = array['site', 'day(moment)']",
  ])
    await trino.sql(`alter table ${table} ${change}`);
  await lake.deliver('evolved', sales(31, 60));
  await trino.sql(`update ${table} set note = 'seen' where id <= 20`);
  await trino.sql(`alter table ${table} drop column note`);
  await trino.sql(`alter table ${table} rename column amount_eur to amount`);
  await expectRecords(table, sales(1, 60), 'changes of columns');
  await trino.sql(`alter table ${table} execute optimize`);
  await expectRecords(table, sales(1, 60), 'optimize');
  await trino.sql(`alter table ${table} execute expire_snapshots(retention_threshold => '0s')`);
  await trino.sql(`alter table ${table} execute remove_orphan_files(retention_threshold => '0s')`);
  await expectRecords(table, sales(1, 60), 'expire_snapshots');
  await lake.deliver('evolved', sales(61, 80));
  await expectRecords(table, sales(1, 80), 'a delivery');
  await expect(trino.sql(`drop table ${table}`)).rejects.toThrow();
});

test('Views that Trino makes are in the catalog', async () => {
  await trino.sql('create view work.numbers as select 1 as one');
  expect(await trino.sql('select * from work.numbers')).toEqual([[1]]);
  await trino.sql('drop view work.numbers');
  await expect(trino.sql('select * from work.numbers')).rejects.toThrow('does not exist');
});

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { comparable, everyField, RECORDS, type Row, SENT } from '../support/every-type.ts';
import type { Rows } from './lake-pipeline.ts';
import {
  type Change,
  COLUMNS,
  DELETE,
  DELETE_SITE,
  MERGE,
  ODD,
  rowsOf,
  sales,
  salesStream,
  same,
  UPDATE,
  withoutPlaces,
} from './sales.ts';
import { sparkOfFile } from './spark-of-file.ts';

const MODES = ['copy-on-write', 'merge-on-read'] as const;
const ofMode = (mode: string, what = 'sales'): string => `${what}_${mode.replaceAll('-', '_')}`;

const at = sparkOfFile(`
export const everything = stream('everything', {
  fields: { ${everyField()} },
  table: { partitionBy: [day('at'), identity('site')], every: '1s' },
});
export const as_orc = stream('as_orc', {
  fields: { ${everyField()} }, table: false,
  files: { to: 'orc', format: 'orc', prefix: 'year=!{timestamp:yyyy}/', every: '1s' },
});
${salesStream('past')}
${MODES.flatMap((mode) => [salesStream(ofMode(mode)), salesStream(ofMode(mode, 'origin'))]).join('')}
`);

const ours = (statement: string) => at.lake.sql(statement);
const theirs = (statement: string) => at.spark.sql(statement);

/** What our SQL and Spark both say is in the table. */
const rowsIn = (table: string) => same(`select ${COLUMNS} from ${table} order by id`, ours, theirs);

const rowsWith = (columns: readonly string[], rows: Rows): Row[] =>
  rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));

/** Column by column: of a difference all columns that have it are named. */
function expectSame(rows: readonly Row[], expected: readonly Row[]): void {
  const columns = Object.keys(expected[0] as Row);
  const [read, sent] = [comparable(rows, columns), comparable(expected, columns)];
  for (const column of columns)
    expect
      .soft(
        read.map((row) => row[column]),
        column,
      )
      .toEqual(sent.map((row) => row[column]));
}

test('Spark reads every field type as it was sent, and as our SQL has it', async () => {
  await at.lake.deliver('everything', SENT);
  const columns = Object.keys(RECORDS[0] as Row);
  const found = await theirs(`select ${columns.join(', ')} from lake.everything`);
  expectSame(rowsWith(columns, found), RECORDS);
});

/** ORC has no time in the second before 1970. */
const forOrc = (rows: readonly Row[]): Row[] =>
  JSON.parse(
    JSON.stringify(rows).replaceAll('1969-12-31T23:59:59.9', '1969-12-31T23:59:58.9'),
  ) as Row[];

/** Spark takes all times of ORC for instants. */
const withoutZone = (rows: readonly Row[]): Row[] =>
  JSON.parse(JSON.stringify(rows).replaceAll(/(T[\d:.]+)Z"/g, '$1"')) as Row[];

test('Spark reads files of ORC as they were sent', async () => {
  await at.lake.deliver('as_orc', forOrc(SENT));
  const columns = Object.keys(RECORDS[0] as Row);
  const place = join(at.lake.folder, 'orc');
  const found = await theirs(`select ${columns.join(', ')} from orc.\`${place}\``);
  expectSame(withoutZone(rowsWith(columns, found)), withoutZone(forOrc(RECORDS)));
});

test('Spark finds the rows of each odd partition value, and of none', async () => {
  const values = RECORDS.map((row) => row['site'] as string | null);
  for (const value of new Set(values)) {
    const condition = value === null ? 'site is null' : `site = '${value}'`;
    const found = await same(
      `select id from lake.everything where ${condition} order by id`,
      ours,
      theirs,
    );
    const expected = RECORDS.filter((row) => row['site'] === value).map((row) => [row['id']]);
    expect(found, condition).toEqual(expected);
  }
});

test('Spark reads a table as it was, by snapshot and by time, and our SQL reads the same', async () => {
  await at.lake.deliver('past', sales(1, 30));
  await at.lake.deliver('past', sales(31, 60));
  await theirs('delete from lake.past where id > 40');
  const snapshots = await theirs(
    'select snapshot_id, committed_at from lake.past.snapshots order by committed_at',
  );
  const counts: unknown[] = [];
  for (const [id, time] of snapshots) {
    const asked = 'select count(*), sum(amount) from lake.past';
    const [bySnapshot] = await theirs(`${asked} version as of ${id}`);
    const [byTime] = await theirs(`${asked} timestamp as of '${time}'`);
    const [byUs] = await ours(`${asked} at (version => ${id})`);
    expect(byTime).toEqual(bySnapshot);
    expect(byUs).toEqual(bySnapshot);
    counts.push(bySnapshot?.[0]);
  }
  expect(counts[0]).not.toBe('0');
  expect(counts.slice(-2)).toEqual(['60', '40']);
});

test("Spark's tables of metadata tell what there is", async () => {
  const sum = (rows: readonly (readonly unknown[])[], index = 0) =>
    rows.reduce((total, row) => total + Number(row[index]), 0);
  const snapshots = await ours(
    "select snapshot_id from sys.snapshots where table_name = 'lake.past' order by 1",
  );
  expect(await theirs('select snapshot_id from lake.past.snapshots order by 1')).toEqual(snapshots);
  expect(await theirs('select snapshot_id from lake.past.history order by 1')).toEqual(snapshots);
  const files = await ours(
    "select path, rows from sys.files where table_name = 'lake.past' order by 1",
  );
  const found = await theirs(
    "select regexp_replace(file_path, '^file:(//)?', ''), record_count from lake.past.files where content = 0 order by 1",
  );
  expect(found).toEqual(files);
  expect(sum(await theirs('select record_count from lake.past.partitions'))).toBe(40);
  const partitions = await theirs('select partition from lake.past.partitions');
  const sites = partitions.map(([partition]) => (partition as { site: string | null }).site);
  expect(new Set(sites)).toEqual(new Set(ODD));
  const manifests = await theirs(
    'select added_data_files_count + existing_data_files_count from lake.past.manifests',
  );
  expect(sum(manifests)).toBe(files.length);
  const bounds = await theirs(
    'select readable_metrics.id.lower_bound, readable_metrics.id.upper_bound from lake.past.files',
  );
  expect(Math.min(...bounds.map(([least]) => Number(least)))).toBe(1);
  expect(Math.max(...bounds.map(([, most]) => Number(most)))).toBe(40);
});

const CHANGES: readonly (readonly [string, Change])[] = [
  ['update', UPDATE],
  ['delete', DELETE],
  ['delete of a partition', DELETE_SITE],
  ['merge', MERGE],
  ['second update', UPDATE],
];

const settingsOf = (mode: string): string =>
  ['delete', 'update', 'merge'].map((verb) => `'write.${verb}.mode' = '${mode}'`).join(', ');

describe.each(MODES)('Rows that Spark changes, %s', (mode) => {
  const table = `lake.${ofMode(mode)}`;

  test('are right in a table of the pipeline after each change, and deliveries go on', async () => {
    let expected = sales(1, 60);
    await at.lake.deliver(ofMode(mode), sales(1, 25));
    await at.lake.deliver(ofMode(mode), sales(26, 60));
    await theirs(`alter table ${table} set tblproperties (${settingsOf(mode)})`);
    for (const [what, { sql, to }] of CHANGES) {
      await theirs(sql(table));
      expected = to(expected);
      expect(await rowsIn(table), what).toEqual(rowsOf(expected));
    }
    await theirs(
      `insert into ${table} select ${COLUMNS.replace('id', 'id + 1000')}, null, null, null from ${table} where id <= 10`,
    );
    expected.push(
      ...expected
        .filter((row) => (row['id'] as number) <= 10)
        .map((row) => ({ ...row, id: (row['id'] as number) + 1000 })),
    );
    expect(await rowsIn(table), 'insert').toEqual(rowsOf(expected));
    await at.lake.deliver(ofMode(mode), sales(61, 90));
    expect(await rowsIn(table), 'delivery').toEqual(rowsOf([...expected, ...sales(61, 90)]));
    const deletes = await theirs(`select count(*) from ${table}.all_delete_files`);
    expect(deletes[0]?.[0] === '0').toBe(mode === 'copy-on-write');
  });

  test('are right in a table of its own after each change', async () => {
    const own = `work.own_${ofMode(mode)}`;
    await at.lake.deliver(ofMode(mode, 'origin'), sales(1, 40));
    await theirs(
      `create table ${own} using iceberg partitioned by (site, bucket(3, id), days(moment)) tblproperties (${settingsOf(mode)})
       as select ${COLUMNS} from lake.${ofMode(mode, 'origin')}`,
    );
    let expected = sales(1, 40);
    expect(await rowsIn(own)).toEqual(rowsOf(expected));
    for (const [what, { sql, to }] of CHANGES) {
      await theirs(withoutPlaces(sql(own)));
      expected = to(expected);
      expect(await rowsIn(own), what).toEqual(rowsOf(expected));
    }
  });
});

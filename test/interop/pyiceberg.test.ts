import { execFile } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import {
  comparable,
  everyField,
  ORDINARY,
  RECORDS,
  type Row,
  record,
  SENT,
  STRUCT,
  TYPES,
} from '../support/every-type.ts';
import { temporaryFolder } from '../support/folder.ts';
import { MILLRACE, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const READ_TABLE = fileURLToPath(new URL('read_table.py', import.meta.url));

interface TableDescription {
  readonly ids: { readonly [path: string]: number };
  readonly types: { readonly [column: string]: string };
  readonly required: readonly string[];
  readonly partitions: readonly string[];
  readonly properties: { readonly [name: string]: string };
  readonly snapshots: number;
  readonly location: string;
}

interface TableReading extends TableDescription {
  readonly paths: readonly string[];
  readonly rows: readonly Row[];
  /** Ids of the rows in which a list is null, by column. */
  readonly nullLists: { readonly [column: string]: readonly number[] };
  readonly filters: readonly { readonly files: number; readonly rows: readonly Row[] }[];
}

/** What PyIceberg finds in a table of a data folder. */
async function readTable(
  data: string,
  name: string,
  filters: readonly string[] = [],
): Promise<TableReading> {
  const table = join(data, 'lake', ...name.split('.'));
  return JSON.parse(await runPython(READ_TABLE, [table, ...filters])) as TableReading;
}

/** The same without its rows. */
async function describeTable(data: string, name: string): Promise<TableDescription> {
  const table = join(data, 'lake', ...name.split('.'));
  return JSON.parse(await runPython(READ_TABLE, [table, '--schema'])) as TableDescription;
}

const pipeline = (extra = '', struct = STRUCT): string => `
import { day, field as f, identity, model, sql, stream } from 'millrace';

export const everything = stream('everything', {
  fields: {
    ${extra}
    ${everyField(struct)}
  },
  table: { partitionBy: [day('at'), identity('site')], every: '1h' },
});

export const summary = model('summary', {
  sql: sql\`select site, \${everything.fields.at}::date as day, count(*) as lines, sum(int) as int_sum, sum(price) as price_sum,
                  max(instant) as latest, list(id order by id) as ids, max(bytes) as most_bytes,
                  map([max(coalesce(site, '-'))], [max(wide)]) as widest, avg(int) as mean
           from \${everything} group by all\`,
  schedule: 'manual',
});
`;

interface TableAnswer {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

const rowsOf = ({ columns, rows }: TableAnswer): Row[] =>
  rows.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));

async function query(folder: string, sql: string, args: readonly string[] = []): Promise<Row[]> {
  const command = [MILLRACE, 'query', sql, '--json', '--pipeline', folder, ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  expect(stderr).toBe('');
  return rowsOf(JSON.parse(stdout) as TableAnswer);
}

async function send(pipe: RunningPipeline, records: readonly Row[]): Promise<void> {
  const response = await pipe.post('/v1/streams/everything/records', JSON.stringify(records));
  expect(await response.json()).toMatchObject({ accepted: records.length, rejected: [] });
}

/** Every column alone, so that a difference names its column. */
function expectSame(found: readonly Row[], expected: readonly Row[]): void {
  const columns = Object.keys(expected[0] as Row);
  const [left, right] = [comparable(found, columns), comparable(expected, columns)];
  expect(left.map((row) => row['id'])).toEqual(right.map((row) => row['id']));
  for (const column of columns)
    expect
      .soft(
        left.map((row) => row[column]),
        column,
      )
      .toEqual(right.map((row) => row[column]));
}

const DATA = '.millrace';

/** PyIceberg makes empty lists of null lists of structs; whether they are null the files tell. */
function withNullLists({ rows, nullLists }: TableReading): Row[] {
  return rows.map((row) => {
    const nulls = Object.keys(nullLists).filter((column) =>
      nullLists[column]?.includes(row['id'] as number),
    );
    return { ...row, ...Object.fromEntries(nulls.map((column) => [column, null])) };
  });
}

test('PyIceberg reads from a table folder exactly what was sent, and what SQL says, for every type', async () => {
  const folder = temporaryFolder();
  const pipe = await startPipeline(folder, pipeline());
  await send(pipe, SENT);
  const hot = await query(folder, 'select * from lake.everything');
  expect(await pipe.stop()).toBe(0);

  const table = await readTable(join(folder, DATA), 'lake.everything');
  const delivered = await query(folder, 'select * from lake.everything');

  expectSame(hot, RECORDS);
  expectSame(withNullLists(table), RECORDS);
  expectSame(delivered, RECORDS);
  expect(table.types).toMatchObject({
    long: 'long',
    price: 'decimal(10, 3)',
    wide: 'decimal(38, 10)',
    uuid: 'uuid',
    bytes: 'binary',
    date: 'date',
    local: 'timestamp',
    instant: 'timestamptz',
    rates: 'map<string, double>',
  });
  expect(table.required).toEqual(expect.arrayContaining(['id', 'at', ...Object.keys(TYPES)]));
  expect(table.required.filter((name) => name.startsWith('maybe_') || name === 'site')).toEqual([]);
  expect(table.partitions).toEqual(['day(at)', 'identity(site)']);
  expect(JSON.parse(table.properties['millrace.checkpoint'] as string)).toMatchObject({
    next: String(RECORDS.length),
  });
});

test('PyIceberg finds each row by each of its values, and plans fewer files for a day or a partition', async () => {
  const folder = temporaryFolder();
  const pipe = await startPipeline(folder, pipeline());
  await send(pipe, SENT);
  await pipe.stop();

  const { paths, filters } = await readTable(join(folder, DATA), 'lake.everything', [
    "at >= '2024-02-29T00:00:00' and at < '2024-03-01T00:00:00'",
    "site = 'a/b=c d%é'",
    'site is null',
    "site = 'NULL'",
  ]);
  const found = filters.map(({ files, rows }) => ({
    files,
    ids: rows.map((row) => row['id']).sort(),
  }));
  expect(paths).toHaveLength(7);
  expect(found).toEqual([
    { files: 1, ids: [1, 2] },
    { files: 1, ids: [3] },
    { files: 1, ids: [4] },
    { files: 1, ids: [5] },
  ]);
  const table = join(folder, DATA, 'lake/lake/everything');
  const each = JSON.parse(await runPython(READ_TABLE, [table, '--each-value'])) as {
    asked: number;
    wrong: unknown[];
  };
  expect(each.wrong).toEqual([]);
  expect(each.asked).toBeGreaterThan(80);
});

/** A table that had rows when a field was added to the stream, and to a struct; then it got one more. */
async function widenedTable() {
  const folder = temporaryFolder();
  const data = join(folder, DATA);
  const first = await startPipeline(folder, pipeline());
  await send(first, SENT);
  await first.stop();
  const before = await describeTable(data, 'lake.everything');

  const widened = STRUCT.replace('f.struct({ name', 'f.struct({ nick: f.string().optional(), name');
  const second = await startPipeline(folder, pipeline('channel: f.string().optional(),', widened));
  const values = { ...ORDINARY, nested: { ...(ORDINARY['nested'] as Row), nick: 'new' } };
  const added = { ...record(9, '2024-03-02T00:00:00', 'shop', values), channel: 'web' };
  await send(second, [added]);
  await second.stop();
  const withNick = (value: unknown) => (value === null ? null : { nick: null, ...(value as Row) });
  const old = RECORDS.map((row) => ({
    ...row,
    channel: null,
    nested: withNick(row['nested']),
    maybe_nested: withNick(row['maybe_nested']),
  }));
  return { folder, data, before, expected: [...old, added] };
}

test('A field keeps its id when optional ones are added beside it and inside it, and old rows stay', async () => {
  const { folder, data, before, expected } = await widenedTable();
  const after = await describeTable(data, 'lake.everything');

  expect(after.ids).toMatchObject(before.ids);
  const newIds = Object.entries(after.ids).filter(([path]) => !(path in before.ids));
  expect(newIds.map(([path]) => path).sort()).toEqual([
    'channel',
    'maybe_nested.nick',
    'nested.nick',
  ]);
  for (const [, id] of newIds) expect(id).toBeGreaterThan(Math.max(...Object.values(before.ids)));
  expect(new Set(Object.values(after.ids)).size).toBe(Object.keys(after.ids).length);
  expectSame(await query(folder, 'select * from lake.everything'), expected);
});

// DuckDB marks every Parquet column optional. Where the table's schema says that a part of an
// optional struct is required, PyIceberg cannot put files of before and after a change together.
test('PyIceberg reads rows of before and after a field was added', async () => {
  const { data, expected } = await widenedTable();
  expectSame(withNullLists(await readTable(data, 'lake.everything')), expected);
});

test('PyIceberg reads the table of a model as SQL does', async () => {
  const folder = temporaryFolder();
  const pipe = await startPipeline(folder, pipeline());
  await send(pipe, SENT);
  const run = await millrace(['run', 'summary', '--json', '--pipeline', folder]);
  expect(run.code, run.err).toBe(0);
  const bySql = await query(folder, 'select * from warehouse.summary');
  await pipe.stop();

  const table = await readTable(join(folder, DATA), 'warehouse.summary');
  const inOrder = (rows: readonly Row[]) =>
    [...rows].sort((a, b) => String(a['ids']).localeCompare(String(b['ids'])));
  expect(inOrder(table.rows)).toEqual(inOrder(bySql));
  expect(inOrder(table.rows)[0]).toMatchObject({
    site: 'shop',
    day: '2024-02-29',
    lines: '2',
    int_sum: '-2147483606',
    price_sum: '-9999997.449',
    ids: [1, 2],
  });
  expect(table.types).toMatchObject({
    lines: 'long',
    int_sum: 'decimal(38, 0)',
    price_sum: 'decimal(38, 3)',
    ids: 'list<int>',
  });
});

test('A moved data folder has everything it had, by SQL and for PyIceberg', async () => {
  const folder = temporaryFolder();
  const moved = join(temporaryFolder(), 'elsewhere');
  const first = await startPipeline(folder, pipeline());
  await send(first, SENT.slice(0, 6));
  await millrace(['run', 'summary', '--pipeline', folder]);
  await first.stop();
  const before = await readTable(join(folder, DATA), 'lake.everything');
  renameSync(join(folder, DATA), moved);

  const second = await startPipeline(folder, undefined, { args: ['--data', moved] });
  await send(second, SENT.slice(6));
  expectSame(await query(folder, 'select * from lake.everything', ['--data', moved]), RECORDS);
  expect(await second.stop()).toBe(0);

  const after = await readTable(moved, 'lake.everything');
  expectSame(withNullLists(after), RECORDS);
  expect(after.ids).toEqual(before.ids);
  expect(after.snapshots).toBe(2);
  for (const path of after.paths) expect(path.startsWith(`file://${moved}/`)).toBe(true);
  const summary = await readTable(moved, 'warehouse.summary');
  expect(summary.rows).toHaveLength(5);
  expect(summary.location).toBe(`file://${join(moved, 'lake/warehouse/summary')}`);
  expect(existsSync(join(folder, DATA))).toBe(false);
});

// The date of such an instant is none that a reader's calendar has; it must not come into a table,
// where it would stop the delivery of all that follows.
test('An instant before year 1 or after year 9999 is refused, and the others are delivered', async () => {
  const folder = temporaryFolder();
  const pipe = await startPipeline(
    folder,
    `import { day, field as f, stream } from 'millrace';
     export const moments = stream('moments', {
       fields: { id: f.int(), at: f.timestamptz(), ms: f.timestamptz().from('epoch-milliseconds').optional() },
       table: { partitionBy: [day('at')], every: '1h' },
     });`,
  );
  const now = '2024-01-01T00:00:00Z';
  const records = [
    { id: 1, at: now },
    { id: 2, at: '9999-12-31T23:59:59-01:00' },
    { id: 3, at: '0001-01-01T00:00:00+01:00' },
    { id: 4, at: now, ms: 253402300800000 },
    { id: 5, at: now, ms: 253402300799999 },
  ];
  const response = await pipe.post('/v1/streams/moments/records', JSON.stringify(records));
  const { rejected } = (await response.json()) as { rejected: { index: number; code: string }[] };
  expect(await pipe.stop()).toBe(0);
  expect(rejected.map(({ index, code }) => [index, code])).toEqual([
    [1, 'MR_FIELD_TYPE'],
    [2, 'MR_FIELD_TYPE'],
    [3, 'MR_FIELD_TYPE'],
  ]);
  const { rows } = await readTable(join(folder, DATA), 'lake.moments');
  expect(rows.map((row) => [row['id'], row['ms']])).toEqual([
    [1, null],
    [5, '9999-12-31T23:59:59.999Z'],
  ]);
});

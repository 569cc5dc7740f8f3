import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, type TestContext, test } from 'vitest';
import { readParquet } from '../../src/app/parquet-rows.ts';
import { MillraceError } from '../../src/core/errors.ts';
import { type JsonNode, parseJson } from '../../src/core/json-node.ts';
import { field as f, stream } from '../../src/index.ts';
import { compile } from '../../src/plan/compile.ts';
import type { StreamPlan } from '../../src/plan/plan.ts';
import { RecordMapper } from '../../src/source/record-mapper.ts';
import type { SourceRow } from '../../src/source/source.ts';
import { type OpenedFile, openFile } from '../../src/target/file-sources.ts';
import { SHARED_DATA, temporaryFolder } from '../support/folder.ts';
import { rowsOf } from '../support/source.ts';

// The files that the projects of the formats test their own readers with: what comes out of each is what they say, or
// what two other readers (pyarrow, DuckDB) have read.
const FORMATS = join(SHARED_DATA, 'formats');
const FLIGHTS = join(SHARED_DATA, 'flights');
/** Of 1,920,800 rows a tenth is looked at. */
const LONG_MS = 120_000;

function requireData({ skip }: TestContext): void {
  if (existsSync(FORMATS)) return;
  const reason = `There is no ${FORMATS}: set MILLRACE_SHARED_DATA to the folder that has formats/.`;
  console.warn(reason);
  skip(reason);
}

const reference = <T>(name: string): { readonly [file: string]: T } =>
  JSON.parse(readFileSync(join(FORMATS, name), 'utf8')) as { readonly [file: string]: T };

const planOf = (fields: Parameters<typeof stream>[1]['fields']): StreamPlan =>
  compile([stream('rows', { fields })]).plan.streams[0] as StreamPlan;

function open(path: string, plan = planOf({ any: f.string() })): Promise<OpenedFile> {
  const nothing = { delimiter: undefined, quote: undefined, encoding: undefined };
  return openFile(path, plan, { ...nothing, header: true, format: undefined }, readParquet);
}

async function read(path: string): Promise<SourceRow[]> {
  const rows = await rowsOf((await open(path)).source);
  expect(rows.filter(({ problem }) => problem)).toEqual([]);
  return rows;
}

const nodeOf = (row: SourceRow): JsonNode => parseJson(row.text);

interface OrcReference {
  readonly rows?: number;
  readonly columns?: readonly (readonly [name: string, type: string])[];
}

/** A number's one text, digit for digit: only what has an exponent goes through a double. */
function numberText(text: string): string {
  if (/[eE]/.test(text)) return String(Number(text));
  return (text.includes('.') ? text.replace(/\.?0+$/, '') : text).replace(/^-0$/, '0');
}

/** What ORC's own tools print of a value, held against ours: the same, or where it is not. */
function difference(
  ours: JsonNode | undefined,
  theirs: JsonNode,
  path: string,
): string | undefined {
  const differs = `${path}: ${JSON.stringify(ours)} is not ${JSON.stringify(theirs)}`;
  if (!ours) return differs;
  switch (theirs.kind) {
    case 'number': {
      const text = ours.kind === 'number' ? ours.text : ours.kind === 'string' ? ours.value : '';
      // Of a decimal of Hive 0.11 their printer cuts off what is behind six digits; ours has all of them.
      const kept = path.startsWith('orc-file-11') ? text.replace(/(\.\d{6})\d+$/, '$1') : text;
      return numberText(kept) === numberText(theirs.text) ? undefined : differs;
    }
    case 'string': {
      const time = theirs.value.replace(/^(\d{4}-\d\d-\d\d) (.*?)(?:\.0)?$/, '$1T$2');
      const isSame = ours.kind === 'string' && (ours.value === theirs.value || ours.value === time);
      return isSame ? undefined : differs;
    }
    case 'list':
      return listDifference(ours, theirs.items, path);
    case 'object':
      return objectDifference(ours, theirs.members, path);
    default:
      return JSON.stringify(ours) === JSON.stringify(theirs) ? undefined : differs;
  }
}

/** They print bytes as a list of numbers, and a map as one of pairs. */
function listDifference(ours: JsonNode, theirs: readonly JsonNode[], path: string) {
  if (ours.kind === 'string')
    return Buffer.from(ours.value, 'base64').equals(
      Buffer.from(theirs.map((item) => (item.kind === 'number' ? Number(item.text) : Number.NaN))),
    )
      ? undefined
      : `${path}: other bytes`;
  const items =
    ours.kind === 'object'
      ? [...ours.members].map(([key, value]): JsonNode => {
          const members = new Map<string, JsonNode>([
            ['key', { kind: 'string', value: key }],
            ['value', value],
          ]);
          return { kind: 'object', members };
        })
      : ours.kind === 'list'
        ? ours.items
        : [];
  if (items.length !== theirs.length) return `${path}: ${items.length} items, not ${theirs.length}`;
  return first(theirs, (item, index) => difference(items[index], item, `${path}[${index}]`));
}

/** They print a union with its tag. */
function objectDifference(ours: JsonNode, theirs: ReadonlyMap<string, JsonNode>, path: string) {
  if (theirs.has('tag') && theirs.has('value'))
    return difference(ours, theirs.get('value') as JsonNode, path);
  if (ours.kind !== 'object') return `${path}: no object`;
  return first([...theirs], ([name, value]) =>
    difference(ours.members.get(name), value, `${path}.${name}`),
  );
}

function first<T>(
  items: readonly T[],
  problemOf: (item: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const problem = problemOf(item, index);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

test('Every ORC file of the Apache project has the rows, columns and values that it should have', {
  timeout: LONG_MS,
}, async (context) => {
  requireData(context);
  const files = reference<OrcReference>('reference-orc.json');
  const refused: { [file: string]: string } = {};
  for (const [file, { rows, columns = [] }] of Object.entries(files)) {
    const path = join(FORMATS, 'orc', file);
    let read: SourceRow[];
    try {
      read = await rowsOf((await open(path)).source);
    } catch (error) {
      refused[file] = (error as Error).message.replace(path, '…');
      continue;
    }
    expect(read.length, file).toBe(rows);
    for (const row of [read[0], read.at(-1)])
      expect(row?.columns, file).toEqual(columns.map(([name]) => name));
    const expected = join(FORMATS, 'orc', 'expected', file.replace(/orc$/, 'jsn.gz'));
    if (!existsSync(expected)) continue;
    const lines = gunzipSync(readFileSync(expected)).toString().trimEnd().split('\n');
    expect(lines.length, file).toBe(rows);
    const problem = first(lines, (line, index) =>
      difference(nodeOf(read[index] as SourceRow), parseJson(line), `${file} row ${index + 1}`),
    );
    expect(problem).toBeUndefined();
  }
  expect(refused).toEqual({ 'zero.orc': '… is empty, and so not an ORC file.' });
});

test('An ORC file with any one byte changed is refused, or read; it ends neither the process nor takes long', async (context) => {
  requireData(context);
  const whole = readFileSync(join(FORMATS, 'orc', 'TestOrcFile.testStripeLevelStats.orc'));
  const path = join(temporaryFolder(), 'changed.orc');
  let refused = 0;
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ 0x55;
    writeFileSync(path, bytes);
    const reading = open(path).then(({ source }) => rowsOf(source));
    await reading.catch((error: unknown) => {
      expect(error).toBeInstanceOf(MillraceError);
      expect((error as Error).message, `byte ${at}`).toContain(path);
      refused += 1;
    });
  }
  expect(refused).toBeGreaterThan(whole.length / 4);
});

/** What the engine of the reference reads and ours does not, with what it says. */
const ENGINE_REFUSES: { readonly [file: string]: RegExp } = {
  'hadoop_lz4_compressed.parquet': /Unsupported compression codec "LZ4"/,
  'hadoop_lz4_compressed_larger.parquet': /Unsupported compression codec "LZ4"/,
  'non_hadoop_lz4_compressed.parquet': /Unsupported compression codec "LZ4"/,
  // Two texts of 1 GiB: a record has at most 1 MiB.
  'large_string_map.brotli.parquet': /needs more memory/,
};

interface ParquetReference {
  readonly duckdb: {
    readonly rows?: number;
    readonly columns?: readonly (readonly [name: string, type: string])[];
    readonly nulls?: readonly number[];
  };
}

test('Every Parquet file of the Apache project has the rows, columns and nulls that it should have', {
  timeout: LONG_MS,
}, async (context) => {
  requireData(context);
  const files = reference<ParquetReference>('reference-parquet.json');
  const refused: string[] = [];
  for (const [file, { duckdb }] of Object.entries(files)) {
    const path = join(FORMATS, 'parquet', file);
    let rows: SourceRow[];
    try {
      rows = await read(path);
    } catch (error) {
      expect((error as Error).message).toContain(path);
      expect((error as Error).message).toMatch(ENGINE_REFUSES[file] ?? /could not be read/);
      refused.push(file);
      continue;
    }
    expect(rows.length, file).toBe(duckdb.rows);
    const names = duckdb.columns?.map(([name]) => name) ?? [];
    if (rows[0]) expect(rows[0].columns, file).toEqual(names);
    const nulls = names.map(
      (_, index) => rows.filter(({ values }) => values[index] === 'null').length,
    );
    expect(nulls, file).toEqual(duckdb.nulls);
  }
  const unread = Object.keys(files).filter((file) => files[file]?.duckdb.rows === undefined);
  expect(refused.sort()).toEqual([...unread, ...Object.keys(ENGINE_REFUSES)].sort());
});

test('Parquet files with delta encodings have the values that lie beside them as CSV', async (context) => {
  requireData(context);
  const folder = join(FORMATS, 'parquet');
  const csvs = readdirSync(folder).filter((name) => name.endsWith('_expect.csv'));
  expect(csvs.length).toBeGreaterThan(3);
  for (const csv of csvs) {
    const expected = await read(join(folder, csv));
    const rows = await read(join(folder, csv.replace('_expect.csv', '.parquet')));
    expect(rows.length, csv).toBe(expected.length);
    for (const [index, { values, columns }] of rows.entries()) {
      const ours = values.map((value) => (value === 'null' ? '' : (JSON.parse(value) as unknown)));
      const named = expected[index]?.columns.map((name) => name.trim()) ?? [];
      const theirs = columns.map(
        (name) => expected[index]?.values[named.indexOf(name.replace(':', ''))],
      );
      expect(ours.map(String), `${csv} row ${index + 1}`).toEqual(theirs);
    }
  }
});

test('The flights are the same records from CSV, JSON, Parquet and ORC', async (context) => {
  requireData(context);
  const plan = planOf({
    dest_country_name: f.string(),
    origin_country_name: f.string(),
    count: f.long(),
  });
  const nothing = { map: new Map(), ignore: new Set<string>(), nulls: new Set<string>() };
  const only = (folder: string) => readdirSync(folder).map((name) => join(folder, name))[0] ?? '';
  const records = async (path: string) => {
    const { source } = await open(path, plan);
    const mapping = { ...nothing, dates: undefined, decimalComma: false };
    const mapper = await RecordMapper.create(source, plan, mapping);
    return (await rowsOf(source)).map((row) => {
      const { count, ...names } = JSON.parse(mapper.record(row)) as { count: unknown };
      return { ...names, count: String(count) };
    });
  };
  const csv = await records(join(FLIGHTS, 'csv', '2010-summary.csv'));
  expect(csv.length).toBe(255);
  expect(csv.reduce((total, { count }) => total + Number(count), 0)).toBe(422_269);
  for (const path of [
    join(FLIGHTS, 'json', '2010-summary.json'),
    only(join(FLIGHTS, 'parquet', '2010-summary.parquet')),
    only(join(FLIGHTS, 'orc', '2010-summary.orc')),
  ])
    expect(await records(path), path).toEqual(csv);
});

interface AvroReference {
  readonly avro_records?: number;
}

test('Avro files that Spark, Athena and Java have written have the records that fastavro found', async (context) => {
  requireData(context);
  const files = Object.entries(reference<AvroReference>('reference-iceberg.json')).filter(
    ([, { avro_records: records }]) => records !== undefined,
  );
  expect(files.length).toBeGreaterThan(10);
  for (const [file, { avro_records: records }] of files)
    expect((await read(join(FORMATS, 'iceberg', file))).length, file).toBe(records);
});

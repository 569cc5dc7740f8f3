import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext, test } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import { field, stream } from '../../src/index.ts';
import { canonicalRow } from '../../src/ingest/canonical-row.ts';
import { Validator } from '../../src/ingest/validate.ts';
import { compile } from '../../src/plan/compile.ts';
import type { StreamPlan } from '../../src/plan/plan.ts';
import { RecordMapper } from '../../src/source/record-mapper.ts';
import type { FileSource, SourceRow } from '../../src/source/source.ts';
import { openFile } from '../../src/target/file-sources.ts';
import { SHARED_DATA, temporaryFolder } from '../support/folder.ts';
import { type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';
import { rowsOf } from '../support/source.ts';

// Files that other projects collected because they break readers. The table messy.golden.json says
// of each what is answered; UPDATE=1 writes it anew. Tests hold the answers to other readers' besides.
const MESSY = join(SHARED_DATA, 'messy');
const GOLDEN = fileURLToPath(new URL('messy.golden.json', import.meta.url));
const READ_CSV = fileURLToPath(new URL('../interop/read_csv.py', import.meta.url));
const FILE_DEADLINE_MS = 10_000;

type Answers = { readonly [file: string]: string };

function requireData({ skip }: TestContext): void {
  if (existsSync(MESSY)) return;
  const reason = `There is no ${MESSY}: set MILLRACE_SHARED_DATA to the folder that has messy/.`;
  console.warn(reason);
  skip(reason);
}

function expectGolden(set: string, answers: Answers): void {
  const golden = existsSync(GOLDEN)
    ? (JSON.parse(readFileSync(GOLDEN, 'utf8')) as { [set: string]: Answers })
    : {};
  if (process.env['UPDATE'] === '1')
    writeFileSync(GOLDEN, `${JSON.stringify({ ...golden, [set]: answers }, null, 2)}\n`);
  else expect(answers).toEqual(golden[set]);
}

const observed = <T>(set: string): { readonly [file: string]: T } =>
  JSON.parse(readFileSync(join(MESSY, `observed-${set}.json`), 'utf8')) as { [file: string]: T };

// JSON over HTTP

const STREAMS = `
import { field as f, stream } from 'millrace';
const fields = { never_there: f.string().optional() };
export const dropped = stream('dropped', { unknown: 'drop', fields });
export const kept = stream('kept', { unknown: 'keep', fields });
`;

interface Answer {
  readonly status: number;
  readonly accepted: number;
  readonly codes: readonly string[];
}

async function sendBytes(pipe: RunningPipeline, name: string, body: Buffer): Promise<Answer> {
  const response = await pipe.post(`/v1/streams/${name}/records`, body);
  const { accepted, rejected, error } = (await response.json()) as {
    accepted?: number;
    rejected?: readonly { code: string }[];
    error?: { code: string };
  };
  const codes = error ? [error.code] : (rejected ?? []).map(({ code }) => code);
  return { status: response.status, accepted: accepted ?? 0, codes };
}

const answerText = ({ accepted, codes }: Answer): string =>
  [...(accepted > 0 ? [`${accepted} accepted`] : []), ...codes].join(', ');

/** What may keep valid JSON from being stored. */
const DOCUMENTED = [
  'MR_RECORD_SHAPE',
  'MR_RECORD_DUPLICATE_KEY',
  'MR_RECORD_ENCODING',
  'MR_RECORD_TOO_DEEP',
  'MR_RECORD_TOO_LARGE',
];

function expectConforming(file: string, bare: Answer, member: Answer): void {
  for (const { status } of [bare, member]) expect.soft(status, file).toBeLessThan(500);
  if (file.startsWith('y_')) {
    expect.soft(DOCUMENTED, file).toEqual(expect.arrayContaining([...bare.codes, ...member.codes]));
    expect.soft(member.accepted + member.codes.length, file).toBe(1);
    expect.soft(member.codes, file).not.toContain('MR_RECORD_SHAPE');
  }
  if (file.startsWith('n_')) {
    expect.soft(bare.codes.length, file).toBeGreaterThan(0);
    expect.soft(member, file).toMatchObject({ status: 422, accepted: 0 });
    expect.soft(member.codes.length, file).toBeGreaterThan(0);
  }
}

test('Each file of JSONTestSuite is stored or refused with a code, as a body and as a value in a record, and the server goes on', async (context) => {
  requireData(context);
  const pipe = await startPipeline(temporaryFolder(), STREAMS);
  const files = Object.keys(observed('JSONTestSuite')).sort();
  expect(files).toHaveLength(159);
  const answers: { [file: string]: string } = {};
  const stored: string[] = [];
  let accepted = 0;
  for (const file of files) {
    const bytes = readFileSync(join(MESSY, 'JSONTestSuite/test_parsing', file));
    const asMember = Buffer.concat([Buffer.from('{"x":'), bytes, Buffer.from('}')]);
    const bare = await sendBytes(pipe, 'dropped', bytes);
    const member = await sendBytes(pipe, 'dropped', asMember);
    const kept = await sendBytes(pipe, 'kept', asMember);
    expectConforming(file, bare, member);
    expect.soft(kept, file).toEqual(member);
    answers[file] = `${answerText(bare)} | as a value: ${answerText(member)}`;
    accepted += bare.accepted + member.accepted;
    if (kept.accepted > 0) stored.push(asMember.toString());
    expect.soft((await fetch(`${pipe.url}/healthz`)).status, file).toBe(200);
  }
  expect(pipe.process.exitCode).toBe(null);
  expect(await pipe.sql('select count(*)::int from lake.dropped')).toEqual([[accepted]]);
  await expectKept(pipe, stored);
  expectGolden('JSONTestSuite', answers);
});

/** Unknown members keep the text they came with: numbers no double can hold, escapes, empty names. */
async function expectKept(pipe: RunningPipeline, stored: readonly string[]): Promise<void> {
  const rows = await pipe.sql('select _rest from records.kept order by _sequence_number');
  const texts = rows.map(([rest]) => (typeof rest === 'string' ? rest : JSON.stringify(rest)));
  expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(
    stored.map((text) => JSON.parse(text) as unknown),
  );
}

// Files through the sources of `import`

interface Reading {
  /** A word on the whole file. */
  readonly answer: string;
  /** How a CSV was split; undefined where the file was refused. */
  readonly delimiter?: string;
  readonly encoding?: string;
  readonly columns: readonly string[];
  /** Cells of each row, null for rows with a problem. */
  readonly rows: readonly (readonly string[] | null)[];
  readonly refused: readonly string[];
}

/** All optional text: whatever a cell holds can be stored as it is. */
function streamFor(columns: readonly string[]): StreamPlan {
  const names = columns.map((_, index) => [`c${index}`, field.string().optional()] as const);
  const definition = stream('messy', {
    unknown: columns.length === 0 ? 'drop' : 'refuse',
    fields: names.length === 0 ? { c0: field.string().optional() } : Object.fromEntries(names),
  });
  return compile([definition]).plan.streams[0] as StreamPlan;
}

async function mapperFor(source: FileSource, plan: StreamPlan): Promise<RecordMapper> {
  const map = new Map(source.columns.map((column, index) => [column, `c${index}`]));
  return RecordMapper.create(source, plan, {
    map,
    ignore: new Set(),
    nulls: new Set(),
    dates: undefined,
    decimalComma: false,
  });
}

/** The file as `import` opens it where the user says nothing of it. */
async function open(path: string, format: 'csv' | 'json'): Promise<FileSource> {
  const nothing = { delimiter: undefined, quote: undefined, encoding: undefined };
  const noParquet = () => {
    throw new Error(`${path} is no Parquet`);
  };
  const dialect = { ...nothing, header: true, format };
  return (await openFile(path, streamFor([]), dialect, noParquet)).source;
}

/** The row as a record, and how the stream takes it: what it stores is what the cells hold. */
function refusalOf(
  row: SourceRow,
  line: string,
  plan: StreamPlan,
  validator: Validator,
): string | undefined {
  const verdict = validator.check(line);
  if ('refusal' in verdict) return verdict.refusal.code;
  const stored = canonicalRow(line, plan.fields).values.map((json) => JSON.parse(json) as unknown);
  expect(stored).toEqual(row.values.map((cell) => (cell === '' ? null : cell)));
  return undefined;
}

async function readCsv(path: string): Promise<Reading> {
  const source = await open(path, 'csv');
  const plan = streamFor(source.columns);
  const mapper = await mapperFor(source, plan);
  const validator = new Validator(plan);
  const rows: (readonly string[] | null)[] = [];
  const problems: string[] = [];
  const refused: string[] = [];
  for (const row of await rowsOf(source)) {
    rows.push(row.problem === undefined ? row.values : null);
    if (row.problem !== undefined) problems.push(row.problem.message);
    else {
      const refusal = refusalOf(row, mapper.record(row), plan, validator);
      if (refusal !== undefined) refused.push(refusal);
    }
  }
  const { dialect, columns } = source;
  const { encoding } = dialect;
  const counts = [
    `${encoding} ${JSON.stringify(dialect.delimiter)}`,
    `${columns.length} columns`,
    `${rows.length} rows`,
    ...(problems.length > 0 ? [`${problems.length} with a problem: ${problems[0]}`] : []),
    ...(refused.length > 0 ? [`${refused.length} refused: ${refused[0]}`] : []),
  ];
  return {
    answer: counts.join(', '),
    delimiter: dialect.delimiter,
    encoding,
    columns,
    rows,
    refused,
  };
}

/** Reads with `read`; a refusal of the whole file is an answer, anything else thrown is a defect. */
async function answerOf(path: string, read: (path: string) => Promise<Reading>): Promise<Reading> {
  const startMs = Date.now();
  try {
    return await read(path);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const message = error.message.replaceAll(path, 'the file');
    return { answer: `${error.code}: ${message}`, columns: [], rows: [], refused: [] };
  } finally {
    expect.soft(Date.now() - startMs, `${path}: milliseconds`).toBeLessThan(FILE_DEADLINE_MS);
  }
}

interface CsvObservation {
  readonly utf8: boolean;
  readonly python_csv_comma_strict: {
    readonly records?: number;
    readonly widths?: { readonly [width: string]: number };
  };
  readonly duckdb_auto: { readonly rows?: number };
}

/** Rows without the header where Python's csv and DuckDB count the same. */
function agreedRows({
  python_csv_comma_strict: python,
  duckdb_auto: duckdb,
}: CsvObservation): number | undefined {
  const isEven = Object.keys(python.widths ?? {}).length === 1;
  return isEven && python.records !== undefined && python.records - 1 === duckdb.rows
    ? duckdb.rows
    : undefined;
}

/** What Python's csv, strict, makes of files; undefined where it refuses one. */
async function pythonRows(
  files: readonly { path: string; delimiter: string }[],
): Promise<Map<string, string[][] | undefined>> {
  const list = join(temporaryFolder(), 'list.json');
  writeFileSync(list, JSON.stringify(files));
  const lines = (await runPython(READ_CSV, [list], { bare: true })).trim().split('\n');
  return new Map(
    lines.map((line) => {
      const { path, rows } = JSON.parse(line) as { path: string; rows?: string[][] };
      return [path, rows];
    }),
  );
}

/** Cell by cell as Python has them; rows that are not as wide as the header have a problem. */
function expectAsPython(
  file: string,
  reading: Reading,
  python: readonly (readonly string[])[],
): void {
  const body = python.slice(1).map((row) => (row.length === reading.columns.length ? row : null));
  expect.soft(reading.columns, file).toEqual((python[0] ?? []).map((name) => name.trim()));
  expect.soft(reading.rows, file).toEqual(body);
}

/** Rows end in more than one way. */
const MIXED_LINE_ENDS = [
  '14512_og.csv',
  'auto/multi_column_string_mix.csv',
  'auto/multi_column_string_mix_r_n.csv',
  'mixed_new_line.csv',
  'mixed_new_line_2.csv',
  'one_r_n_two.csv',
  'repromarket.csv',
  'test/mixed_line_endings.csv',
];

/** A header or rows are longer than a record may be. */
const TOO_LONG = [
  'issue_8320_1.csv.gz',
  'issue_8320_2.csv.gz',
  'issue_8320_3.csv.gz',
  'line_too_long.csv.gz',
  'line_too_long_with_newline.csv.gz',
  'multiple_line_too_long.csv.gz',
];

/** The quotes of the header do not close. */
const HEADER_NOT_CLOSED = ['segfault.csv', 'test/unterminated.csv'];

/** Answered by tests of their own. */
const APART = [...MIXED_LINE_ENDS, ...TOO_LONG, ...HEADER_NOT_CLOSED];
const CSV = join(MESSY, 'duckdb-csv');

test("Each CSV of DuckDB's tests is read as Python's csv reads it, or answered with what is wrong", async (context) => {
  requireData(context);
  const files = observed<CsvObservation>('duckdb-csv');
  expect(Object.keys(files)).toHaveLength(349);
  const readings = new Map<string, Reading>();
  for (const file of Object.keys(files))
    if (!APART.includes(file)) readings.set(file, await answerOf(join(CSV, file), readCsv));

  const split = [...readings].filter(
    ([, { encoding, delimiter }]) => encoding === 'utf-8' && delimiter !== undefined,
  );
  const python = await pythonRows(
    split.map(([file, { delimiter }]) => ({ path: join(CSV, file), delimiter: delimiter ?? ',' })),
  );
  let compared = 0;
  let agreed = 0;
  for (const [file, reading] of readings) {
    const rows = python.get(join(CSV, file));
    if (rows) expectAsPython(file, reading, rows);
    compared += rows ? 1 : 0;
    const counted = agreedRows(files[file] as CsvObservation);
    // Their count is of commas' rows.
    if (counted === undefined || reading.delimiter !== ',') continue;
    expect.soft(reading.rows.length, file).toBe(counted);
    agreed += 1;
  }
  expect(compared).toBeGreaterThan(290);
  expect(agreed).toBeGreaterThan(150);
  expectGolden(
    'duckdb-csv',
    Object.fromEntries([...readings].map(([file, { answer }]) => [file, answer])),
  );
});

test('Each CSV of csv-spectrum is read as its authors say', async (context) => {
  requireData(context);
  const files = Object.keys(observed('csv-spectrum')).filter((file) => file.endsWith('.csv'));
  expect(files).toHaveLength(11);
  for (const file of files) {
    const { columns, rows } = await answerOf(join(MESSY, 'csv-spectrum', file), readCsv);
    const truth = file.replace('csvs/', 'json/').replace(/\.csv$/, '.json');
    const found = rows.map((row) =>
      Object.fromEntries(columns.map((name, index) => [name, row?.[index]])),
    );
    expect
      .soft(found, file)
      .toEqual(JSON.parse(readFileSync(join(MESSY, 'csv-spectrum', truth), 'utf8')));
  }
});

async function expectFilesAsPython(files: readonly string[]): Promise<void> {
  const python = await pythonRows(
    files.map((file) => ({
      path: join(CSV, file),
      delimiter: file.startsWith('auto/multi_column') ? '|' : ',',
    })),
  );
  for (const file of files) {
    const rows = python.get(join(CSV, file));
    const reading = await answerOf(join(CSV, file), readCsv);
    if (rows) expectAsPython(file, reading, rows);
    for (const cell of reading.rows.flatMap((row) => row ?? []))
      expect.soft(cell, file).not.toMatch(/\r$/);
  }
}

test('A CSV whose rows end in LF here and CR LF there is read as if all ended alike', async (context) => {
  requireData(context);
  await expectFilesAsPython(MIXED_LINE_ENDS);
});

test('A CSV row longer than a record may be is one row with a problem, and what follows is read', async () => {
  const path = join(temporaryFolder(), 'long.csv');
  const long = `${'x'.repeat(1.2 * 1024 * 1024)},y\n`;
  const after = Array.from({ length: 1000 }, (_, index) => `${index},z\n`).join('');
  writeFileSync(path, `a,b\n1,2\n${long}${after}`);
  const { rows } = await readCsv(path);
  expect(rows).toHaveLength(1002);
  expect(rows.filter((row) => row === null)).toHaveLength(1);
});

test('A CSV with a header or rows of megabytes has no more problems than rows', async (context) => {
  requireData(context);
  const python = await pythonRows(
    TOO_LONG.map((file) => ({ path: join(CSV, file), delimiter: ',' })),
  );
  for (const file of TOO_LONG) {
    const { rows } = await answerOf(join(CSV, file), readCsv);
    expect.soft(rows.length, file).toBeLessThanOrEqual((python.get(join(CSV, file)) ?? []).length);
  }
});

test('A CSV whose header has a quote that does not close is refused with MR_IMPORT_FILE', async (context) => {
  requireData(context);
  for (const file of HEADER_NOT_CLOSED)
    expect((await answerOf(join(CSV, file), readCsv)).answer).toMatch(/^MR_IMPORT_FILE/);
});

test('The delimiter is found where the first 64 KiB of a file end within quotes', async () => {
  const path = join(temporaryFolder(), 'semicolon.csv');
  const rows = Array.from(
    { length: 40 },
    (_, index) => `${index};"${'long, text\n'.repeat(400)}"\n`,
  );
  writeFileSync(path, `a;b\n${rows.join('')}`);
  expect((await readCsv(path)).columns).toEqual(['a', 'b']);
});

test('A row that is refused stays as it stands in the file, quotes and all', async () => {
  const path = join(temporaryFolder(), 'wide.csv');
  writeFileSync(path, 'a,b\n"x,y","z ""q""",3\n');
  const [row] = await rowsOf(await open(path, 'csv'));
  expect(row?.text).toBe('"x,y","z ""q""",3');
});

async function readJson(path: string): Promise<Reading> {
  const source = await open(path, 'json');
  const plan = streamFor([]);
  const mapper = await mapperFor(source, plan);
  const rows: (readonly string[] | null)[] = [];
  for (const row of await rowsOf(source)) {
    rows.push(row.problem === undefined ? row.values : null);
    if (row.problem !== undefined) continue;
    const members = row.columns.map(
      (name, index) => `${JSON.stringify(name)}:${row.values[index]}`,
    );
    expect(JSON.parse(`{${members.join(',')}}`), `${path} row ${row.row}`).toEqual(
      JSON.parse(row.text),
    );
    expect(() => JSON.parse(mapper.record(row))).not.toThrow();
  }
  const problems = rows.filter((row) => row === null).length;
  const answer = `${rows.length} rows${problems > 0 ? `, ${problems} with a problem` : ''}`;
  return { answer, columns: [], rows, refused: [] };
}

interface JsonObservation {
  readonly rows?: number;
  readonly error?: string;
}

/** DuckDB counts otherwise, and why. */
const COUNTED_OTHERWISE: { readonly [file: string]: string } = {
  'geojson/features.geojson': 'one object that holds its features; DuckDB unpacks GeoJSON',
  'top_level_two_arrays.json': 'the objects of both arrays; DuckDB takes each array for a row',
};

/** Brackets are passed over, so that arrays in an array and arrays that do not close leave no trace. */
const BRACKETS = [
  'array_of_empty_arrays.json',
  'malformed/array_comma_malformed.json',
  'malformed/empty_array_malformed.json',
];

const JSON_FILES = join(MESSY, 'duckdb-json');

test("Each JSON of DuckDB's tests has the rows that DuckDB counts, and each value as it was written", async (context) => {
  requireData(context);
  const files = observed<JsonObservation>('duckdb-json');
  expect(Object.keys(files)).toHaveLength(81);
  const answers: { [file: string]: string } = {};
  for (const [file, { rows }] of Object.entries(files)) {
    if (BRACKETS.includes(file)) continue;
    const reading = await answerOf(join(JSON_FILES, file), readJson);
    const reason = COUNTED_OTHERWISE[file];
    answers[file] = `${reading.answer}${reason === undefined ? '' : ` (${reason})`}`;
    const isWhole = reading.rows.every((row) => row !== null);
    if (rows !== undefined && isWhole && reason === undefined)
      expect.soft(reading.rows.length, file).toBe(rows);
  }
  expectGolden('duckdb-json', answers);
});

test('An array in an array of rows, and an array that does not close, is a problem that is told', async (context) => {
  requireData(context);
  for (const file of BRACKETS) {
    const { rows, answer } = await answerOf(join(JSON_FILES, file), readJson);
    expect.soft(answer.startsWith('MR_IMPORT_FILE') || rows.includes(null), file).toBe(true);
  }
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tableFromIPC } from '@uwdata/flechette';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { resultTable } from '../../web/src/sql/result-table.ts';
import { appOfFile } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { runPython } from '../support/python.ts';

const READ_RESULT = fileURLToPath(new URL('read_result.py', import.meta.url));
const SEED = Number(process.env['PROPERTY_SEED'] ?? Date.now() % 1_000_000);

const app = appOfFile(
  "import { field as f, stream } from 'millrace';\nexport const none = stream('none', { fields: { id: f.int() } });\n",
);

interface Answer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

async function ask(sql: string, format: string): Promise<Buffer> {
  const response = await fetch(`${app().address}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql, format }),
  });
  const body = Buffer.from(await response.arrayBuffer());
  expect(response.status, body.toString('utf8', 0, 1000)).toBe(200);
  return body;
}

const json = async (sql: string): Promise<Answer> => JSON.parse(String(await ask(sql, 'json')));

/** What pyarrow finds: the types, and each row as JSON has it. */
async function pyarrow(sql: string, format: 'arrow' | 'parquet') {
  const path = join(temporaryFolder(), `result.${format}`);
  writeFileSync(path, await ask(sql, format));
  const [types = '', ...rows] = (await runPython(READ_RESULT, [path, format]))
    .trimEnd()
    .split('\n');
  return {
    types: JSON.parse(types) as { readonly [column: string]: string },
    rows: rows.map((row) => JSON.parse(row) as readonly unknown[]),
  };
}

/** The values as the SQL page has them. */
async function shown(sql: string): Promise<unknown[][]> {
  const bytes = await ask(sql, 'arrow');
  const { columns, rowCount } = resultTable(new Uint8Array(bytes).buffer);
  return Array.from({ length: rowCount }, (_, row) => columns.map(({ value }) => value(row)));
}

/** Values by SQL of a number `h`, which differs from row to row; each type's edges are among them. */
const VALUES: { readonly [column: string]: string } = {
  flag: 'h % 3 = 0',
  tiny: '(h % 256 - 128)::TINYINT',
  small: '(h % 65536 - 32768)::SMALLINT',
  whole: '(h % 4294967296 - 2147483648)::INTEGER',
  big: 'CASE h % 3 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE h::BIGINT END',
  utiny: '(h % 256)::UTINYINT',
  usmall: '(h % 65536)::USMALLINT',
  uwhole: '(h % 4294967296)::UINTEGER',
  ubig: 'CASE WHEN h % 2 = 0 THEN 18446744073709551615 ELSE h::UBIGINT END',
  huge: 'CASE WHEN h % 2 = 0 THEN -99999999999999999999999999999999999999::HUGEINT ELSE h::HUGEINT END',
  ratio:
    "CASE h % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '5e-324' ELSE '1.7976931348623157e308' END::DOUBLE",
  single: '((h % 2000 - 1000) / 8)::FLOAT',
  d4: '((h % 19999 - 9999) / 10)::DECIMAL(4, 1)',
  d9: '((h % 1999999999 - 999999999)::DECIMAL(18, 0) / 1000)::DECIMAL(9, 3)',
  d18: 'CASE WHEN h % 2 = 0 THEN -999999999999999999::DECIMAL(18, 0) ELSE h::DECIMAL(18, 0) END',
  d38: "CASE WHEN h % 2 = 0 THEN '-9999999999999999999999999999.9999999999' ELSE '0.0000000001' END::DECIMAL(38, 10)",
  text: "CASE h % 5 WHEN 0 THEN '' WHEN 1 THEN 'twelve bytes' WHEN 2 THEN 'thirteen byte' WHEN 3 THEN 'ü€😀 \"quoted\", \\ and\nlines' || h ELSE repeat('long ', (h % 200)::BIGINT) END",
  bytes:
    "CASE WHEN h % 2 = 0 THEN '\\x00\\xFF\\x80'::BLOB ELSE repeat('b', (h % 40)::BIGINT)::BLOB END",
  day: "DATE '0001-01-01' + (h % 3652058)::INTEGER",
  clock: "TIME '00:00:00' + to_microseconds((h % 86400000000)::BIGINT)",
  at: "TIMESTAMP '1900-01-01 00:00:00' + to_microseconds((h % 6311433600000000)::BIGINT)",
  at_s: "(TIMESTAMP '1970-01-01 00:00:00' + to_seconds((h % 4000000000)::BIGINT))::TIMESTAMP_S",
  at_ms:
    "(TIMESTAMP '1970-01-01 00:00:00' + to_milliseconds((h % 4000000000000)::BIGINT))::TIMESTAMP_MS",
  moment: "TIMESTAMPTZ '1900-01-01 00:00:00Z' + to_microseconds((h % 6311433600000000)::BIGINT)",
  span: 'to_months((h % 30)::INTEGER) + to_microseconds((h % 1000000)::BIGINT)',
  uid: "('00000000-0000-4000-8000-' || lpad((h % 1000000)::VARCHAR, 12, '0'))::UUID",
  mood: "CASE WHEN h % 2 = 0 THEN 'good' ELSE 'bad' END::ENUM('good', 'bad')",
  note: `json_object('a', h % 10, 'b', [null, 1.5])`,
  list: 'CASE WHEN h % 4 = 0 THEN [] ELSE [h % 7, NULL, h % 5] END::HUGEINT[]',
  words: "list_transform(range((h % 5)::BIGINT), lambda x: repeat('word', x))",
  lists: '[[h % 3], NULL, []]::INTEGER[][]',
  place:
    "CASE WHEN h % 3 = 0 THEN NULL ELSE {city: repeat('x', (h % 20)::BIGINT), 'at': TIMESTAMPTZ '2020-02-29 00:00:00Z', total: (h % 9)::HUGEINT, uid: uuid() IS NULL} END",
  places: "[{city: 'a ' || h, codes: [h % 2, NULL]}, NULL]",
  scores: 'map([h % 10, 10 + h % 10], [(h % 100 / 10)::DECIMAL(8, 2), NULL])',
  nested: "map(['k'], [{inside: map([1], [[h % 3]])}])",
};

const statement = (rows: number, names: readonly string[]): string => {
  const columns = names.map(
    (name) =>
      `CASE WHEN hash(i, ${SEED}, '${name}') % 5 = 0 THEN NULL ELSE ${VALUES[name]} END AS "${name}"`,
  );
  // CASE has no arrays of fixed length.
  return `SELECT i, [i % 7, i % 5]::INTEGER[2] AS fixed, ${columns.join(', ')} FROM (SELECT i::INTEGER AS i, (hash(i, ${SEED}) % 9007199254740881)::BIGINT AS h FROM range(${rows}) numbers(i)) ORDER BY hash(i)`;
};

const NAMES = Object.keys(VALUES);

test(`a value of every type is the same in JSON, NDJSON, CSV, Arrow and Parquet (seed ${SEED})`, async () => {
  const sql = statement(6000, NAMES);
  const { columns, rows } = await json(sql);
  const note = columns.findIndex(({ type }) => type === 'JSON');
  // A JSON value is a text where the format has no JSON.
  const texts = rows.map((row) =>
    row.map((value, index) => (index === note && value !== null ? JSON.stringify(value) : value)),
  );
  const arrow = await pyarrow(sql, 'arrow');
  expect(Object.keys(arrow.types)).toEqual(columns.map(({ name }) => name));
  expect(arrow.rows).toEqual(texts);
  const parquet = await pyarrow(sql, 'parquet');
  expect(parquet.rows).toEqual(texts);
  expect(await shown(sql), 'on the page').toEqual(texts);
  const lines = String(await ask(sql, 'ndjson'))
    .trimEnd()
    .split('\n');
  const named = rows.map((row) =>
    Object.fromEntries(row.map((value, index) => [columns[index]?.name, value])),
  );
  expect(lines.map((line) => JSON.parse(line))).toEqual(named);
  const [head = [], ...cells] = parse(await ask(sql, 'csv')) as string[][];
  expect(head).toEqual(columns.map(({ name }) => name));
  const isFraction = columns.map(({ type }) => type === 'DOUBLE' || type === 'FLOAT');
  // A double is `-91.0` in CSV as in JSON, which reads it as -91.
  const read = (cell: string, column: number) =>
    isFraction[column] && cell !== '' ? String(Number(cell)) : cell;
  for (const [index, row] of cells.entries())
    expect(row.map(read), `row ${index}`).toEqual(rows[index]?.map(toCell));
});

/** The text of a cell: nothing for NULL, JSON for what has parts. */
const toCell = (value: unknown): string =>
  value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);

test(`a result of several record batches has every row, in order (seed ${SEED})`, async () => {
  const sql = statement(200_000, ['big', 'text', 'flag', 'd9', 'list']);
  const { rows } = await json(sql);
  const table = tableFromIPC(await ask(sql, 'arrow'), { useBigInt: true });
  expect(table.numRows).toBe(200_000);
  expect(table.getChild('i').data.length).toBeGreaterThan(2);
  expect([...table.getChild('i')]).toEqual(rows.map((row) => row[0]));
  expect([...table.getChild('text')]).toEqual(rows.map((row) => row[3]));
});

test('values at the edges of their types are the same on the page, and whole numbers of 39 digits in Arrow and Parquet', async () => {
  const edges = `SELECT 170141183460469231731687303715884105727::HUGEINT AS huge, 'infinity'::DATE AS never, '-infinity'::TIMESTAMP AS always,
    'infinity'::TIMESTAMPTZ AS zoned, DATE '0044-03-15 (BC)' AS ides, TIMESTAMP '12000-01-01 00:00:00' AS far, TIME '24:00:00' AS midnight,
    '1969-12-31 23:59:59.123456789'::TIMESTAMP_NS AS nanos, map([{a: 1}, {a: 2}], [1, 2]) AS keyed, row(1, 'x') AS pair, [row(1, NULL)] AS pairs, 1e-40::FLOAT AS tiny, 0.1::FLOAT AS tenth`;
  const { rows } = await json(edges);
  expect(rows[0]).toEqual([
    ...['170141183460469231731687303715884105727', 'infinity', '-infinity', 'infinity'],
    ...['0044-03-15 (BC)', '12000-01-01T00:00:00', '24:00:00', '1969-12-31T23:59:59.123456789'],
    ...[{ "{'a': 1}": 1, "{'a': 2}": 2 }, [1, 'x'], [[1, null]], 1e-40, 0.1],
  ]);
  const [row = []] = await shown(edges);
  expect(row.slice(0, 8)).toEqual(rows[0]?.slice(0, 8));
  expect(row[9], 'parts without names have some').toEqual({ v1: 1, v2: 'x' });
  for (const format of ['arrow', 'parquet'] as const) {
    const huge = await pyarrow(`SELECT huge FROM (${edges})`, format);
    expect(huge.rows).toEqual([[rows[0]?.[0]]]);
  }
});

test('an Arrow result of wide rows ends at the limit of bytes', async () => {
  const response = await fetch(`${app().address}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      sql: "SELECT repeat('x', 1000000) || range AS wide FROM range(300)",
      format: 'arrow',
    }),
  });
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('MR_QUERY_LIMIT');
});

test('a number beyond all is a number, and who is not quoted is refused with a reason', async () => {
  expect((await json('SELECT 1e400 AS x, -1e400 AS y')).rows).toEqual([['Infinity', '-Infinity']]);
});

test('sums of whole numbers are exact in Arrow and Parquet', async () => {
  const sql = 'SELECT sum(i + 9007199254740992)::HUGEINT AS total FROM range(1000001) t(i)';
  const { rows } = await json(sql);
  expect(rows).toEqual([[String(500_000_500_000n + 2n ** 53n * 1_000_001n)]]);
  for (const format of ['arrow', 'parquet'] as const) {
    const found = await pyarrow(sql, format);
    expect(found).toEqual({ types: { total: 'decimal128(38, 0)' }, rows });
  }
});

test('a result without rows, and names that repeat, are an Arrow stream too', async () => {
  const found = await pyarrow('SELECT 1 AS a, 2 AS A, NULL AS b, [] AS c WHERE false', 'arrow');
  expect(found).toEqual({
    types: { a: 'int32', A_1: 'int32', b: 'int32', c: 'list<item: int32>' },
    rows: [],
  });
});

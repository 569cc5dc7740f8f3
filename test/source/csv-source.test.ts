import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type CsvOptions, openCsv } from '../../src/source/embedded/csv-source.ts';
import { fingerprint } from '../../src/source/embedded/file-bytes.ts';
import type { SourceRow } from '../../src/source/source.ts';
import { SHARED_DATA, temporaryFolder } from '../support/folder.ts';

const SPECTRUM = join(SHARED_DATA, 'messy/csv-spectrum');

async function allRows(rows: AsyncIterable<SourceRow>): Promise<SourceRow[]> {
  const found: SourceRow[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

const objectOf = ({ values }: SourceRow) =>
  Object.fromEntries(
    values.map(([column, value]) => [column, 'text' in value ? value.text : value]),
  );

async function read(
  content: string | Buffer,
  options: Partial<CsvOptions> = {},
  name = 'file.csv',
) {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  const { encoding } = await fingerprint(path);
  const source = await openCsv(path, { encoding, header: true, columns: [], ...options });
  return { source, rows: await allRows(source.rows()) };
}
const texts = (rows: readonly SourceRow[]) =>
  rows.map(
    (row) => row.problem ?? row.values.map(([, value]) => ('text' in value ? value.text : value)),
  );

describe('csv-spectrum: every file gives the rows that its truth has:', () => {
  if (!existsSync(SPECTRUM)) {
    test('the folder of real data is here', () =>
      expect.fail(`${SPECTRUM} is missing. Set MILLRACE_SHARED_DATA to the folder of the data.`));
    return;
  }
  test.each(readdirSync(join(SPECTRUM, 'csvs')))('%s', async (name) => {
    const path = join(SPECTRUM, 'csvs', name);
    const source = await openCsv(path, { encoding: 'utf-8', header: true, columns: [] });
    const truth: unknown = JSON.parse(
      readFileSync(join(SPECTRUM, 'json', name.replace('.csv', '.json')), 'utf8'),
    );
    expect((await allRows(source.rows())).map(objectOf)).toEqual(truth);
  });
});

test.each([
  [',', 'a,b\n"1;5",2\n3,4\n'],
  [';', 'a;b\n1,5;2\n3,7;4\n'],
  ['\t', 'a\tb\n1, 2\t3\n'],
  ['|', 'a|b\n1|2\n'],
])('the delimiter %j is found', async (delimiter, content) => {
  const { source, rows } = await read(content);
  expect(source.dialect.delimiter).toBe(delimiter);
  expect(source.columns).toEqual(['a', 'b']);
  expect(rows.every((row) => row.problem === undefined)).toBe(true);
});

test('delimiter and quote are as the user says', async () => {
  expect(texts((await read('a,b\n"1,2\n', { quote: '' })).rows)).toEqual([['"1', '2']]);
  expect(texts((await read("a,b\n'1,1',2\n", { quote: "'" })).rows)).toEqual([['1,1', '2']]);
  expect(texts((await read('a,b;c\n1;2\n', { delimiter: ';' })).rows)).toEqual([['1', '2']]);
});

test.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('lines may end with %s', async (_, end) => {
  expect(texts((await read(['a,b', '1,2', '3,4', ''].join(end))).rows)).toEqual([
    ['1', '2'],
    ['3', '4'],
  ]);
  expect(texts((await read(['a,b', '1,2', '3,4'].join(end))).rows)).toEqual([
    ['1', '2'],
    ['3', '4'],
  ]);
});

test('a byte order mark belongs to no column', async () => {
  expect((await read('\ufeffa,b\n1,2\n')).source.columns).toEqual(['a', 'b']);
});

test('empty lines are passed over; rows are counted without them', async () => {
  const { rows } = await read('a,b\n\n1,2\n\n\n3,4\n\n');
  expect(texts(rows)).toEqual([
    ['1', '2'],
    ['3', '4'],
  ]);
  expect(rows.map(({ row }) => row)).toEqual([1, 2]);
});

test('without header the columns are those of the stream', async () => {
  const { source, rows } = await read('1,2\n3,4\n', { header: false, columns: ['x', 'y'] });
  expect(source.columns).toEqual(['x', 'y']);
  expect(rows.map(objectOf)).toEqual([
    { x: '1', y: '2' },
    { x: '3', y: '4' },
  ]);
});

test('spaces around column names are not part of them, spaces in values are', async () => {
  const { source, rows } = await read(' a , b\n 1 , 2\n');
  expect(source.columns).toEqual(['a', 'b']);
  expect(texts(rows)).toEqual([[' 1 ', ' 2']]);
});

test('a header and nothing else is no row; nothing at all is refused', async () => {
  expect((await read('a,b\n')).rows).toEqual([]);
  await expect(read('')).rejects.toMatchObject({
    code: 'MR_IMPORT_FILE',
    message: expect.stringMatching(/file\.csv is empty: it has no header/),
  });
});

test('two columns of one name are refused', async () => {
  await expect(read('a,b,a\n1,2,3\n')).rejects.toMatchObject({
    code: 'MR_IMPORT_FILE',
    message: expect.stringMatching(/two columns are named "a".*--no-header/),
  });
});

test('a row with too few or too many columns is a problem of that row only', async () => {
  const { rows } = await read('a,b\n1,2\n3\n4,5,6\n7,8\n');
  expect(texts(rows)).toEqual([
    ['1', '2'],
    'The row has 1 columns, the header 2.',
    'The row has 3 columns, the header 2.',
    ['7', '8'],
  ]);
  expect(rows.map(({ row, text }) => [row, text])).toEqual([
    [1, '1,2'],
    [2, '3'],
    [3, '4,5,6'],
    [4, '7,8'],
  ]);
});

test('a quote inside an unquoted value is part of it', async () => {
  expect(texts((await read('a,b\n5" pipe,2\n3,4\n')).rows)).toEqual([
    ['5" pipe', '2'],
    ['3', '4'],
  ]);
});

test('a quote that never closes is a problem, and rows before it are read', async () => {
  const { rows } = await read('a,b\n1,2\n"x,3\n');
  expect(texts(rows)[0]).toEqual(['1', '2']);
  expect(rows[1]?.problem).toMatch(/Quote Not Closed/);
});

test('a row past the size of a record is a problem', async () => {
  const { rows } = await read(`a,b\n1,2\n3,${'x'.repeat(1_100_000)}\n`);
  expect(texts(rows)[0]).toEqual(['1', '2']);
  expect(rows[1]?.problem).toMatch(/1048576/);
});

test('the same file gives the same rows in the same order', async () => {
  const content = Array.from(
    { length: 3000 },
    (_, index) => `${index},"text, ${index}\nnext"`,
  ).join('\n');
  const path = join(temporaryFolder(), 'file.csv');
  writeFileSync(path, `a,b\n${content}\n`);
  const source = await openCsv(path, { encoding: 'utf-8', header: true, columns: [] });
  const first = await allRows(source.rows());
  expect(first).toHaveLength(3000);
  expect(await allRows(source.rows())).toEqual(first);
});

test('gzip is read by its ending', async () => {
  expect(texts((await read(gzipSync('a,b\n1,2\n'), {}, 'file.csv.gz')).rows)).toEqual([['1', '2']]);
});

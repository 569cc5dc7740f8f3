import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type CsvOptions, openCsv } from '../../src/source/embedded/csv-source.ts';
import type { SourceRow } from '../../src/source/source.ts';
import { SHARED_DATA, temporaryFolder } from '../support/folder.ts';
import { rowsOf } from '../support/source.ts';

const SPECTRUM = join(SHARED_DATA, 'messy/csv-spectrum');

const objectOf = ({ columns, values }: SourceRow) =>
  Object.fromEntries(columns.map((column, index) => [column, values[index]]));

async function read(
  content: string | Buffer,
  options: Partial<CsvOptions> = {},
  name = 'file.csv',
) {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  const encoding = 'utf-8';
  const source = await openCsv(path, { encoding, header: true, columns: [], ...options });
  return { source, rows: await rowsOf(source) };
}
const texts = (rows: readonly SourceRow[]) => rows.map((row) => row.problem?.message ?? row.values);

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
    expect((await rowsOf(source)).map(objectOf)).toEqual(truth);
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

describe('a quote that is not closed swallows nothing:', () => {
  const after = Array.from({ length: 1000 }, (_, index) => `${index},z`);
  const expectOnlyProblem = (rows: readonly SourceRow[], problem: object) => {
    expect(rows.filter((row) => row.problem !== undefined)).toMatchObject([problem]);
    expect(texts(rows.slice(-1000))).toEqual(after.map((line) => line.split(',')));
  };

  test('where the file ends in it, its line is a problem and the lines behind it are rows', async () => {
    const { rows } = await read(`a,b\n1,2\n"x,3\n${after.join('\n')}\n`);
    expect(texts(rows.slice(0, 1))).toEqual([['1', '2']]);
    expectOnlyProblem(rows, {
      row: 2,
      line: 3,
      text: '"x,3',
      problem: {
        code: 'MR_IMPORT_ROW',
        message: expect.stringMatching(
          /quote that opens in this line is not closed before the end/,
        ),
      },
    });
    expect(rows.slice(-1000).map(({ row, line }) => [row, line])).toEqual(
      after.map((_, index) => [index + 3, index + 4]),
    );
  });

  test('where the row grows past the size of a record', async () => {
    const many = `${'12345,67890\n'.repeat(200_000)}`;
    const { rows } = await read(`a,b\n"x,3\n${many}`);
    expect(rows).toHaveLength(200_001);
    expect(rows[0]).toMatchObject({
      line: 2,
      text: '"x,3',
      problem: { message: expect.stringMatching(/not closed within 1048576 characters/) },
    });
    expect(rows.at(-1)).toMatchObject({ row: 200_001, line: 200_002, values: ['12345', '67890'] });
  });

  test('where a later line has a quote inside a text', async () => {
    const { rows } = await read(`a,b\n1,"x\n2,"y"\n"z" 5,"w"\n${after.join('\n')}\n`);
    expectOnlyProblem(rows, { row: 1, line: 2, text: '1,"x' });
    expect(texts(rows.slice(1, 3))).toEqual([
      ['2', 'y'],
      ['"z" 5', 'w'],
    ]);
  });

  test('where it opens in a later line of a row, the row with the lines before it is the problem', async () => {
    const { rows } = await read(`a,b\n"1\n1",2\n"3\n3","x\n${after.join('\n')}\n`);
    expect(texts(rows.slice(0, 1))).toEqual([['1\n1', '2']]);
    expectOnlyProblem(rows, {
      row: 2,
      line: 4,
      text: '"3\n3","x',
      problem: { message: expect.stringMatching(/quote that opens in line 5 is not closed/) },
    });
    expect(rows[2]).toMatchObject({ line: 6 });
  });

  test('where it is in the header, the file is refused', async () => {
    await expect(read('a,"b\n1,2\n')).rejects.toMatchObject({
      code: 'MR_IMPORT_FILE',
      message: expect.stringMatching(
        /first row cannot be read: A quote that opens in this line.*--quote ""/,
      ),
    });
  });
});

test('the line of a row is the one it starts in, whatever ends lines and however many it has', async () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const content = ['a,b', '"1', '', '1",2', '', '3', '"4', '4",5'].join(end);
    const { rows } = await read(content);
    expect(rows.map(({ line }) => line)).toEqual([2, 6, 7]);
    expect(rows[1]?.problem?.message).toBe('The row has 1 columns, the header 2.');
  }
});

test('a row past the size of a record is a problem, cut to that size; what follows is read', async () => {
  const { rows } = await read(`a,b\n1,2\n3,${'x'.repeat(3_000_000)}\n4,5\n`);
  expect(texts(rows)).toEqual([
    ['1', '2'],
    'The row has more than 1048576 characters.',
    ['4', '5'],
  ]);
  expect(rows[1]?.text).toHaveLength(1_048_576);
  expect(rows[2]).toMatchObject({ row: 3, line: 4 });
});

describe('a byte that is not UTF-8', () => {
  const latin = (text: string) => Buffer.from(text, 'latin1');
  const content = Buffer.concat([
    Buffer.from('a,b\n€,ü\n'),
    latin('caf\xe9,2\n'),
    Buffer.from('3,𝄞\n'),
    latin('\xff\xe2\x82,5'),
  ]);

  test('is a problem of its row, which has its bytes; what follows is read', async () => {
    const { rows } = await read(content);
    const message = 'The row is not valid UTF-8.';
    expect(texts(rows)).toEqual([['€', 'ü'], message, ['3', '𝄞'], message]);
    expect(rows[1]).toMatchObject({ row: 2, line: 3, problem: { code: 'MR_RECORD_ENCODING' } });
    expect(rows[1]?.bytes).toEqual(latin('caf\xe9,2'));
    expect(rows[1]?.text).toBe('caf\ufffd,2');
    expect(rows[3]?.bytes).toEqual(latin('\xff\xe2\x82,5'));
  });

  test('in the header refuses the file', async () => {
    await expect(read(latin('caf\xe9,b\n1,2\n'))).rejects.toMatchObject({
      code: 'MR_IMPORT_FILE',
      message: expect.stringMatching(/the name of a column.*is not UTF-8.*--encoding/),
    });
  });

  test('is a character where the user says another encoding', async () => {
    const { rows } = await read(latin('a,b\ncaf\xe9,2\n'), { encoding: 'windows-1252' });
    expect(texts(rows)).toEqual([['café', '2']]);
  });
});

test('the same file gives the same rows in the same order', async () => {
  const content = Array.from(
    { length: 3000 },
    (_, index) => `${index},"text, ${index}\nnext"`,
  ).join('\n');
  const path = join(temporaryFolder(), 'file.csv');
  writeFileSync(path, `a,b\n${content}\n`);
  const source = await openCsv(path, { encoding: 'utf-8', header: true, columns: [] });
  const first = await rowsOf(source);
  expect(first).toHaveLength(3000);
  expect(await rowsOf(source)).toEqual(first);
});

test('gzip is read by its ending', async () => {
  expect(texts((await read(gzipSync('a,b\n1,2\n'), {}, 'file.csv.gz')).rows)).toEqual([['1', '2']]);
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openJson } from '../../src/source/embedded/json-source.ts';
import type { SourceRow } from '../../src/source/source.ts';
import { temporaryFolder } from '../support/folder.ts';
import { rowsOf } from '../support/source.ts';

const pairsOf = ({ columns, values }: SourceRow) =>
  columns.map((column, index) => [column, values[index]]);

async function read(content: string | Buffer, encoding = 'utf-8'): Promise<SourceRow[]> {
  const path = join(temporaryFolder(), 'file.json');
  writeFileSync(path, content);
  return rowsOf(openJson(path, encoding));
}
const one = (json: string) => [['a', json]];

describe('the same two rows are found in', () => {
  test.each([
    ['an array', '[{"a":1},{"a":2}]'],
    ['an array over lines', '[{"a":1},\n {"a":2}\n]\n'],
    ['a pretty-printed array', JSON.stringify([{ a: 1 }, { a: 2 }], null, 2)],
    ['NDJSON', '{"a":1}\n{"a":2}\n'],
    ['NDJSON with CRLF and without a last newline', '{"a":1}\r\n{"a":2}'],
    ['NDJSON with empty lines', '\n{"a":1}\n\n\n{"a":2}\n\n'],
    [
      'pretty-printed objects',
      `${JSON.stringify({ a: 1 }, null, 2)}\n${JSON.stringify({ a: 2 }, null, 2)}\n`,
    ],
    ['objects behind each other', '{"a":1}{"a":2}'],
    ['a file with a byte order mark', '\ufeff[{"a":1},{"a":2}]'],
  ])('%s', async (_, content) => {
    const rows = await read(content);
    expect(rows.map((row) => [row.row, pairsOf(row)])).toEqual([
      [1, one('1')],
      [2, one('2')],
    ]);
  });

  test('a file in UTF-16', async () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('[{"a":"ä"}]', 'utf16le')]);
    expect((await read(bytes, 'utf-16le')).map(pairsOf)).toEqual([one('"ä"')]);
  });
});

test('an empty file and an empty array have no rows', async () => {
  expect(await read('')).toEqual([]);
  expect(await read(' \n ')).toEqual([]);
  expect(await read('[]')).toEqual([]);
});

test('values stay as they are written', async () => {
  const [row] = await read(
    '{"a": 12345678901234567890.10, "b": {"c": [1.0, "x"]}, "d": "\\u00e4", "e": null}',
  );
  expect(pairsOf(row as SourceRow)).toEqual([
    ['a', '12345678901234567890.10'],
    ['b', '{"c": [1.0, "x"]}'],
    ['d', '"\\u00e4"'],
    ['e', 'null'],
  ]);
});

test('brackets and quotes in texts end nothing', async () => {
  const tricky = { a: '],[{"\\', b: '}\n{' };
  const rows = await read(JSON.stringify([tricky, tricky]));
  expect(rows.map(({ text }) => JSON.parse(text) as unknown)).toEqual([tricky, tricky]);
});

test('a broken row is a problem of that row, with its text; what follows is read', async () => {
  const rows = await read('{"a":1}\n{"a":\n{"a":"x}\nnonsense\n5\n"text"\n{"a":2,"a":3}\n{"a":6}');
  expect(
    rows.map(({ row, problem, text }) => [
      row,
      problem === undefined ? 'right' : problem.message.replace(/:.*/, ''),
      text,
    ]),
  ).toEqual([
    [1, 'right', '{"a":1}'],
    [2, 'Not valid JSON', '{"a":'],
    [3, 'Not valid JSON', '{"a":"x}'],
    [4, 'Not valid JSON', 'nonsense'],
    [5, 'Not a JSON object.', '5'],
    [6, 'Not a JSON object.', '"text"'],
    [7, 'Member "a" is there twice.', '{"a":2,"a":3}'],
    [8, 'right', '{"a":6}'],
  ]);
});

test('a row that is not UTF-8 is a problem of that row, which has its bytes; what follows is read', async () => {
  const broken = Buffer.from('{"a":"caf\xe9"}', 'latin1');
  for (const [open, comma, close] of [
    ['', '\n', ''],
    ['[', ',\n', ']'],
  ]) {
    const rows = await read(
      Buffer.concat([
        Buffer.from(`${open}{"a":"ä"}${comma}`),
        broken,
        Buffer.from(`${comma}{"a":"€"}${close}`),
      ]),
    );
    expect(rows.map((row) => row.problem?.code ?? pairsOf(row))).toEqual([
      one('"ä"'),
      'MR_RECORD_ENCODING',
      one('"€"'),
    ]);
    expect(rows[1]).toMatchObject({ row: 2, text: '{"a":"caf\ufffd"}', bytes: broken });
  }
});

test('a row that the file ends in is a problem', async () => {
  const rows = await read('[{"a":1},{"a":2');
  expect(rows.map(({ problem }) => problem === undefined)).toEqual([true, false]);
  expect(rows[1]?.text).toBe('{"a":2');
});

test('rows that lie over the end of a read are whole', async () => {
  const rows = await read(
    `[${Array.from({ length: 20_000 }, (_, index) => JSON.stringify({ id: index, text: `${'ä€'.repeat(index % 40)}` })).join(',\n')}]`,
  );
  expect(rows).toHaveLength(20_000);
  expect(
    rows.every(
      ({ problem, text }, index) =>
        problem === undefined && (JSON.parse(text) as { id: number }).id === index,
    ),
  ).toBe(true);
});

test('a value that never ends is refused, not collected', async () => {
  await expect(read(`{"a":1}\n{"a":[${'1,\n'.repeat(1_500_000)}`)).rejects.toMatchObject({
    code: 'MR_IMPORT_FILE',
    message: expect.stringMatching(/Row 2 has more than 1048576 bytes/),
  });
});

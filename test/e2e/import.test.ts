import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

// Files with something wrong, from the command line into the lake: what is right of them is stored as it
// is, what is wrong is told, and nothing is changed without a word.

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const people = stream('people', {
  fields: { id: f.int(), name: f.string(), born: f.date().optional(), more: f.struct({ a: f.int() }).optional() },
});
`;

interface Done {
  readonly [name: string]: unknown;
  readonly rejectedFile: string;
}

let pipeline: RunningPipeline;

beforeEach(async () => {
  pipeline = await startPipeline(temporaryFolder(), PIPELINE);
});

function file(name: string, ...parts: readonly (string | Buffer)[]): string {
  const path = join(pipeline.folder, name);
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  return path;
}

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

async function load(...args: readonly string[]) {
  const { code, out } = await run(...args, '--json');
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Done);
  return { code, events, done: events.at(-1) as Done };
}

const run = (...args: readonly string[]) =>
  millrace(['import', 'people', ...args, '--pipeline', pipeline.folder]);

const rejected = ({ rejectedFile }: Done) =>
  readFileSync(rejectedFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly [name: string]: unknown });

const stored = () => pipeline.sql('select id, name, born from lake.people order by id');

test('One broken byte rejects its row of a CSV in UTF-8 and changes no other; the encoding is told', async () => {
  const path = file('p.csv', 'id,name\n1,Jürgen\n2,Ren', latin('\xe9'), '\n3,Zoë €\n');
  const { code, events, done } = await load(path);
  expect(code, 'a row was rejected').toBe(1);
  const found = { path, format: 'csv', encoding: 'utf-8', brokenBytes: 1, delimiter: ',' };
  expect(events[0]).toMatchObject({ event: 'file', ...found });
  expect(done).toMatchObject({
    ...{ event: 'done', read: 3, accepted: 2, rejected: 1, files: [found] },
    reasons: { MR_RECORD_ENCODING: 1 },
  });
  const [row] = rejected(done);
  expect(row).toMatchObject({ row: 2, line: 3, code: 'MR_RECORD_ENCODING', text: '2,Ren\ufffd' });
  expect(Buffer.from(row?.['base64'] as string, 'base64')).toEqual(latin('2,Ren\xe9'));
  expect(await stored()).toEqual([
    [1, 'Jürgen', null],
    [3, 'Zoë €', null],
  ]);
  expect((await run(path, '--again')).out).toContain(
    'utf-8 but for 1 byte (rows with them are rejected), delimiter ","',
  );
});

test('A CSV in windows-1252 is told to be one; --encoding says otherwise, and what cannot be told is asked', async () => {
  const path = file('p.csv', latin('id,name\n1,Ren\xe9 \x80\n'));
  expect((await load(path)).done).toMatchObject({
    ...{ read: 1, accepted: 1 },
    files: [{ encoding: 'windows-1252' }],
  });
  expect((await load(path, '--encoding', 'UTF8')).done).toMatchObject({
    ...{ read: 1, accepted: 0, rejected: 1 },
    files: [{ encoding: 'utf-8', brokenBytes: 2 }],
  });
  expect(await stored()).toEqual([[1, 'René €', null]]);

  const both = file(
    'both.csv',
    'id,name\n2,Jürgen\n',
    latin('3,J\xfcrgen Ren\xe9 H\xe9loi\xefse\n'),
  );
  expect((await load(both)).done).toMatchObject({
    event: 'error',
    message: expect.stringMatching(
      /1 of its characters are UTF-8, 4 of its bytes are not.*--encoding/,
    ),
  });
  expect((await load(both, '--encoding', 'klingon')).done).toMatchObject({
    code: 'MR_COMMAND_USAGE',
    message: expect.stringMatching(/klingon is not known/),
  });
  expect(await stored()).toHaveLength(1);
});

test('NDJSON and JSON are UTF-8: a row that is not is rejected with its bytes, also where all else is ASCII', async () => {
  const row = latin('{"id":2,"name":"Ren\xe9"}');
  const lines = file('p.ndjson', '{"id":1,"name":"a"}\n', row, '\n{"id":3,"name":"b"}\n');
  const array = file('p.json', '[{"id":4,"name":"é"},\n', row, ',{"id":5,"name":"c"}]');
  const { done } = await load(lines, array);
  expect(done).toMatchObject({
    ...{ read: 6, accepted: 4, rejected: 2, reasons: { MR_RECORD_ENCODING: 2 } },
    files: [
      { path: lines, encoding: 'utf-8', brokenBytes: 1 },
      { path: array, encoding: 'utf-8', brokenBytes: 1 },
    ],
  });
  const kept = rejected(done).map((one) => Buffer.from(one['base64'] as string, 'base64'));
  expect(kept).toEqual([row, row]);
  expect((await stored()).map(([id]) => id)).toEqual([1, 3, 4, 5]);
});

test('A quote that is not closed costs its own row', async () => {
  const rows = Array.from({ length: 2000 }, (_, index) => `${index + 10},"n${index}"\n`).join('');
  const path = file('p.csv', `id,name\n1,"a\nb"\n2,"c\n3,d\n${rows}4,"e\n5,f\n`);
  const { done } = await load(path);
  expect(done).toMatchObject({ read: 2005, accepted: 2003, rejected: 2 });
  expect(rejected(done)).toMatchObject([
    { row: 2, line: 4, code: 'MR_IMPORT_ROW', text: '2,"c' },
    { row: 2004, line: 2006, text: '4,"e' },
  ]);
  expect((await stored()).slice(0, 3)).toEqual([
    [1, 'a\nb', null],
    [3, 'd', null],
    [5, 'f', null],
  ]);
});

test('The order of day and month is told; rows that contradict each other are asked about', async () => {
  const path = file('p.csv', 'id,name,born\n1,a,?\n2,b,1/2/2010\n3,c,1/13/2010\n4,d,2010/3/4\n');
  const { out } = await run(path);
  expect(out).toMatch(/delimiter ",", born month\/day\/year\)\n4 rows read, 3 stored, 1 rejected/);
  expect((await load(path, '--again')).done).toMatchObject({ files: [{ dates: { born: 'MDY' } }] });
  expect((await stored()).filter((_, index) => index % 2 === 0)).toEqual([
    [2, 'b', '2010-01-02'],
    [3, 'c', '2010-01-13'],
    [4, 'd', '2010-03-04'],
  ]);

  const mixed = file('mixed.csv', 'id,name,born\n7,a,1/13/2010\n8,b,13/1/2010\n');
  expect((await load(mixed)).done).toMatchObject({
    event: 'error',
    message: expect.stringMatching(/month\/day in line 2 .* day\/month in line 3 .*--dates DMY/),
  });
  const { done } = await load(mixed, '--dates', 'DMY');
  expect(done).toMatchObject({ accepted: 1, rejected: 1 });
  expect(rejected(done)).toMatchObject([
    { row: 1, field: 'born', message: expect.stringMatching(/got the text "1\/13\/2010"/) },
  ]);
});

test('Each rejected row is counted with its reason and kept, however many there are', async () => {
  const rows = Array.from({ length: 25_000 }, (_, index) =>
    index % 5 === 0 ? `x${index},a\n` : index % 5 === 1 ? `${index}\n` : `${index},a\n`,
  );
  const { done } = await load(file('p.csv', `id,name\n${rows.join('')}`));
  expect(done).toMatchObject({ read: 25_000, accepted: 15_000, rejected: 10_000 });
  expect(done['reasons']).toEqual({
    "MR_FIELD_TYPE id: Field 'id' is int: send a whole number of 32 bits": 5000,
    'MR_IMPORT_ROW: The row has 1 columns, the header 2': 5000,
  });
  const kept = rejected(done).map(({ row, line, text }) => [row, line, `${String(text)}\n`]);
  expect(kept.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual(
    rows.flatMap((text, index) => (index % 5 < 2 ? [[index + 1, index + 2, text]] : [])),
  );
});

test('Objects over several lines are one record each', async () => {
  const people = [1, 2].map((id) => ({ id, name: 'a', more: { a: id } }));
  const path = file('p.json', JSON.stringify(people, null, 2));
  expect((await load(path)).done).toMatchObject({ read: 2, accepted: 2, rejected: 0 });
  expect(await pipeline.sql('select more.a from lake.people order by 1')).toEqual([[1], [2]]);
});

test('What a delimiter or quote cannot be is said', async () => {
  const path = file('p.csv', 'id,name\n1,a\n');
  for (const [option, value] of [
    ['--quote', 'ab'],
    ['--delimiter', ''],
    ['--delimiter', '"'],
  ] as const)
    expect((await load(path, option, value)).done).toMatchObject({ code: 'MR_COMMAND_USAGE' });
});

test('A file that is stored at once is told of once', async () => {
  const { out, err } = await run(file('p.csv', 'id,name\n1,a\n2,b\n'));
  expect(out).toMatch(/2 rows read, 2 stored, 0 rejected/);
  expect(err).not.toMatch(/rows read/);
});

test('the exit code is 1 where a row was rejected, unless that is allowed and something was stored', async () => {
  const some = file('some.csv', 'id,name\n1,a\nx,b\n');
  const none = file('none.csv', 'id,name\nx,b\ny,c\n');
  const all = file('all.csv', 'id,name\n7,g\n');
  const first = await run(some);
  expect([first.code, first.err]).toEqual([
    1,
    expect.stringMatching(/^error 1 row was rejected; the others are stored\..*--allow-rejected/),
  ]);
  expect(first.err, 'nothing that is not so yet').not.toMatch(/0 stored/);
  const events = await load(some);
  expect([events.code, events.done]).toMatchObject([
    1,
    { event: 'done', accepted: 1, rejected: 1 },
  ]);
  expect(events.events.map((event) => event['event'])).toEqual(['file', 'done']);
  expect((await run(some, '--allow-rejected')).code).toBe(0);
  const nothing = await run(none, '--allow-rejected');
  expect([nothing.code, nothing.err]).toEqual([
    1,
    'error 2 rows were rejected, and none was stored.\n',
  ]);
  expect(await run(all)).toMatchObject({ code: 0, err: '' });
  expect((await millrace(['import', '--help'])).out).toMatch(/exit code is 1 where any row was/);
});

test('options that say nothing sensible are refused, and a Parquet file that is none says so', async () => {
  const path = file('p.csv', 'id,name\n1,a\n');
  const refused = async (...args: string[]) => (await load(...args)).done;
  expect(await refused(path, '--format', 'xlsx')).toMatchObject({
    code: 'MR_COMMAND_USAGE',
    message: expect.stringMatching(
      /--format must be one of csv, json, parquet, avro, orc, not "xlsx"/,
    ),
  });
  expect(await refused(path, '--delimiter', ';;')).toMatchObject({
    code: 'MR_COMMAND_USAGE',
    message: expect.stringMatching(/must be the one character/),
  });
  expect(await refused(file('cut.parquet', 'PAR1', 'x'.repeat(100)))).toMatchObject({
    code: 'MR_IMPORT_FILE',
    message: expect.stringMatching(/cut\.parquet is cut off: it begins as a Parquet file/),
  });
  expect(await refused(file('no.parquet', 'id,name\n1,a\n'))).toMatchObject({
    code: 'MR_IMPORT_FILE',
    message: expect.stringMatching(/no\.parquet is not a Parquet file/),
  });
  expect(await refused(file('bare.csv', '1,a\n2,b\n'))).toMatchObject({
    message: expect.stringMatching(/read it with --no-header/),
  });
});

test('a pattern is matched without a word of warning', async () => {
  file('a1.csv', 'id,name\n1,a\n');
  file('a2.csv', 'id,name\n2,b\n');
  const { code, err } = await run(join(pipeline.folder, 'a*.csv'));
  expect([code, err]).toEqual([0, '']);
  expect(await stored()).toHaveLength(2);
});

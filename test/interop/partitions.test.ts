import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const PARTITIONS = fileURLToPath(new URL('partitions.py', import.meta.url));

interface Reading {
  readonly partitions: readonly (readonly [name: string, transform: string])[];
  readonly files: number;
  /** That are read for one value, at most. */
  readonly mostFiles: number | null;
  readonly rows: number;
  readonly misplaced: readonly unknown[];
  readonly notFound: readonly unknown[];
}

/** What PyIceberg says of the partitions of tables. */
async function readPartitions(folder: string, names: readonly string[]): Promise<Reading[]> {
  const tables = names.map((name) => join(folder, '.millrace/lake/lake', name));
  return JSON.parse(await runPython(PARTITIONS, tables)) as Reading[];
}

async function send(pipe: RunningPipeline, stream: string, values: readonly unknown[]) {
  const records = values.map((value, id) => ({ id, value }));
  const response = await pipe.post(`/v1/streams/${stream}/records`, JSON.stringify(records));
  expect(await response.json(), stream).toMatchObject({ accepted: values.length, rejected: [] });
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** The least and the most of a type, what is near zero and near a border, and a spread between. */
const VALUES: { readonly [type: string]: readonly unknown[] } = {
  'f.int()': [0, -1, 34, 7, 8, -8, -9, 2147483647, -2147483648, ...range(20).map((n) => n * 7919)],
  'f.long()': [
    ...['0', '-1', '34', '9223372036854775807', '-9223372036854775808', '-4294967297'],
    ...range(20).map((n) => String(BigInt(n) * 6700417000003n)),
  ],
  'f.decimal(10, 3)': [
    ...['0', '14.200', '0.127', '0.128', '-0.128', '-0.129', '-0.001', '9999999.999'],
    ...range(20).map((n) => (n * 37.013 - 300).toFixed(3)),
  ],
  'f.decimal(38, 10)': [
    ...['-0.0000000001', '9999999999999999999999999999.9999999999', '1.0000000001'],
    ...range(20).map((n) => `${n}000000000000000000.5`),
  ],
  'f.string()': [
    '',
    'iceberg',
    'a/b=c d%é',
    '😀😀x',
    'é',
    ...[
      'NULL',
      '  ',
      ' ',
      '%',
      '%20',
      '/',
      '..',
      '.',
      '__HIVE_DEFAULT_PARTITION__',
      'a\tb\n',
      '\\',
      '"\'',
    ],
    ...['x'.repeat(5000), '😀'.repeat(300), '\u{10ffff}', 'null'],
    ...range(20).map((n) => 'x'.repeat(n)),
  ],
  'f.uuid()': [
    ...['f79c3e09-677c-4bbd-a479-3f349cb785e7', '00000000-0000-0000-0000-000000000000'],
    ...range(20).map((n) => `ffffffff-ffff-4fff-bfff-${String(n).padStart(12, '0')}`),
  ],
  'f.binary()': range(20).map((n) => Buffer.from(range(n)).toString('base64')),
  'f.date()': [
    ...['2017-11-16', '1970-01-01', '1969-12-31', '0001-01-01', '9999-12-31', '2024-02-29'],
    ...range(20).map((n) => `19${60 + n}-0${(n % 9) + 1}-1${n % 10}`),
  ],
  'f.timestamp()': [
    ...['2017-11-16T22:31:08', '2017-11-16T22:31:08.000001', '1969-12-31T23:59:59.999999'],
    ...['0001-01-01T00:00:00', '9999-12-31T23:59:59.999999', '9999-12-31T22:59:59.999999'],
    ...range(20).map((n) => `19${60 + n}-03-1${n % 10}T${10 + (n % 14)}:00:00.5`),
  ],
  'f.timestamptz()': [
    ...['2017-11-16T14:31:08-08:00', '1969-12-31T23:59:59.999999Z', '1970-01-01T00:00:00+00:01'],
    ...['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '2024-03-01T00:00:00+14:00'],
    ...range(20).map((n) => `19${60 + n}-03-1${n % 10}T${10 + (n % 14)}:30:00-0${n % 8}:00`),
  ],
};

const TIMES = ['f.date()', 'f.timestamp()', 'f.timestamptz()'];
const CASES = [
  ...Object.keys(VALUES).map((type) => ({ type, partition: "bucket('value', 4)" })),
  ...['f.int()', 'f.long()', 'f.string()'].map((type) => ({
    type,
    partition: "truncate('value', 2)",
  })),
  ...['f.decimal(10, 3)', 'f.decimal(38, 10)'].map((type) => ({
    type,
    partition: "truncate('value', 5000)",
  })),
  ...TIMES.flatMap((type) =>
    ['year', 'month', 'day'].map((transform) => ({ type, partition: `${transform}('value')` })),
  ),
  ...TIMES.slice(1).map((type) => ({ type, partition: "hour('value')" })),
  ...Object.keys(VALUES)
    .filter((type) => type !== 'f.binary()')
    .map((type) => ({ type, partition: "identity('value')" })),
].map((one, index) => ({ ...one, stream: `s${index}` }));

const PIPELINE = `
import { bucket, day, field as f, hour, identity, month, stream, truncate, year } from 'millrace';
${CASES.map(
  ({ type, partition, stream }) =>
    `export const ${stream} = stream('${stream}', { fields: { id: f.int(), value: ${type}.optional() }, table: { partitionBy: [${partition}], every: '1h' } });`,
).join('\n')}
`;

test('every row lies in the partition that PyIceberg computes for it, and is found by its value', async () => {
  const folder = temporaryFolder();
  const pipe = await startPipeline(folder, PIPELINE);
  for (const { type, stream } of CASES) await send(pipe, stream, [...(VALUES[type] ?? []), null]);
  expect(await pipe.stop()).toBe(0);

  const read = await readPartitions(
    folder,
    CASES.map(({ stream }) => stream),
  );
  for (const [index, { type, partition }] of CASES.entries()) {
    const name = `${partition} of ${type}`;
    const { rows, files, mostFiles, misplaced, notFound } = read[index] as Reading;
    expect.soft(rows, name).toBe((VALUES[type]?.length ?? 0) + 1);
    expect.soft(files, name).toBeGreaterThan(3);
    expect.soft(mostFiles ?? 1, `files read for one value of ${name}`).toBe(1);
    expect.soft(misplaced, name).toEqual([]);
    expect.soft(notFound, name).toEqual([]);
  }
});

const oneStream = (fields: string, partitionBy: string): string => `
import { bucket, day, field as f, identity, stream, truncate } from 'millrace';
export const s = stream('s', { fields: { id: f.int(), value: f.string().optional()${fields} }, table: { partitionBy: [${partitionBy}], every: '1h' } });
`;

test('a table whose buckets were changed is read right over old and new files, by PyIceberg and by SQL', async () => {
  const folder = temporaryFolder();
  const values = VALUES['f.string()'] as string[];
  for (const [index, size] of [4, 4, 7].entries()) {
    const pipe = await startPipeline(folder, oneStream('', `bucket('value', ${size})`));
    await send(pipe, 's', values);
    expect(await pipe.sql('select count(value), count(distinct value) from s')).toEqual([
      [String(values.length * (index + 1)), String(new Set(values).size)],
    ]);
    expect(await pipe.stop()).toBe(0);
  }
  const [read] = await readPartitions(folder, ['s']);
  expect(read).toMatchObject({
    partitions: [['value_bucket_7', 'bucket[7]']],
    rows: values.length * 3,
    misplaced: [],
    notFound: [],
  });
  expect(read?.files).toBeGreaterThan(12);
});

test('several partitions of one type, and a field named like a partition, are told apart', async () => {
  const folder = temporaryFolder();
  const types = ['f.uuid()', 'f.decimal(10, 3)', 'f.timestamp()'];
  const fields = types.map((type, index) => `, a${index}: ${type}, b${index}: ${type}`).join('');
  const pairs = types.map((_, index) => `identity('a${index}'), identity('b${index}')`).join(', ');
  const source = oneStream(
    `${fields}, value_bucket_4: f.int().optional()`,
    `bucket('value', 4), bucket('value', 8), ${pairs}`,
  );
  const pipe = await startPipeline(folder, source);
  const records = range(6).map((id) => ({
    id,
    value: `v${id}`,
    ...Object.fromEntries(
      types.flatMap((type, index) => [
        [`a${index}`, VALUES[type]?.[id]],
        [`b${index}`, VALUES[type]?.[id + 1]],
      ]),
    ),
  }));
  const response = await pipe.post('/v1/streams/s/records', JSON.stringify(records));
  expect(await response.json()).toMatchObject({ accepted: records.length });
  expect(await pipe.stop()).toBe(0);
  const [read] = await readPartitions(folder, ['s']);
  expect(read).toMatchObject({ rows: records.length, misplaced: [], notFound: [] });
  expect(read?.partitions.slice(0, 2)).toEqual([
    ['value_bucket_4_partition', 'bucket[4]'],
    ['value_bucket_8', 'bucket[8]'],
  ]);
});

// The multiple below such a value is none of its type. A delivery that failed would stop all that follow.
test('the least values of a type do not stop the delivery of a truncated table', async () => {
  const folder = temporaryFolder();
  const least = { whole: -2147483648, wide: `-${'9'.repeat(38)}`, small: '-99.99' };
  const fields = ', whole: f.int(), wide: f.decimal(38, 0), small: f.decimal(4, 2)';
  const partitions = [
    "truncate('whole', 10)",
    "truncate('wide', 50)",
    "truncate('small', 2147483647)",
  ];
  const pipe = await startPipeline(folder, oneStream(fields, partitions.join(', ')));
  const records = [
    { id: 1, ...least },
    { id: 2, whole: 34, wide: '120', small: '1.5' },
  ];
  await pipe.post('/v1/streams/s/records', JSON.stringify(records));
  expect(await pipe.stop()).toBe(0);
  const [read] = await readPartitions(folder, ['s']);
  expect(read).toMatchObject({ files: 2, rows: 2 });
});

// Iceberg keeps a partition that was given up as one that is always null.
test('a partition that another program makes void holds for what is delivered after it, beside the files before', async () => {
  const folder = temporaryFolder();
  const source = oneStream('', "identity('value'), bucket('id', 2)").replace("'1h'", "'1s'");
  const pipe = await startPipeline(folder, source);
  const values = ['a', 'b', null, 'NULL', ''];
  await send(pipe, 's', values);
  const table = () => fetch(`${pipe.url}/iceberg/v1/namespaces/lake/tables/s`);
  const partitionsOf = async () =>
    ((await (await table()).json()) as { metadata: { 'partition-specs': [{ fields: object[] }] } })
      .metadata['partition-specs'];
  await eventually(async () => {
    const snapshots = await pipe.sql("from sys.snapshots where table_name = 'lake.s'");
    return snapshots.length > 0 ? snapshots : undefined;
  });
  const [spec] = await partitionsOf();
  const fields = spec.fields.map((field, index) =>
    index === 0 ? { ...field, transform: 'void' } : field,
  );
  const committed = await pipe.post(
    '/iceberg/v1/namespaces/lake/tables/s',
    JSON.stringify({
      requirements: [],
      updates: [
        { action: 'add-spec', spec: { 'spec-id': 1, fields } },
        { action: 'set-default-spec', 'spec-id': -1 },
      ],
    }),
  );
  expect(committed.status, await committed.clone().text()).toBe(200);
  await send(pipe, 's', values);
  expect(await pipe.stop()).toBe(0);
  const [read] = await readPartitions(folder, ['s']);
  expect(read).toMatchObject({
    partitions: [
      ['value', 'void'],
      ['id_bucket_2', 'bucket[2]'],
    ],
    rows: values.length * 2,
    misplaced: [],
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import avro from 'avsc';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);
const CYCLES = Number(process.env['KILL_CYCLES'] ?? 4);

const FIELDS = `{
  id: f.int(), flag: f.boolean().optional(), big: f.long().optional(), ratio: f.double().optional(), small: f.float().optional(),
  price: f.decimal(10, 3).optional(), huge: f.decimal(38, 10).optional(), text: f.string().optional(), uid: f.uuid().optional(),
  bytes: f.binary().optional(), day: f.date().optional(), at: f.timestamp().optional(), moment: f.timestamptz().optional(),
  tags: f.list(f.string().optional()).optional(), scores: f.map(f.string(), f.decimal(8, 2).optional()).optional(),
  place: f.struct({ city: f.string(), since: f.timestamptz().optional(), raw: f.binary().optional() }).optional(),
  pairs: f.list(f.struct({ k: f.long(), v: f.list(f.int()).optional() })).optional(),
}`;

const FORMATS = ['parquet', 'ndjson', 'csv', 'avro', 'orc'] as const;

const typed = (...formats: readonly string[]) => `
import { field as f, stream } from 'millrace';
const fields = ${FIELDS};
${formats
  .map(
    (format) => `
export const ${format}_out = stream('${format}_out', {
  fields, files: { to: 'out', format: '${format}', prefix: '${format}/!{timestamp:yyyy}/', every: '100ms' },
});
export const ${format}_in = stream('${format}_in', { fields });`,
  )
  .join('\n')}
`;

const RECORDS: readonly object[] = [
  {
    id: 1,
    flag: true,
    big: '9223372036854775807',
    ratio: 0.1,
    small: 0.1,
    price: '-1234567.891',
    huge: '-1234567890123456789012345678.0123456789',
    text: 'a, "quoted"\nline €😀',
    uid: '01234567-89ab-cdef-0123-456789abcdef',
    bytes: 'AAECAw==',
    day: '0001-01-01',
    at: '1969-12-31T23:59:58.999999',
    moment: '2026-03-29T01:59:59.000001+01:00',
    tags: ['x', null, ''],
    scores: { é: '1.50', none: null },
    place: { city: 'Zürich', since: '1900-01-01T00:00:00Z', raw: '/w==' },
    pairs: [{ k: '-9223372036854775808', v: [1, -1] }, { k: 0 }],
  },
  { id: 2 },
  {
    id: 3,
    flag: false,
    big: '-1',
    ratio: 'NaN',
    small: '-Infinity',
    price: '0',
    huge: '0.0000000001',
    text: '',
    bytes: '',
    day: '9999-12-31',
    at: '2024-02-29T00:00:00',
    moment: '0001-01-02T00:00:00Z',
    tags: [],
    scores: {},
    place: { city: '' },
    pairs: [],
  },
  { id: -2147483648, ratio: 1e300, small: 3.4e38, big: '-9223372036854775808', text: 'null' },
];

const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .filter((path) => !path.startsWith('.millrace/'))
        .sort()
    : [];

const delivered = (running: RunningPipeline, target: string, streams = 1) =>
  eventually(async () => {
    const rows = await running.sql(
      `SELECT sum(lag)::INTEGER FROM sys.deliveries WHERE target LIKE '%/${target}' HAVING count(*) >= ${streams} AND min(deliveries) > 0`,
    );
    return rows[0]?.[0] === 0 ? true : undefined;
  }, 60_000);

const PYARROW = `
import json, sys, pyarrow.orc as orc, pyarrow.parquet as parquet
# In Arrow, times of ORC are nanoseconds, and begin in 1677: those of 'moment' and in 'place' do before.
read = (lambda path: orc.ORCFile(path).read(columns=sys.argv[2:])) if sys.argv[1].endswith('.orc') else parquet.read_table
for row in read(sys.argv[1]).to_pylist(): print(json.dumps(row, default=lambda v: v.hex() if isinstance(v, bytes) else str(v)))
`;

const READABLE = ['id', 'price', 'huge', 'bytes', 'at', 'tags', 'scores', 'pairs'];

test('every value of every type is in every format as it was, for our import and for other readers', async () => {
  const folder = temporaryFolder();
  const running = await startPipeline(folder, typed(...FORMATS));
  const body = RECORDS.map((record) => JSON.stringify(record)).join('\n');
  for (const format of FORMATS)
    expect((await running.post(`/v1/streams/${format}_out/records`, body)).status).toBe(200);
  await delivered(running, 'out', FORMATS.length);
  for (const format of FORMATS) {
    const [file = '', ...others] = filesIn(join(folder, 'out', format));
    expect(others, format).toEqual([]);
    const path = join(folder, 'out', format, file);
    const read = await millrace(['import', `${format}_in`, path, '--pipeline', folder]);
    expect(read, format).toMatchObject({ code: 0 });
    const rows = (stream: string) => running.sql(`SELECT * FROM lake.${stream} ORDER BY id`);
    const sent = await rows(`${format}_out`);
    // Our import takes an empty cell for no value, quoted or not; in the file the two differ.
    const isLost = (value: unknown) => format === 'csv' && value === '';
    const expected = sent.map((row) => row.map((value) => (isLost(value) ? null : value)));
    expect(await rows(`${format}_in`), format).toEqual(expected);
    if (format === 'csv')
      expect(gunzipSync(readFileSync(path)).toString()).toContain(
        '\n3,false,-1,NaN,-Infinity,0.000,0.0000000001,"",,"",9999-12-31,',
      );
  }
  for (const format of ['parquet', 'orc']) {
    const [file = ''] = filesIn(join(folder, 'out', format));
    const lines = (
      await runPython(PYARROW, [join(folder, 'out', format, file), ...READABLE])
    ).split('\n');
    expect(JSON.parse(lines[0] as string), format).toMatchObject({
      price: '-1234567.891',
      huge: '-1234567890123456789012345678.0123456789',
      bytes: '00010203',
      at: '1969-12-31 23:59:58.999999',
      ...(format === 'parquet' ? { moment: '2026-03-29 00:59:59.000001+00:00' } : {}),
      tags: ['x', null, ''],
      scores: [
        ['é', '1.50'],
        ['none', null],
      ],
      pairs: [{ v: [1, -1] }, { k: 0, v: null }],
    });
  }
  const [name = ''] = filesIn(join(folder, 'out', 'avro'));
  const rows = await avroRows(join(folder, 'out', 'avro', name));
  expect(rows.map(({ id }) => id)).toEqual([1, 2, 3, -2147483648]);
  expect(rows[0]).toMatchObject({
    flag: true,
    text: 'a, "quoted"\nline €😀',
    at: -1_000_001,
    day: -719162,
    tags: ['x', null, ''],
    price: Buffer.from((-1234567891 >>> 0).toString(16), 'hex'),
    pairs: [{ v: [1, -1] }, { k: 0, v: null }],
  });
  expect(await running.stop()).toBe(0);
}, 240_000);

/** By avsc, which knows nothing of how it was written; numbers of 64 bits are doubles there. */
function avroRows(path: string): Promise<{ readonly [name: string]: unknown }[]> {
  const wide = avro.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => Number(bytes.readBigInt64LE()),
    toBuffer: () => Buffer.alloc(8),
    fromJSON: Number,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'number',
    compare: () => 0,
  });
  const typeHook = (schema: unknown) =>
    typeof schema === 'object' && (schema as { type?: unknown } | null)?.type === 'long'
      ? wide
      : undefined;
  return new Promise((resolve, reject) => {
    const rows: { [name: string]: unknown }[] = [];
    avro
      .createFileDecoder(path, {
        parseHook: (schema: avro.Schema) =>
          avro.Type.forSchema(schema, { registry: { long: wide }, typeHook } as never),
      } as never)
      .on('data', (row) => rows.push(row as { [name: string]: unknown }))
      .on('error', reject)
      .on('end', () => resolve(rows));
  });
}

const PARTITIONED = `
import { field as f, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { n: f.int(), country: f.string().optional(), amount: f.string() },
  files: {
    to: 'out', format: 'ndjson', compression: 'none', every: '100ms',
    prefix: 'day=!{timestamp:yyyy-MM-dd}/country=!{partitionKeyFromQuery:country}/half=!{partitionKeyFromQuery:half}/',
    errorPrefix: 'errors/!{firehose:error-output-type}/!{timestamp:yyyy}/',
    partitionKeys: { country: 'country', half: sql\`CASE WHEN CAST(amount AS INTEGER) < 50 THEN 'low' ELSE 'high' END\` },
  },
});
`;

test('partition keys are folders; records without one are kept apart with their bytes, reason and place', async () => {
  const folder = temporaryFolder();
  const running = await startPipeline(folder, PARTITIONED);
  const records = [
    { n: 0, country: 'FR', amount: '10' },
    { n: 1, country: '../../etc', amount: '90' },
    { n: 2, amount: '10' },
    { n: 3, country: 'FR', amount: 'ten' },
    { n: 4, country: 'fr', amount: '10' },
    { n: 5, country: '', amount: '10' },
    { n: 6, country: 'é'.repeat(120), amount: '10' },
    { n: 7, country: 'FR', amount: '20' },
  ];
  const body = records.map((record) => JSON.stringify(record)).join('\n');
  expect((await running.post('/v1/streams/sales/records', body)).status).toBe(200);
  await delivered(running, 'out');
  const out = join(folder, 'out');
  const day = `day=${new Date().toISOString().slice(0, 10)}`;
  const lines = (file: string) =>
    readFileSync(join(out, file), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly [name: string]: string });
  const files = filesIn(out);
  const placed = files.filter((file) => !file.startsWith('errors/'));
  expect(placed.map((file) => [file.slice(0, file.lastIndexOf('/')), lines(file)])).toEqual([
    [`${day}/country=..%2F..%2Fetc/half=high`, [records[1]]],
    [`${day}/country=FR/half=low`, [records[0], records[7]]],
    [`${day}/country=fr/half=low`, [records[4]]],
  ]);
  expect(new Set(placed.map((file) => file.slice(file.lastIndexOf('/')))).size).toBe(3);
  const [errors = '', ...others] = files.filter((file) => file.startsWith('errors/'));
  expect(others).toEqual([]);
  expect(errors).toMatch(/^errors\/metadata-extraction-failed\/\d{4}\/sales-.*\.ndjson$/);
  const kept = lines(errors).map((line) => ({
    record: JSON.parse(Buffer.from(line['rawData'] ?? '', 'base64').toString()) as object,
    reason: line['errorMessage'],
    number: line['sequenceNumber'],
  }));
  expect(kept).toEqual([
    { record: records[2], reason: "partition key 'country' is null", number: '2' },
    {
      record: records[3],
      reason: expect.stringMatching(
        /^partition key 'half' is null, or cannot be made: .*'ten'.* to INTEGER/,
      ),
      number: '3',
    },
    { record: records[5], reason: "partition key 'country' is empty", number: '5' },
    { record: records[6], reason: expect.stringMatching(/more than 200 bytes/), number: '6' },
  ]);
  const rows = await running.sql(
    "SELECT stream, target, next_sequence_number, last_rows, error FROM sys.deliveries WHERE target LIKE '%/out'",
  );
  expect(rows).toEqual([['sales', out, '8', '8', null]]);
  const status = await millrace(['status', '--pipeline', folder]);
  expect(status.out).toMatch(new RegExp(`files in[^]*sales +${out} +0 +ok`));
}, 120_000);

test('an expression that the engine does not know, or that is another at every call, is refused with its place', async () => {
  const wrong = (expression: string) =>
    startPipeline(temporaryFolder(), PARTITIONED.replace(/sql\\?`.*`/, `sql\`${expression}\``));
  await expect(wrong('countr')).rejects.toThrow(/files\.partitionKeys\.half.*countr/s);
  await expect(wrong('random()')).rejects.toThrow(/files\.partitionKeys\.half/);
  await expect(wrong('sum(n)')).rejects.toThrow(/files\.partitionKeys\.half/);
}, 60_000);

const KILLED = `
import { field as f, stream } from 'millrace';
export const orders = stream('orders', {
  fields: { id: f.int(), part: f.string() }, shards: 2, table: false,
  files: { to: 'out', format: 'ndjson', every: '150ms', prefix: 'part=!{partitionKeyFromQuery:part}/s=!{timestamp:ss}/', partitionKeys: { part: 'part' } },
});
`;

test(`kill -9 at random moments: each acknowledged record is in one file, once (seed ${SEED}, ${CYCLES} cycles)`, async () => {
  const folder = temporaryFolder();
  const random = seededRandom(SEED);
  const acknowledged = new Set<number>();
  let next = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const running = await startPipeline(folder, cycle === 0 ? KILLED : undefined);
    let alive = true;
    const producing = (async () => {
      while (alive) {
        const ids = Array.from({ length: 1 + Math.floor(random() * 60) }, () => next++);
        const lines = ids.map((id) => JSON.stringify({ id, part: `p${id % 7}` })).join('\n');
        try {
          const response = await running.post('/v1/streams/orders/records', lines);
          if (response.status === 200) for (const id of ids) acknowledged.add(id);
        } catch (error) {
          // The kill cuts connections: what was not answered may be there or not.
          if (alive) throw error;
        }
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 300 + random() * 1200));
    alive = false;
    await running.kill();
    await Promise.allSettled([producing]);
  }
  const running = await startPipeline(folder, undefined);
  expect(await running.stop(), 'what waits is delivered at the end').toBe(0);
  const out = join(folder, 'out');
  const found = new Map<number, number>();
  for (const file of filesIn(out)) {
    expect(file).toMatch(/^part=p\d\/s=\d\d\/orders-.*\.ndjson\.gz$/);
    const lines = gunzipSync(readFileSync(join(out, file)))
      .toString()
      .trimEnd()
      .split('\n');
    for (const line of lines) {
      const { id, part } = JSON.parse(line) as { id: number; part: string };
      expect(file.startsWith(`part=${part}/`)).toBe(true);
      found.set(id, (found.get(id) ?? 0) + 1);
    }
  }
  expect(
    [...found].filter(([, count]) => count > 1),
    'no record is there twice',
  ).toEqual([]);
  expect(
    [...acknowledged].filter((id) => !found.has(id)),
    'none is lost',
  ).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(100);
}, 180_000);

test('a restored folder goes on behind the files that came after its backup', async () => {
  const [folder, out, backups] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const definition = KILLED.replace("'out'", `'${out}'`);
  const send = async (running: RunningPipeline, from: number, to: number) => {
    const ids = Array.from({ length: to - from }, (_, index) => from + index);
    const lines = ids.map((id) => JSON.stringify({ id, part: `p${id % 7}` }));
    await running.post('/v1/streams/orders/records', lines.join('\n'));
  };
  const idsOut = () =>
    filesIn(out)
      .flatMap((file) =>
        gunzipSync(readFileSync(join(out, file)))
          .toString()
          .trimEnd()
          .split('\n'),
      )
      .map((line) => (JSON.parse(line) as { id: number }).id)
      .sort((a, b) => a - b);
  const running = await startPipeline(folder, definition);
  await send(running, 0, 100);
  await delivered(running, out.slice(1));
  await send(running, 100, 120);
  const backup = await millrace(['backup', backups, '--pipeline', folder, '--json']);
  expect([backup.code, backup.out]).toEqual([
    0,
    expect.stringContaining(`the files of orders: ${out}`),
  ]);
  await send(running, 120, 150);
  expect(await running.stop()).toBe(0);
  expect(idsOut()).toHaveLength(150);

  const copy = temporaryFolder();
  const restored = await millrace(['restore', backups, '--data', join(copy, '.millrace')]);
  expect(restored.code).toBe(0);
  const again = await startPipeline(copy, definition);
  await send(again, 1000, 1050);
  await delivered(again, out.slice(1));
  expect(again.errors()).toMatch(/the log was put back to 120/);
  expect(await again.stop()).toBe(0);
  const due = [...Array(150).keys(), ...Array.from({ length: 50 }, (_, index) => 1000 + index)];
  expect(idsOut()).toEqual(due);
}, 120_000);

test('a changed format and target hold from then on; plan says so before, and what is there stays', async () => {
  const folder = temporaryFolder();
  const simple = (files: string) => `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { n: f.int() }, ${files} });
`;
  const first =
    "files: { to: 'out', format: 'csv', compression: 'none', every: '100ms', prefix: 'a/' }";
  let running = await startPipeline(folder, simple(first));
  await running.post('/v1/streams/sales/records', '{"n":1}');
  await delivered(running, 'out');
  expect(await running.stop()).toBe(0);
  const second = first.replace("'out'", "'other'").replace("'csv'", "'ndjson'");
  running = await startPipeline(folder, simple(second));
  await running.post('/v1/streams/sales/records', '{"n":2}');
  await delivered(running, 'other');
  expect(await running.stop()).toBe(0);
  const contents = (place: string) =>
    filesIn(join(folder, place)).map((file) => readFileSync(join(folder, place, file), 'utf8'));
  expect(contents('out')).toEqual(['n\n1\n']);
  expect(contents('other')).toEqual(['{"n":2}\n']);
}, 90_000);

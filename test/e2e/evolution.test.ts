import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { sendTo, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

/** Fields change while a pipeline runs: each record reads the same, delivered before the change or waiting still. */

const READ_TABLE = fileURLToPath(new URL('../interop/read_table.py', import.meta.url));

type Row = { readonly [field: string]: unknown };

/** One stream is delivered after each change, the other one at the end. */
const STREAMS = ['sent', 'waiting'] as const;

const pipeline = (fields: string, options = '') => `
import { bucket, desc, field as f, lookup, stream } from 'millrace';
const options = { fields: { ${fields} }, unknown: 'keep' as const, ${options} };
${STREAMS.map((name) => `export const ${name} = stream('${name}', options);\nexport const ${name}_by_id = lookup('${name}_by_id', { from: ${name}, key: 'id' });`).join('\n')}`;

async function pyicebergRows(folder: string, table: string): Promise<Row[]> {
  const path = join(folder, '.millrace/lake/lake', table);
  const { rows } = JSON.parse(await runPython(READ_TABLE, [path])) as { rows: Row[] };
  return rows.sort((a, b) => Number(a['id']) - Number(b['id']));
}

async function rowsOf(app: App, relation: string): Promise<Row[]> {
  const answer = await fetch(`${app.address}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: `from ${relation} order by id` }),
  });
  const { columns, rows } = (await answer.json()) as {
    readonly columns: readonly { readonly name: string }[];
    readonly rows: readonly (readonly unknown[])[];
  };
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])),
  );
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** The stream's rows at each door, in the form that SQL's JSON has. */
async function expectEverywhere(app: App, expected: readonly Row[]): Promise<void> {
  for (const stream of STREAMS) {
    for (const relation of [`lake.${stream}`, `records.${stream}`, `lookups.${stream}_by_id`]) {
      const found = await rowsOf(app, relation);
      const asked = found.map(({ _shard, _sequence_number, _arrived_at, ...row }) => row);
      expect(asked.map(numbers), relation).toEqual(expected);
    }
    for (const id of ids(expected.length)) {
      const item = await eventually(async () => {
        const answer = await fetch(`${app.address}/v1/lookups/${stream}_by_id/${id}`);
        return answer.status === 200 ? ((await answer.json()) as Row) : undefined;
      });
      expect(numbers(item), `lookup of ${stream}, ${id}`).toEqual(shown(expected[id - 1] as Row));
    }
  }
}

/** `_rest` is no field, and lookups keep fields. */
const shown = ({ _rest, ...row }: Row): Row => row;

/** Longs and decimals are text at some doors and numbers at others. */
function numbers(value: unknown): unknown {
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (Array.isArray(value)) return value.map(numbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, numbers(part)]));
}

/** A running pipeline whose definition changes. */
async function evolving(first: string, options = '') {
  const folder = temporaryFolder();
  const app = await startApp(folder, pipeline(first, options), { allowBreaking: true });
  const deliver = (stream: string) => app.current?.stream(stream).delivery?.deliverNow();
  return {
    folder,
    app,
    async send(...records: Row[]) {
      for (const stream of STREAMS) {
        const { accepted } = await sendTo(app, stream, records);
        expect(accepted).toBe(records.length);
      }
      await deliver('sent');
    },
    async change(fields: string, then = options) {
      writeFileSync(join(folder, 'pipeline.ts'), pipeline(fields, then));
      await app.reload();
      expect(app.current?.plan.streams[0]?.fields).toHaveLength(
        fields.split(/^ {2}\w+:/m).length - 1,
      );
    },
    async deliverAll() {
      for (const stream of STREAMS) await deliver(stream);
    },
  };
}

test('fields that are renamed, widened, added, dropped and reordered, twice and at any depth, keep their values at every door', async () => {
  const { folder, app, send, change, deliverAll } = await evolving(`
  id: f.int(),
  a: f.int(),
  amount: f.float(),
  price: f.decimal(6, 2),
  gone: f.string().optional(),
  must: f.string(),
  shop: f.struct({ town: f.string(), n: f.int(), left: f.string().optional() }),
  lines: f.list(f.struct({ sku: f.string(), qty: f.int(), left: f.int().optional() })),
  rates: f.map(f.string(), f.struct({ v: f.float(), parts: f.list(f.struct({ x: f.binary() })) })),
  plain: f.list(f.int()),`);
  const b64 = (text: string) => Buffer.from(text).toString('base64');
  await send({
    id: 1,
    a: 1,
    amount: 0.5,
    price: '1.25',
    gone: 'x',
    must: 'm',
    shop: { town: 't1', n: 1, left: 'x' },
    lines: [{ sku: 's1', qty: 1, left: 1 }],
    rates: { k: { v: 0.5, parts: [{ x: b64('one') }] } },
    plain: [1, 2],
    other: 5,
  });

  await change(`
  must: f.string().optional(),
  id: f.int(),
  b: f.long().renamedFrom('a'),
  extra: f.int().default(7),
  amount: f.double(),
  price: f.decimal(12, 2),
  shop: f.struct({ n: f.long(), city: f.string().renamedFrom('town') }),
  lines: f.list(f.struct({ code: f.string().renamedFrom('sku'), note: f.string().optional(), qty: f.long() })),
  rates: f.map(f.string(), f.struct({ parts: f.list(f.struct({ y: f.binary().renamedFrom('x') })), v: f.double() })),
  plain: f.list(f.long()),`);
  const rest = { _rest: null };
  const first = {
    must: 'm',
    id: 1,
    b: 1,
    extra: null,
    amount: 0.5,
    price: 1.25,
    shop: { n: 1, city: 't1' },
    lines: [{ code: 's1', note: null, qty: 1 }],
    rates: { k: { parts: [{ y: b64('one') }], v: 0.5 } },
    plain: [1, 2],
    _rest: '{"other":5}',
  };
  await expectEverywhere(app, [numbers(first) as Row]);
  const sent = {
    id: 2,
    b: '9007199254740993',
    amount: 1e300,
    price: '1234567890.25',
    shop: { city: 't2', n: '9007199254740993' },
    lines: [{ code: 's2', qty: 2, note: 'n' }],
    rates: { k: { v: 1e300, parts: [] } },
    plain: ['9007199254740993'],
  };
  await send(sent);
  const second = { ...first, ...sent, must: null, extra: 7, ...rest };
  const both = [first, second].map((row) => numbers(row) as Row);
  await expectEverywhere(app, both);

  await change(`
  id: f.int(),
  c: f.long().renamedFrom('b'),
  a: f.string().optional(),
  amount: f.double(),
  shop: f.struct({ place: f.string().renamedFrom('city'), town: f.string().optional(), n: f.long() }),
  lines: f.list(f.struct({ sku: f.string().renamedFrom('code'), qty: f.long() })),
  rates: f.map(f.string(), f.struct({ parts: f.list(f.struct({ x: f.binary().renamedFrom('y') })) })),`);
  await send({
    id: 3,
    c: 3,
    a: 'new',
    amount: 3,
    shop: { place: 't3', town: 'other', n: 3 },
    lines: [],
    rates: {},
  });
  const last = [
    {
      id: 1,
      c: 1,
      a: null,
      amount: 0.5,
      shop: { place: 't1', town: null, n: 1 },
      lines: [{ sku: 's1', qty: 1 }],
      rates: { k: { parts: [{ x: b64('one') }] } },
      _rest: '{"other":5}',
    },
    {
      id: 2,
      c: '9007199254740993',
      a: null,
      amount: 1e300,
      shop: { place: 't2', town: null, n: '9007199254740993' },
      lines: [{ sku: 's2', qty: 2 }],
      rates: { k: { parts: [] } },
      ...rest,
    },
    {
      id: 3,
      c: 3,
      a: 'new',
      amount: 3,
      shop: { place: 't3', town: 'other', n: 3 },
      lines: [],
      rates: {},
      ...rest,
    },
  ].map((row) => numbers(row) as Row);
  await expectEverywhere(app, last);
  await deliverAll();
  await expectEverywhere(app, last);
  for (const table of STREAMS) {
    const found = await pyicebergRows(folder, table);
    const rows = found.map(
      ({ _shard, _sequence_number, _arrived_at, ...row }) => numbers(row) as Row,
    );
    expect(rows, `PyIceberg, ${table}`).toEqual(last);
  }
}, 120_000);

test('a renamed field is the same partition key and the same id of records', async () => {
  const folder = temporaryFolder();
  const pipelineBy = (field: string, former = '') => `
import { bucket, desc, field as f, stream } from 'millrace';
export const s = stream('s', {
  fields: { id: f.int(), ${field}: f.string()${former} }, key: '${field}', dedupe: { by: '${field}', within: '1h' },
  table: { every: '1h', partitionBy: [bucket('${field}', 2)], sortBy: [desc('${field}')] },
});`;
  const app = await startApp(folder, pipelineBy('ref'));
  const sendOne = async (row: Row) => {
    const answer = await fetch(`${app.address}/v1/streams/s/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(row),
    });
    return (await answer.json()) as { accepted: number; duplicate: number[] };
  };
  expect(await sendOne({ id: 1, ref: 'x' })).toMatchObject({ accepted: 1 });
  writeFileSync(join(folder, 'pipeline.ts'), pipelineBy('uid', ".renamedFrom('ref')"));
  await app.reload();
  expect(await sendOne({ id: 2, uid: 'x' })).toMatchObject({ accepted: 0, duplicate: [0] });
  expect(await sendOne({ id: 3, uid: 'y' })).toMatchObject({ accepted: 1 });
  const found = await fetch(`${app.address}/v1/streams/s/records?key=x`);
  expect(await found.text()).toContain('{"id":1,"ref":"x"}');
  await app.current?.stream('s').delivery?.deliverNow();
  expect(await rowsOf(app, 's')).toEqual([
    { id: 1, uid: 'x' },
    { id: 3, uid: 'y' },
  ]);
});

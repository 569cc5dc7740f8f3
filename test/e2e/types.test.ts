import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { canonicalRow } from '../../src/ingest/canonical-row.ts';
import { askSql, sendTo, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';

const SEED = Number(process.env['PROPERTY_SEED'] ?? 20261121);

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const all = stream('all', {
  unknown: 'keep', table: { every: '1h' },
  fields: {
    id: f.int(), flag: f.boolean().optional(), whole: f.int().optional(), big: f.long().optional(), ratio: f.double().optional(), small: f.float().optional(),
    price: f.decimal(10, 3).optional(), huge: f.decimal(38, 10).optional(), text: f.string().optional(), uid: f.uuid().optional(), bytes: f.binary().optional(),
    day: f.date().optional(), at: f.timestamp().optional(), moment: f.timestamptz().optional(), epoch: f.timestamptz().from('epoch-seconds').optional(),
    millis: f.timestamptz().from('epoch-milliseconds').optional(), code: f.string().from('integer-text').optional(), kind: f.string().default('none'),
    tags: f.list(f.string().optional()).optional(), scores: f.map(f.string(), f.decimal(8, 2).optional()).optional(),
    place: f.struct({ city: f.string(), raw: f.binary().optional(), since: f.timestamptz().optional() }).optional(),
  },
});
`;

const date = fc.date({
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
});
const decimal = (whole: number, scale: number) =>
  fc
    .tuple(
      fc.boolean(),
      fc.bigInt({ min: 0n, max: 10n ** BigInt(whole) - 1n }),
      fc.bigInt({ min: 0n, max: 10n ** BigInt(scale) - 1n }),
    )
    .map(([minus, a, b]) => `${minus ? '-' : ''}${a}.${String(b).padStart(scale, '0')}`);
const text = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .filter((value) => value.isWellFormed() && !value.includes('\0'));
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 4 });

const record = fc.record({
  flag: maybe(fc.boolean()),
  whole: maybe(fc.integer()),
  big: maybe(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)),
  ratio: maybe(
    fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
      fc.constantFrom('NaN', 'Infinity', '-Infinity'),
    ),
  ),
  small: maybe(fc.integer({ min: -1000, max: 1000 }).map((value) => value / 4)),
  price: maybe(decimal(7, 3)),
  huge: maybe(decimal(28, 10)),
  text: maybe(text),
  uid: maybe(fc.uuid().map((value) => value.toUpperCase())),
  bytes: maybe(
    fc.uint8Array({ maxLength: 20 }).map((value) => Buffer.from(value).toString('base64')),
  ),
  day: maybe(date.map((value) => value.toISOString().slice(0, 10))),
  at: maybe(date.map((value) => value.toISOString().slice(0, 23).replace('T', ' '))),
  moment: maybe(date.map((value) => `${value.toISOString().slice(0, 19)}.000001+05:30`)),
  epoch: maybe(
    fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }).map((value) => value + 0.25),
  ),
  millis: maybe(fc.integer({ min: -2_000_000_000_000, max: 4_000_000_000_000 })),
  code: maybe(
    fc.oneof(
      fc.nat().map((value) => `${value}.0`),
      fc.nat(),
      text,
    ),
  ),
  tags: maybe(fc.array(fc.option(text), { maxLength: 4 })),
  scores: maybe(
    fc
      .dictionary(text, fc.option(decimal(6, 2)), { maxKeys: 3, noNullPrototype: true })
      .filter((map) => !Object.hasOwn(map, '__proto__')),
  ),
  place: maybe(
    fc.record({
      city: text,
      raw: fc.option(fc.constant('AQID')),
      since: fc.option(fc.constant('2020-02-29T23:59:59.5-08:00')),
    }),
  ),
  extra: maybe(fc.constantFrom(1, '12345678901234567890', [1, { a: null }])),
});

test(`every value is the same by SQL before and after its delivery, and in a lookup's JSON (seed ${SEED})`, async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const rows = fc
    .sample(record, { numRuns: 600, seed: SEED })
    .map((values, id) => ({ id, ...values }));
  const { accepted } = await sendTo(app, 'all', rows);
  expect(accepted).toBe(rows.length);
  const fields = app.current?.stream('all').plan.fields ?? [];
  const expected = rows.map(
    (row) => JSON.parse(canonicalRow(JSON.stringify(row), fields).json) as object,
  );
  const ask = () =>
    askRows(
      app,
      `select ${fields.map((field) => `"${field.name}"`).join(', ')} from lake.all order by id`,
    );
  const hot = await ask();
  for (const [index, row] of hot.entries())
    expect(row, `row ${index} before delivery`).toEqual(expected[index]);
  await app.current?.stream('all').delivery?.deliverNow();
  const delivered = await ask();
  for (const [index, row] of delivered.entries())
    expect(row, `row ${index} after delivery`).toEqual(expected[index]);
  const kept = rows.filter((row) => row.extra !== undefined).length;
  expect(await askSql(app, 'select count(_rest) from lake.all')).toEqual([[String(kept)]]);
});

const DEFAULTS = `
import { field as f, stream } from 'millrace';
const place = f.struct({ city: f.string(), raw: f.binary().optional(), since: f.timestamptz().optional(), price: f.decimal(10, 3).optional() });
export const all = stream('all', {
  table: { every: '1h' },
  fields: {
    id: f.int(), flag: f.boolean().default(false), whole: f.int().default(-7), big: f.long().default(-(2n ** 63n)), ratio: f.double().default(1e300),
    none: f.double().default(NaN), small: f.float().default(0.5), price: f.decimal(10, 3).default('2.5'), huge: f.decimal(38, 10).default('1234567890123456789012345678.0123456789'),
    text: f.string().default("it's ü"), uid: f.uuid().default('6F9619FF-8B86-D011-B42D-00CF4FC964FF'), bytes: f.binary().default(new Uint8Array([0, 255])),
    day: f.date().default('0001-01-01'), at: f.timestamp().default('2020-02-29 08:26'), moment: f.timestamptz().default(new Date(1)),
    epoch: f.timestamptz().from('epoch-seconds').default(new Date(2)), code: f.string().from('integer-text').default('7'),
    tags: f.list(f.binary().optional()).default([new Uint8Array([1, 2]), null]), scores: f.map(f.long(), f.decimal(8, 2)).default({ 9007199254740993: '1.5' }),
    place: place.default({ city: 'x', raw: new Uint8Array([3]), since: new Date(3), price: null }), places: f.list(place).default([{ city: 'y', price: '0.001' }]),
  },
});
`;

test("a default of every type is the same by SQL before and after its delivery, and in a lookup's JSON", async () => {
  const app = await startApp(temporaryFolder(), DEFAULTS);
  expect(await sendTo(app, 'all', [{ id: 1 }])).toMatchObject({ accepted: 1 });
  const fields = app.current?.stream('all').plan.fields ?? [];
  const expected = JSON.parse(canonicalRow('{"id":1}', fields).json) as object;
  expect(Object.values(expected)).not.toContain(null);
  expect(await askRows(app, 'select * from lake.all')).toEqual([expected]);
  await app.current?.stream('all').delivery?.deliverNow();
  expect(await askRows(app, 'select * from lake.all')).toEqual([expected]);
});

async function askRows(app: App, query: string): Promise<object[]> {
  const response = await fetch(`${app.address}/v1/sql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql: query, format: 'ndjson' }),
  });
  const lines = (await response.text()).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as object);
}

import { expect, test } from 'vitest';
import { filterFields, knownState } from '../../src/dashboard/known-state.ts';
import { parseState } from '../../src/dashboard/state.ts';
import { dashboard } from '../../src/definition/dashboard.ts';
import { field as f } from '../../src/definition/field.ts';
import { model } from '../../src/definition/model.ts';
import { sql } from '../../src/definition/sql.ts';
import { stream } from '../../src/definition/stream.ts';
import { compile } from '../../src/plan/compile.ts';

const sales = stream('sales', {
  fields: {
    at: f.timestamptz(),
    day: f.date(),
    city: f.string(),
    qty: f.int(),
    price: f.decimal(10, 2),
    ok: f.boolean(),
    unused: f.int(),
  },
});
const daily = model('daily', { sql: sql`select 1 as n` });
const count = sql`count(*)`;
const shop = dashboard('shop', {}, (d) => [
  d.select(sales.fields.city),
  d.row(
    d.line('By time', { from: sales, x: 'at', y: count, color: 'ok' }),
    d.bar('By day', { from: sales, x: 'day', y: count }),
    d.bar('By qty', { from: sales, x: 'qty', y: count }),
  ),
  d.tabs({
    Price: [d.bar('By price', { from: sales, x: 'price', y: count })],
    Model: [d.bar('By n', { from: daily, x: 'n' as never, y: count })],
  }),
]);
const { plan } = compile([sales, daily, shop]);
const fields = filterFields(shop.settings.items, plan);
const known = (query: string) => knownState(parseState(query), fields).filters;

test('what charts and controls name can be filtered by, with its type', () => {
  expect(Object.fromEntries(fields)).toEqual({
    city: 'string',
    at: 'timestamptz',
    ok: 'boolean',
    day: 'date',
    qty: 'int',
    price: 'decimal',
    n: undefined,
  });
});

test('values of the type stay', () => {
  const query =
    'city=&city.null&qty=-3&price=1.50&ok=true&day=2026-01-02&at=2026-01-02+10%3A00%3A00%2B00&at.range=2026-01-01..2026-02-01&n=anything&city.has=mug';
  expect(known(query)).toEqual(parseState(query).filters);
});

test.each([
  'unused=5',
  'nowhere=5',
  'qty=abc',
  'qty=1.5',
  'price=',
  'ok=maybe',
  'day=soon',
  'qty.range=2026-01-01..2026-02-01',
  'at.range=2026-02-01..2026-01-01',
])('%s means nothing, and is left out', (query) => {
  expect(known(query)).toEqual({});
});

test('of several values those that mean something stay', () => {
  expect(known('qty=abc&qty=3&qty.null')).toEqual({ qty: { in: ['3', null] } });
});

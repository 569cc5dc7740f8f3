import { describe, expect, test } from 'vitest';
import type { ChartBuilders } from '../../src/index.ts';
import { dashboard, field as f, lookup, model, sql, stream } from '../../src/index.ts';
import { expectRefused, untyped } from './refusal.ts';

const FILE = 'dashboard.test.ts';
const sales = stream('sales', {
  fields: { country: f.string(), day: f.date(), total: f.long() },
  measures: { revenue: sql`sum(total)` },
});
const daily = model('daily', {
  sql: sql`select day, sum(total) as revenue from ${sales} group by all`,
});
const count = sql`count(*)`;

test('a dashboard is its title and charts, as frozen plain data', () => {
  const shop = dashboard(
    'shop',
    { title: 'Shop', description: 'All of it' },
    ({ kpi, line, bar, grid, select }) => [
      select(sales.fields.country),
      kpi('Revenue', { from: sales, value: 'revenue', format: 'GBP', compare: '1d' }),
      line('By day', { from: daily, x: 'day', y: 'revenue', color: 'country', format: 'GBP' }),
      bar('Top', { from: sales, x: 'country', y: count, top: 20 }),
      grid('Latest', { from: sales, columns: ['country', 'total'], description: 'Newest first' }),
    ],
  );
  expect(shop.settings).toEqual({
    title: 'Shop',
    description: 'All of it',
    charts: [
      {
        kind: 'select',
        title: 'country',
        from: 'sales',
        columns: { column: 'country' },
        measures: {},
        options: {},
      },
      {
        kind: 'kpi',
        title: 'Revenue',
        from: 'sales',
        columns: {},
        measures: { value: 'revenue' },
        options: { format: 'GBP', compare: '1d' },
      },
      {
        kind: 'line',
        title: 'By day',
        from: 'daily',
        columns: { x: 'day', color: 'country' },
        measures: { y: 'revenue' },
        options: { format: 'GBP' },
      },
      {
        kind: 'bar',
        title: 'Top',
        from: 'sales',
        columns: { x: 'country' },
        measures: { y: count },
        options: { top: 20 },
      },
      {
        kind: 'grid',
        title: 'Latest',
        from: 'sales',
        columns: { columns: ['country', 'total'] },
        measures: {},
        options: { description: 'Newest first' },
      },
    ],
  });
  expect(
    [shop, shop.settings, shop.settings.charts, ...shop.settings.charts].every(Object.isFrozen),
  ).toBe(true);
  expect(JSON.parse(JSON.stringify(shop.settings))).toEqual(shop.settings);
});

test('without a title it has its name', () => {
  expect(
    dashboard('shop', {}, ({ kpi }) => [kpi('Rows', { from: sales, value: count })]).settings.title,
  ).toBe('shop');
});

type Untyped = { readonly [K in keyof ChartBuilders]: (...values: unknown[]) => never };
const make = (build: (charts: Untyped) => unknown, options: unknown = {}) =>
  dashboard('shop', untyped(options), untyped(build));

describe('wrong use is refused, and says what is right:', () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      'no function',
      () => dashboard('shop', {}, untyped(undefined)),
      /third argument must be a function/,
    ],
    ['no options', () => make(() => [], null), /object of options/],
    ['an unknown option', () => make(() => [], { name: 'Shop' }), /no option `name`.*title/],
    ['no charts', () => make(() => []), /at least one chart/],
    ['something else than a list', () => make(() => 'charts'), /a list of at least one chart/],
    [
      'a chart of nothing',
      () => make(({ kpi }) => [kpi('x', { value: count })]),
      /kpi\('x'\): `from` must be a stream or a model/,
    ],
    [
      'a chart of a name',
      () => make(({ bar }) => [bar('x', { from: 'sales', x: 'country', y: count })]),
      /bar\('x'\): `from` must be/,
    ],
    [
      'a chart of a lookup',
      () =>
        make(({ grid }) => [
          grid('x', { from: lookup('l', { from: sales, key: 'day' }), columns: ['day'] }),
        ]),
      /stream or a model/,
    ],
    [
      'a filter by name',
      () => make(({ select }) => [select('country')]),
      /select\(sales\.fields\.country\)/,
    ],
  ])('%s', (_, wrong, says) => expectRefused(FILE, wrong, "dashboard('shop')", says));
  test('a wrong name', () =>
    expectRefused(
      FILE,
      () => dashboard(untyped<'x'>('My shop'), {}, () => []),
      'dashboard("My shop")',
      /starts with a letter/,
    ));
});

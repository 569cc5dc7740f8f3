import { describe, expect, test } from 'vitest';
import { chartsOf, itemsOf } from '../../src/definition/dashboard-items.ts';
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

test('a dashboard is its title and items, as frozen plain data', () => {
  const shop = dashboard(
    'shop',
    { title: 'Shop', description: 'All of it' },
    ({ kpi, line, area, bar, stacked, grid, select, period, search, row, tabs }) => [
      row(period({ default: '7d', spans: ['7d', 'all'] }), select(sales.fields.country)),
      search({ from: daily, column: 'day' }, { title: 'Days' }),
      row(kpi('Revenue', { from: sales, value: 'revenue', format: 'GBP', compare: '1d' })),
      line('By day', { from: daily, x: 'day', y: 'revenue', color: 'country', format: 'GBP' }),
      tabs({
        Top: [bar('Top', { from: sales, x: 'country', y: count, top: 20 })],
        Parts: [
          stacked('Parts', { from: sales, x: 'day', y: count, color: 'country', by: 'month' }),
          area('Days', { from: sales, x: 'day', y: count, series: 3 }),
        ],
      }),
      grid('Latest', { from: sales, columns: ['country', 'total'], description: 'Newest first' }),
    ],
  );
  expect(shop.settings).toEqual({
    title: 'Shop',
    description: 'All of it',
    items: [
      {
        kind: 'row',
        items: [
          { kind: 'period', default: '7d', spans: ['7d', 'all'] },
          { kind: 'select', id: 'country', title: 'country', from: 'sales', field: 'country' },
        ],
      },
      { kind: 'search', id: 'day', title: 'Days', from: 'daily', field: 'day' },
      {
        kind: 'row',
        items: [
          {
            kind: 'kpi',
            id: 'revenue',
            title: 'Revenue',
            from: 'sales',
            value: 'revenue',
            format: 'GBP',
            compare: '1d',
          },
        ],
      },
      {
        kind: 'line',
        id: 'by-day',
        title: 'By day',
        from: 'daily',
        value: 'revenue',
        x: 'day',
        color: 'country',
        format: 'GBP',
      },
      {
        kind: 'tabs',
        id: 'top-parts',
        tabs: [
          {
            title: 'Top',
            items: [
              {
                kind: 'bar',
                id: 'top',
                title: 'Top',
                from: 'sales',
                value: count,
                x: 'country',
                top: 20,
              },
            ],
          },
          {
            title: 'Parts',
            items: [
              {
                kind: 'stacked',
                id: 'parts',
                title: 'Parts',
                from: 'sales',
                value: count,
                x: 'day',
                color: 'country',
                by: 'month',
              },
              {
                kind: 'area',
                id: 'days',
                title: 'Days',
                from: 'sales',
                value: count,
                x: 'day',
                series: 3,
              },
            ],
          },
        ],
      },
      {
        kind: 'grid',
        id: 'latest',
        title: 'Latest',
        from: 'sales',
        columns: ['country', 'total'],
        description: 'Newest first',
      },
    ],
  });
  const items = itemsOf(shop.settings.items);
  expect([shop, shop.settings, shop.settings.items, ...items].every(Object.isFrozen)).toBe(true);
  expect(JSON.parse(JSON.stringify(shop.settings))).toEqual(shop.settings);
  expect(chartsOf(shop.settings.items).map(({ id }) => id)).toEqual([
    'revenue',
    'by-day',
    'top',
    'parts',
    'days',
    'latest',
  ]);
  expect(items).toHaveLength(12);
});

test('what is done later to a list that a chart was given does nothing to the chart', () => {
  const columns = ['country' as const];
  const formats = { country: 'date' as const };
  const { items } = dashboard('shop', {}, ({ grid }) => [
    grid('Lines', { from: sales, columns, formats }),
  ]).settings;
  columns.pop();
  Object.assign(formats, { country: 'bytes' });
  expect(items[0]).toMatchObject({ columns: ['country'], formats: { country: 'date' } });
});

test('without a title it has its name', () => {
  expect(
    dashboard('shop', {}, ({ kpi }) => [kpi('Rows', { from: sales, value: count })]).settings.title,
  ).toBe('shop');
});

test("a chart's id is the slug of its title, in any script", () => {
  const ids = dashboard('shop', {}, ({ kpi }) =>
    ['Revenue by day', ' Café & más! ', '売上高', 'A/B'].map((title) =>
      kpi(title, { from: sales, value: count }),
    ),
  );
  expect(chartsOf(ids.settings.items).map(({ id }) => id)).toEqual([
    'revenue-by-day',
    'cafe-mas',
    '売上高',
    'a-b',
  ]);
});

test('a period has the usual spans, and begins with all there is', () => {
  const [period] = dashboard('shop', {}, (c) => [
    c.period(),
    c.kpi('Rows', { from: sales, value: count }),
  ]).settings.items;
  expect(period).toEqual({
    kind: 'period',
    default: 'all',
    spans: ['24h', '7d', '30d', '90d', '1y', 'all'],
  });
});

type Untyped = { readonly [K in keyof ChartBuilders]: (...values: unknown[]) => never };
const make = (build: (charts: Untyped) => unknown, options: unknown = {}) =>
  dashboard('shop', untyped(options), untyped(build));
const kpiWith = (options: object) => () =>
  make(({ kpi }) => [kpi('x', { from: sales, value: count, ...options })]);
const barWith = (options: object) => () =>
  make(({ bar }) => [bar('x', { from: sales, x: 'country', y: count, ...options })]);
const gridWith = (options: object) => () =>
  make(({ grid }) => [grid('x', { from: sales, columns: ['country'], ...options })]);

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
    ['an item of its own making', () => make(() => [{ kind: 'kpi' }]), /at least one chart/],
    ['a chart without a title', () => make(({ kpi }) => [kpi({ from: sales })]), /kpi.*a title/],
    ['a title of no letters', () => make(({ kpi }) => [kpi('…', {})]), /kpi.*a title/],
    ['a chart without options', () => make(({ kpi }) => [kpi('x')]), /object of options/],
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
    ['a misspelt option of a chart', kpiWith({ formt: 'GBP' }), /no option `formt`.*format/],
    ['an option of another kind', kpiWith({ top: 3 }), /no option `top`/],
    [
      'a kpi without a value',
      () => make(({ kpi }) => [kpi('x', { from: sales })]),
      /`value` is missing.*an aggregate such as/,
    ],
    [
      'bars without an axis',
      () => make(({ bar }) => [bar('x', { from: sales, y: count })]),
      /`x` is missing/,
    ],
    [
      'stacked bars without a colour',
      () => make(({ stacked }) => [stacked('x', { from: sales, x: 'day', y: count })]),
      /`color` is missing/,
    ],
    ['a value that is no SQL', kpiWith({ value: 1 }), /`value` must be an aggregate such as/],
    ['a format there is not', kpiWith({ format: 'money' }), /`format` must be one of.*'GBP'/],
    ['a currency of small letters', kpiWith({ format: 'gbp' }), /`format` must be one of/],
    ['a comparison with no span', kpiWith({ compare: 'yesterday' }), /`compare`.*a duration/],
    ['good in no direction', kpiWith({ good: 'high' }), /`good` must be one of 'up', 'down'/],
    ['bins there are not', barWith({ by: 'decade' }), /`by` must be one of 'minute'/],
    ['no bars at all', barWith({ top: 0 }), /`top` must be a whole number from 1 to 1000/],
    ['half a series', barWith({ series: 1.5 }), /`series` must be a whole number from 1 to 20/],
    ['a grid without columns', gridWith({ columns: [] }), /`columns` must be a list of at least/],
    ['an order there is not', gridWith({ order: 'up' }), /`order` must be one of 'asc', 'desc'/],
    ['too many rows', gridWith({ limit: 1001 }), /`limit` must be a whole number from 1 to 1000/],
    [
      'a format of a column that there is not',
      gridWith({ formats: { country: 'big' } }),
      /`formats`/,
    ],
    [
      'a filter by name',
      () => make(({ select }) => [select('country')]),
      /select\(sales\.fields\.country\)/,
    ],
    ['a filter by nothing', () => make(({ search }) => [search()]), /sales\.fields\.country/],
    [
      'a filter by a column of a stream',
      () => make(({ select }) => [select({ from: sales, column: 'country' })]),
      /\{ from: dailyRevenue, column: 'country' \}/,
    ],
    ['a period of no span', () => make(({ period }) => [period({ default: 'week' })]), /duration/],
    ['a span of nothing', () => make(({ period }) => [period({ spans: ['0d'] })]), /duration/],
    ['an empty row', () => make(({ row }) => [row()]), /row\(…\).*takes charts/],
    ['a row of names', () => make(({ row }) => [row('kpi')]), /row\(…\).*takes charts/],
    ['no tabs', () => make(({ tabs }) => [tabs({})]), /tabs\(…\).*takes an object/],
    ['an empty tab', () => make(({ tabs }) => [tabs({ Lines: [] })]), /tab 'Lines'.*takes charts/],
    [
      'two charts of one id, wherever they stand',
      () =>
        make(({ kpi, row, tabs }) => [
          row(kpi('Revenue!', { from: sales, value: count })),
          tabs({ One: [kpi('revenue', { from: sales, value: count })] }),
        ]),
      /kpi\('revenue'\) and kpi\('Revenue!'\) have the same id 'revenue'/,
    ],
    [
      'two periods',
      () => make(({ period, row }) => [period(), row(period())]),
      /a dashboard has one period/,
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

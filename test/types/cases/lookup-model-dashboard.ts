import { check, dashboard, field as f, lookup, model, sequence, sql } from 'millrace';
import { dailyRevenue, pinned, sales, unknownRows } from './shop.ts';

export const plain = lookup('plain', { from: sales, key: 'invoice_no' });
export const one = lookup('one', { from: sales, key: 'invoice_no', sort: sequence });

// @ts-expect-error the key is a field of the stream
lookup('wrong', { from: sales, key: 'invoice' });
// @ts-expect-error a sort part is a field of the stream
lookup('wrong', { from: sales, key: 'invoice_no', sort: ['stock'] });
// @ts-expect-error a sort part is a field of the stream
lookup('wrong', { from: sales, key: 'invoice_no', sort: 'stock' });
// @ts-expect-error the tombstone is a field of the stream
lookup('wrong', { from: sales, key: 'invoice_no', tombstone: 'gone' });
// @ts-expect-error a lookup is made of a stream
lookup('wrong', { from: pinned, key: 'country' });
// @ts-expect-error a lookup has a key
lookup('wrong', { from: sales });

export const everyOption = model('every_option', {
  description: 'text',
  owner: 'shop@example.com',
  sql: sql`select country, ${'x'} as x, ${1} as n, ${2n} as l, ${true} as b, ${null} as nothing,
    ${new Date(0)} as at from ${sales} join ${dailyRevenue} on true where ${sales.fields.country} = 'x'`,
  materialize: 'table',
  schedule: '0 2 * * *',
  timezone: 'Europe/London',
  key: ['country'],
  checks: [
    check.notNull('country'),
    check.unique(['country', 'x'], { severity: 'warn', name: 'one per country' }),
    check.between('n', -1e6, '10'),
    check.oneOf('x', ['x', 1]),
    check.sql('none', sql`select * from result where n < 0`),
  ],
  measures: { rows: sql`count(*)` },
});

const fields = { country: f.string(), orders: f.long() };
export const held = model('held', {
  sql: sql`select country, count(*) as orders from ${sales} group by all`,
  fields,
  key: ['country'],
  checks: [
    check.unique('country'),
    check.unique(['country', 'orders']),
    check.between('orders', 0, 1e9),
    check.sql('none', sql`select * from result where orders < 0`),
  ],
});

// @ts-expect-error the key is of the fields that the model pins
model('wrong', { sql: sql`select 1`, fields, key: ['region'] });
// @ts-expect-error a check is of the fields that the model pins
model('wrong', { sql: sql`select 1`, fields, checks: [check.notNull('region')] });
// @ts-expect-error each column of a check is
model('wrong', { sql: sql`select 1`, fields, checks: [check.unique(['country', 'region'])] });
// @ts-expect-error a key is a list
model('wrong', { sql: sql`select 1`, key: 'country' });
// @ts-expect-error a check has a column
check.notNull();
// @ts-expect-error a range has two ends
check.between('orders', 1);
// @ts-expect-error values are texts or numbers
check.oneOf('country', [null]);
// @ts-expect-error SQL is written as a template
model('wrong', { sql: 'select 1' });
// @ts-expect-error there is no such materialization
model('wrong', { sql: sql`select 1`, materialize: 'incremental' });
// @ts-expect-error there is no such severity
check.notNull('day', { severity: 'fatal' });
// @ts-expect-error a check's query is written as a template
check.sql('none', 'select 1');
// @ts-expect-error an object is not a value of SQL
sql`select ${{ a: 1 }}`;
// @ts-expect-error undefined is not a value of SQL
sql`select ${undefined}`;

export const right = dashboard('right', { title: 'Right' }, (charts) => {
  const { kpi, line, area, bar, stacked, grid, select, period, search, row, tabs } = charts;
  return [
    row(period({ default: '7d', spans: ['7d', 'all'] }), select(sales.fields.country)),
    select({ from: dailyRevenue, column: 'day' }, { title: 'Day' }),
    search({ from: unknownRows, column: 'one' }),
    kpi('Revenue', { from: sales, value: 'revenue', format: 'GBP', compare: '1d' }),
    kpi('Sum of a column', {
      from: dailyRevenue,
      value: 'revenue',
      format: 'compact',
      good: 'down',
    }),
    kpi('Of rows not known yet', { from: unknownRows, value: 'one' }),
    kpi('A measure of a model', { from: everyOption, value: 'rows', compare: 'previous' }),
    tabs({
      Parts: [stacked('Parts', { from: sales, x: 'country', y: 'revenue', color: 'description' })],
      Months: [
        area('Months', { from: sales, x: 'invoice_date', y: sql`sum(quantity)`, by: 'month' }),
      ],
    }),
    line('Revenue', { from: dailyRevenue, x: 'day', y: sql`sum(revenue)` }),
    line('Orders', { from: pinned, x: 'country', y: 'orders', color: 'country' }),
    bar('Top', { from: sales, x: 'description', y: sql`sum(quantity)`, top: 20 }),
    grid('Lines', { from: sales, columns: ['invoice_no', 'quantity'] }),
    grid('Anything', { from: unknownRows, columns: ['one'], formats: { one: 'EUR' } }),
    grid('Dear ones', {
      from: sales,
      columns: ['total'],
      sort: 'unit_price',
      formats: { total: 'GBP' },
    }),
  ];
});

export const wrong = dashboard('wrong', {}, ({ kpi, line, bar, stacked, grid, select, row }) => [
  // @ts-expect-error there is no such column in the stream
  grid('Lines', { from: sales, columns: ['invoice_no', 'price'] }),
  // @ts-expect-error there is no such column in the stream
  bar('Top', { from: sales, x: 'product', y: sql`sum(quantity)` }),
  // @ts-expect-error there is no such column in the result of the model
  line('Revenue', { from: dailyRevenue, x: 'month', y: 'revenue' }),
  // @ts-expect-error there is no such column in the fields that the model pins
  line('Orders', { from: pinned, x: 'country', y: 'orders', color: 'region' }),
  // @ts-expect-error a bare column of a stream is one of many rows
  bar('Top', { from: sales, x: 'description', y: 'total' }),
  // @ts-expect-error there is no such measure or column in the model
  kpi('Orders', { from: pinned, value: 'revenue' }),
  // @ts-expect-error there is no such format
  kpi('Revenue', { from: sales, value: 'revenue', format: 'money' }),
  // @ts-expect-error parts have a colour
  stacked('Parts', { from: sales, x: 'country', y: 'revenue' }),
  // @ts-expect-error a row has charts and controls
  row('Revenue'),
  // @ts-expect-error there is no such column in the result of the model
  select({ from: dailyRevenue, column: 'month' }),
  // @ts-expect-error a kpi has a value
  kpi('Revenue', { from: sales }),
  // @ts-expect-error a filter is a field, not its name
  select('country'),
  // @ts-expect-error a chart is of a stream or a model
  kpi('Revenue', { from: plain, value: sql`count(*)` }),
]);

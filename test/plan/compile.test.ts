import { describe, expect, test } from 'vitest';
import {
  check,
  dashboard,
  field as f,
  lookup,
  model,
  sequence,
  sql,
  stream,
} from '../../src/index.ts';
import { compile, inputsOf } from '../../src/plan/compile.ts';
import { orderByInputs } from '../../src/plan/order.ts';
import { refusal } from '../definition/refusal.ts';

const FILE = 'compile.test.ts';
const sales = stream('sales', {
  fields: { country: f.string(), total: f.long() },
  measures: { revenue: sql`sum(total)` },
});
const byCountry = lookup('by_country', { from: sales, key: 'country', sort: ['total', sequence] });
const daily = model('daily', {
  sql: sql`select country, sum(total) as total from ${sales} group by all`,
});
const monthly = model('monthly', {
  sql: sql`select sum(total) as total from ${daily}`,
  fields: { total: f.decimal(38, 0).optional() },
});
const shop = dashboard('shop', {}, ({ kpi, grid }) => [
  kpi('Revenue', { from: sales, value: 'revenue' }),
  grid('Months', { from: monthly, columns: ['total'] }),
]);
const all = [shop, monthly, daily, byCountry, sales];

function frozenAllTheWay(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(frozenAllTheWay);
}

const ordered = (nodes: Parameters<typeof orderByInputs>[0]) => orderByInputs(nodes, new Map());

test('the exported definitions become one plan, models behind what they read', () => {
  const { plan } = compile(all);
  expect(plan.format).toBe(1);
  expect(plan.streams.map(({ name }) => name)).toEqual(['sales']);
  expect(plan.lookups).toEqual([
    { name: 'by_country', from: 'sales', key: 'country', sort: ['total', null] },
  ]);
  expect(plan.models.map(({ name, inputs }) => [name, inputs])).toEqual([
    ['daily', ['sales']],
    ['monthly', ['daily']],
  ]);
  expect(plan.dashboards.map(({ name, items }) => [name, items.length])).toEqual([['shop', 2]]);
});

test('a plan is frozen to its leaves and comes back from JSON as it was', () => {
  const { plan } = compile(all);
  expect(frozenAllTheWay(plan)).toBe(true);
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
});

test('the same definitions give the same plan', () => {
  expect(compile(all).plan).toEqual(compile(all).plan);
});

test('what is exported besides definitions is not looked at, and an alias is not a second definition', () => {
  const others = [
    null,
    undefined,
    1,
    'text',
    () => 1,
    {},
    { kind: 'stream', name: 'not_one', settings: {} },
    sales.fields.country,
  ];
  expect(compile([sales, sales, ...others]).plan.streams).toHaveLength(1);
});

test('a plan knows where each definition stands', () => {
  const { locations } = compile(all);
  const items = ["shop, grid('Months')", "shop, kpi('Revenue')"];
  expect([...locations.keys()].sort()).toEqual(
    ['by_country', 'daily', 'monthly', 'sales', 'shop', ...items].sort(),
  );
  const [shopLine = 0, months = 0] = ['shop', items[0] as string].map(
    (name) => locations.get(name)?.line,
  );
  expect(months - shopLine, 'an item has the line of its own').toBe(2);
  expect(locations.get('sales')).toEqual({
    file: expect.stringMatching(/compile\.test\.ts$/),
    line: expect.any(Number),
  });
});

test('the inputs of a query are each named once, through fields too', () => {
  expect(
    inputsOf(
      sql`select ${sales.fields.country} from ${sales} join ${daily} on ${1} join ${sales} on true`,
    ),
  ).toEqual(['sales', 'daily']);
});

describe('a pipeline is refused, with place and way out, for', () => {
  const expectInvalid = (exported: readonly unknown[], says: readonly RegExp[]) => {
    const error = refusal(() => compile(exported));
    expect(error.code).toBe('MR_DEFINITION_INVALID');
    for (const one of says) expect(error.message).toMatch(one);
  };
  const place = new RegExp(`${FILE.replace('.', '\\.')}:\\d+: `);

  test('no definition at all', () =>
    expectInvalid([1, 'x'], [/no definition is exported/, /export const … = stream\(…\)/]));

  test('a name used twice, whatever the kinds', () => {
    const twin = model('sales', { sql: sql`select 1` });
    expectInvalid(
      [sales, twin],
      [
        place,
        /model\('sales'\)/,
        /used already by stream\('sales'\) at .*compile\.test\.ts:\d+/,
        /unique over all kinds/,
      ],
    );
    expectInvalid(
      [sales, lookup('sales', { from: sales, key: 'country' })],
      [/lookup\('sales'\)/, /used already/],
    );
    expectInvalid(
      [
        sales,
        dashboard('sales', {}, ({ kpi }) => [kpi('n', { from: sales, value: sql`count(*)` })]),
      ],
      [/dashboard\('sales'\)/, /used already/],
    );
    expectInvalid(
      [sales, stream('sales', { fields: { id: f.int() } })],
      [/stream\('sales'\)/, /used already/],
    );
  });

  test('a reference that is not exported, wherever it stands', () => {
    const says = [place, /refers to 'sales', which is not exported\. Write `export` before it/];
    expectInvalid([byCountry], [/lookup\('by_country'\)/, ...says]);
    expectInvalid([daily], [/model\('daily'\)/, ...says]);
    expectInvalid(
      [dashboard('d', {}, ({ kpi }) => [kpi('n', { from: sales, value: sql`count(*)` })])],
      [/dashboard\('d'\)/, ...says],
    );
    expectInvalid([model('field_only', { sql: sql`select 1 as ${sales.fields.country}` })], says);
    expectInvalid(
      [
        model('in_check', {
          sql: sql`select 1`,
          checks: [check.sql('x', sql`select * from ${sales}`)],
        }),
      ],
      says,
    );
    expectInvalid(
      [
        stream('in_measure', {
          fields: { id: f.int() },
          measures: { x: sql`(select count(*) from ${sales})` },
        }),
      ],
      says,
    );
  });

  test('models that read each other, naming the circle', () => {
    // Values cannot refer to what is below them; text can, and an untyped caller may build anything.
    expect(
      refusal(() =>
        ordered([
          { name: 'a', inputs: ['b'] },
          { name: 'b', inputs: ['c'] },
          { name: 'c', inputs: ['a'] },
        ]),
      ).message,
    ).toMatch(
      /model\('a'\): models read each other in a circle: a → b → c → a\. Break it at one of them/,
    );
    expect(refusal(() => ordered([{ name: 'a', inputs: ['a'] }])).message).toMatch(
      /it reads itself/,
    );
    expect(
      refusal(() =>
        ordered([
          { name: 'x', inputs: ['a'] },
          { name: 'a', inputs: ['b'] },
          { name: 'b', inputs: ['a'] },
        ]),
      ).message,
    ).toMatch(/circle: a → b → a/);
  });

  test('a schedule that is no cron expression', () => {
    const wrong = [
      place,
      /model\('m'\)/,
      /`schedule` "every day" in zone "UTC"/,
      /'0 2 \* \* \*', 'on-change' or 'manual'/,
    ];
    expectInvalid([model('m', { sql: sql`select 1`, schedule: 'every day' })], wrong);
  });

  test('a measure that is not SQL', () => {
    expectInvalid(
      [stream('s', { fields: { id: f.int() }, measures: { total: 'sum(id)' as never } })],
      [place, /stream\('s'\)/, /measure `total` must be written as sql`sum\(…\)`/],
    );
  });

  test('a column that the source of a chart does not have', () => {
    const chart = (column: string) => [
      sales,
      dashboard('d', {}, ({ grid }) => [
        grid('Lines', { from: sales, columns: [column as 'country'] }),
      ]),
    ];
    expectInvalid(chart('price'), [
      place,
      /dashboard\('d'\), grid\('Lines'\)/,
      /no column `price` in stream\('sales'\)\. Columns are: country, total/,
    ]);
    expect(compile(chart('total')).plan.dashboards).toHaveLength(1);
    expectInvalid(
      [
        sales,
        daily,
        monthly,
        dashboard('d', {}, ({ grid }) => [
          grid('Months', { from: monthly, columns: ['sum' as 'total'] }),
        ]),
      ],
      [/no column `sum` in model\('monthly'\)/],
    );
  });

  test('a bare column as the value of a chart on a stream', () => {
    const chart = [
      sales,
      dashboard('d', {}, ({ bar }) => [
        // What the compiler refuses, a pipeline in JavaScript may still say.
        bar('Top', { from: sales, x: 'country', y: 'total' as 'revenue' }),
      ]),
    ];
    expectInvalid(chart, [
      place,
      /bar\('Top'\)/,
      /'total' is not a measure of stream\('sales'\) \(measures: revenue\)/,
      /Write an aggregate, for example sql`sum\(total\)`/,
    ]);
  });
});

test('order keeps nodes that do not depend on each other as they were', () => {
  const nodes = [
    { name: 'c', inputs: ['b', 'elsewhere'] },
    { name: 'a', inputs: [] },
    { name: 'b', inputs: ['a'] },
    { name: 'd', inputs: [] },
  ];
  expect(ordered(nodes).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(ordered([])).toEqual([]);
});

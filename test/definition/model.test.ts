import { describe, expect, test } from 'vitest';
import { check, field as f, model, sql, stream } from '../../src/index.ts';
import { expectRefused, untyped } from './refusal.ts';

const FILE = 'model.test.ts';
const sales = stream('sales', { fields: { country: f.string(), total: f.long() } });
const query = sql`select country, sum(total) as total from ${sales} group by all`;
const make = (options: object) => model('revenue', untyped({ sql: query, ...options }));

test('a model needs SQL only: it is a table, refreshed after its inputs changed', () => {
  expect(model('revenue', { sql: query }).settings).toEqual({
    query,
    materialize: 'table',
    schedule: 'on-change',
    timezone: 'UTC',
    checks: [],
    key: [],
    measures: {},
  });
});

test('every option is taken', () => {
  const notNull = check.notNull('country');
  const total = sql`sum(total)`;
  const { settings } = model('revenue', {
    description: 'By country',
    owner: 'shop@example.com',
    sql: query,
    materialize: 'view',
    schedule: '0 2 * * *',
    timezone: 'Europe/London',
    checks: [notNull],
    fields: { country: f.string(), total: f.decimal(38, 0) },
    key: ['country'],
    measures: { total },
  });
  expect(settings).toMatchObject({
    description: 'By country',
    owner: 'shop@example.com',
    materialize: 'view',
    schedule: '0 2 * * *',
    timezone: 'Europe/London',
    checks: [notNull],
    key: ['country'],
    measures: { total },
    fields: [
      { name: 'country', type: { kind: 'string' } },
      { name: 'total', type: { kind: 'decimal', precision: 38, scale: 0 } },
    ],
  });
});

test('checks are plain data with a readable name; an error is their default severity', () => {
  expect(
    JSON.parse(
      JSON.stringify([
        check.notNull('day'),
        check.unique(['day', 'country'], { severity: 'warn' }),
        check.between('revenue', -1e6, '10', { name: 'plausible' }),
        check.oneOf('country', ['GB', 'FR']),
      ]),
    ),
  ).toEqual([
    { name: 'day is not null', severity: 'error', rule: 'notNull', column: 'day' },
    {
      name: 'day, country is unique',
      severity: 'warn',
      rule: 'unique',
      columns: ['day', 'country'],
    },
    {
      name: 'plausible',
      severity: 'error',
      rule: 'between',
      column: 'revenue',
      low: -1e6,
      high: '10',
    },
    {
      name: 'country is one of GB, FR',
      severity: 'error',
      rule: 'oneOf',
      column: 'country',
      values: ['GB', 'FR'],
    },
  ]);
  expect(check.sql('none below zero', sql`select * from result where total < 0`)).toMatchObject({
    name: 'none below zero',
    rule: 'sql',
  });
});

describe('wrong use is refused, and says what is right:', () => {
  test.each<[string, () => unknown, string, RegExp]>([
    [
      'a wrong name',
      () => model(untyped<'x'>('Daily'), { sql: query }),
      'model("Daily")',
      /starts with a letter/,
    ],
    [
      'no options',
      () => model('revenue', untyped(undefined)),
      "model('revenue')",
      /object of options/,
    ],
    [
      'an unknown option',
      () => make({ materialise: 'view' }),
      "model('revenue')",
      /no option `materialise`.*materialize/,
    ],
    [
      'no SQL',
      () => make({ sql: undefined }),
      "model('revenue')",
      /`sql` must be written as sql`select …`/,
    ],
    ['SQL as text', () => make({ sql: 'select 1' }), "model('revenue')", /sql`select …`/],
    [
      'an unknown materialization',
      () => make({ materialize: 'incremental' }),
      "model('revenue')",
      /'table' or 'view'/,
    ],
    [
      'checks that are not a list',
      () => make({ checks: check.notNull('country') }),
      "model('revenue')",
      /a list of check\.\*/,
    ],
    ['a check as text', () => make({ checks: ['not null'] }), "model('revenue')", /check\.notNull/],
    [
      'a check with SQL as text',
      () => check.sql('x', untyped('select 1')),
      'check.sql()',
      /sql`…`/,
    ],
    [
      'fields that are not fields',
      () => make({ fields: { country: 'string' } }),
      "model('revenue')",
      /`country` must be made with field\.\*/,
    ],
  ])('%s', (_, wrong, definition, says) => expectRefused(FILE, wrong, definition, says));
});

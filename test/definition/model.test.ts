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
    materialize: 'table',
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
    materialize: 'table',
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

test('a view is computed when it is asked', () => {
  expect(
    model('revenue', { sql: query, materialize: 'view', key: ['country'] }).settings,
  ).toMatchObject({
    materialize: 'view',
    key: ['country'],
    checks: [],
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
    [
      'a key that is text',
      () => make({ key: 'country' }),
      "model('revenue')",
      /`key` must be a list of columns, for example \['day', 'country'\]/,
    ],
    ['a key of no text', () => make({ key: [1] }), "model('revenue')", /`key` must be a list/],
    [
      'a zone that is none, whatever the schedule',
      () => make({ timezone: 'Mars/Base' }),
      "model('revenue')",
      /`timezone`: there is no time zone "Mars\/Base"\. Name one such as 'UTC' or 'Europe\/London'/,
    ],
    ['a zone that is no text', () => make({ timezone: 1 }), "model('revenue')", /no time zone 1/],
    [
      'a schedule that is no text',
      () => make({ schedule: 60 }),
      "model('revenue')",
      /`schedule` must be text/,
    ],
    [
      'an owner that is no text',
      () => make({ owner: 5 }),
      "model('revenue')",
      /`owner` must be text/,
    ],
    [
      'checks of a view',
      () => make({ materialize: 'view', checks: [check.notNull('country')] }),
      "model('revenue')",
      /`checks` is for models that run.*make the model a table/,
    ],
    [
      'a schedule of a view',
      () => make({ materialize: 'view', schedule: 'manual' }),
      "model('revenue')",
      /`schedule` is for models that run/,
    ],
    [
      'a check without a column',
      () => check.notNull(untyped(undefined)),
      'check.notNull()',
      /needs a column .*check\.notNull\('day', …\)/,
    ],
    ['a check of no columns', () => check.unique([]), 'check.unique()', /needs a column/],
    [
      'a range with one end',
      () => check.between('total', 1, untyped(undefined)),
      'check.between()',
      /both ends: check\.between\('revenue', 0, 1e6\)/,
    ],
    [
      'a range whose ends are no numbers',
      () => check.between('total', Number.NaN, 1),
      'check.between()',
      /both ends/,
    ],
    [
      'a range with the ends the wrong way round',
      () => check.between('total', '10', 9),
      'check.between()',
      /no value is between 10 and 9: the lower end comes first/,
    ],
    [
      'a range of a number and a word',
      () => check.between('total', 'low', 9),
      'check.between()',
      /no value is between low and 9/,
    ],
    [
      'a list of no values',
      () => check.oneOf('country', []),
      'check.oneOf()',
      /a list of texts or numbers/,
    ],
    [
      'a list of other values',
      () => check.oneOf('country', untyped([null])),
      'check.oneOf()',
      /a list of texts or numbers/,
    ],
    [
      'a query without a name',
      () => check.sql(untyped(undefined), query),
      'check.sql()',
      /needs a name/,
    ],
    [
      'an unknown severity',
      () => check.notNull('country', untyped({ severity: 'fatal' })),
      'check.notNull()',
      /`severity` must be 'error' or 'warn'/,
    ],
    [
      'an unknown option of a check',
      () => check.notNull('country', untyped({ severty: 'warn' })),
      'check.notNull()',
      /no option `severty`.*severity, name/,
    ],
    [
      'a severity without its name',
      () => check.notNull('country', untyped('warn')),
      'check.notNull()',
      /last argument must be an object of options/,
    ],
    [
      'a name of a check that is no text',
      () => check.notNull('country', untyped({ name: 5 })),
      'check.notNull()',
      /`name` must be text/,
    ],
  ])('%s', (_, wrong, definition, says) => expectRefused(FILE, wrong, definition, says));
});

import { expect, describe as suite, test } from 'vitest';
import { prepare } from '../../src/app/prepare.ts';
import type { Check } from '../../src/definition/check.ts';
import { describe } from '../../src/engine/describe.ts';
import { check, field as f, type ModelOptions, model, sql, stream } from '../../src/index.ts';
import { compile } from '../../src/plan/compile.ts';
import { temporaryFolder } from '../support/folder.ts';

const customers = stream('customers', { fields: { id: f.string() } });
const orders = stream('orders', { fields: { customer: f.string(), day: f.date() } });

/** The model `daily` as the engine sees it. */
function prepared(options: Partial<ModelOptions<never>>) {
  const daily = model('daily', {
    sql: sql`select customer, day, count(*) as orders from ${orders} group by all`,
    ...options,
  });
  const pipeline = { ...compile([customers, orders, daily]), file: 'pipeline.ts', sources: [] };
  return prepare(pipeline, (request) => describe(request, temporaryFolder()));
}
const checked = (one: Check) => prepared({ checks: [one] as never });

suite('a column that the result of a model does not have is refused, naming those there are:', () => {
  test.each<[object, RegExp]>([
    [{ key: ['customer', 'date'] }, /`key` names 'date', which is not a column of its result/],
    [{ checks: [check.notNull('Day')] }, /check 'Day is not null' names 'Day'/],
    [{ checks: [check.unique(['day', 'cust'])] }, /check 'day, cust is unique' names 'cust'/],
    [{ checks: [check.between('total', 0, 1)] }, /check 'total is between 0 and 1' names 'total'/],
    [
      { checks: [check.oneOf('country', ['DE'], { name: 'ours' })] },
      /check 'ours' names 'country'/,
    ],
  ])('%o', async (options, says) => {
    const error = await prepared(options).catch((caught: Error) => caught);
    expect(error).toMatchObject({
      code: 'MR_DEFINITION_INVALID',
      message: expect.stringMatching(/prepare\.test\.ts:\d+: model\('daily'\): /),
    });
    expect(error).toHaveProperty('message', expect.stringMatching(says));
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/Columns are: customer, day, orders\.$/),
    );
  });
});

suite('`fields` of a model pin the types of its result:', () => {
  const QUERY = sql`select 1::int as i, 2::bigint as l, 1.5::double as d, 'x' as s, date '2026-01-01' as day, 1.25::decimal(5, 2) as dec, [1] as list`;
  const types = {
    i: f.int(),
    l: f.long(),
    d: f.double(),
    s: f.string(),
    day: f.date(),
    dec: f.decimal(5, 2),
    list: f.list(f.int()),
  };
  const pin = (fields: object) =>
    prepared({ sql: QUERY, fields: { ...types, ...fields } as never });

  test('the same types, and wider ones that hold every value', async () => {
    await pin({});
    const wide = {
      i: f.long(),
      l: f.decimal(19, 0),
      dec: f.decimal(6, 3),
      list: f.list(f.double()),
    };
    const { columns } = await pin(wide);
    expect(columns.get('daily')?.map(({ type }) => type.kind)).toEqual([
      'long',
      'decimal',
      'double',
      'string',
      'date',
      'decimal',
      'list',
    ]);
  });

  test.each<[object, RegExp]>([
    [{ d: f.int() }, /field 'd' is int in `fields`, but the query returns double.*"d"::INTEGER/],
    [{ s: f.int() }, /field 's' is int in `fields`, but the query returns string/],
    [{ i: f.date() }, /field 'i' is date in `fields`, but the query returns int/],
    [{ l: f.int() }, /field 'l' is int.* returns long/],
    [{ l: f.double() }, /field 'l' is double.* returns long/],
    [{ l: f.decimal(18, 0) }, /returns long/],
    [{ dec: f.decimal(5, 1) }, /returns decimal\(5,2\)/],
    [{ dec: f.decimal(5, 3) }, /returns decimal\(5,2\)/],
    [{ list: f.list(f.string()) }, /returns list<.*int/],
  ])('not those that would change or refuse values: %o', async (fields, says) => {
    const error = await pin(fields).catch((caught: Error) => caught);
    expect(error).toMatchObject({
      code: 'MR_PLAN_QUERY',
      message: expect.stringMatching(/prepare\.test\.ts:\d+: daily: /),
    });
    expect(error).toHaveProperty('message', expect.stringMatching(says));
  });
});

suite('a check that could never be run is refused, in the words of the engine:', () => {
  test.each<[Check, RegExp]>([
    [check.between('customer', 1, 2), /Cannot mix values of type VARCHAR and INTEGER/],
    [check.between('day', 'soon', 'later'), /soon/],
    [check.between('day', '2026-01-02', '2026-01-01'), /no date is in the range: the lower end/],
    [check.between('orders', '10', '9'), /no long is in the range: the lower end comes first/],
    [check.oneOf('orders', [1, 'two']), /Could not convert string 'two' to BIGINT/],
    [
      check.sql('none', sql`select * from result where total < 0`),
      /Referenced column "total" not found.*\(at character 28 of its SQL\)/s,
    ],
    [check.sql('none', sql`select * from results`), /results/],
    [check.sql('none', sql`select * from read_csv('x')`), /read_csv/],
  ])('%o', async (one, says) => {
    const error = await checked(one).catch((caught: Error) => caught);
    expect(error).toHaveProperty('code', 'MR_PLAN_QUERY');
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/prepare\.test\.ts:\d+: daily, check '/),
    );
    expect(error).toHaveProperty('message', expect.stringMatching(says));
  });
});

test('checks that can be run are taken, and what they read is an input of the model', async () => {
  const { reads, columns } = await prepared({
    key: ['customer', 'day'] as never,
    checks: [
      check.unique(['customer', 'day']),
      check.between('customer', '10', '9'),
      check.between('day', '2026-01-01', '2026-01-01'),
      check.between('orders', -1e6, '1e7'),
      check.oneOf('orders', [1, '2']),
      check.sql('any', sql`select 1 from Result where day is null`),
      check.sql('known', sql`from result where customer not in (select id from ${customers})`),
    ] as never,
  });
  expect(columns.get('daily')?.map(({ name }) => name)).toEqual(['customer', 'day', 'orders']);
  expect(reads.get('daily')).toEqual([
    { schema: 'lake', name: 'orders' },
    { schema: 'lake', name: 'customers' },
  ]);
});

test('a column named like a word of SQL is said to need quotes', async () => {
  const visits = stream('visits', { fields: { at: f.timestamp() } });
  const byDay = model('by_day', { sql: sql`select at::date as day from ${visits}` });
  const pipeline = { ...compile([visits, byDay]), file: 'pipeline.ts', sources: [] };
  await expect(
    prepare(pipeline, (request) => describe(request, temporaryFolder())),
  ).rejects.toThrow(
    /prepare\.test\.ts:\d+: by_day: syntax error .* write it in quotes, "at"\. \(at character 10 of its SQL\)/,
  );
});

test('a model that reads itself, or one that is run after it, is refused in plain words', async () => {
  await expect(prepared({ sql: sql`select * from warehouse.daily` })).rejects.toThrow(
    /prepare\.test\.ts:\d+: daily: it reads itself: its query names its own result/,
  );
  const first = model('first_one', { sql: sql`select * from last_one` });
  const last = model('last_one', { sql: sql`select 1 as n` });
  const pipeline = { ...compile([first, last]), file: 'pipeline.ts', sources: [] };
  await expect(
    prepare(pipeline, (request) => describe(request, temporaryFolder())),
  ).rejects.toThrow(
    /first_one: it reads the model 'last_one', which is run after it\. .*\$\{lastOne\}/,
  );
});

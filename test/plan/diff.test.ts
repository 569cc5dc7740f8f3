import { describe, expect, test } from 'vitest';
import {
  bucket,
  dashboard,
  day,
  desc,
  type Fields,
  field as f,
  lookup,
  model,
  type StreamOptions,
  sql,
  stream,
} from '../../src/index.ts';
import { compile } from '../../src/plan/compile.ts';
import { diffPlans, type PlanChange } from '../../src/plan/diff.ts';
import { EMPTY_PLAN, type Plan } from '../../src/plan/plan.ts';

const FIELDS = { id: f.int(), name: f.string(), at: f.timestamp() };
const planOf = (...definitions: unknown[]): Plan => compile(definitions).plan;
const sales = (options: Partial<StreamOptions<Fields>> = {}) =>
  stream('sales', { fields: FIELDS, ...options } as StreamOptions<Fields>);
const text = ({ kind, what }: PlanChange) => `${kind} ${what}`;

/** What changes from one form of the stream to another. */
function changes(
  before: Partial<StreamOptions<Fields>>,
  after: Partial<StreamOptions<Fields>>,
): string[] {
  return diffPlans(planOf(sales(before)), planOf(sales(after))).map(text);
}
const changesOfField = (before: Fields[string], after: Fields[string]) =>
  changes({ fields: { ...FIELDS, x: before } }, { fields: { ...FIELDS, x: after } });

test('nothing changes from a plan to itself, or to itself as it was stored', () => {
  const plan = planOf(
    sales(),
    lookup('by_id', { from: sales(), key: 'id' }),
    model('m', { sql: sql`select 1` }),
  );
  expect(diffPlans(plan, plan)).toEqual([]);
  expect(diffPlans(JSON.parse(JSON.stringify(plan)) as Plan, plan)).toEqual([]);
});

test('at first everything is added; what leaves keeps its data', () => {
  const s = sales();
  const plan = planOf(
    s,
    lookup('by_id', { from: s, key: 'id' }),
    model('m', { sql: sql`select 1` }),
    dashboard('d', {}, ({ kpi }) => [kpi('n', { from: s, value: sql`count(*)` })]),
  );
  expect(diffPlans(EMPTY_PLAN, plan).map(text)).toEqual([
    'added stream sales',
    'added lookup by_id',
    'added model m',
    'added dashboard d',
  ]);
  const removed = diffPlans(plan, EMPTY_PLAN);
  expect(removed.map(text)).toEqual([
    'removed stream sales',
    'removed lookup by_id',
    'removed model m',
    'removed dashboard d',
  ]);
  const kept = (name: string) => `its data is kept; \`millrace drop ${name}\` removes it`;
  expect(removed.map(({ detail }) => detail)).toEqual([
    kept('sales'),
    kept('by_id'),
    kept('m'),
    'it has no data of its own',
  ]);
});

describe('a field', () => {
  test.each<[string, Fields, string[]]>([
    [
      'that is new and optional is added',
      { ...FIELDS, x: f.string().optional() },
      ['added stream sales, field x'],
    ],
    [
      'that is new and has a default is added',
      { ...FIELDS, x: f.string().default('a') },
      ['added stream sales, field x'],
    ],
    [
      'that is new and required breaks',
      { ...FIELDS, x: f.string() },
      ['breaking stream sales, field x'],
    ],
    ['that is gone breaks', { id: f.int(), name: f.string() }, ['breaking stream sales, field at']],
    [
      'of another name breaks twice',
      { id: f.int(), title: f.string(), at: f.timestamp() },
      ['breaking stream sales, field title', 'breaking stream sales, field name'],
    ],
    ['may widen', { ...FIELDS, id: f.long() }, ['changed stream sales, field id']],
    ['of another type breaks', { ...FIELDS, id: f.string() }, ['breaking stream sales, field id']],
    [
      'that becomes optional is changed',
      { ...FIELDS, id: f.int().optional() },
      ['changed stream sales, field id'],
    ],
    [
      'with a new rule is changed, for new records',
      { ...FIELDS, id: f.int().min(1) },
      ['changed stream sales, field id'],
    ],
    [
      'with a description is changed',
      { ...FIELDS, id: f.int().describe('Number') },
      ['changed stream sales, field id'],
    ],
  ])('%s', (_, fields, expected) => expect(changes({}, { fields })).toEqual(expected));

  test('that becomes required breaks, as rows may have null', () => {
    expect(changesOfField(f.string().optional(), f.string())).toEqual([
      'breaking stream sales, field x',
    ]);
  });

  test('says what its older rows will show', () => {
    const detail = (field: Fields[string]) =>
      diffPlans(planOf(sales()), planOf(sales({ fields: { ...FIELDS, x: field } })))[0]?.detail;
    expect(detail(f.decimal(10, 2).optional())).toBe(
      'decimal(10,2), optional: records stored before have null',
    );
    expect(detail(f.decimal(10, 2).default('0.00'))).toMatch(
      /before have null, later ones the default/,
    );
    expect(detail(f.int())).toMatch(/Make it \.optional\(\) or give it a \.default\(\)/);
  });
});

test('parts of a struct that become required or get other rules are told apart', () => {
  const detail = (before: Fields[string], after: Fields[string]) =>
    diffPlans(
      planOf(sales({ fields: { ...FIELDS, x: before } })),
      planOf(sales({ fields: { ...FIELDS, x: after } })),
    ).map((change) => `${change.kind}: ${change.detail}`);
  const part = (a: Fields[string]) => f.struct({ a, b: f.string() });
  expect(detail(part(f.int().optional()), part(f.int()))).toEqual([
    'breaking: now required: rows stored before may have null',
  ]);
  expect(detail(part(f.int()), part(f.int().optional()))).toEqual(['changed: now optional']);
  const rules = ['changed: rules changed, for new records'];
  expect(detail(part(f.int()), part(f.int().min(1)))).toEqual(rules);
  expect(detail(f.list(f.int()), f.list(f.int().describe('Number')))).toEqual(rules);
});

test('a declared rename is said once, and is no loss', () => {
  const was = planOf(sales());
  const is = planOf(stream('lines', { fields: FIELDS, renamedFrom: 'sales' }));
  expect(diffPlans(was, is)).toEqual([
    { kind: 'renamed', what: 'stream lines', detail: 'was sales; its data goes with it' },
  ]);
  expect(diffPlans(is, is)).toEqual([]);
  expect(diffPlans(is, planOf(stream('lines', { fields: FIELDS })))).toEqual([]);
});

describe('fields change, in words:', () => {
  const words = (before: Fields, after: Fields, options: object = {}, then: object = options) =>
    diffPlans(
      planOf(sales({ fields: before, ...options })),
      planOf(sales({ fields: after, ...then })),
    ).map(
      ({ kind, what, detail }) => `${kind} ${what.replace('stream sales, field ', '')}: ${detail}`,
    );
  const shop = (parts: Fields) => ({ shop: f.struct({ id: f.int(), ...parts }) });

  test.each<[string, Fields, Fields, string[]]>([
    [
      'renamed',
      { a: f.int() },
      { b: f.int().renamedFrom('a') },
      ['renamed b: was a; its stored values go with it'],
    ],
    [
      'renamed and widened at once',
      { a: f.int() },
      { b: f.long().renamedFrom('a') },
      [
        'renamed b: was a; its stored values go with it',
        'changed b: int → long: stored values are widened',
      ],
    ],
    ['renamed before', { b: f.int() }, { b: f.int().renamedFrom('a') }, []],
    ['renamed, and not said any more', { b: f.int().renamedFrom('a') }, { b: f.int() }, []],
    [
      'renamed from what was never there',
      { a: f.int() },
      { a: f.int(), b: f.int().optional().renamedFrom('c') },
      ['added b: int, optional: records stored before have null'],
    ],
    [
      'given the name that another one left',
      { b: f.int().renamedFrom('a') },
      { b: f.int(), a: f.string().optional() },
      ['added a: string, optional: records stored before have null'],
    ],
    [
      'renamed inside a struct',
      shop({ town: f.string() }),
      shop({ city: f.string().renamedFrom('town') }),
      ['renamed shop.city: was town; its stored values go with it'],
    ],
    [
      'in another order',
      { a: f.int(), b: f.int() },
      { b: f.int(), a: f.int() },
      ['changed stream sales: fields in another order, as SQL and table show them from now on'],
    ],
    [
      'added, dropped and widened inside a struct',
      shop({ town: f.string(), n: f.float() }),
      shop({ n: f.double(), zip: f.string().optional() }),
      [
        'changed shop.n: float → double: stored values are widened',
        'added shop.zip: string, optional: records stored before have null',
        'breaking shop.town: removed: its stored values would no longer be shown',
      ],
    ],
    [
      'inside lists and maps of structs',
      { l: f.list(f.struct({ a: f.int() })), m: f.map(f.string(), f.struct({ a: f.int() })) },
      {
        l: f.list(f.struct({ b: f.int().renamedFrom('a') })),
        m: f.map(f.string(), f.struct({ a: f.long() })),
      },
      [
        'renamed l.element.b: was a; its stored values go with it',
        'changed m.value.a: int → long: stored values are widened',
      ],
    ],
    [
      'needed inside a struct',
      shop({}),
      shop({ zip: f.string() }),
      [
        'breaking shop.zip: new and required: records stored before have no value. Make it .optional(): they have null then',
      ],
    ],
  ])('%s', (_, before, after, expected) => expect(words(before, after)).toEqual(expected));

  test('options that name a renamed field have not changed', () => {
    const options = (name: string) => ({
      key: name,
      dedupe: { by: name, within: '1h' },
      table: { partitionBy: [bucket(name, 4)], sortBy: [desc(name)] },
    });
    const found = words(
      { a: f.int() },
      { b: f.int().renamedFrom('a') },
      options('a'),
      options('b'),
    );
    expect(found).toEqual(['renamed b: was a; its stored values go with it']);
  });
});

describe('types widen as Iceberg promotes them:', () => {
  const struct = (more: Fields) => f.struct({ a: f.int(), ...more });
  test.each<[string, Fields[string], Fields[string], boolean]>([
    ['int → long', f.int(), f.long(), true],
    ['float → double', f.float(), f.double(), true],
    ['decimal(10,2) → decimal(12,2)', f.decimal(10, 2), f.decimal(12, 2), true],
    ['a struct gains an optional member', struct({}), struct({ b: f.string().optional() }), true],
    ['a member of a struct widens', struct({}), f.struct({ a: f.long() }), true],
    [
      'a member of a struct becomes optional',
      struct({}),
      f.struct({ a: f.int().optional() }),
      true,
    ],
    ['long → int', f.long(), f.int(), false],
    ['int → double', f.int(), f.double(), false],
    ['decimal(12,2) → decimal(10,2)', f.decimal(12, 2), f.decimal(10, 2), false],
    ['decimal(10,2) → decimal(12,3)', f.decimal(10, 2), f.decimal(12, 3), false],
    ['string → int', f.string(), f.int(), false],
    ['date → timestamp', f.date(), f.timestamp(), false],
    ['timestamp → timestamptz', f.timestamp(), f.timestamptz(), false],
    ['a struct gains a required member', struct({}), struct({ b: f.string() }), false],
    ['a struct loses a member', struct({ b: f.string() }), struct({}), false],
    [
      'a member of a struct becomes required',
      f.struct({ a: f.int().optional() }),
      struct({}),
      false,
    ],
    ['a list of ints → of longs', f.list(f.int()), f.list(f.long()), true],
    ['a map of ints → of longs', f.map(f.string(), f.int()), f.map(f.string(), f.long()), true],
    ['a struct in a list widens', f.list(struct({})), f.list(f.struct({ a: f.long() })), true],
    ['keys of a map', f.map(f.int(), f.int()), f.map(f.long(), f.int()), false],
    ['a list of texts → of ints', f.list(f.string()), f.list(f.int()), false],
  ])('%s: %#', (_, before, after, expected) => {
    const found = changesOfField(before, after);
    expect(found).toHaveLength(1);
    expect(found[0]?.startsWith('breaking')).toBe(!expected);
  });
});

describe('of a stream', () => {
  test.each<[string, Partial<StreamOptions<Fields>>, Partial<StreamOptions<Fields>>, string[]]>([
    ['another key breaks', {}, { key: 'name' }, ['breaking stream sales']],
    ['other shards change', { key: 'id' }, { key: 'id', shards: 2 }, ['changed stream sales']],
    ['another retention changes', {}, { retention: '1d' }, ['changed stream sales']],
    ['another interval changes', {}, { table: { every: '1s' } }, ['changed stream sales']],
    [
      'other partitions change',
      {},
      { table: { partitionBy: [day('at')] } },
      ['changed stream sales'],
    ],
    ['another sort order changes', {}, { table: { sortBy: ['at'] } }, ['changed stream sales']],
    ['another time field changes', {}, { time: 'at' }, ['changed stream sales']],
    ['unknown fields kept from now on change', {}, { unknown: 'keep' }, ['changed stream sales']],
    [
      'dead letters kept from now on change',
      {},
      { invalid: 'deadletter' },
      ['changed stream sales'],
    ],
    ['a measure changes', {}, { measures: { n: sql`count(*)` } }, ['changed stream sales']],
    ['a table that goes away changes', {}, { table: false }, ['changed stream sales']],
    ['a table that comes is added', { table: false }, {}, ['added stream sales']],
  ])('%s', (_, before, after, expected) => expect(changes(before, after)).toEqual(expected));

  test('partitions are changed for files written from now on', () => {
    const [change] = diffPlans(
      planOf(sales()),
      planOf(sales({ table: { partitionBy: [day('at')] } })),
    );
    expect(change?.detail).toBe('partitions changed, for files written from now on');
  });

  test('options change with or without a table, and beside its partitions', () => {
    for (const table of [{}, false] as const)
      for (const options of [
        { retention: '1d' },
        { invalid: 'deadletter' },
        { unknown: 'drop' },
        { description: 'x' },
        { owner: 'shop@example.com' },
      ] as const)
        expect(diffPlans(planOf(sales({ table })), planOf(sales({ table, ...options })))).toEqual([
          { kind: 'changed', what: 'stream sales', detail: 'options changed' },
        ]);
    const details = diffPlans(
      planOf(sales()),
      planOf(sales({ table: { partitionBy: [day('at')] }, retention: '1d' })),
    ).map(({ detail }) => detail);
    expect(details).toEqual([
      'partitions changed, for files written from now on',
      'options changed',
    ]);
    expect(
      diffPlans(planOf(sales()), planOf(sales({ table: false, retention: '1d' }))).map(
        ({ detail }) => detail,
      ),
    ).toEqual([
      'no table any more: delivered rows stay, new ones are not delivered',
      'options changed',
    ]);
  });
});

describe('of a lookup, model or dashboard', () => {
  const s = sales();
  const diff = (before: unknown, after: unknown) => diffPlans(planOf(s, before), planOf(s, after));

  test('another key or sort builds the lookup again', () => {
    const before = lookup('by_id', { from: s, key: 'id' });
    for (const after of [
      lookup('by_id', { from: s, key: 'name' }),
      lookup('by_id', { from: s, key: 'id', sort: 'at' }),
    ])
      expect(diff(before, after)).toEqual([
        {
          kind: 'changed',
          what: 'lookup by_id',
          detail: 'key or source changed: its entries are built again from the stream and the lake',
        },
      ]);
    expect(diff(before, lookup('by_id', { from: s, key: 'id', description: 'x' }))[0]?.detail).toBe(
      'options changed',
    );
  });

  test('another query replaces the result at the next run', () => {
    const before = model('m', { sql: sql`select 1 as one` });
    expect(diff(before, model('m', { sql: sql`select 2 as one` }))).toEqual([
      {
        kind: 'changed',
        what: 'model m',
        detail: 'query changed: the next run replaces the result',
      },
    ]);
    expect(
      diff(before, model('m', { sql: sql`select 1 as one`, schedule: 'manual' }))[0]?.detail,
    ).toBe('options changed');
  });

  test('other charts change a dashboard', () => {
    const board = (title: string) =>
      dashboard('d', {}, ({ kpi }) => [kpi(title, { from: s, value: sql`count(*)` })]);
    expect(diff(board('a'), board('b')).map(text)).toEqual(['changed dashboard d']);
  });
});

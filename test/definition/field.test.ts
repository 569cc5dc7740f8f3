import { describe, expect, test } from 'vitest';
import { field as f } from '../../src/index.ts';
import { expectRefused, untyped } from './refusal.ts';

const FILE = 'field.test.ts';

interface Loose {
  describe(text: unknown): Loose;
  min(bound: unknown): Loose;
  max(bound: unknown): Loose;
  oneOf(values: unknown): Loose;
  pattern(expression: unknown): Loose;
  from(source: unknown): Loose;
  default(value: unknown): Loose;
}
const loose = (field: unknown): Loose => untyped(field);

test.each([
  ['boolean', f.boolean()],
  ['int', f.int()],
  ['long', f.long()],
  ['float', f.float()],
  ['double', f.double()],
  ['string', f.string()],
  ['uuid', f.uuid()],
  ['binary', f.binary()],
  ['date', f.date()],
  ['timestamp', f.timestamp()],
  ['timestamptz', f.timestamptz()],
])('field.%s() is a required field of that type, as plain data', (kind, field) => {
  expect(field.spec).toEqual({ type: { kind }, optional: false });
  expect(JSON.parse(JSON.stringify(field.spec))).toEqual(field.spec);
  expect(
    Object.isFrozen(field) && Object.isFrozen(field.spec) && Object.isFrozen(field.spec.type),
  ).toBe(true);
});

test('a decimal keeps precision and scale', () => {
  expect(f.decimal(10, 3).spec.type).toEqual({ kind: 'decimal', precision: 10, scale: 3 });
  expect(f.decimal(38, 38).spec.type).toEqual({ kind: 'decimal', precision: 38, scale: 38 });
});

test('lists, maps and structs nest', () => {
  const field = f.list(
    f.struct({ tags: f.map(f.int(), f.list(f.date()).optional()), id: f.uuid() }),
  );
  expect(field.spec.type).toEqual({
    kind: 'list',
    element: {
      optional: false,
      type: {
        kind: 'struct',
        fields: [
          {
            name: 'tags',
            optional: false,
            type: {
              kind: 'map',
              key: { optional: false, type: { kind: 'int' } },
              value: {
                optional: true,
                type: { kind: 'list', element: { optional: false, type: { kind: 'date' } } },
              },
            },
          },
          { name: 'id', optional: false, type: { kind: 'uuid' } },
        ],
      },
    },
  });
});

test('a modifier returns a new field and leaves the old one as it was', () => {
  const plain = f.string();
  const modified = plain
    .describe('Where')
    .pii()
    .min(2)
    .max(2)
    .pattern(/[A-Z]+/)
    .oneOf(['GB', 'FR'])
    .from('integer-text')
    .optional();
  expect(plain.spec).toEqual({ type: { kind: 'string' }, optional: false });
  expect(modified.spec).toEqual({
    type: { kind: 'string' },
    optional: true,
    description: 'Where',
    pii: true,
    min: 2,
    max: 2,
    pattern: '[A-Z]+',
    oneOf: ['GB', 'FR'],
    from: 'integer-text',
  });
});

test('bounds, values and defaults of wide types are kept as exact text', () => {
  expect(
    f
      .long()
      .min(-(2n ** 63n))
      .max(2n ** 63n - 1n)
      .oneOf([9007199254740993n]).spec,
  ).toMatchObject({
    min: '-9223372036854775808',
    max: '9223372036854775807',
    oneOf: ['9007199254740993'],
  });
  expect(f.decimal(10, 3).min('0.001').max('9.999').spec).toMatchObject({
    min: '0.001',
    max: '9.999',
  });
  expect(f.timestamptz().min(new Date(0)).spec).toMatchObject({ min: '1970-01-01T00:00:00.000Z' });
  expect(f.date().max('2026-12-31').spec).toMatchObject({ max: '2026-12-31' });
  expect(f.long().default(1n).spec).toMatchObject({ default: '1' });
  expect(f.timestamptz().default(new Date(0)).spec).toMatchObject({
    default: '1970-01-01T00:00:00.000Z',
  });
  expect(f.binary().default(new Uint8Array([1, 2])).spec).toMatchObject({ default: 'AQI=' });
});

test('a field with a default may be left out', () => {
  expect(f.int().default(0).spec).toEqual({ type: { kind: 'int' }, optional: true, default: 0 });
});

test('a default of any type is kept as JSON, parts that were left out as null', () => {
  const place = f.struct({
    city: f.string(),
    since: f.timestamptz().optional(),
    tag: f.binary().optional(),
  });
  expect(f.list(place).default([{ city: 'x', since: new Date(0) }]).spec.default).toEqual([
    { city: 'x', since: '1970-01-01T00:00:00.000Z', tag: null },
  ]);
  expect(f.map(f.string(), f.long()).default({ a: 2n ** 53n + 1n }).spec.default).toEqual({
    a: '9007199254740993',
  });
  expect(f.double().default(Number.NaN).spec.default).toBe('NaN');
});

test('rules hold together in whatever order they are written', () => {
  expect(f.int().default(3).max(5).min(3).oneOf([3, 4]).spec).toEqual(
    f.int().oneOf([3, 4]).min(3).max(5).default(3).spec,
  );
  expect(f.date().min('2026-01-01').max('2026-01-01').spec.max).toBe('2026-01-01');
  expect(f.timestamp().min('2026-01-01 00:00').max('2026-01-01T00:00:00').spec).toBeDefined();
  expect(
    f.timestamptz().from('epoch-seconds').default(new Date(0)).min(new Date(0)).spec,
  ).toBeDefined();
  expect(f.string().from('integer-text').oneOf(['17850']).default('17850').spec).toBeDefined();
});

test('an instant may come as a number of seconds or milliseconds', () => {
  expect(f.timestamptz().from('epoch-seconds').spec.from).toBe('epoch-seconds');
  expect(f.timestamptz().from('epoch-milliseconds').spec.from).toBe('epoch-milliseconds');
});

describe('wrong use is refused, and says what is right:', () => {
  test.each<[string, () => unknown, string, RegExp]>([
    [
      'a scale larger than the precision',
      () => f.decimal(3, 4),
      'field.decimal(3, 4)',
      /precision is 1 to 38, scale 0 to precision/,
    ],
    ['a precision past 38', () => f.decimal(39, 0), 'field.decimal(39, 0)', /1 to 38/],
    [
      'a precision that is not a number',
      () => f.decimal(untyped('10'), 3),
      'field.decimal',
      /1 to 38/,
    ],
    [
      'a range of a boolean',
      () => loose(f.boolean()).min(1),
      'field.boolean()',
      /\.min\(\) is not a modifier of this type/,
    ],
    ['a range of a list', () => loose(f.list(f.int())).max(1), 'field.list()', /\.max\(\) is not/],
    ['a range of a uuid', () => loose(f.uuid()).min('a'), 'field.uuid()', /\.min\(\) is not/],
    [
      'a bound of another type',
      () => loose(f.int()).min('1'),
      'field.int()',
      /\.min\(\) is given what a record would be refused for: send a whole number of 32 bits, got the text "1"/,
    ],
    [
      'a bound that is not a number',
      () => f.double().max(Number.NaN),
      'field.double()',
      /\.max\(\) takes a finite number; got NaN/,
    ],
    [
      'a bound of a long beyond a double',
      () => loose(f.long()).max(2 ** 60),
      'field.long()',
      /\.max\(\) takes a whole number, written as 1n past 2\^53; got 11529/,
    ],
    [
      'an invalid date as bound',
      () => f.timestamptz().min(new Date(Number.NaN)),
      'field.timestamptz()',
      /\.min\(/,
    ],
    [
      'a list of values of a double',
      () => loose(f.double()).oneOf([1]),
      'field.double()',
      /\.oneOf\(\) is not/,
    ],
    ['an empty list of values', () => f.string().oneOf([]), 'field.string()', /at least one value/],
    [
      'a value where a list of values is wanted',
      () => loose(f.string()).oneOf('a'),
      'field.string()',
      /a list/,
    ],
    [
      'a pattern of an int',
      () => loose(f.int()).pattern(/x/),
      'field.int()',
      /\.pattern\(\) is not/,
    ],
    [
      'a pattern that is no regular expression',
      () => f.string().pattern('('),
      'field.string()',
      /\.pattern\(\)/,
    ],
    [
      'seconds as text',
      () => loose(f.string()).from('epoch-seconds'),
      'field.string()',
      /\.from\("epoch-seconds"\)/,
    ],
    [
      'an unknown source',
      () => loose(f.timestamptz()).from('excel'),
      'field.timestamptz()',
      /\.from\("excel"\)/,
    ],
    [
      'an element that is not a field',
      () => f.list(untyped('string')),
      'field.list()',
      /field\.string\(\)/,
    ],
    ['a missing element', () => f.list(untyped(undefined)), 'field.list()', /field\.\*/],
    [
      'a list as key of a map',
      () => f.map(untyped(f.list(f.int())), f.int()),
      'field.map()',
      /string, int, long, uuid or date/,
    ],
    [
      'an optional key of a map',
      () => f.map(untyped(f.string().optional()), f.int()),
      'field.map()',
      /not optional/,
    ],
    ['a struct without fields', () => f.struct({}), 'field.struct', /at least one field/],
    [
      'members that differ by case only',
      () => f.struct({ id: f.int(), ID: f.int() }),
      'field.struct',
      /differ by case only/,
    ],
    [
      'a bound past what the type holds',
      () => f.int().max(1e12),
      'field.int()',
      /\.max\(\) .*32 bits, got the number 1000000000000/,
    ],
    [
      'a fraction as bound of an int',
      () => f.int().min(0.5),
      'field.int()',
      /\.min\(\) .*whole number of 32 bits/,
    ],
    [
      'a bound that is no date',
      () => f.date().min('soon'),
      'field.date()',
      /\.min\(\) .*send YYYY-MM-DD, got the text "soon"/,
    ],
    [
      'a day that the calendar has not',
      () => f.date().max('2026-02-30'),
      'field.date()',
      /YYYY-MM-DD/,
    ],
    [
      'a bound with an offset where there is no zone',
      () => f.timestamp().min('2026-01-01T00:00:00Z'),
      'field.timestamp()',
      /it has no zone/,
    ],
    [
      'an instant without an offset',
      () => loose(f.timestamptz()).min('2026-01-01T00:00:00'),
      'field.timestamptz()',
      /with an offset/,
    ],
    [
      'a bound that is no number',
      () => f.decimal(4, 2).min('abc'),
      'field.decimal()',
      /\.min\(\) .*a number or its text/,
    ],
    [
      'a bound of too many digits',
      () => f.decimal(4, 2).max('100'),
      'field.decimal()',
      /at most 2 digits before the point/,
    ],
    [
      'an infinite bound',
      () => f.double().max(Number.POSITIVE_INFINITY),
      'field.double()',
      /a finite number; got Infinity/,
    ],
    [
      'a length below zero',
      () => f.string().min(-1),
      'field.string()',
      /\.min\(\) takes a length, a whole number from 0; got -1/,
    ],
    [
      'a length as text',
      () => loose(f.binary()).max('5'),
      'field.binary()',
      /takes a length, .*got "5"/,
    ],
    [
      'a lowest value above the highest',
      () => f.int().min(5).max(1),
      'field.int()',
      /\.min\(\) 5 is above \.max\(1\)/,
    ],
    [
      'the same the other way round',
      () => f.date().max('2026-01-01').min('2026-01-02'),
      'field.date()',
      /2026-01-02 is above \.max\(2026-01-01\)/,
    ],
    [
      'exact bounds the wrong way round',
      () => f.decimal(38, 2).min('10000000000000000.02').max('10000000000000000.01'),
      'field.decimal()',
      /is above/,
    ],
    [
      'instants the wrong way round',
      () => f.timestamptz().min(new Date(1)).max(new Date(0)),
      'field.timestamptz()',
      /is above/,
    ],
    [
      'listed values of another type',
      () => loose(f.int()).oneOf(['a']),
      'field.int()',
      /\.oneOf\(\) .*32 bits, got the text "a"/,
    ],
    [
      'a listed value that a rule forbids',
      () => f.int().max(5).oneOf([1, 9]),
      'field.int()',
      /\.oneOf\(\) .*must be at most 5, got the number 9/,
    ],
    [
      'no listed value',
      () => loose(f.string()).oneOf([undefined]),
      'field.string()',
      /\.oneOf\(\) takes a value; got undefined/,
    ],
    [
      'a default of another type',
      () => loose(f.int()).default('x'),
      'field.int()',
      /\.default\(\) .*send a whole number of 32 bits, got the text "x"/,
    ],
    [
      'a default past a bound',
      () => f.int().min(5).default(1),
      'field.int()',
      /\.default\(\) .*must be at least 5, got the number 1/,
    ],
    [
      'a bound that the default is past',
      () => f.int().default(1).min(5),
      'field.int()',
      /\.default\(\) .*must be at least 5/,
    ],
    [
      'a default that is not listed',
      () => f.string().oneOf(['a']).default('b'),
      'field.string()',
      /must be one of "a"/,
    ],
    [
      'a default that does not match',
      () => f.string().pattern(/a+/).default('b'),
      'field.string()',
      /must match \/a\+\//,
    ],
    [
      'a default of no value',
      () => loose(f.int()).default(null),
      'field.int()',
      /\.default\(\) takes a value\. For none write \.optional\(\)/,
    ],
    [
      'a Date as default of a date',
      () => loose(f.date()).default(new Date(0)),
      'field.date()',
      /send YYYY-MM-DD, got the text "1970-01-01T/,
    ],
    [
      'a default that is wrong inside',
      () => loose(f.list(f.struct({ a: f.int() }))).default([{ a: 1 }, { b: 1 }]),
      'field.list()',
      /\.default\(\) .*no field 'value\[1\]\.b'/,
    ],
    [
      'a default that is a Map',
      () => loose(f.map(f.string(), f.int())).default(new Map()),
      'field.map()',
      /\.default\(\) takes a value; got \[object Map\]/,
    ],
    [
      'half a character as default',
      () => f.string().default('\ud800'),
      'field.string()',
      /\.default\(\) is given what a record would be refused for/,
    ],
    [
      'a default of a part',
      () => f.struct({ a: f.int().default(1) }),
      'field.struct()',
      /a part has no \.default\(\)\. Make it \.optional\(\)/,
    ],
    [
      'a default of an element',
      () => f.list(f.int().default(1)),
      'field.list()',
      /a part has no \.default\(\)/,
    ],
    [
      'a description that is no text',
      () => loose(f.int()).describe(5),
      'field.int()',
      /\.describe\(\) takes a text/,
    ],
    [
      'a pattern that is no expression',
      () => loose(f.string()).pattern(5),
      'field.string()',
      /\.pattern\(\) takes a regular expression or its text; got 5/,
    ],
    [
      'a pattern with flags',
      () => f.string().pattern(/gb/i),
      'field.string()',
      /flags 'i'.*\[Gg\]b for \/gb\/i/,
    ],
    [
      'a pattern that is none with the flag u',
      () => f.string().pattern('a\\-b'),
      'field.string()',
      /reads expressions with the flag u/,
    ],
  ])('%s', (_, make, definition, says) => expectRefused(FILE, make, definition, says));
});

test('a type that is not there is named, with those there are and the place', () => {
  const types = /Types are: boolean, int, long, float, .*, timestamptz, list, map, struct\.$/;
  for (const name of ['strng', 'time', 'json']) {
    const call = () => (untyped(f) as unknown as { [name: string]: () => unknown })[name]?.();
    expect(call).toThrow(types);
    expect(call).toThrow(new RegExp(`${FILE}:\\d+: field\\.${name}\\(\\): there is no such type`));
  }
  expect(Object.keys(f)).toContain('timestamptz');
  expect(JSON.parse(JSON.stringify(f))).toEqual({});
});

test('a field says what it was called before, and only one can say so of a name', () => {
  expect(f.int().renamedFrom('old').spec).toMatchObject({ renamedFrom: 'old' });
  expect(f.struct({ a: f.int().renamedFrom('b') }).spec.type).toMatchObject({
    fields: [{ name: 'a', renamedFrom: 'b' }],
  });
  const bad: [() => unknown, RegExp][] = [
    [() => f.struct({ a: f.int().renamedFrom('a') }), /is its own name/],
    [() => f.struct({ a: f.int().renamedFrom('b'), b: f.int() }), /names a field that is there/],
    [
      () => f.struct({ a: f.int().renamedFrom('c'), b: f.int().renamedFrom('c') }),
      /is said of `b` too/,
    ],
    [() => f.list(f.int().renamedFrom('a')), /has no name/],
    [() => f.map(f.string(), f.int().renamedFrom('a')), /has no name/],
    [() => f.int().renamedFrom('no name'), /takes the field's former name/],
    [() => f.int().renamedFrom(untyped(5)), /takes the field's former name/],
  ];
  for (const [make, message] of bad) expect(make).toThrow(message);
});

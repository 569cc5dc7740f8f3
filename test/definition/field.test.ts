import { describe, expect, test } from 'vitest';
import { field as f } from '../../src/index.ts';
import { expectRefused, untyped } from './refusal.ts';

const FILE = 'field.test.ts';

interface Loose {
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
      /\.min\(1\) is not a bound/,
    ],
    [
      'a bound that is not a number',
      () => f.double().max(Number.NaN),
      'field.double()',
      /\.max\(NaN\)/,
    ],
    [
      'a bound of a long beyond a double',
      () => loose(f.long()).max(2 ** 60),
      'field.long()',
      /\.max\(/,
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
  ])('%s', (_, make, definition, says) => expectRefused(FILE, make, definition, says));
});

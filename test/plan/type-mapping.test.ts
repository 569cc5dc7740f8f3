import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { namedFields } from '../../src/definition/field.ts';
import { type Field, field as f } from '../../src/index.ts';
import {
  duckdbType,
  jsonSchema,
  recordSchema,
  typescriptValue,
} from '../../src/plan/type-mapping.ts';

describe('a field has one type in each language:', () => {
  test.each<[string, Field, string, string]>([
    ['boolean', f.boolean(), 'BOOLEAN', 'boolean'],
    ['int', f.int(), 'INTEGER', 'number'],
    ['long', f.long(), 'BIGINT', 'bigint'],
    ['float', f.float(), 'FLOAT', 'number'],
    ['double', f.double(), 'DOUBLE', 'number'],
    ['decimal', f.decimal(10, 3), 'DECIMAL(10,3)', 'string'],
    ['string', f.string(), 'VARCHAR', 'string'],
    ['uuid', f.uuid(), 'UUID', 'string'],
    ['binary', f.binary(), 'BLOB', 'Uint8Array'],
    ['date', f.date(), 'DATE', 'string'],
    ['timestamp', f.timestamp(), 'TIMESTAMP', 'string'],
    ['timestamptz', f.timestamptz(), 'TIMESTAMPTZ', 'Date'],
    ['optional', f.int().optional(), 'INTEGER', 'number | null'],
    ['list', f.list(f.int().optional()), 'INTEGER[]', '(number | null)[]'],
    [
      'map',
      f.map(f.string(), f.decimal(4, 2)),
      'MAP(VARCHAR, DECIMAL(4,2))',
      'Record<string, string>',
    ],
    [
      'struct',
      f.struct({ a: f.int(), B: f.list(f.date()).optional() }),
      'STRUCT("a" INTEGER, "B" DATE[])',
      '{ "a": number; "B": (string)[] | null }',
    ],
  ])('%s', (_, { spec }, engine, typescript) => {
    expect(duckdbType(spec.type)).toBe(engine);
    expect(typescriptValue(spec)).toBe(typescript);
  });
});

describe('the JSON schema of a field takes what a producer may send, and nothing else:', () => {
  const ajv = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    formats: { int64: true, float: true, double: true, uuid: true, date: true, 'date-time': true },
  });
  test.each<[string, Field, unknown[], unknown[]]>([
    ['boolean', f.boolean(), [true, false], ['true', 1]],
    ['int', f.int().min(1).max(9), [1, 9], [0, 10, 1.5, '1']],
    ['int without bounds', f.int(), [2147483647, -2147483648], [2147483648, -2147483649]],
    ['long', f.long(), [1, '9223372036854775807'], [1.5, true]],
    ['double', f.double().min(0), [0, 1.5, 'NaN', 'Infinity'], [-1, '1.5', null]],
    ['decimal', f.decimal(10, 3), ['1.5', 1.5], [true]],
    ['string', f.string().min(2).max(3), ['ab', 'äöü'], ['a', 'abcd', 5]],
    ['a pattern matches the whole text', f.string().pattern(/a|b/), ['a', 'b'], ['ab', 'xa']],
    ['one of', f.string().oneOf(['GB', 'FR']), ['GB'], ['DE', null]],
    ['optional one of', f.string().oneOf(['GB', 'FR']).optional(), ['GB', null], ['DE']],
    ['one of longs', f.long().oneOf([5n]), [5, '5'], [6, '6']],
    ['optional', f.long().optional(), [1, '1', null], [true]],
    ['default', f.int().default(5), [1, null], ['5']],
    ['list of optional', f.list(f.int().optional()), [[1, null]], [null]],
    ['optional list', f.list(f.int()).optional(), [[1], null], [[null]]],
    [
      'epoch seconds',
      f.timestamptz().from('epoch-seconds'),
      [1700000000, 1.5],
      ['2026-01-01T00:00:00Z'],
    ],
    ['integer text', f.string().from('integer-text'), ['17850', 17850], [true]],
    ['list', f.list(f.int()), [[], [1]], [['a'], 1]],
    ['map', f.map(f.string(), f.int()), [{}, { a: 1 }], [{ a: 'x' }, []]],
    [
      'struct',
      f.struct({ a: f.int(), b: f.int().optional() }),
      [{ a: 1 }, { a: 1, b: 2 }, { a: 1, b: null }],
      [{}, { a: 1, c: 1 }],
    ],
  ])('%s', (_, { spec }, right, wrong) => {
    const validate = ajv.compile(jsonSchema(spec));
    for (const value of right) expect(validate(value), JSON.stringify(value)).toBe(true);
    for (const value of wrong) expect(validate(value), JSON.stringify(value)).toBe(false);
  });

  test('descriptions and defaults are kept', () => {
    expect(jsonSchema(f.string().describe('Where').default('GB').spec)).toMatchObject({
      description: 'Where',
      default: 'GB',
    });
  });

  test('a record has the required fields, and others only where the stream takes them', () => {
    const fields = namedFields('x', { id: f.int(), name: f.string().optional() });
    const record = (unknown: 'refuse' | 'drop' | 'keep') =>
      ajv.compile(recordSchema(fields, unknown));
    expect(recordSchema(fields).required).toEqual(['id']);
    for (const unknown of ['refuse', 'drop', 'keep'] as const) {
      expect(record(unknown)({ id: 1 })).toBe(true);
      expect(record(unknown)({ name: 'a' })).toBe(false);
      expect(record(unknown)({ id: 1, more: 1 })).toBe(unknown !== 'refuse');
    }
  });
});

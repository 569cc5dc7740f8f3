import { expect, test } from 'vitest';
import { field as f, lookup, model, sql, stream } from '../../src/index.ts';
import { expectRefused, untyped } from './refusal.ts';

const sales = stream('sales', { fields: { country: f.string() } });
const byCountry = lookup('by_country', { from: sales, key: 'country' });
const daily = model('daily', { sql: sql`select 1` });

test('definitions are references, fields are columns, everything else is a parameter', () => {
  expect(
    sql`select ${sales.fields.country}, ${1} from ${sales} join ${daily} join ${byCountry}`.parts,
  ).toEqual([
    { text: 'select ' },
    { column: 'country', of: 'sales' },
    { text: ', ' },
    { parameter: 1 },
    { text: ' from ' },
    { table: 'sales', kind: 'stream' },
    { text: ' join ' },
    { table: 'daily', kind: 'model' },
    { text: ' join ' },
    { table: 'by_country', kind: 'lookup' },
  ]);
});

test('parameters keep their value exactly', () => {
  expect(sql`${null}${true}${"it's"}${1.5}${2n ** 60n}${new Date(0)}`.parts).toEqual([
    { parameter: null },
    { parameter: true },
    { parameter: "it's" },
    { parameter: 1.5 },
    { parameter: '1152921504606846976' },
    { parameter: '1970-01-01T00:00:00.000Z' },
  ]);
});

test('templates nest', () => {
  const filter = sql`${sales.fields.country} = ${'GB'}`;
  expect(sql`select * from ${sales} where ${filter}`.parts).toEqual([
    { text: 'select * from ' },
    { table: 'sales', kind: 'stream' },
    { text: ' where ' },
    { column: 'country', of: 'sales' },
    { text: ' = ' },
    { parameter: 'GB' },
  ]);
});

test('a template is frozen plain data', () => {
  const query = sql`select ${1}`;
  expect(Object.isFrozen(query) && Object.isFrozen(query.parts)).toBe(true);
  expect(JSON.parse(JSON.stringify(query))).toEqual(query);
});

test.each<[string, unknown, RegExp]>([
  ['undefined', undefined, /undefined \(is the definition above this line\?\)/],
  ['an object', { a: 1 }, /a stream, a model, a field of one, or a plain value; got object/],
  ['a function', () => 1, /got function/],
  ['not a number', Number.NaN, /got number/],
  ['infinity', Number.POSITIVE_INFINITY, /got number/],
])('a template refuses %s', (_, value, says) => {
  expectRefused('sql.test.ts', () => sql`select ${untyped<string>(value)}`, 'sql`…`', says);
});

import { describe, expect, test } from 'vitest';
import { field as f, lookup, model, sequence, sql, stream } from '../../src/index.ts';
import { expectRefused, untyped } from './refusal.ts';

const FILE = 'lookup.test.ts';
const sales = stream('sales', {
  fields: {
    invoice_no: f.string(),
    stock_code: f.string(),
    price: f.double(),
    gone: f.boolean().optional(),
    lines: f.list(f.int()),
  },
});
const make = (options: object) =>
  lookup('invoices', untyped({ from: sales, key: 'invoice_no', ...options }));

test('a lookup needs a stream and a key only', () => {
  expect(lookup('invoices', { from: sales, key: 'invoice_no' })).toMatchObject({
    kind: 'lookup',
    name: 'invoices',
    from: sales,
    settings: { key: 'invoice_no', sort: [] },
  });
});

test('sort parts are fields, or the place in the stream', () => {
  const { settings } = lookup('invoices', {
    from: sales,
    description: 'Lines',
    key: 'invoice_no',
    sort: ['stock_code', sequence],
    tombstone: 'gone',
  });
  expect(settings).toEqual({
    description: 'Lines',
    key: 'invoice_no',
    sort: ['stock_code', null],
    tombstone: 'gone',
  });
  expect(make({ sort: sequence }).settings.sort).toEqual([null]);
  expect(make({ sort: 'stock_code' }).settings.sort).toEqual(['stock_code']);
});

test('a lookup is frozen', () => {
  const invoices = make({});
  expect([invoices, invoices.settings, invoices.settings.sort].every(Object.isFrozen)).toBe(true);
});

describe('wrong use is refused, and says what is right:', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['no options', () => lookup('invoices', untyped(undefined)), /object of options/],
    [
      'an unknown option',
      () => make({ index: 'x' }),
      /no option `index`\. Options are: from, description, key, sort, tombstone/,
    ],
    ['no stream', () => make({ from: undefined }), /`from` must be a stream/],
    ['a stream by its name', () => make({ from: 'sales' }), /`from` must be a stream/],
    [
      'a model',
      () => make({ from: model('m', { sql: sql`select 1` }) }),
      /`from` must be a stream/,
    ],
    ['no key', () => make({ key: undefined }), /`key`.*not a field\. Fields are: invoice_no/],
    [
      'a key that is not a field',
      () => make({ key: 'invoice' }),
      /`key` names "invoice", which is not a field/,
    ],
    [
      'a double as key',
      () => make({ key: 'price' }),
      /`key`: `price` is double, which cannot be part of a key/,
    ],
    ['a list as sort part', () => make({ sort: ['lines'] }), /`sort`: `lines` is list/],
    ['a sort part that is not a field', () => make({ sort: ['stock'] }), /`sort` names "stock"/],
    [
      'a sort part that is there twice',
      () => make({ sort: ['stock_code', 'stock_code'] }),
      /`sort`: `stock_code` is a part of the key already/,
    ],
    [
      'the key as sort part',
      () => make({ sort: ['invoice_no'] }),
      /`invoice_no` is a part of the key/,
    ],
    [
      'the place twice',
      () => make({ sort: [sequence, sequence] }),
      /`sequence` is a part of the key already/,
    ],
    ['an empty sort part', () => make({ sort: [null] }), /`sort` names null/],
    [
      'a tombstone that is not a field',
      () => make({ tombstone: 'deleted' }),
      /`tombstone` names "deleted"/,
    ],
    [
      'a tombstone that is not a boolean',
      () => make({ tombstone: 'stock_code' }),
      /`stock_code` must be a boolean field/,
    ],
  ])('%s', (_, wrong, says) => expectRefused(FILE, wrong, "lookup('invoices')", says));
  test('a wrong name', () =>
    expectRefused(
      FILE,
      () => lookup(untyped<'x'>('By Key'), { from: sales, key: 'invoice_no' }),
      'lookup("By Key")',
      /starts with a letter/,
    ));
});

import { describe, expect, test } from 'vitest';
import { locationOf } from '../../src/definition/location.ts';
import {
  bucket,
  day,
  desc,
  field as f,
  hour,
  identity,
  month,
  sql,
  stream,
  truncate,
  year,
} from '../../src/index.ts';
import { expectRefused, refusal, untyped } from './refusal.ts';

const FILE = 'stream.test.ts';
const fields = { id: f.string(), at: f.timestamp(), size: f.double(), tags: f.list(f.string()) };
const make = (options: object, name: unknown = 'readings') =>
  stream(untyped<'readings'>(name), untyped({ fields, ...options }));

test('every option has the default that the documentation promises', () => {
  const { settings, ...rest } = stream('readings', { fields: { id: f.string() } });
  expect(rest).toEqual({
    kind: 'stream',
    name: 'readings',
    fields: { id: { kind: 'field-reference', of: 'readings', field: 'id' } },
  });
  expect(settings).toEqual({
    fields: [{ name: 'id', type: { kind: 'string' }, optional: false }],
    shards: 1,
    retention: { ageMs: 7 * 86_400_000 },
    unknown: 'refuse',
    invalid: 'refuse',
    measures: {},
    table: { partitionBy: [], everyMs: 60_000, bytesMax: 128 * 1024 * 1024 },
  });
});

test('every option is taken', () => {
  const total = sql`sum(size)`;
  const { settings } = stream('readings', {
    description: 'What sensors say',
    owner: 'ops@example.com',
    fields,
    key: 'id',
    shards: 256,
    retention: { age: '2w', maxBytes: '10GB' },
    raw: { to: 's3://bucket/readings', keep: '1y' },
    time: 'at',
    unknown: 'keep',
    invalid: 'deadletter',
    measures: { total },
    renamedFrom: 'measurements',
    table: { partitionBy: [day('at'), bucket('id', 8)], every: '5m', maxBytes: '64MB' },
  });
  expect(settings).toMatchObject({
    description: 'What sensors say',
    owner: 'ops@example.com',
    key: 'id',
    shards: 256,
    retention: { ageMs: 14 * 86_400_000, bytesMax: 10 * 1024 ** 3 },
    raw: { to: 's3://bucket/readings', keepMs: 365 * 86_400_000 },
    time: 'at',
    unknown: 'keep',
    invalid: 'deadletter',
    measures: { total },
    renamedFrom: 'measurements',
    table: {
      partitionBy: [
        { transform: 'day', field: 'at' },
        { transform: 'bucket', field: 'id', size: 8 },
      ],
      everyMs: 300_000,
      bytesMax: 64 * 1024 * 1024,
    },
  });
});

test('`table: false` makes a stream without a table', () => {
  expect(make({ table: false }).settings.table).toBe(false);
});

test('partition helpers name the transform of Iceberg and the field', () => {
  expect([
    identity('a'),
    year('a'),
    month('a'),
    day('a'),
    hour('a'),
    bucket('a', 4),
    truncate('a', 2),
  ]).toEqual([
    { transform: 'identity', field: 'a' },
    { transform: 'year', field: 'a' },
    { transform: 'month', field: 'a' },
    { transform: 'day', field: 'a' },
    { transform: 'hour', field: 'a' },
    { transform: 'bucket', field: 'a', size: 4 },
    { transform: 'truncate', field: 'a', size: 2 },
  ]);
});

test('a definition is frozen, and JSON shows its parts only', () => {
  const readings = make({});
  expect(
    [readings, readings.fields, readings.settings, readings.settings.fields].every(Object.isFrozen),
  ).toBe(true);
  expect(Object.keys(readings)).toEqual(['kind', 'name', 'fields', 'settings']);
  expect(Object.keys(JSON.parse(JSON.stringify(readings)))).toEqual([
    'kind',
    'name',
    'fields',
    'settings',
  ]);
});

test('a definition remembers the file and line it was made at', () => {
  const [, line] = /stream\.test\.ts:(\d+)/.exec(new Error().stack ?? '') ?? [];
  const readings = stream('readings', { fields });
  expect(locationOf(readings)).toEqual({
    file: expect.stringMatching(/stream\.test\.ts$/),
    line: Number(line) + 1,
  });
});

test('an error names the very line of the wrong call', () => {
  const [, line] = /stream\.test\.ts:(\d+)/.exec(new Error().stack ?? '') ?? [];
  const error = refusal(() => stream('Wrong', { fields }));
  expect(error.details['line']).toBe(Number(line) + 1);
  expect(error.message).toMatch(
    new RegExp(`stream\\.test\\.ts:${Number(line) + 1}: stream\\("Wrong"\\): `),
  );
});

test.each(['a', 'a1_', 'z'.repeat(63)])('%s is a name', (name) => {
  expect(make({}, name).name).toBe(name);
});

describe('wrong use is refused, and says what is right:', () => {
  test.each<[string, () => unknown, string, RegExp]>([
    [
      'a name with a capital',
      () => make({}, 'Sales'),
      'stream("Sales")',
      /a-z, 0-9 and _, up to 63/,
    ],
    [
      'a name that starts with a digit',
      () => make({}, '1a'),
      'stream("1a")',
      /starts with a letter/,
    ],
    ['a name with a hyphen', () => make({}, 'a-b'), 'stream("a-b")', /a-z, 0-9 and _/],
    ['a name of 64 characters', () => make({}, 'a'.repeat(64)), 'stream(', /up to 63/],
    [
      'no name',
      () => stream(untyped<'x'>(undefined), { fields }),
      'stream(nothing)',
      /starts with a letter/,
    ],
    ['an empty name', () => make({}, ''), 'stream("")', /starts with a letter/],
    ['a name with a newline behind it', () => make({}, 'sales\n'), 'stream(', /a-z, 0-9 and _/],
    [
      'no options',
      () => stream('readings', untyped(undefined)),
      "stream('readings')",
      /object of options/,
    ],
    [
      'an unknown option',
      () => make({ retain: '7d' }),
      "stream('readings')",
      /no option `retain`.*retention/,
    ],
    ['no fields', () => make({ fields: undefined }), "stream('readings')", /at least one field/],
    ['empty fields', () => make({ fields: {} }), "stream('readings')", /at least one field/],
    [
      'a field that is not one',
      () => make({ fields: { id: 'string' } }),
      "stream('readings')",
      /`id` must be made with field\.\*/,
    ],
    [
      'fields that differ by case only',
      () => make({ fields: { id: f.int(), Id: f.int() } }),
      "stream('readings')",
      /`id` and `Id` differ by case only/,
    ],
    [
      'a field name with a hyphen',
      () => make({ fields: { 'a-b': f.int() } }),
      "stream('readings')",
      /"a-b": letters, digits and _/,
    ],
    [
      'a field name of our own',
      () => make({ fields: { _sequence_number: f.int() } }),
      "stream('readings')",
      /millrace's own/,
    ],
    [
      'too many fields',
      () =>
        make({
          fields: Object.fromEntries(
            Array.from({ length: 1001 }, (_, index) => [`f${index}`, f.int()]),
          ),
        }),
      "stream('readings')",
      /at most 1000 fields/,
    ],
    [
      'a key that is not a field',
      () => make({ key: 'idd' }),
      "stream('readings')",
      /`key` names "idd", which is not a field\. Fields are: id, at, size, tags/,
    ],
    [
      'a double as key',
      () => make({ key: 'size' }),
      "stream('readings')",
      /type double cannot be a partition key/,
    ],
    [
      'a list as key',
      () => make({ key: 'tags' }),
      "stream('readings')",
      /use a string or integer field/,
    ],
    ['no shards', () => make({ shards: 0 }), "stream('readings')", /1 to 256/],
    ['too many shards', () => make({ shards: 257 }), "stream('readings')", /1 to 256/],
    ['half a shard', () => make({ shards: 1.5 }), "stream('readings')", /whole number/],
    ['shards as text', () => make({ shards: '4' }), "stream('readings')", /whole number/],
    [
      'a raw zone without a place',
      () => make({ raw: { keep: '1y' } }),
      "stream('readings')",
      /`raw\.to` must be a folder, or 's3:\/\/bucket\/prefix'/,
    ],
    [
      'a raw zone in a place that is neither',
      () => make({ raw: { to: 'https://bucket/x', keep: '1y' } }),
      "stream('readings')",
      /`raw\.to` must be a folder, or 's3:\/\/bucket\/prefix'/,
    ],
    [
      'a raw zone that keeps less than the log',
      () => make({ retention: '30d', raw: { to: 'raw', keep: '7d' } }),
      "stream('readings')",
      /`raw\.keep` is shorter than `retention`/,
    ],
    [
      'a raw zone without an end',
      () => make({ raw: { to: 'raw' } }),
      "stream('readings')",
      /`raw\.keep` must be a duration/,
    ],
    [
      'a misspelt option of a raw zone',
      () => make({ raw: { to: 'raw', keeps: '1y' } }),
      "stream('readings'), raw",
      /no option `keeps`/,
    ],
    [
      'a retention without unit',
      () => make({ retention: '7' }),
      "stream('readings')",
      /'60s', '1h' or '7d'/,
    ],
    [
      'a retention as number',
      () => make({ retention: 7 }),
      "stream('readings')",
      /`retention` must be a duration/,
    ],
    [
      'a time that is not a field',
      () => make({ time: 'when' }),
      "stream('readings')",
      /`time` names "when"/,
    ],
    [
      'a time that is no time',
      () => make({ time: 'id' }),
      "stream('readings')",
      /`id` is string, not date, timestamp or timestamptz/,
    ],
    [
      'a tombstone without a key',
      () => make({ table: { tombstone: 'id' } }),
      "stream('readings')",
      /`table.tombstone` says which records delete a row; that needs `table.upsert`/,
    ],
    [
      'a key that is no field',
      () => make({ table: { upsert: ['id', 'nothing'] } }),
      "stream('readings')",
      /`table.upsert` names "nothing", which is not a field/,
    ],
    [
      'a key field twice',
      () => make({ table: { upsert: ['id', 'id'] } }),
      "stream('readings')",
      /`table.upsert` names `id` twice/,
    ],
    [
      'a tombstone that is no boolean',
      () => make({ table: { upsert: 'id', tombstone: 'id' } }),
      "stream('readings')",
      /`table.tombstone`: `id` must be a boolean field/,
    ],
    [
      'an unknown choice for unknown fields',
      () => make({ unknown: 'accept' }),
      "stream('readings')",
      /`unknown` must be one of 'refuse', 'drop', 'keep'/,
    ],
    [
      'an unknown choice for invalid records',
      () => make({ invalid: 'drop' }),
      "stream('readings')",
      /`invalid` must be one of 'refuse', 'deadletter'/,
    ],
    [
      'a description that is not text',
      () => make({ description: 5 }),
      "stream('readings')",
      /`description` must be text/,
    ],
    [
      'an unknown option of the table',
      () => make({ table: { partition: [] } }),
      "stream('readings').table",
      /no option `partition`.*partitionBy/,
    ],
    [
      'a table that is true',
      () => make({ table: true }),
      "stream('readings').table",
      /object of options/,
    ],
    [
      'a partition that is not in a list',
      () => make({ table: { partitionBy: day('at') } }),
      "stream('readings')",
      /a list, for example \[day\('at'\)\]/,
    ],
    [
      'a partition as text',
      () => make({ table: { partitionBy: ['at'] } }),
      "stream('readings')",
      /day\('field'\)/,
    ],
    [
      'a partition of no field',
      () => make({ table: { partitionBy: [day('when')] } }),
      "stream('readings')",
      /names "when", which is not a field/,
    ],
    [
      'a day of a string',
      () => make({ table: { partitionBy: [day('id')] } }),
      "stream('readings')",
      /day\('id'\) cannot be used on string/,
    ],
    [
      'an identity of a double',
      () => make({ table: { partitionBy: [identity('size')] } }),
      "stream('readings')",
      /cannot be used on double/,
    ],
    [
      'a bucket of no size',
      () => make({ table: { partitionBy: [bucket('id', untyped(undefined))] } }),
      "stream('readings')",
      /whole number above 0/,
    ],
    [
      'a truncate of size 0',
      () => make({ table: { partitionBy: [truncate('id', 0)] } }),
      "stream('readings')",
      /whole number above 0/,
    ],
    [
      'a wrong interval',
      () => make({ table: { every: 'often' } }),
      "stream('readings')",
      /`table\.every` must be a duration/,
    ],
    [
      'a wrong size',
      () => make({ table: { maxBytes: '128' } }),
      "stream('readings')",
      /`table\.maxBytes` must be a size such as '64MB'/,
    ],
  ])('%s', (_, wrong, definition, says) => expectRefused(FILE, wrong, definition, says));
});

test('a table is sorted by fields, upwards or downwards', () => {
  const sorted = (sortBy: unknown) => () =>
    stream('s', { fields: { a: f.int(), l: f.list(f.int()) }, table: { sortBy: sortBy as ['a'] } });
  expect(sorted(['a'])().settings.table).toMatchObject({
    sortBy: [{ field: 'a', direction: 'asc' }],
  });
  expect(sorted([desc('a')])().settings.table).toMatchObject({
    sortBy: [{ field: 'a', direction: 'desc' }],
  });
  expect(sorted('a')).toThrow(/must be a list of at least one field/);
  expect(sorted([])).toThrow(/must be a list of at least one field/);
  expect(sorted(['b'])).toThrow(/"b", which is not a field/);
  expect(sorted(['l'])).toThrow(/'l' is a list, which has no order/);
  expect(sorted(['a', desc('a')])).toThrow(/names 'a' twice/);
  expect(sorted([day('a')])).toThrow(/takes a field's name or desc/);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FieldType, NamedField } from '../../src/core/field-types.ts';
import { keyFilter } from '../../src/ingest/key-filter.ts';
import type { SchemaVersion } from '../../src/stream/stream-store.ts';

const fieldOf = (kind: string, more: Partial<NamedField> = {}): NamedField => ({
  name: 'k',
  type: { kind } as FieldType,
  optional: true,
  ...more,
});
const schemaOf = (version: number, ...fields: NamedField[]): SchemaVersion => ({
  version,
  fields,
  unknown: 'keep',
});

/** What the filter says, having looked at bytes first. */
function found(
  key: string,
  line: string,
  field: NamedField,
  schemas: readonly SchemaVersion[] = [schemaOf(1, field)],
  version = 1,
): boolean {
  const filter = keyFilter(key, field, schemas);
  const bytes = Buffer.from(line);
  const isFound = filter.matches(bytes, version);
  if (isFound) expect(filter.mayMatch(bytes), `${line} is not passed over`).toBe(true);
  return isFound;
}

test.each([
  ['string', 'a', '{"k":"a"}', true],
  ['string', 'a', '{"k":"\\u0061"}', true],
  ['string', 'a', '{ "k" : "ab", "x":"a" }', false],
  ['string', 'a', '{"x":"a"}', false],
  ['string', '', '{"k":""}', true],
  ['string', '', '{"k":null}', false],
  ['string', 'ü"\\\n', '{"k":"ü\\"\\\\\\n"}', true],
  ['string', 'a/b', '{"k":"a\\/b"}', true],
  ['int', '12', '{"k":12}', true],
  ['int', '12', '{"k":120}', false],
  ['int', '0', '{"k":-0}', true],
  ['long', '9007199254740993', '{"k":9007199254740993}', true],
  ['long', '9007199254740993', '{"k":"9007199254740993"}', true],
  ['long', '9007199254740993', '{"k":9007199254740992}', false],
  ['boolean', 'true', '{"k":true}', true],
  ['boolean', 'true', '{"k":false}', false],
  ['date', '2026-01-31', '{"k":"2026-01-31"}', true],
  ['timestamp', '2026-01-31T08:00:00', '{"k":"2026-01-31 08:00"}', true],
  ['timestamp', '2026-01-31 08:00', '{"k":"2026-01-31T08:00:00.000"}', true],
  [
    'uuid',
    '00000000-0000-4000-8000-00000000000A',
    '{"k":"00000000-0000-4000-8000-00000000000a"}',
    true,
  ],
  [
    'uuid',
    '00000000-0000-4000-8000-00000000000a',
    '{"k":"00000000-0000-4000-8000-00000000000A"}',
    true,
  ],
])('a %s key %j and the record %s: %s', (kind, key, line, expected) => {
  expect(found(key, line, fieldOf(kind))).toBe(expected);
});

test('a default stands for what a record leaves out', () => {
  const field = fieldOf('string', { default: 'none' });
  expect(found('none', '{"x":1}', field)).toBe(true);
  expect(found('none', '{"k":null}', field)).toBe(true);
  expect(found('none', '{"k":"a"}', field)).toBe(false);
  expect(found('a', '{"k":"a"}', field)).toBe(true);
});

test('a record keeps the default of its time', () => {
  const field = fieldOf('string', { default: 'new' });
  const schemas = [
    schemaOf(1),
    schemaOf(2, fieldOf('string', { default: 'old' })),
    schemaOf(3, field),
  ];
  const at = (version: number, key: string) => found(key, '{"x":1}', field, schemas, version);
  expect([at(1, 'new'), at(1, 'old')], 'it was no field then').toEqual([false, false]);
  expect([at(2, 'new'), at(2, 'old')]).toEqual([false, true]);
  expect([at(3, 'new'), at(3, 'old')]).toEqual([true, false]);
});

test('records of older schemas match as SQL shows them', () => {
  const field = fieldOf('long');
  const schemas = [
    schemaOf(1, fieldOf('string')),
    schemaOf(2),
    schemaOf(3, fieldOf('int')),
    schemaOf(4, field),
  ];
  const at = (version: number, line: string) => found('5', line, field, schemas, version);
  expect(at(1, '{"k":"5"}'), 'a text that became long shows null').toBe(false);
  expect(at(2, '{"k":5}'), 'it was no field then').toBe(false);
  expect(at(3, '{"k":5}'), 'int became long').toBe(true);
  expect(at(4, '{"k":"5"}')).toBe(true);
  const cameBack = [schemaOf(1, field), schemaOf(2), schemaOf(3, field)];
  expect(found('5', '{"k":5}', field, cameBack), 'it left, and came back as another').toBe(false);
  const renamed = { ...field, name: 'n', renamedFrom: 'k' };
  expect(found('5', '{"k":5}', renamed, [schemaOf(1, field), schemaOf(2, renamed)])).toBe(true);
  const text = fieldOf('string');
  const from = [schemaOf(1, fieldOf('string', { from: 'integer-text' })), schemaOf(2, text)];
  expect(found('17850', '{"k":17850.0}', text, from)).toBe(true);
  expect(found('17850', '{"k":"17850.0"}', text, from, 2)).toBe(false);
});

test('a key that is no value of the field is refused by name', () => {
  for (const [kind, key] of [
    ['int', 'x'],
    ['int', '3000000000'],
    ['long', '1.5'],
    ['boolean', 'yes'],
    ['date', '31.1.2026'],
    ['uuid', 'x'],
  ] as const)
    expect(() => keyFilter(key, fieldOf(kind), []), `${kind} ${key}`).toThrow(
      /Parameter 'key' is no value of the key field. Field 'k' is/,
    );
  expect(
    () => keyFilter('5', fieldOf('int', { min: 10 }), []),
    'rules may be younger',
  ).not.toThrow();
});

test('bytes never hide a record that matches, however its JSON is written', () => {
  const escaped = (text: string, mask: number) =>
    [...text]
      .map((character, index) =>
        (mask >> (index % 16)) & 1 && character.length === 1
          ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
          : JSON.stringify(character).slice(1, -1),
      )
      .join('');
  const field = fieldOf('string');
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      fc.nat(65_535),
      (key, mask) => found(key, `{"a":1,"k":"${escaped(key, mask)}"}`, field),
    ),
    { seed: 20261121, numRuns: 500 },
  );
});

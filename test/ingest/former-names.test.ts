import { expect, test } from 'vitest';
import { type Fields, field as f, stream } from '../../src/index.ts';
import { withNamesOfToday } from '../../src/ingest/former-names.ts';

const versions: Fields[] = [
  { id: f.int(), a: f.long(), shop: f.list(f.struct({ town: f.string() })) },
  { id: f.int(), b: f.long().renamedFrom('a'), shop: f.list(f.struct({ town: f.string() })) },
  {
    id: f.int(),
    c: f.long().renamedFrom('b'),
    shop: f.list(f.struct({ city: f.string().renamedFrom('town') })),
  },
];
const schemas = versions.map((fields, index) => ({
  version: index + 1,
  fields: stream('s', { fields }).settings.fields,
  unknown: 'refuse' as const,
}));
const today = schemas[2]?.fields ?? [];
const renamed = (text: string) => withNamesOfToday(text, today, schemas);

test.each([
  ['{"id":1,"a":9007199254740993}', '{"id":1,"c":9007199254740993}'],
  ['{"id":1,"b":"2"}', '{"id":1,"c":"2"}'],
  ['{"shop":[{"town":"é\\n"},{"city":"x"}]}', '{"shop":[{"city":"é\\n"},{"city":"x"}]}'],
])('a record under former names, %s, is one under those of today', (text, expected) => {
  expect(renamed(text)).toBe(expected);
});

test.each([
  '{ "id": 1.0, "c" : 5 }',
  '{"a":1,"c":2}',
  '{"other":{"a":1}}',
  '["a"]',
  'no json',
  '{"a":1,"a":2}',
])('%s stays as it was sent', (text) => {
  expect(renamed(text)).toBe(text);
});

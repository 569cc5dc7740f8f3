import { expect, test } from 'vitest';
import { parameterValue } from '../../src/query/parameter-text.ts';

test.each([
  ['5', 5],
  ['-12.50', -12.5],
  ['0', 0],
  ['0.5', 0.5],
  [' 7 ', 7],
  ['true', true],
  ['FALSE', false],
  ['null', null],
  ['France', 'France'],
  ['', ''],
  ["'5'", '5'],
  ["'it''s'", "it's"],
  ["O'Hara", "O'Hara"],
  ['01067', '01067'],
  ['1e5', '1e5'],
  ['2026-01-01', '2026-01-01'],
  ['900719925474099', 900719925474099],
  ['9007199254740993', '9007199254740993'],
])('%s as a parameter is %o', (text, value) => {
  expect(parameterValue(text)).toBe(value);
});

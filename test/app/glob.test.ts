import { expect, test } from 'vitest';
import { globPattern } from '../../src/app/glob.ts';

const PATHS = [
  'a.csv',
  'b.tsv',
  'data/a.csv',
  'data/x/y/a.csv',
  'data/.a.csv',
  'data/.x/a.csv',
  'a+b.csv',
];

test.each<[string, string[]]>([
  ['*.csv', ['a.csv', 'a+b.csv']],
  ['data/*.csv', ['data/a.csv']],
  ['data/**/*.csv', ['data/a.csv', 'data/x/y/a.csv']],
  ['**/a.csv', ['a.csv', 'data/a.csv', 'data/x/y/a.csv']],
  ['data/**', ['data/a.csv', 'data/x/y/a.csv']],
  ['?.{csv,tsv}', ['a.csv', 'b.tsv']],
  ['[!a].*', ['b.tsv']],
  ['[a-b].?sv', ['a.csv', 'b.tsv']],
  ['a+b.csv', ['a+b.csv']],
  ['data/.*.csv', ['data/.a.csv']],
])('%s', (pattern, found) => {
  expect(PATHS.filter((path) => globPattern(pattern).test(path))).toEqual(found);
});

import { expect, test } from 'vitest';
import { type KeptResult, ResultCache } from '../../src/query/result-cache.ts';

const result = (bytes: number): KeptResult => ({
  bytes: new Uint8Array(bytes),
  rows: 1,
  madeMs: 0,
});
const always = () => true;

test('a result is given again until it is said to be no good, and is then gone', () => {
  const cache = new ResultCache({ bytesMax: 100_000, resultsMax: 10 });
  const kept = result(10);
  cache.keep('a', kept);
  expect(cache.find('a', always)).toBe(kept);
  expect(cache.find('b', always)).toBeUndefined();
  expect(cache.find('a', () => false)).toBeUndefined();
  expect(cache.find('a', always)).toBeUndefined();
});

test('what was used least lately makes room: for a count, and for bytes', () => {
  const cache = new ResultCache({ bytesMax: 100_000, resultsMax: 3 });
  for (const name of ['a', 'b', 'c']) cache.keep(name, result(1));
  cache.find('a', always);
  cache.keep('d', result(1));
  const left = ['a', 'b', 'c', 'd'].filter((name) => cache.find(name, always));
  expect(left).toEqual(['a', 'c', 'd']);
  cache.keep('large', result(94_000));
  expect(['a', 'c', 'd', 'large'].filter((name) => cache.find(name, always))).toEqual([
    'd',
    'large',
  ]);
  cache.keep('larger than all', result(200_000));
  expect(cache.find('larger than all', always)).toBeUndefined();
});

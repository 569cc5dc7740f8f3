import { expect, test } from 'vitest';
import { evenColumns } from '../../web/src/dashboard/even-columns.ts';
import { futureSource } from '../../web/src/dashboard/future.ts';

test('lines of a row are as even as can be', () => {
  const columns = (count: number) =>
    [1, 2, 3, 4, 5, 9].map((fitting) => evenColumns(count, fitting));
  expect(columns(4)).toEqual([1, 2, 2, 4, 4, 4]);
  expect(columns(8)).toEqual([1, 2, 3, 4, 4, 8]);
  expect(columns(5)).toEqual([1, 2, 3, 3, 5, 5]);
  expect(evenColumns(3, 0)).toBe(1);
});

test('only what is ahead of every zone is in the future', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  expect(futureSource({ sales: '2026-11-22T02:00:00', none: null }, now)).toBeUndefined();
  expect(futureSource({ sales: '2026-11-24', clicks: '2099-01-01' }, now)).toEqual({
    source: 'clicks',
    newestMs: Date.parse('2099-01-01T00:00Z'),
  });
});

import { expect, test } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatRate,
  plural,
} from '../../web/src/format.ts';

test('durations have their two largest parts', () => {
  const said = [0, 46, 1234, 59_949, 60_000, 200_000, 3_600_000, 7_500_000, 90_000_000].map(
    formatDuration,
  );
  expect(said).toEqual([
    '0 ms',
    '46 ms',
    '1.2 s',
    '59.9 s',
    '1 min',
    '3 min',
    '1 h',
    '2 h 5 min',
    '1 d 1 h',
  ]);
});

test('how long ago is said in whole units', () => {
  expect([0, 999, 1000, 12_700, 60_000, 119_000, 3_700_000].map(formatAgo)).toEqual([
    'now',
    'now',
    '1 s ago',
    '12 s ago',
    '1 min ago',
    '1 min ago',
    '1 h 1 min ago',
  ]);
});

test('bytes are in thousands, as disks are sold', () => {
  expect([0, 999, 1000, 39_423_488, 1.5e12].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '39.4 MB',
    '1.5 TB',
  ]);
});

test('rates keep three digits, large ones all', () => {
  expect([0, 0.333333, 9.846, 20_123.4].map(formatRate)).toEqual(['0', '0.333', '9.85', '20,123']);
});

test('one is one, more are more', () => {
  expect([plural(1, 'row'), plural(0, 'row'), plural(2000, 'row breaks', 'rows break')]).toEqual([
    '1 row',
    '0 rows',
    '2,000 rows break',
  ]);
});

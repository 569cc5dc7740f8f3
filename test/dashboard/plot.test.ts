import { describe, expect, test } from 'vitest';
import { binStart, type Grain, nextBin } from '../../src/core/time-grain.ts';
import { timePlot, timeTicks } from '../../src/dashboard/plot.ts';

const WORDING = { language: 'en', timeZone: 'UTC' };
const HOUR_MS = 3_600_000;

function labels(grain: Grain, from: string, count: number, width = 800): string[] {
  const xs = [binStart(Date.parse(from), grain)];
  while (xs.length < count) xs.push(nextBin(xs.at(-1) as number, grain));
  return [...timeTicks(xs, { grain, isInstant: false }, width, WORDING).values()];
}

describe('labels of a time axis', () => {
  test('say no finer time than the bins can tell', () => {
    expect(labels('day', '2011-03-07T00:00Z', 4)).toEqual(['Mar 7', 'Mar 8', 'Mar 9', 'Mar 10']);
    expect(labels('month', '2010-12-01T00:00Z', 4)).toEqual(['Dec', '2011', 'Feb', 'Mar']);
    expect(labels('quarter', '2010-10-01T00:00Z', 3)).toEqual(['Oct', '2011', 'Apr']);
    expect(labels('year', '2009-01-01T00:00Z', 3)).toEqual(['2009', '2010', '2011']);
    expect(labels('week', '2011-03-07T00:00Z', 3)).toEqual(['Mar 7', 'Mar 14', 'Mar 21']);
  });

  test('name the day at midnight', () => {
    expect(labels('hour', '2011-03-07T00:00Z', 40)).toEqual([
      'Mar 7',
      '06:00',
      '12:00',
      '18:00',
      'Mar 8',
      '06:00',
      '12:00',
    ]);
  });

  test('keep a distance at the end of a month', () => {
    const found = labels('day', '2011-01-01T00:00Z', 120, 900);
    expect(found).toEqual([
      ...['Jan 1', 'Jan 15', 'Feb 1', 'Feb 15', 'Mar 1', 'Mar 15', 'Apr 1', 'Apr 15'],
    ]);
    expect(labels('day', '2011-01-28T00:00Z', 6)).toEqual([
      ...['Jan 28', 'Jan 29', 'Jan 30', 'Jan 31', 'Feb 1', 'Feb 2'],
    ]);
  });

  test('are never more than there is room for', () => {
    for (const grain of ['minute', 'hour', 'day', 'week', 'month', 'year'] as const)
      for (const count of [1, 2, 9, 50, 400, 2000])
        expect(labels(grain, '1999-12-30T05:07Z', count, 420).length).toBeLessThanOrEqual(5);
    expect(labels('minute', new Date(7 * HOUR_MS).toISOString(), 3)).toHaveLength(3);
  });
});

test('the margin of a value axis fits the round number above the greatest value, and a sign', () => {
  const left = (values: number[]) =>
    timePlot(
      { kind: 'series', axis: { kind: 'time', type: 'date' }, x: [0, 1], series: [{ values }] },
      undefined,
      WORDING,
    ).left;
  expect(left([858, 1])).toBe(left([1000, 1]));
  expect(left([858, -1])).toBeGreaterThan(left([858, 1]));
});

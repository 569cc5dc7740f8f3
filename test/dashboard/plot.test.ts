import { describe, expect, test } from 'vitest';
import { binStart, type Grain, nextBin } from '../../src/core/time-grain.ts';
import type { SeriesAnswer } from '../../src/dashboard/answer.ts';
import { axisScale } from '../../src/dashboard/number-scale.ts';
import { axisZone, fillBins, timePlot, timeTicks } from '../../src/dashboard/plot.ts';
import { sparkPath } from '../../src/dashboard/spark.ts';
import { valueTicks } from '../../src/dashboard/value-axis.ts';
import type { Chart } from '../../src/definition/chart.ts';

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
    expect(labels('month', '2010-12-01T00:00Z', 4)).toEqual(['Dec', 'Jan 2011', 'Feb', 'Mar']);
    expect(labels('quarter', '2010-10-01T00:00Z', 3)).toEqual(['Oct', 'Jan 2011', 'Apr']);
    expect(labels('year', '2009-01-01T00:00Z', 3)).toEqual(['2009', '2010', '2011']);
    expect(labels('week', '2011-03-07T00:00Z', 3)).toEqual(['Mar 7', 'Mar 14', 'Mar 21']);
  });

  test('name a year and a day where none would be told', () => {
    expect(labels('month', '2019-01-01T00:00Z', 2)).toEqual(['Jan 2019', 'Feb']);
    expect(labels('month', '2019-03-01T00:00Z', 3)).toEqual(['Mar 2019', 'Apr', 'May']);
    expect(labels('hour', '2019-03-07T10:00Z', 1)).toEqual(['Mar 7, 10:00']);
    expect(labels('minute', '2019-03-07T10:59Z', 2)).toEqual(['Mar 7, 10:59', '11:00']);
  });

  test('are of the zone of the viewer where bins are the same in every zone', () => {
    const first = Date.parse('2019-02-28T21:00Z');
    const hours = Array.from({ length: 12 }, (_, hour) => first + hour * HOUR_MS);
    const labelled = (timeZone: string, isInstant = true) => [
      ...timeTicks(hours, { grain: 'hour', isInstant }, 300, { language: 'en', timeZone }).values(),
    ];
    expect(labelled('America/New_York')).toEqual(['18:00', 'Mar 1']);
    expect(labelled('UTC')).toEqual(['Mar 1', '06:00']);
    expect(labelled('America/New_York', false), 'no instants').toEqual(['Mar 1', '06:00']);
    expect(labelled('Asia/Kolkata').at(0), 'bins of whole hours of UTC').toBe('Mar 1, 02:30');
  });

  test('follow the clocks of the zone over the night they are changed', () => {
    const first = Date.parse('2026-03-08T04:00Z');
    const hours = Array.from({ length: 12 }, (_, hour) => first + hour * HOUR_MS);
    const wording = { language: 'en', timeZone: 'America/New_York' };
    const labels = timeTicks(hours, { grain: 'hour', isInstant: true }, 1200, wording);
    expect([...labels.values()].slice(0, 5)).toEqual(['23:00', 'Mar 8', '01:00', '03:00', '04:00']);
  });

  test('of days of instants are said to be of UTC', () => {
    const wording = { language: 'en', timeZone: 'America/New_York' };
    const answer = (type: 'timestamptz' | 'timestamp', grain: Grain) =>
      ({ kind: 'series', axis: { kind: 'time', grain, type }, x: [0], series: [] }) as const;
    expect(axisZone(answer('timestamptz', 'day'), wording)).toBe('UTC');
    expect(axisZone(answer('timestamptz', 'hour'), wording)).toBeUndefined();
    expect(axisZone(answer('timestamp', 'day'), wording)).toBeUndefined();
    expect(axisZone(answer('timestamptz', 'day'), WORDING)).toBeUndefined();
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

describe('the value axis', () => {
  const chart = (kind: Chart['kind']): Chart => ({
    kind,
    id: 'c',
    title: 'C',
    from: 's',
    format: 'GBP',
  });
  const of = (...series: (number | null)[][]): SeriesAnswer => ({
    kind: 'series',
    axis: { kind: 'time', grain: 'day', type: 'date' },
    x: (series[0] ?? []).map((_, at) => at),
    series: series.map((values) => ({ values })),
  });

  test('reaches from below the least to above the greatest that is drawn', () => {
    expect(valueTicks(chart('line'), of([1, 79.5]))).toEqual([0, 20, 40, 60, 80]);
    expect(valueTicks(chart('line'), of([-700, 500]))).toEqual([-1000, -500, 0, 500]);
    expect(valueTicks(chart('line'), of([0.1, 0.3]))).toEqual([0, 0.1, 0.2, 0.3]);
    expect(valueTicks(chart('line'), of([0, null]))).toEqual([0, 1]);
    expect(valueTicks(chart('bar'), of([1, 2])), 'no half of a record').toEqual([0, 1, 2]);
  });

  test('of what is stacked reaches over the stack', () => {
    const [up, down] = [
      [60, 60],
      [40, -40],
    ];
    expect(valueTicks(chart('area'), of(up, down)).at(-1)).toBe(100);
    expect(valueTicks(chart('area'), of(up, down))[0], 'the sum is not negative').toBe(0);
    expect(valueTicks(chart('stacked'), of(up, down))[0], 'columns are on both sides').toBe(-50);
    expect(valueTicks(chart('line'), of(up, down)).at(-1)).toBe(60);
  });

  test('has room for its longest label, whatever the greatest value', () => {
    for (const most of [9, 998, 1_000_000, 1_250_000, 99_999, 123_456_789]) {
      const { left } = timePlot(chart('line'), of([0, most]), WORDING);
      const ticks = valueTicks(chart('line'), of([0, most]));
      const longest = Math.max(
        ...ticks.map((tick) => axisScale(ticks, 'GBP', WORDING)(tick).length),
      );
      expect(left, `${most}`).toBeGreaterThan(longest * 6.5 + 8);
    }
  });
});

describe('bins without records', () => {
  const DAY_MS = 24 * HOUR_MS;
  const answer: SeriesAnswer = {
    kind: 'series',
    axis: { kind: 'time', grain: 'day', type: 'date' },
    x: [0, DAY_MS, 4 * DAY_MS],
    series: [
      { name: 'a', values: [5, null, 7] },
      { name: 'b', values: [null, 2, null] },
    ],
  };
  const values = (given: SeriesAnswer) => fillBins(given).series.map((one) => one.values);

  test('are 0 of what is added up, before a series begins and after it ends, too', () => {
    expect(values({ ...answer, ofNothing: 0 })).toEqual([
      [5, 0, 0, 0, 7],
      [0, 2, 0, 0, 0],
    ]);
  });

  test('are a gap of what has no value then', () => {
    expect(values(answer)).toEqual([
      [5, null, null, null, 7],
      [null, 2, null, null, null],
    ]);
  });

  test('are the same in the line beside a figure', () => {
    const bins = { x: [0, DAY_MS, 4 * DAY_MS], y: [5, 3, 7], grain: 'day' as const };
    const size = { width: 40, height: 44 };
    expect(sparkPath({ ...bins, ofNothing: 0 }, size)).toBe(
      'M0.0,13.4L10.0,24.9L20.0,42.0L30.0,42.0L40.0,2.0',
    );
    expect(sparkPath(bins, size), 'a point alone is a dash').toBe(
      'M0.0,22.0L10.0,42.0M40.0,2.0m-1.5,0h3',
    );
  });
});

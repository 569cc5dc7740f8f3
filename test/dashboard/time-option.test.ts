import type { LineSeriesOption } from 'echarts';
import { describe, expect, test } from 'vitest';
import type { SeriesAnswer } from '../../src/dashboard/answer.ts';
import type { Look } from '../../src/dashboard/chart-option.ts';
import { THEMES } from '../../src/dashboard/theme.ts';
import { timeOption } from '../../src/dashboard/time-option.ts';
import type { Chart } from '../../src/definition/chart.ts';

const DAYS = ['2011-01-01', '2011-01-02', '2011-01-03', '2011-01-04', '2011-01-05'];
const LOOK: Look = {
  theme: THEMES.light,
  size: { width: 400, height: 200 },
  wording: { language: 'en', timeZone: 'UTC' },
  chosen: {},
};

function drawn(
  kind: Chart['kind'],
  values: (number | null)[],
  look: Partial<Look> = {},
): LineSeriesOption[] {
  const chart: Chart = { kind, id: 'c', title: 'C', from: 's', x: 'day' };
  const answer: SeriesAnswer = {
    kind: 'series',
    axis: { kind: 'time', grain: 'day', type: 'date' },
    x: DAYS.map((day) => Date.parse(day)),
    series: [{ values }],
  };
  return timeOption(chart, answer, { ...LOOK, ...look }).series as LineSeriesOption[];
}

const numbers = (series: LineSeriesOption | undefined) =>
  (series?.data ?? []).map((one) =>
    one !== null && typeof one === 'object' ? (one as { value: number }).value : one,
  );

describe('a chart over time', () => {
  test('only a point that no line leads to has a dot', () => {
    const [series] = drawn('line', [1, null, 3, null, 5]);
    expect(series?.data?.map((one) => (one as { symbol?: string } | null)?.symbol)).toEqual([
      'circle',
      undefined,
      'circle',
      undefined,
      'circle',
    ]);
    const [whole] = drawn('line', [1, 2, 3, 4, 5]);
    expect(whole).toMatchObject({ data: [1, 2, 3, 4, 5], showSymbol: false, symbol: 'none' });
  });

  test('a chosen range stands out, and the line goes on without a gap', () => {
    const range = { from: '2011-01-03', until: '2011-01-05' };
    const [outside, inside] = drawn('line', [1, 2, 3, 4, 5], { chosen: { x: { range } } });
    expect(numbers(inside)).toEqual([null, null, 3, 4, null]);
    expect(numbers(outside)).toEqual([1, 2, 3, 4, 5]);
    expect(outside?.lineStyle?.opacity).toBeLessThan(inside?.lineStyle?.opacity as number);
  });

  test('areas add up whatever their sign, columns stand on both sides of zero', () => {
    expect(drawn('area', [1, -2, 3, 4, 5])[0]).toMatchObject({
      stack: 'all',
      stackStrategy: 'all',
    });
    expect(drawn('stacked', [1, -2, 3, 4, 5])[0]).not.toHaveProperty('stackStrategy');
  });

  test('a bar is either chosen or not', () => {
    const range = { from: '2011-01-03', until: '2011-01-05' };
    const [outside, inside] = drawn('bar', [1, 2, 3, 4, 5], { chosen: { x: { range } } });
    expect(numbers(inside)).toEqual([null, null, 3, 4, null]);
    expect(numbers(outside)).toEqual([1, 2, null, null, 5]);
  });
});

import { expect, test } from 'vitest';
import type { SeriesAnswer } from '../../src/dashboard/answer.ts';
import { barOption, totalsOf } from '../../src/dashboard/bar-option.ts';
import { THEMES } from '../../src/dashboard/theme.ts';
import type { Chart } from '../../src/definition/chart.ts';

const CHART: Chart = { kind: 'stacked', id: 'c', title: 'C', from: 's', x: 'x', color: 'y' };
const stack = (...parts: (number | null)[]): SeriesAnswer => ({
  kind: 'series',
  axis: { kind: 'category', type: 'string' },
  x: ['a'],
  series: parts.map((value, at) => ({ name: String(at), values: [value] })),
});
const axisOf = (answer: SeriesAnswer) =>
  barOption(CHART, answer, {
    theme: THEMES.light,
    size: { width: 400, height: 100 },
    wording: { language: 'en', timeZone: 'UTC' },
    chosen: {},
  }).xAxis as { min: number; max: number };

test('the whole of a bar has the digits of its parts, and is nothing where no part has a number', () => {
  expect(totalsOf(stack(0.1, 0.2))).toEqual([0.3]);
  expect(totalsOf(stack(0.3, -0.1, -0.2))).toEqual([0]);
  expect(totalsOf(stack(1e-9, 2))).toEqual([2.000000001]);
  expect(totalsOf(stack(null, 2))).toEqual([2]);
  expect(totalsOf(stack(null, null))).toEqual([null]);
});

test('the axis has room for all parts of a bar, also where some are below zero', () => {
  expect(axisOf(stack(0.1, 0.2)).max).toBe(0.3);
  expect(axisOf(stack(10, -3)).max).toBe(10);
  expect(axisOf(stack(10, -3)).min).toBeLessThan(-3);
});

import { useMemo } from 'react';
import type { Look } from '../../../src/dashboard/chart-option.ts';
import type { DashboardState } from '../../../src/dashboard/state.ts';
import type { Chart } from '../../../src/definition/chart.ts';

/** The filters of a chart's own fields: the same object as long as they are equal. */
export function useChosen(chart: Chart, { filters }: DashboardState): Look['chosen'] {
  const of = (field: string | undefined) => (field === undefined ? undefined : filters[field]);
  const [x, color] = [of(chart.x), of(chart.color)];
  const text = JSON.stringify({ ...(x ? { x } : {}), ...(color ? { color } : {}) });
  return useMemo(() => JSON.parse(text) as Look['chosen'], [text]);
}

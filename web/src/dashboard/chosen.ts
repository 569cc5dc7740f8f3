import type { Look } from '../../../src/dashboard/chart-option.ts';
import type { DashboardState } from '../../../src/dashboard/state.ts';
import type { Chart } from '../../../src/definition/chart.ts';

/** The filters of a chart's own fields. */
export function chosenOf(chart: Chart, { filters }: DashboardState): Look['chosen'] {
  const of = (field: string | undefined) => (field === undefined ? undefined : filters[field]);
  const [x, color] = [of(chart.x), of(chart.color)];
  return { ...(x ? { x } : {}), ...(color ? { color } : {}) };
}

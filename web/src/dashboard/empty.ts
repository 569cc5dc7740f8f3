import type { DashboardAnswer } from '../../../src/dashboard/answer.ts';
import type { DashboardState } from '../../../src/dashboard/state.ts';
import type { Chart } from '../../../src/definition/chart.ts';
import type { Plan } from '../../../src/plan/plan.ts';

interface Asked {
  readonly plan: Plan | undefined;
  readonly answer: DashboardAnswer | undefined;
  readonly state: DashboardState;
}

/** Why a chart has nothing to show, and what to do about it. */
export function emptyWords({ id, from }: Chart, { plan, answer, state }: Asked): string {
  const model = plan?.models.find(({ name }) => name === from);
  // A count of this process: after a restart it does not tell an empty result from none.
  if (model?.materialize === 'table' && answer?.version[from] === 0)
    return `Model ${from} has no result yet, or one without rows: its runs are on the Models page.`;
  if (model === undefined && answer?.version[from] === 0)
    return `No record has come to ${from} yet.`;
  const { notFiltered = [] } = answer?.charts[id] ?? {};
  const isFiltered = Object.keys(state.filters).some((field) => !notFiltered.includes(field));
  const isBounded = answer?.period != null && !notFiltered.includes('period');
  if (isFiltered && isBounded) return 'Nothing in the period passes the filters.';
  if (isFiltered) return 'Nothing passes the filters.';
  if (isBounded) return 'There is nothing in the period.';
  return `There is no row in ${from} that has a value here.`;
}

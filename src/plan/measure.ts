import type { Chart } from '../definition/chart.ts';
import type { Sql } from '../definition/sql.ts';
import type { Plan } from './plan.ts';
import { quoteIdentifier, renderSql } from './render-sql.ts';

/** The named measures of a stream or model. */
export function measuresOf(plan: Plan, source: string): { readonly [name: string]: Sql } {
  const owner = [...plan.streams, ...plan.models].find((candidate) => candidate.name === source);
  return owner?.measures ?? {};
}

/** The aggregate a chart shows: its own, a named measure, or the sum of a model's column. */
export function valueSql(plan: Plan, chart: Chart): string {
  const { value } = chart;
  if (typeof value === 'object') return renderSql(value);
  const measure = value === undefined ? undefined : measuresOf(plan, chart.from)[value];
  return measure ? renderSql(measure) : `sum(${quoteIdentifier(value ?? '')})`;
}

import { chartsOf, itemsOf } from '../definition/dashboard-items.ts';
import { columnsOf, itemName } from '../plan/compile-dashboard.ts';
import { measuresOf, valueSql } from '../plan/measure.ts';
import type { DashboardPlan, Plan } from '../plan/plan.ts';
import { quoteIdentifier, renderSql } from '../plan/render-sql.ts';

/** A query that the engine must understand before a page shows its numbers. */
export interface ChartQuery {
  readonly name: string;
  readonly sql: string;
  /** Its one column is drawn, and so must be a number. */
  readonly isDrawn?: boolean;
}

/** Measures, and the columns and values of charts, as queries. */
export function chartQueries(plan: Plan): ChartQuery[] {
  const measures = [...plan.streams, ...plan.models].flatMap((owner) =>
    Object.entries(owner.measures).map(([name, measure]) => ({
      name: `${owner.name}, measure ${name}`,
      sql: aggregateSql(renderSql(measure), sourceSql(plan, owner.name)),
    })),
  );
  return [...measures, ...plan.dashboards.flatMap((dashboard) => ofDashboard(plan, dashboard))];
}

/**
 * Partition keys of files, where an aggregate, a window or a function that is another at every call has no meaning:
 * they are refused in a condition, and under TRY.
 */
export function partitionQueries(plan: Plan): ChartQuery[] {
  return plan.streams.flatMap((stream) =>
    (stream.files?.partitionKeys ?? []).map(({ name, value }) => ({
      name: `${stream.name}, files.partitionKeys.${name}`,
      sql: `SELECT 1 FROM lake.${quoteIdentifier(stream.name)} WHERE TRY(CAST((${renderSql(value)}) AS VARCHAR)) = ''`,
    })),
  );
}

function ofDashboard(plan: Plan, { name: dashboard, items }: DashboardPlan): ChartQuery[] {
  const charts = chartsOf(items).flatMap((chart): ChartQuery[] => {
    const name = itemName(dashboard, chart);
    const source = sourceSql(plan, chart.from);
    const columns = columnQuery(name, source, columnsOf(chart));
    if (chart.value === undefined) return columns;
    const isNamed = typeof chart.value === 'string' && chart.value in measuresOf(plan, chart.from);
    const isDrawn = chart.kind !== 'kpi';
    // A measure that a KPI shows has been asked about already.
    if (isNamed && !isDrawn) return columns;
    return [...columns, { name, sql: aggregateSql(valueSql(plan, chart), source), isDrawn }];
  });
  const controls = itemsOf(items).flatMap((item) =>
    item.kind === 'select' || item.kind === 'search'
      ? columnQuery(itemName(dashboard, item), sourceSql(plan, item.from), [item.field])
      : [],
  );
  return [...charts, ...controls];
}

function sourceSql(plan: Plan, name: string): string {
  const isStream = plan.streams.some((stream) => stream.name === name);
  return `${isStream ? 'records' : 'warehouse'}.${quoteIdentifier(name)}`;
}

/** One group of all rows: what is not an aggregate is refused there. */
const aggregateSql = (value: string, source: string): string =>
  `SELECT ${value} FROM ${source} GROUP BY ()`;

function columnQuery(name: string, source: string, columns: readonly string[]): ChartQuery[] {
  const list = columns.map(quoteIdentifier).join(', ');
  return columns.length > 0 ? [{ name, sql: `SELECT ${list} FROM ${source}` }] : [];
}

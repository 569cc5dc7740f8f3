import type { NamedField } from '../core/field-types.ts';
import { chartsOf, itemsOf } from '../definition/dashboard-items.ts';
import type { LiveSetup } from '../engine/protocol.ts';
import type { LiveDashboard, LivePlan, LiveSource } from '../live/live-plan.ts';
import { sourcesOf } from '../plan/compile-dashboard.ts';
import { valueSql } from '../plan/measure.ts';
import type { DashboardPlan, Plan, StreamPlan } from '../plan/plan.ts';
import type { PreparedPipeline } from './prepare.ts';
import { servedCatalog } from './query-sync.ts';
import type { Runtime } from './runtime.ts';

const ARRIVED_AT: NamedField = {
  name: '_arrived_at',
  type: { kind: 'timestamptz' },
  optional: false,
};
const TIME_KINDS = ['date', 'timestamp', 'timestamptz'];

/** What the live child is told of the pipeline. */
export function liveSetup(runtime: Runtime): LiveSetup {
  return { catalog: servedCatalog(runtime), plan: livePlan(runtime.pipeline) };
}

function livePlan({ plan, columns }: PreparedPipeline): LivePlan {
  const names = new Set(plan.dashboards.flatMap(({ items }) => sourcesOf(items)));
  return {
    sources: [...names].map((name) => sourceOf(plan, name, columns.get(name) ?? [])),
    dashboards: plan.dashboards.map((dashboard) => liveDashboard(plan, dashboard)),
  };
}

function sourceOf(plan: Plan, name: string, columns: readonly NamedField[]): LiveSource {
  const stream = plan.streams.find((candidate) => candidate.name === name);
  // Rows that change cannot be added up: each answer is made of all of them.
  if (stream && isUpsert(stream))
    return {
      name,
      kind: 'view',
      schema: 'lake',
      columns: stream.fields,
      ...(stream.time === undefined ? {} : { time: stream.time }),
    };
  if (stream)
    return {
      name,
      kind: 'stream',
      schema: 'records',
      columns: [...stream.fields, ARRIVED_AT],
      time: stream.time ?? ARRIVED_AT.name,
    };
  const model = plan.models.find((candidate) => candidate.name === name);
  const time = columns.find(({ type }) => TIME_KINDS.includes(type.kind));
  return {
    name,
    kind: model?.materialize ?? 'table',
    schema: 'warehouse',
    columns,
    ...(time ? { time: time.name } : {}),
  };
}

const isUpsert = ({ table }: StreamPlan): boolean => table !== false && table.upsert !== undefined;

function liveDashboard(plan: Plan, { name, items }: DashboardPlan): LiveDashboard {
  const values = chartsOf(items)
    .filter((chart) => chart.value !== undefined)
    .map((chart) => [chart.id, valueSql(plan, chart)]);
  const period = itemsOf(items).find((item) => item.kind === 'period');
  return { name, items, values: Object.fromEntries(values), period: period?.default ?? 'all' };
}

import type { Chart, DashboardItem, SearchControl, SelectControl } from '../definition/chart.ts';
import type { Dashboard } from '../definition/dashboard.ts';
import { chartsOf, itemsOf } from '../definition/dashboard-items.ts';
import { invalidDefinition } from '../definition/invalid.ts';
import { locationOf, type SourceLocation } from '../definition/location.ts';
import type { Model } from '../definition/model.ts';
import type { Stream } from '../definition/stream.ts';
import type { Definition } from './compile.ts';
import type { DashboardPlan } from './plan.ts';

type Fail = (problem: string) => Error;
type FilterControl = SelectControl | SearchControl;

/**
 * Holds a dashboard against its sources as far as the definitions tell; the columns of models are held
 * against what the engine says of them later (app/prepare.ts).
 */
export function compileDashboard(
  definition: Dashboard,
  source: (name: string) => Definition,
): DashboardPlan {
  const { items } = definition.settings;
  const fail =
    (item: Chart | FilterControl): Fail =>
    (problem) =>
      invalidDefinition(
        `dashboard('${definition.name}'), ${item.kind}('${item.title}')`,
        problem,
        locationOf(item) ?? locationOf(definition),
      );
  for (const chart of chartsOf(items)) {
    const from = source(chart.from) as Stream | Model;
    const failHere = fail(chart);
    requireColumns(from, columnsOf(chart), failHere);
    if (chart.value !== undefined) checkValue(from, chart, failHere);
    if (chart.by !== undefined) requireTime(from, chart.x as string, failHere);
  }
  for (const item of itemsOf(items)) {
    if (item.kind === 'select' || item.kind === 'search')
      requireColumns(source(item.from) as Stream | Model, [item.field], fail(item));
  }
  return { name: definition.name, ...definition.settings };
}

/** What a query of a chart or control is called. */
export const itemName = (dashboard: string, { kind, title }: Chart | FilterControl): string =>
  `${dashboard}, ${kind}('${title}')`;

/** Where each chart and control was made, by the name of its queries. */
export function itemLocations({ name, settings }: Dashboard): [string, SourceLocation][] {
  return itemsOf(settings.items).flatMap((item): [string, SourceLocation][] => {
    const location = locationOf(item);
    return 'from' in item && location ? [[itemName(name, item), location]] : [];
  });
}

/** The columns a chart names. */
export function columnsOf(chart: Chart): string[] {
  const named = [chart.x, chart.color, chart.sort, ...(chart.columns ?? [])];
  return [...new Set([...named, ...Object.keys(chart.formats ?? {})])].filter(
    (name) => name !== undefined,
  );
}

function requireColumns(source: Stream | Model, columns: readonly string[], fail: Fail): void {
  const known = source.settings.fields?.map((field) => field.name);
  for (const column of columns) {
    if (known && !known.includes(column))
      throw fail(
        `there is no column \`${column}\` in ${source.kind}('${source.name}'). Columns are: ${known.join(', ')}.`,
      );
  }
}

/** A text stands for a measure by name; a bare column on a stream would draw one of many rows. */
function checkValue(source: Stream | Model, { kind, value }: Chart, fail: Fail): void {
  if (typeof value !== 'string' || value in source.settings.measures) return;
  if (source.kind === 'model') return;
  const role = kind === 'kpi' ? 'value' : 'y';
  const measures = Object.keys(source.settings.measures);
  throw fail(
    `\`${role}\`: '${value}' is not a measure of stream('${source.name}')${measures.length > 0 ? ` (measures: ${measures.join(', ')})` : ''}. Write an aggregate, for example sql\`sum(${value})\`.`,
  );
}

function requireTime(source: Stream | Model, column: string, fail: Fail): void {
  const field = source.settings.fields?.find((candidate) => candidate.name === column);
  if (!field || ['date', 'timestamp', 'timestamptz'].includes(field.type.kind)) return;
  throw fail(`\`by\` is for times; \`${column}\` is ${field.type.kind}.`);
}

/** Names of the streams and models that a dashboard shows. */
export function sourcesOf(items: readonly DashboardItem[]): string[] {
  const names = itemsOf(items).flatMap((item) => ('from' in item ? [item.from] : []));
  return [...new Set(names)];
}

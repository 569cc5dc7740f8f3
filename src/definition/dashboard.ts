import type { Chart, ChartBuilders, DashboardItem } from './chart.ts';
import { chartBuilders, isDashboardItem } from './chart-builders.ts';
import { chartsOf, itemsOf } from './dashboard-items.ts';
import { invalidDefinition, refuseUnknownOptions, requireName } from './invalid.ts';
import { rememberLocation } from './location.ts';

export interface DashboardOptions {
  readonly title?: string;
  readonly description?: string;
}

export interface Dashboard<N extends string = string> {
  readonly kind: 'dashboard';
  readonly name: N;
  readonly settings: DashboardSettings;
}
export interface DashboardSettings {
  readonly title: string;
  readonly description?: string;
  readonly items: readonly DashboardItem[];
}

/**
 * A page of linked, live charts.
 * @throws MillraceError MR_DEFINITION_INVALID naming file, line and chart.
 */
export function dashboard<const N extends string>(
  name: N,
  options: DashboardOptions,
  build: (charts: ChartBuilders) => readonly DashboardItem[],
): Dashboard<N> {
  requireName('dashboard', name);
  const title = `dashboard('${name}')`;
  refuseUnknownOptions(title, options, ['title', 'description']);
  if (typeof build !== 'function')
    throw invalidDefinition(
      title,
      'the third argument must be a function that returns a list of charts.',
    );
  const items = build(chartBuilders(title));
  if (!Array.isArray(items) || items.length === 0 || !items.every(isDashboardItem))
    throw invalidDefinition(
      title,
      'the function must return a list of at least one chart, for example [kpi(…), line(…)].',
    );
  requireUniqueIds(title, items);
  const settings = {
    title: options.title ?? name,
    ...(options.description === undefined ? {} : { description: options.description }),
    items: Object.freeze([...items]),
  };
  const definition = { kind: 'dashboard' as const, name, settings: Object.freeze(settings) };
  rememberLocation(definition);
  return Object.freeze(definition);
}

/** A chart's id is in links, so that two charts of one title could not be told apart. */
function requireUniqueIds(title: string, items: readonly DashboardItem[]): void {
  const seen = new Map<string, Chart>();
  for (const chart of chartsOf(items)) {
    const twin = seen.get(chart.id);
    if (twin)
      throw invalidDefinition(
        title,
        `${chart.kind}('${chart.title}') and ${twin.kind}('${twin.title}') have the same id '${chart.id}' in links. Give one another title.`,
      );
    seen.set(chart.id, chart);
  }
  if (itemsOf(items).filter((item) => item.kind === 'period').length > 1)
    throw invalidDefinition(title, 'a dashboard has one period(…).');
}

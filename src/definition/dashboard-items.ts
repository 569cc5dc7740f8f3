import type { Chart, DashboardItem } from './chart.ts';

/** Every item, rows and tabs looked into. */
export function itemsOf(items: readonly DashboardItem[]): DashboardItem[] {
  return items.flatMap((item) => {
    if (item.kind === 'row') return [item, ...itemsOf(item.items)];
    if (item.kind === 'tabs') return [item, ...item.tabs.flatMap((tab) => itemsOf(tab.items))];
    return [item];
  });
}

const CHART_KINDS: ReadonlySet<string> = new Set(['kpi', 'line', 'area', 'bar', 'stacked', 'grid']);

export function chartsOf(items: readonly DashboardItem[]): Chart[] {
  return itemsOf(items).filter((item): item is Chart => CHART_KINDS.has(item.kind));
}

import type { Chart, DashboardItem, Tabs } from '../definition/chart.ts';
import type { DashboardState } from './state.ts';

/** The tab that is shown; a link from before the dashboard changed may name one that is gone. */
export function shownTab({ id, tabs }: Tabs, state: DashboardState): number {
  return Math.min(state.tabs[id] ?? 0, tabs.length - 1);
}

/** The charts that can be seen: those of other tabs need no answer. */
export function shownCharts(items: readonly DashboardItem[], state: DashboardState): Chart[] {
  return items.flatMap((item): Chart[] => {
    if (item.kind === 'row') return shownCharts(item.items, state);
    if (item.kind === 'tabs')
      return shownCharts(item.tabs[shownTab(item, state)]?.items ?? [], state);
    return isChart(item) ? [item] : [];
  });
}

export function isChart(item: DashboardItem): item is Chart {
  return !['row', 'tabs', 'select', 'period', 'search'].includes(item.kind);
}

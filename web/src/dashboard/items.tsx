import { memo } from 'react';
import type { DashboardItem, Tabs as TabsItem } from '../../../src/definition/chart.ts';
import { Tabs } from '../ui/tabs.tsx';
import { ChartCard } from './chart-card.tsx';
import styles from './items.module.css';
import { Period } from './period.tsx';
import { Search } from './search.tsx';
import { Select } from './select.tsx';
import { useView } from './view.ts';

const CONTROLS: ReadonlySet<string> = new Set(['select', 'period', 'search']);
const isControl = (item: DashboardItem): boolean => CONTROLS.has(item.kind);

/** The items of a dashboard in their order; controls that follow each other share a line. */
export const Items = memo(function Items({ items }: { items: readonly DashboardItem[] }) {
  return (
    <div className={styles['items']}>
      {linesOf(items).map((line, index) =>
        line.length === 1 && !isControl(line[0] as DashboardItem) ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: the definition's order is what they are known by
          <Item key={index} item={line[0] as DashboardItem} />
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the definition's order is what they are known by
          <Row key={index} items={line} />
        ),
      )}
    </div>
  );
});

/** KPIs that follow each other stand side by side, too. */
function linesOf(items: readonly DashboardItem[]): DashboardItem[][] {
  const lines: DashboardItem[][] = [];
  for (const item of items) {
    const last = lines.at(-1)?.[0];
    const joins =
      last &&
      ((isControl(last) && isControl(item)) || (last.kind === 'kpi' && item.kind === 'kpi'));
    if (joins) lines.at(-1)?.push(item);
    else lines.push([item]);
  }
  return lines;
}

function Row({ items }: { items: readonly DashboardItem[] }) {
  const kind = items.every(isControl)
    ? 'controls'
    : items.every((one) => one.kind === 'kpi')
      ? 'kpis'
      : 'row';
  return (
    <div className={styles[kind]}>
      {items.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the definition's order is what they are known by
        <Item key={index} item={item} />
      ))}
    </div>
  );
}

function Item({ item }: { item: DashboardItem }) {
  switch (item.kind) {
    case 'row':
      return <Row items={item.items} />;
    case 'tabs':
      return <DashboardTabs item={item} />;
    case 'select':
      return <Select control={item} />;
    case 'period':
      return <Period control={item} />;
    case 'search':
      return <Search control={item} />;
    default:
      return <ChartCard chart={item} />;
  }
}

function DashboardTabs({ item }: { item: TabsItem }) {
  const { state, change } = useView();
  return (
    <Tabs
      label="Views"
      tabs={item.tabs.map(({ title, items }) => ({
        name: title,
        content: <Items items={items} />,
      }))}
      shown={Math.min(state.tabs[item.id] ?? 0, item.tabs.length - 1)}
      onShow={(index) => change({ ...state, tabs: { ...state.tabs, [item.id]: index } })}
    />
  );
}

/** Ids of the charts that are seen: those of tabs in the back are not asked for. */
export function seenCharts(
  items: readonly DashboardItem[],
  tabs: { readonly [id: string]: number },
): string[] {
  return items.flatMap((item): string[] => {
    if (item.kind === 'row') return seenCharts(item.items, tabs);
    if (item.kind === 'tabs') {
      const shown = Math.min(tabs[item.id] ?? 0, item.tabs.length - 1);
      return seenCharts(item.tabs[shown]?.items ?? [], tabs);
    }
    return isControl(item) ? [] : 'id' in item ? [item.id] : [];
  });
}

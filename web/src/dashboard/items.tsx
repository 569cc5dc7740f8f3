import { type CSSProperties, memo, type RefObject, useLayoutEffect, useRef, useState } from 'react';
import type { DashboardItem, Tabs as TabsItem } from '../../../src/definition/chart.ts';
import { Skeleton } from '../ui/states.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { ChartCard } from './chart-card.tsx';
import { evenColumns } from './even-columns.ts';
import styles from './items.module.css';
import { Period } from './period.tsx';
import { Search } from './search.tsx';
import { Select } from './select.tsx';
import { useView } from './view.ts';

const CONTROLS: ReadonlySet<string> = new Set(['select', 'period', 'search']);
const isControl = (item: DashboardItem): boolean => CONTROLS.has(item.kind);

/**
 * A dashboard's items. How high a chart is comes with its numbers: before the first answer charts have their
 * places, but are not seen, so that none moves before people's eyes.
 */
export function AllItems({ items }: { items: readonly DashboardItem[] }) {
  const { answer } = useView();
  return (
    <div className={styles['all']} data-waits={answer === undefined}>
      <Items items={items} />
      {answer === undefined && (
        <div className={styles['waiting']}>
          <Skeleton lines={8} />
        </div>
      )}
    </div>
  );
}

/** Items in their order; controls that follow each other share a line. */
const Items = memo(function Items({ items }: { items: readonly DashboardItem[] }) {
  const lines = linesOf(items);
  return (
    <div className={styles['items']}>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the definition's order is what they are known by
        <div key={index} className={styles['line']} data-controls={line.every(isControl)}>
          {line.length === 1 && !isControl(line[0] as DashboardItem) ? (
            <Item item={line[0] as DashboardItem} />
          ) : (
            <Row items={line} />
          )}
        </div>
      ))}
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
  const place = useRef<HTMLDivElement>(null);
  const columns = useColumns(
    place,
    items.length,
    kind === 'controls' ? undefined : WIDTH_MIN[kind],
  );
  return (
    <div
      ref={place}
      className={styles[kind]}
      {...(columns === undefined
        ? {}
        : { 'data-columns': true, style: { '--columns': columns } as CSSProperties })}
    >
      {items.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the definition's order is what they are known by
        <Item key={index} item={item} />
      ))}
    </div>
  );
}

/** Narrower than this an item of a row goes below the one before, in rem. */
const WIDTH_MIN = { kpis: 13, row: 22 } as const;
const GAP = 1;
/** Two figures stand side by side also on a phone. */
const FIGURES_MIN = 2;

/** As many to a line as fit, and as many on the last one as on the others where that is possible. */
function useColumns(
  place: RefObject<HTMLElement | null>,
  count: number,
  widthMin: number | undefined,
): number | undefined {
  const [columns, setColumns] = useState<number>();
  useLayoutEffect(() => {
    const element = place.current;
    if (!element || widthMin === undefined) return;
    const measure = () => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      const fitting = Math.floor((element.clientWidth / rem + GAP) / (widthMin + GAP));
      const least = widthMin === WIDTH_MIN.kpis ? FIGURES_MIN : 1;
      setColumns(evenColumns(count, Math.max(least, fitting)));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [place, count, widthMin]);
  return columns;
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

import type { DashboardItem } from '../../definition/chart.ts';
import { itemsOf } from '../../definition/dashboard-items.ts';
import type { DashboardAnswer } from '../answer.ts';
import { categoryName } from '../bar-option.ts';
import { columnLabel, formatNumber, formatRange, type Wording } from '../format.ts';
import type { DashboardState, FieldFilter } from '../state.ts';

const VALUES_NAMED = 3;

/** What is filtered, in words: one for each field that can be filtered here. */
export function filterWords(
  items: readonly DashboardItem[],
  { filters }: DashboardState,
  wording: Wording,
): string[] {
  const titles = filterTitles(items);
  return Object.entries(filters).flatMap(([field, filter]) => {
    const title = titles.get(field);
    return title === undefined ? [] : partsOf(filter, wording).map((part) => `${title}${part}`);
  });
}

/** The fields that people filter by, with their names: columns of charts, and of controls, which name them best. */
function filterTitles(items: readonly DashboardItem[]): Map<string, string> {
  const all = itemsOf(items);
  const columns = all.flatMap((item) =>
    'x' in item || 'color' in item ? [item.x, item.color].filter((one) => one !== undefined) : [],
  );
  const titles = new Map(columns.map((column) => [column, columnLabel(column)]));
  for (const item of all)
    if (item.kind === 'select' || item.kind === 'search')
      titles.set(item.field, columnLabel(item.title));
  return titles;
}

function partsOf({ in: values, range, has }: FieldFilter, wording: Wording): string[] {
  return [
    ...(values ? [`: ${listed(values.map(categoryName))}`] : []),
    ...(range ? [`: ${formatRange(range, wording)}`] : []),
    ...(has === undefined ? [] : [` has “${has}”`]),
  ];
}

function listed(names: readonly string[]): string {
  if (names.length <= VALUES_NAMED) return names.join(', ');
  const shown = names.slice(0, VALUES_NAMED - 1);
  return `${shown.join(', ')} and ${names.length - shown.length} more`;
}

/** Of when the numbers are: the period, or how far they reach. */
export function periodWords({ period, newest }: DashboardAnswer, wording: Wording): string {
  if (period) return formatRange(period, wording);
  const last = Object.values(newest)
    .filter((time) => time !== null)
    .sort()
    .at(-1);
  return last === undefined ? '' : `until ${formatNumber(last, 'datetime', wording)}`;
}

const UNITS: { readonly [unit: string]: string } = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  y: 'year',
};

/** `1d` → `last day`, `7d` → `last 7 days`. */
export function spanWords(span: string): string {
  if (span === 'previous') return 'this period';
  const [, count, unit = ''] = /^(\d+)\s*(\w+)$/.exec(span) ?? [];
  const word = UNITS[unit];
  if (word === undefined) return `last ${span}`;
  return count === '1' ? `last ${word}` : `last ${count} ${word}s`;
}

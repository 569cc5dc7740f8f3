import type { DashboardItem } from '../definition/chart.ts';
import { itemsOf } from '../definition/dashboard-items.ts';
import type { DashboardAnswer } from './answer.ts';
import { categoryName } from './bar-option.ts';
import { columnLabel, formatMoment, formatRange, type Wording } from './format.ts';
import type { DashboardState, FieldFilter } from './state.ts';

const VALUES_NAMED = 3;

/** What is chosen of a field, in words. */
export interface FilterWords {
  readonly field: string;
  readonly part: keyof FieldFilter;
  /** Whether a chart or control here is of the field; of a link to another dashboard's it may be none. */
  readonly isKnown: boolean;
  /** `Country: France, Spain` */
  readonly words: string;
}

/** What is filtered, in words. */
export function filterWords(
  items: readonly DashboardItem[],
  { filters }: DashboardState,
  { instants, wording }: { readonly instants: readonly string[]; readonly wording: Wording },
): FilterWords[] {
  const titles = filterTitles(items);
  return Object.entries(filters).flatMap(([field, { in: values, range, has }]) => {
    const isKnown = titles.has(field);
    const title = titles.get(field) ?? columnLabel(field);
    const one = (part: keyof FieldFilter, words: string): FilterWords => ({
      field,
      part,
      isKnown,
      words: `${title}${words}`,
    });
    return [
      ...(values ? [one('in', `: ${listed(values.map(categoryName))}`)] : []),
      ...(range
        ? [one('range', `: ${formatRange(range, wording, instants.includes(field))}`)]
        : []),
      ...(has === undefined ? [] : [one('has', ` has “${has}”`)]),
    ];
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

function listed(names: readonly string[]): string {
  if (names.length <= VALUES_NAMED) return names.join(', ');
  const shown = names.slice(0, VALUES_NAMED - 1);
  return `${shown.join(', ')} and ${names.length - shown.length} more`;
}

/** Of when the numbers are: the period, or how far they reach. */
export function periodWords(
  { period, newest, instants }: DashboardAnswer,
  wording: Wording,
): string {
  if (period) return formatRange(period, wording, instants.time);
  const last = Object.values(newest)
    .filter((time) => time !== null)
    .sort()
    .at(-1);
  if (last === undefined) return '';
  return `until ${formatMoment(last, { isInstant: instants.time }, wording)}`;
}

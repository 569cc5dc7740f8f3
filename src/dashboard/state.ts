import { durationMs } from '../core/duration.ts';
import { parseTime, parseTimeRange } from '../core/time-grain.ts';

/**
 * What a viewer has chosen on a dashboard. It is wholly in the page's address, so that a link shows
 * what its sender saw.
 */
export interface DashboardState {
  /** A span (`7d`), `from..until` (half open), or undefined for the dashboard's default. */
  readonly period?: string;
  readonly filters: { readonly [field: string]: FieldFilter };
  /** The tab shown of each set of tabs. */
  readonly tabs: { readonly [id: string]: number };
}

/** All parts must hold. */
export interface FieldFilter {
  /** Values as text; null for NULL. */
  readonly in?: readonly (string | null)[];
  /** Half open: from ≤ value < until. */
  readonly range?: { readonly from: string; readonly until: string };
  /** Words that the text must have. */
  readonly has?: string;
}

export const EMPTY_STATE: DashboardState = Object.freeze({ filters: {}, tabs: {} });

/**
 * `?.period=7d&country=France&country.null&invoice_date.range=2011-01-01..2011-02-01&description.has=mug`.
 * Field names have no dot, so neither the suffix nor the period can be taken for one. Parameters that mean nothing are left out.
 */
export function parseState(query: string): DashboardState {
  const filters: { [field: string]: FieldFilter } = {};
  const tabs: { [id: string]: number } = {};
  let period: string | undefined;
  const add = (field: string, part: FieldFilter) => {
    filters[field] = { ...filters[field], ...part };
  };
  for (const [name, value] of new URLSearchParams(query)) {
    const [field = '', suffix] = name.split('.');
    if (name === '.period' && isPeriod(value) && !isBackward(value)) period = value;
    else if (field === '' || field === '__proto__') continue;
    else if (suffix === undefined) add(field, { in: [...(filters[field]?.in ?? []), value] });
    else if (suffix === 'null') add(field, { in: [...(filters[field]?.in ?? []), null] });
    else if (suffix === 'has' && value.trim() !== '') add(field, { has: value });
    else if (suffix === 'tab' && /^\d{1,3}$/.test(value)) tabs[field] = Number(value);
    else if (suffix === 'range') {
      const range = parseTimeRange(value);
      if (range && !isBackward(value)) add(field, { range });
    }
  }
  return { ...(period === undefined ? {} : { period }), filters, tabs };
}

/** `all`, a span such as `7d`, or `from..until`. */
export function isPeriod(text: string): boolean {
  return text === 'all' || durationMs(text) !== undefined || parseTimeRange(text) !== undefined;
}

/** `from..until` that holds no moment. */
function isBackward(text: string): boolean {
  const range = parseTimeRange(text);
  return range !== undefined && parseTime(range.from) >= parseTime(range.until);
}

/** The state as a query, without `?`; empty for the empty state. */
export function stateQuery({ period, filters, tabs }: DashboardState): string {
  const query = new URLSearchParams();
  if (period !== undefined) query.append('.period', period);
  for (const [field, filter] of Object.entries(filters)) {
    for (const value of filter.in ?? [])
      value === null ? query.append(`${field}.null`, '') : query.append(field, value);
    if (filter.range) query.append(`${field}.range`, `${filter.range.from}..${filter.range.until}`);
    if (filter.has !== undefined) query.append(`${field}.has`, filter.has);
  }
  for (const [id, index] of Object.entries(tabs)) query.append(`${id}.tab`, String(index));
  return query.toString();
}

/** The state with one part of a field's filter replaced; `undefined` removes it. */
export function withFilter(
  state: DashboardState,
  field: string,
  part: { readonly [K in keyof FieldFilter]: FieldFilter[K] | undefined },
): DashboardState {
  const { [field]: before, ...others } = state.filters;
  const merged = Object.entries({ ...before, ...part }).filter(
    ([name, value]) => value !== undefined && !(name === 'in' && (value as unknown[]).length === 0),
  );
  if (merged.length === 0) return { ...state, filters: others };
  return { ...state, filters: { ...others, [field]: Object.fromEntries(merged) } };
}

/** A click on a value: alone it becomes the only one or none; added, it joins or leaves the others. */
export function toggleValue(
  state: DashboardState,
  field: string,
  value: string | null,
  isAdded: boolean,
): DashboardState {
  const before = state.filters[field]?.in ?? [];
  const isChosen = before.includes(value);
  const others = before.filter((one) => one !== value);
  if (isAdded) return withFilter(state, field, { in: isChosen ? others : [...before, value] });
  return withFilter(state, field, { in: isChosen && others.length === 0 ? [] : [value] });
}

import { type NamedField, typeText } from '../core/field-types.ts';
import { alignedGrain, type Grain, grainServes } from '../core/time-grain.ts';
import type { FieldFilter } from '../dashboard/state.ts';
import { quoteText } from '../plan/render-sql.ts';
import { duckdbType } from '../plan/type-mapping.ts';
import type { LiveSource } from './live-plan.ts';

/** One condition on one column. */
export type Constraint =
  | { readonly field: string; readonly in: readonly (string | null)[] }
  | { readonly field: string; readonly has: string }
  | SpanConstraint;

export interface SpanConstraint {
  readonly field: string;
  readonly range: TimeRange;
}

/** from ≤ value < until; `closed: 'end'`: from < value ≤ until. An open end is absent. */
export interface TimeRange {
  readonly from: string;
  readonly until?: string;
  readonly closed?: 'end';
}

/** A column, or a column of time in bins. */
export interface Dim {
  readonly field: string;
  readonly grain?: Grain;
}

export const dimKey = ({ field, grain }: Dim): string => (grain ? `${field}@${grain}` : field);

/** Whether rows grouped by `have` can be told apart by `want`. */
export function dimServes(have: Dim, want: Dim): boolean {
  if (have.field !== want.field) return false;
  if (have.grain === undefined) return true;
  return want.grain !== undefined && grainServes(have.grain, want.grain);
}

const TIME_KINDS: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz']);

/** The conditions of a filter, one by one; a span of what is no time, and blank words, mean nothing. */
export function constraintsOf(
  { name: field, type }: NamedField,
  filter: FieldFilter,
): Constraint[] {
  const { in: values, range, has = '' } = filter;
  return [
    ...(values ? [{ field, in: values }] : []),
    ...(range && TIME_KINDS.has(type.kind) ? [{ field, range }] : []),
    ...(has.trim() === '' ? [] : [{ field, has }]),
  ];
}

/** What rows must be grouped by so that the condition can be applied to groups. */
export function dimOf(constraint: Constraint): Dim {
  const { field } = constraint;
  if (!('range' in constraint)) return { field };
  const { from, until, closed } = constraint.range;
  const grains = [from, ...(until === undefined ? [] : [until])].map(alignedGrain);
  if (closed || grains.includes(undefined)) return { field };
  const finest = (['minute', 'hour', 'day'] as const).find((grain) => grains.includes(grain));
  return finest ? { field, grain: finest } : { field };
}

/** The condition over `value`, an expression of the column's type. Texts that are no such value match nothing. */
export function constraintSql(constraint: Constraint, value: string, column: NamedField): string {
  const type = duckdbType(column.type);
  const cast = (text: string) =>
    type === 'VARCHAR' ? quoteText(text) : `TRY_CAST(${quoteText(text)} AS ${type})`;
  if ('in' in constraint) {
    const values = constraint.in.filter((one) => one !== null).map(cast);
    const isNull = constraint.in.includes(null) ? [`${value} IS NULL`] : [];
    const isIn = values.length > 0 ? [`${value} IN (${values.join(', ')})`] : [];
    return `(${[...isIn, ...isNull].join(' OR ') || 'true'})`;
  }
  if ('has' in constraint) {
    const words = constraint.has.trim().split(/\s+/);
    return `(${words.map((word) => `contains(lower(CAST(${value} AS VARCHAR)), lower(${quoteText(word)}))`).join(' AND ')})`;
  }
  const { from, until, closed } = constraint.range;
  const [above, below] = closed === 'end' ? ['>', '<='] : ['>=', '<'];
  // An end within a day is before or after that day's midnight, which is what a date means.
  const isDate = column.type.kind === 'date';
  const place = isDate ? `CAST(${value} AS TIMESTAMP)` : value;
  const end = (text: string) => (isDate ? `TRY_CAST(${quoteText(text)} AS TIMESTAMP)` : cast(text));
  const start = `${place} ${above} ${end(from)}`;
  return until === undefined ? `(${start})` : `(${start} AND ${place} ${below} ${end(until)})`;
}

/** The column that a filter applies to: name and type match (product.md, "Dashboards"). */
export function filteredColumn(
  source: LiveSource,
  field: string,
  type: string | undefined,
): NamedField | undefined {
  return source.columns.find((column) => column.name === field && typeText(column.type) === type);
}

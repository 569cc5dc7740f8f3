import { invalidDefinition, refuseUnknownOptions } from './invalid.ts';
import type { Sql } from './sql.ts';

/** `'error'` keeps the old result when the check fails, `'warn'` only records it. */
export interface CheckOptions {
  readonly severity?: 'error' | 'warn';
  readonly name?: string;
}

type CheckValue = number | string;

/** A rule over the result of a model, as plain data. */
export type Check<Column extends string = string> = {
  readonly name: string;
  readonly severity: 'error' | 'warn';
} & (
  | { readonly rule: 'notNull'; readonly column: Column }
  | { readonly rule: 'unique'; readonly columns: readonly Column[] }
  | {
      readonly rule: 'between';
      readonly column: Column;
      readonly low: CheckValue;
      readonly high: CheckValue;
    }
  | { readonly rule: 'oneOf'; readonly column: Column; readonly values: readonly CheckValue[] }
  | { readonly rule: 'sql'; readonly query: Sql }
);

/** Rules that each run of a model is held to before its result is shown. */
export const check = Object.freeze({
  notNull: <const C extends string>(column: C, options?: CheckOptions): Check<C> => {
    requireColumns('notNull', [column]);
    return made('notNull', { name: `${column} is not null`, rule: 'notNull', column }, options);
  },
  unique: <const C extends string>(columns: C | readonly C[], options?: CheckOptions): Check<C> => {
    const list = [columns].flat() as C[];
    requireColumns('unique', list);
    const name = `${list.join(', ')} is unique`;
    return made('unique', { name, rule: 'unique', columns: list }, options);
  },
  /** Null values pass; both ends are allowed. */
  between: <const C extends string>(
    column: C,
    low: CheckValue,
    high: CheckValue,
    options?: CheckOptions,
  ): Check<C> => {
    requireColumns('between', [column]);
    requireEnds(low, high);
    const name = `${column} is between ${low} and ${high}`;
    return made('between', { name, rule: 'between', column, low, high }, options);
  },
  oneOf: <const C extends string>(
    column: C,
    values: readonly CheckValue[],
    options?: CheckOptions,
  ): Check<C> => {
    requireColumns('oneOf', [column]);
    if (!Array.isArray(values) || values.length === 0 || !values.every(isValue))
      throw wrong('oneOf', "takes a list of texts or numbers, for example ['GB', 'FR']");
    const name = `${column} is one of ${values.join(', ')}`;
    return made('oneOf', { name, rule: 'oneOf', column, values: [...values] }, options);
  },
  /** `query` returns the rows that break the rule; the new result is the table `result` in it. */
  sql: (name: string, query: Sql, options?: CheckOptions): Check<never> => {
    if (typeof name !== 'string' || name === '')
      throw wrong('sql', 'needs a name: check.sql(name, sql`…`)');
    if (query?.kind !== 'sql') throw wrong('sql', 'the second argument must be sql`…`');
    return made('sql', { name, rule: 'sql', query }, options);
  },
});

function made<C extends string>(
  kind: string,
  rule: { readonly name: string; readonly [part: string]: unknown },
  options: CheckOptions = {},
): Check<C> {
  refuseUnknownOptions(`check.${kind}()`, options, ['severity', 'name']);
  const { name: described, ...rest } = rule;
  const { severity = 'error', name = described } = options;
  if (severity !== 'error' && severity !== 'warn')
    throw wrong(kind, "`severity` must be 'error' or 'warn'");
  if (typeof name !== 'string' || name === '') throw wrong(kind, '`name` must be text');
  return Object.freeze({ name, severity, ...rest }) as unknown as Check<C>;
}

function requireColumns(kind: string, columns: readonly unknown[]): void {
  if (columns.length > 0 && columns.every((one) => typeof one === 'string' && one !== '')) return;
  throw wrong(kind, `needs a column of the model's result, for example check.${kind}('day', …)`);
}

function requireEnds(low: unknown, high: unknown): void {
  if (!isValue(low) || !isValue(high))
    throw wrong('between', "takes both ends: check.between('revenue', 0, 1e6)");
  // Two texts are compared by the engine, which knows the column's type.
  if (typeof low === 'string' && typeof high === 'string') return;
  if (Number(low) <= Number(high)) return;
  throw wrong('between', `no value is between ${low} and ${high}: the lower end comes first`);
}

const isValue = (value: unknown): value is CheckValue =>
  typeof value === 'string' || Number.isFinite(value);

const wrong = (kind: string, problem: string): Error =>
  invalidDefinition(`check.${kind}()`, `${problem}.`);

import { invalidDefinition } from './invalid.ts';
import type { Sql } from './sql.ts';

/** `'error'` keeps the old result when the check fails, `'warn'` only records it. */
export interface CheckOptions {
  readonly severity?: 'error' | 'warn';
  readonly name?: string;
}

/** A rule over the result of a model, as plain data. */
export type Check = { readonly name: string; readonly severity: 'error' | 'warn' } & (
  | { readonly rule: 'notNull'; readonly column: string }
  | { readonly rule: 'unique'; readonly columns: readonly string[] }
  | {
      readonly rule: 'between';
      readonly column: string;
      readonly low: number | string;
      readonly high: number | string;
    }
  | {
      readonly rule: 'oneOf';
      readonly column: string;
      readonly values: readonly (string | number)[];
    }
  | { readonly rule: 'sql'; readonly query: Sql }
);

function made(name: string, rule: object, options: CheckOptions = {}): Check {
  const { severity = 'error' } = options;
  if (severity !== 'error' && severity !== 'warn')
    throw invalidDefinition('check', "`severity` must be 'error' or 'warn'.");
  return Object.freeze({ name: options.name ?? name, severity, ...rule }) as Check;
}

/** Rules that each run of a model is held to before its result is shown. */
export const check = Object.freeze({
  notNull: (column: string, options?: CheckOptions): Check =>
    made(`${column} is not null`, { rule: 'notNull', column }, options),
  unique: (columns: string | readonly string[], options?: CheckOptions): Check =>
    made(
      `${[columns].flat().join(', ')} is unique`,
      { rule: 'unique', columns: [columns].flat() },
      options,
    ),
  /** Null values pass; both ends are allowed. */
  between: (
    column: string,
    low: number | string,
    high: number | string,
    options?: CheckOptions,
  ): Check =>
    made(
      `${column} is between ${low} and ${high}`,
      { rule: 'between', column, low, high },
      options,
    ),
  oneOf: (column: string, values: readonly (string | number)[], options?: CheckOptions): Check =>
    made(`${column} is one of ${values.join(', ')}`, { rule: 'oneOf', column, values }, options),
  /** `query` returns the rows that break the rule; the new result is the table `result` in it. */
  sql: (name: string, query: Sql, options?: CheckOptions): Check => {
    if (query?.kind !== 'sql')
      throw invalidDefinition('check.sql()', 'the second argument must be sql`…`.');
    return made(name, { rule: 'sql', query }, options);
  },
});

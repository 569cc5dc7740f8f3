import type { NamedField } from '../core/field-types.ts';
import type { Check } from './check.ts';
import { type Fields, namedFields, type RowOf } from './field.ts';
import { invalidDefinition, refuseUnknownOptions, requireName, textOption } from './invalid.ts';
import { rememberLocation } from './location.ts';
import type { Sql } from './sql.ts';

export interface ModelOptions<F extends Fields, M extends string = string> {
  readonly description?: string;
  readonly owner?: string;
  readonly sql: Sql;
  /** `'table'` stores the result in the lake, `'view'` computes it when asked. Default `'table'`. */
  readonly materialize?: 'table' | 'view';
  /** A cron expression, `'on-change'` (default, at most every 60 s) or `'manual'`. */
  readonly schedule?: string;
  /** The zone of the schedule. Default UTC. */
  readonly timezone?: string;
  readonly checks?: readonly Check<keyof F & string>[];
  /** Pins and types the result; the engine checks it. */
  readonly fields?: F;
  /** Columns that identify a row. */
  readonly key?: readonly (keyof F & string)[];
  readonly measures?: { readonly [K in M]: Sql };
}

/** Filled by `millrace-env.d.ts`: the rows of models, by name. */
// biome-ignore lint/suspicious/noEmptyInterface: users' generated types merge into it
export interface ModelRows {}

export interface Model<
  N extends string = string,
  F extends Fields = Fields,
  M extends string = string,
> {
  readonly kind: 'model';
  readonly name: N;
  readonly settings: ModelSettings;
  readonly _row?: N extends keyof ModelRows ? ModelRows[N] : RowOf<F>;
  readonly _measures?: M;
}

export interface ModelSettings {
  readonly description?: string;
  readonly owner?: string;
  readonly query: Sql;
  readonly materialize: 'table' | 'view';
  readonly schedule: string;
  readonly timezone: string;
  readonly checks: readonly Check[];
  readonly fields?: readonly NamedField[];
  readonly key: readonly string[];
  readonly measures: { readonly [name: string]: Sql };
}

const OPTIONS = [
  'description',
  'owner',
  'sql',
  'materialize',
  'schedule',
  'timezone',
  'checks',
  'fields',
  'key',
  'measures',
];

/**
 * A SELECT over streams and models, kept as table or view of the warehouse.
 * @throws MillraceError MR_DEFINITION_INVALID naming file, line and option.
 */
export function model<const N extends string, F extends Fields = Fields, M extends string = never>(
  name: N,
  options: ModelOptions<F, M>,
): Model<N, F, M> {
  requireName('model', name);
  const title = `model('${name}')`;
  refuseUnknownOptions(title, options, OPTIONS);
  if (options.sql?.kind !== 'sql')
    throw invalidDefinition(title, '`sql` must be written as sql`select …`.');
  const definition = { kind: 'model' as const, name, settings: settingsOf(title, options) };
  rememberLocation(definition);
  return Object.freeze(definition) as Model<N, F, M>;
}

function settingsOf(title: string, options: ModelOptions<Fields>): ModelSettings {
  const materialize = options.materialize ?? 'table';
  if (materialize !== 'table' && materialize !== 'view')
    throw invalidDefinition(title, "`materialize` must be 'table' or 'view'.");
  if (materialize === 'view') refuseRunOptions(title, options);
  const checks = options.checks ?? [];
  if (!Array.isArray(checks) || checks.some((rule) => rule?.rule === undefined))
    throw invalidDefinition(
      title,
      "`checks` must be a list of check.*, for example [check.notNull('day')].",
    );
  const key: unknown = options.key ?? [];
  if (!Array.isArray(key) || key.some((column) => typeof column !== 'string'))
    throw invalidDefinition(
      title,
      "`key` must be a list of columns, for example ['day', 'country'].",
    );
  const { schedule = 'on-change' } = textOption(title, 'schedule', options.schedule);
  return Object.freeze({
    ...textOption(title, 'description', options.description),
    ...textOption(title, 'owner', options.owner),
    query: options.sql,
    materialize,
    schedule,
    timezone: timeZone(title, options.timezone ?? 'UTC'),
    checks: Object.freeze([...checks]),
    ...(options.fields ? { fields: Object.freeze(namedFields(title, options.fields)) } : {}),
    key: Object.freeze([...(key as string[])]),
    measures: Object.freeze({ ...options.measures }),
  });
}

/** A view is computed when it is asked: nothing runs that could be scheduled or held to checks. */
function refuseRunOptions<F extends Fields>(title: string, options: ModelOptions<F>): void {
  for (const option of ['schedule', 'timezone', 'checks'] as const)
    if (options[option] !== undefined)
      throw invalidDefinition(
        title,
        `\`${option}\` is for models that run, and a view is computed when it is asked. Leave it out, or make the model a table.`,
      );
}

function timeZone(title: string, name: unknown): string {
  if (typeof name === 'string' && isTimeZone(name)) return name;
  throw invalidDefinition(
    title,
    `\`timezone\`: there is no time zone ${JSON.stringify(name) ?? String(name)}. Name one such as 'UTC' or 'Europe/London'.`,
  );
}

function isTimeZone(name: string): boolean {
  // The first formatter of a process loads the data of all zones: 25 ms of its start.
  if (name === 'UTC') return true;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

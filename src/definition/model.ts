import type { NamedField } from '../core/field-types.ts';
import type { Check } from './check.ts';
import { type Fields, namedFields, type RowOf } from './field.ts';
import { invalidDefinition, refuseUnknownOptions, requireName } from './invalid.ts';
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
  readonly checks?: readonly Check[];
  /** Pins and types the result; the engine checks it. */
  readonly fields?: F;
  /** Columns that identify a row. */
  readonly key?: readonly string[];
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
  const checks = options.checks ?? [];
  if (!Array.isArray(checks) || checks.some((rule) => rule?.rule === undefined))
    throw invalidDefinition(
      title,
      "`checks` must be a list of check.*, for example [check.notNull('day')].",
    );
  if (options.key !== undefined && !Array.isArray(options.key))
    throw invalidDefinition(
      title,
      "`key` must be a list of columns, for example ['day', 'country'].",
    );
  return Object.freeze({
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.owner === undefined ? {} : { owner: options.owner }),
    query: options.sql,
    materialize,
    schedule: options.schedule ?? 'on-change',
    timezone: options.timezone ?? 'UTC',
    checks: Object.freeze([...checks]),
    ...(options.fields ? { fields: Object.freeze(namedFields(title, options.fields)) } : {}),
    key: Object.freeze([...(options.key ?? [])]),
    measures: Object.freeze({ ...options.measures }),
  });
}

import type { NamedField } from '../core/field-types.ts';
import { type Fields, namedFields, type RowOf } from './field.ts';
import {
  invalidDefinition,
  parseDuration,
  refuseUnknownOptions,
  requireName,
  textOption,
} from './invalid.ts';
import { rememberLocation } from './location.ts';
import type { EndpointParameter, Sql } from './sql.ts';

export interface EndpointOptions<P extends Fields> {
  readonly description?: string;
  /** What callers give, by name: `{ since: field.date(), limit: field.int().max(100).default(10) }`. */
  readonly params?: P;
  /** How old an answer may be: `'30s'`. Default: what is acknowledged when it is asked is in it. */
  readonly maxAge?: string;
  /** A SELECT; a parameter in it is its value, of its type, and null where an optional one is left out. */
  readonly sql: Sql | ((params: { readonly [K in keyof P & string]: EndpointParameter<K> }) => Sql);
}

/** Filled by `millrace-env.d.ts`: the rows of endpoints, by name. */
// biome-ignore lint/suspicious/noEmptyInterface: users' generated types merge into it
export interface EndpointRows {}

export interface Endpoint<N extends string = string, P extends Fields = Fields> {
  readonly kind: 'endpoint';
  readonly name: N;
  readonly settings: EndpointSettings;
  readonly _params?: RowOf<P>;
}

export interface EndpointSettings {
  readonly description?: string;
  readonly maxAgeMs?: number;
  readonly params: readonly NamedField[];
  readonly query: Sql;
}

/** What a text in an address can say. */
const PARAMETER_KINDS: ReadonlySet<string> = new Set([
  ...['boolean', 'int', 'long', 'float', 'double', 'decimal'],
  ...['string', 'uuid', 'date', 'timestamp', 'timestamptz'],
]);
/** Of the request itself. */
const RESERVED: ReadonlySet<string> = new Set(['format']);

/**
 * A question with parameters, answered at `GET /v1/endpoints/<name>`.
 * @throws MillraceError MR_DEFINITION_INVALID naming file, line and option.
 */
export function endpoint<const N extends string, P extends Fields = Record<never, never>>(
  name: N,
  options: EndpointOptions<P>,
): Endpoint<N, P> {
  requireName('endpoint', name);
  const title = `endpoint('${name}')`;
  refuseUnknownOptions(title, options, ['description', 'params', 'maxAge', 'sql']);
  const params = paramsOf(title, options.params);
  const definition = {
    kind: 'endpoint' as const,
    name,
    settings: Object.freeze({
      ...textOption(title, 'description', options.description),
      ...(options.maxAge === undefined
        ? {}
        : { maxAgeMs: parseDuration(title, 'maxAge', options.maxAge) }),
      params: Object.freeze(params),
      query: queryOf(title, options.sql, params),
    }),
  };
  rememberLocation(definition);
  return Object.freeze(definition) as Endpoint<N, P>;
}

function paramsOf(title: string, params: Fields | undefined): NamedField[] {
  if (params === undefined || Object.keys(params).length === 0) return [];
  const named = namedFields(`${title}, \`params\``, params);
  for (const { name, type, from } of named) {
    const wrong = (problem: string) => invalidDefinition(title, `parameter '${name}' ${problem}`);
    if (RESERVED.has(name))
      throw wrong('has the name of a parameter of every endpoint. Name it otherwise.');
    if (!PARAMETER_KINDS.has(type.kind))
      throw wrong(
        `is a ${type.kind}, which cannot stand in an address. Take a text, a number, a boolean or a time.`,
      );
    if (from !== undefined) throw wrong('has .from(), which is for records. Leave it out.');
  }
  return named;
}

function queryOf(title: string, query: unknown, params: readonly NamedField[]): Sql {
  const given = params.map(({ name }) => [name, parameter(name)] as const);
  const found: unknown = typeof query === 'function' ? query(Object.fromEntries(given)) : query;
  const { kind, parts } = Object(found) as Partial<Sql>;
  if (kind !== 'sql' || !parts)
    throw invalidDefinition(
      title,
      '`sql` must be sql`select …`, or ({ since }) => sql`select … ${since} …`.',
    );
  const used = parts.flatMap((part) => ('argument' in part ? [part.argument] : []));
  const unused = params.find(({ name }) => !used.includes(name));
  if (unused)
    throw invalidDefinition(
      title,
      `parameter '${unused.name}' is not used. Write \`sql: ({ ${unused.name} }) => sql\`…\${${unused.name}}…\`\`, or leave it out.`,
    );
  return found as Sql;
}

const parameter = (name: string): EndpointParameter =>
  Object.freeze({ kind: 'endpoint-parameter', name });

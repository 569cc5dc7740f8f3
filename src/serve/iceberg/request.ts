import type { FastifyRequest } from 'fastify';
import { MillraceError } from '../../core/errors.ts';
import type { TableName } from '../../lake/catalog.ts';
import { list, object, text } from './parse.ts';

/** Between the levels of a namespace in an address (REST catalog specification). */
const LEVELS = '\u001f';

/** Namespaces have one level here; `kind` is what was asked for, and is not there. */
export function namespaceOf(
  levels: readonly string[],
  kind: 'namespace' | 'table' | 'view' = 'namespace',
): string {
  const [name = '', ...more] = levels;
  if (name !== '' && more.length === 0) return name;
  throw new MillraceError(
    'MR_TABLE_NOT_FOUND',
    `There is no namespace '${levels.join('.')}': namespaces have one level here.`,
    { details: { kind } },
  );
}

export function paramsOf(request: FastifyRequest): { readonly [name: string]: string } {
  return request.params as { [name: string]: string };
}

export function namespaceParam(request: FastifyRequest): string {
  return namespaceOf((paramsOf(request)['namespace'] ?? '').split(LEVELS));
}

/** Of a parameter that is given twice, the first. */
export function queryOf(request: FastifyRequest): { readonly [name: string]: string | undefined } {
  const given = request.query as { [name: string]: string | string[] | undefined };
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

export function nameParam(request: FastifyRequest, param: 'table' | 'view'): TableName {
  const { namespace = '', [param]: name = '' } = paramsOf(request);
  // Spark asks for `lake.sales.files` as a table of namespace `lake.sales` first, and goes on where there is no such table.
  return { namespace: namespaceOf(namespace.split(LEVELS), param), name };
}

export function identifier(value: unknown, path: string): TableName {
  const given = object(value, path);
  return {
    namespace: namespaceOf(list(given['namespace'], `${path}.namespace`, text)),
    name: text(given['name'], `${path}.name`),
  };
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly 'next-page-token'?: string | null;
}

/** A part of a list, where the client asks for parts; the token is the place to go on from. */
export function pageOf<T>(all: readonly T[], request: FastifyRequest): Page<T> {
  const { pageToken, pageSize } = queryOf(request);
  if (pageToken === undefined && pageSize === undefined) return { items: all };
  const from = Number(pageToken || 0);
  const size = Number(pageSize ?? 1000);
  if (!Number.isInteger(from) || from < 0 || !Number.isInteger(size) || size < 1)
    throw new MillraceError('MR_REQUEST_INVALID', 'pageToken or pageSize is not one of ours.');
  const end = from + size;
  return {
    items: all.slice(from, end),
    'next-page-token': end < all.length ? String(end) : null,
  };
}

/** A list with the name that the specification gives it. */
export function named<T>(name: string, { items, ...rest }: Page<T>): object {
  return { [name]: items, ...rest };
}

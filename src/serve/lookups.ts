import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { LookupQuery } from '../lookup/lookup-store.ts';
import type { Services } from './services.ts';

type Query = { readonly [name: string]: string | string[] | undefined };
const PARAMETERS = ['limit', 'cursor', 'from', 'to', 'prefix'];

/** `GET /v1/lookups/{lookup}/{key}[/{sort}…]` */
export async function lookupRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  server.get<{ Params: { lookup: string; '*': string }; Querystring: Query }>(
    '/v1/lookups/:lookup/*',
    { config: { roles: ['reader'] } },
    async (request, reply) => {
      const { lookup } = request.params;
      const parts = pathParts(request.raw.url ?? '');
      const page = await services.readLookup(lookup, lookupQuery(parts, request.query));
      if (page.items.length === 0)
        throw new MillraceError(
          'MR_LOOKUP_NO_ENTRY',
          `Lookup '${lookup}' has no entry for ${parts.map((part) => JSON.stringify(part)).join(', ')}.`,
        );
      const cursor = page.cursor === undefined ? '' : `,"cursor":${JSON.stringify(page.cursor)}`;
      const body = page.isFullKey ? page.items[0] : `{"items":[${page.items.join(',')}]${cursor}}`;
      return reply.header('content-type', 'application/json; charset=utf-8').send(body);
    },
  );
}

/** The percent-encoded segments behind the lookup's name: a key may hold slashes. */
function pathParts(url: string): string[] {
  const path = url.split('?')[0] ?? '';
  try {
    return path.split('/').slice(4).map(decodeURIComponent);
  } catch (error) {
    throw new MillraceError(
      'MR_LOOKUP_KEY',
      'The key in the address is not percent-encoded right.',
      { cause: error },
    );
  }
}

function lookupQuery(parts: readonly string[], query: Query): LookupQuery {
  for (const name of Object.keys(query)) {
    if (!PARAMETERS.includes(name))
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `There is no parameter '${name}'. Parameters are: ${PARAMETERS.join(', ')}.`,
      );
    if (Array.isArray(query[name]))
      throw new MillraceError('MR_REQUEST_INVALID', `Parameter '${name}' is there twice.`);
  }
  const text = (name: string) => query[name] as string | undefined;
  const [key = '', ...sort] = parts;
  return {
    key,
    parts: sort,
    from: text('from'),
    to: text('to'),
    prefix: text('prefix'),
    cursor: text('cursor'),
    limit: limitOf(text('limit')),
  };
}

function limitOf(limit: string | undefined): number {
  if (limit === undefined) return LIMITS.lookupPageItemsDefault;
  if (/^\d{1,5}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= LIMITS.lookupPageItemsMax)
    return Number(limit);
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `Parameter 'limit' must be a whole number from 1 to ${LIMITS.lookupPageItemsMax}.`,
  );
}

import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { LoggedQuery } from '../query/query-log.ts';
import { type SavedQuery, savedQueryKey } from '../query/saved-query.ts';
import { whoAsks } from './send-result.ts';
import type { Services } from './services.ts';

type Named = { Params: { name: string } };

const NAME_CHARACTERS_MAX = 100;

/** What people ask, have asked and keep: `/v1/queries` and `/v1/saved-queries`. */
export async function queryRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const reader = { config: { roles: ['reader'] as const } };
  const { queryLog } = services;
  server.get('/v1/queries', reader, async (request) => ({
    queries: queryLog.list(whoAsks(request)).map(shown),
  }));
  server.delete<{ Params: { id: string } }>('/v1/queries/:id', reader, async (request, reply) => {
    const { id } = request.params;
    const isAdmin = request.principal?.roles.includes('admin') === true;
    if (!queryLog.cancel(id, isAdmin ? undefined : whoAsks(request)))
      throw new MillraceError(
        'MR_REQUEST_NOT_FOUND',
        `No query of yours with the id ${id} runs. GET /v1/queries lists them.`,
      );
    return reply.status(204).send();
  });
  server.get('/v1/saved-queries', reader, async (request) => {
    const who = whoAsks(request);
    const found = savedQueries(services).filter(({ owner, shared }) => shared || owner === who);
    return { queries: found.map((query) => ({ ...query, isOwn: query.owner === who })) };
  });
  server.put<Named>('/v1/saved-queries/:name', reader, async (request) => {
    const owner = whoAsks(request);
    const query = { ...parseSaved(request.params.name, request.body), owner };
    const saved = { ...query, changedMs: services.clock.now() };
    if (
      savedQueries(services).filter((one) => one.owner === owner).length >= LIMITS.savedQueriesMax
    )
      requireKnown(services, owner, query.name);
    await services.savedQueries.change(savedQueryKey(owner, query.name), () => saved);
    return { ...saved, isOwn: true };
  });
  server.delete<Named>('/v1/saved-queries/:name', reader, async (request, reply) => {
    const key = savedQueryKey(whoAsks(request), request.params.name);
    if (!services.savedQueries.get(key))
      throw new MillraceError(
        'MR_REQUEST_NOT_FOUND',
        `You have no saved query '${request.params.name}'. GET /v1/saved-queries lists them.`,
      );
    await services.savedQueries.change(key, () => undefined);
    return reply.status(204).send();
  });
}

const shown = ({ startedMs, ...query }: LoggedQuery) => ({
  ...query,
  started: new Date(startedMs).toISOString(),
});

const savedQueries = ({ savedQueries: store }: Services): SavedQuery[] =>
  store
    .names()
    .flatMap((name) => store.get(name) ?? [])
    .sort((a, b) => a.name.localeCompare(b.name));

function requireKnown({ savedQueries: store }: Services, owner: string, name: string): void {
  if (store.get(savedQueryKey(owner, name))) return;
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `You have ${LIMITS.savedQueriesMax} saved queries, which is as many as there may be. Delete one first.`,
  );
}

function parseSaved(name: string, body: unknown): Pick<SavedQuery, 'name' | 'sql' | 'shared'> {
  const wrong = (problem: string) =>
    new MillraceError(
      'MR_REQUEST_INVALID',
      `${problem} Send {"sql": "select …", "shared": false}.`,
    );
  if (typeof body !== 'object' || body === null) throw wrong('The body must be a JSON object.');
  const { sql, shared = false, ...others } = body as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw wrong(`There is no member '${unknown}'.`);
  if (typeof sql !== 'string' || sql.trim() === '') throw wrong("'sql' must be a statement.");
  if (Buffer.byteLength(sql) > LIMITS.queryTextBytesMax)
    throw wrong(`'sql' has more than ${LIMITS.queryTextBytesMax} bytes.`);
  if (typeof shared !== 'boolean') throw wrong("'shared' must be true or false.");
  if (name.trim() === '' || name.length > NAME_CHARACTERS_MAX)
    throw wrong(`A name has 1 to ${NAME_CHARACTERS_MAX} characters.`);
  return { name, sql, shared };
}

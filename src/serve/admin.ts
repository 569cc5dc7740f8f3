import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { ROLES, type Role } from '../govern/key-store.ts';
import type { Services } from './services.ts';

/** Status, plan, runs, data of removed definitions, and keys. */
export async function adminRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const reader = { config: { roles: ['reader'] as const } };
  const admin = { config: { roles: ['admin'] as const } };
  server.get('/v1/status', reader, async () => services.status());
  server.get('/v1/plan', reader, async () => services.plan());
  server.post<{ Params: { model: string } }>('/v1/models/:model/runs', admin, async (request) =>
    services.runModel(request.params.model),
  );
  server.post<{ Params: { lookup: string } }>(
    '/v1/lookups/:lookup/replay',
    admin,
    async (request) => {
      const { stream } = members(request.body, ['stream']);
      if (typeof stream !== 'string')
        throw new MillraceError('MR_REQUEST_INVALID', "'stream' must be the name of a stream.");
      return { entries: await services.replay(stream, request.params.lookup) };
    },
  );
  server.get<{ Params: { name: string } }>('/v1/removed/:name', admin, async ({ params }) => ({
    parts: await services.removedData(params.name),
  }));
  server.delete<{ Params: { name: string } }>('/v1/removed/:name', admin, async ({ params }) => ({
    dropped: params.name,
    parts: await services.drop(params.name),
  }));
  server.get('/v1/keys', admin, async () => ({ keys: services.keys.list() }));
  server.post('/v1/keys', admin, async (request, reply) => {
    const { roles, label = '' } = members(request.body, ['roles', 'label']);
    return reply.status(201).send(await services.keys.create(parseRoles(roles), String(label)));
  });
  server.delete<{ Params: { id: string } }>('/v1/keys/:id', admin, async (request) => {
    if (await services.keys.revoke(request.params.id)) return { revoked: request.params.id };
    throw new MillraceError(
      'MR_REQUEST_NOT_FOUND',
      `There is no key '${request.params.id}' that is not revoked.`,
    );
  });
}

export function members(
  body: unknown,
  known: readonly string[],
): { readonly [name: string]: unknown } {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new MillraceError('MR_REQUEST_INVALID', 'The body must be a JSON object.');
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `There is no member '${unknown}'. Members are: ${known.join(', ')}.`,
    );
  return body as { [name: string]: unknown };
}

export function parseRoles(roles: unknown): Role[] {
  const list = Array.isArray(roles) ? roles : [];
  const wrong = list.length === 0 || list.some((role) => !ROLES.includes(role as Role));
  if (wrong)
    throw new MillraceError('MR_REQUEST_INVALID', `'roles' must be a list of ${ROLES.join(', ')}.`);
  return list as Role[];
}

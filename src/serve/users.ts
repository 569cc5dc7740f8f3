import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { members, parseRoles } from './admin.ts';
import type { Services } from './services.ts';

/** Who may log in. */
export async function userRoutes(
  server: FastifyInstance,
  { services: { logins } }: { services: Services },
): Promise<void> {
  const admin = { config: { roles: ['admin'] as const } };
  server.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
  server.get('/v1/users', admin, async () => ({
    users: logins.list().map(({ name, roles, createdMs }) => ({
      name,
      roles,
      created: new Date(createdMs).toISOString(),
    })),
  }));
  server.post('/v1/users', admin, async (request, reply) => {
    const body = members(request.body, ['name', 'roles', 'password']);
    const { name, roles } = await logins.add({
      name: text('name', body['name']),
      roles: parseRoles(body['roles']),
      password: text('password', body['password']),
    });
    return reply.status(201).send({ name, roles });
  });
  server.patch<{ Params: { name: string } }>('/v1/users/:name', admin, async (request) => {
    const body = members(request.body, ['roles', 'password']);
    const changes = {
      roles: body['roles'] === undefined ? undefined : parseRoles(body['roles']),
      password: body['password'] === undefined ? undefined : text('password', body['password']),
    };
    if (changes.roles === undefined && changes.password === undefined)
      throw new MillraceError('MR_REQUEST_INVALID', "Send 'roles', a new 'password', or both.");
    const { name, roles } = await logins.change(request.params.name, changes);
    return { name, roles };
  });
  server.delete<{ Params: { name: string } }>('/v1/users/:name', admin, async (request) => ({
    removed: await logins.remove(request.params.name),
  }));
}

function text(member: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new MillraceError('MR_REQUEST_INVALID', `'${member}' must be a text.`);
}

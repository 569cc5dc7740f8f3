import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../../core/errors.ts';
import type { Services } from '../services.ts';
import { list, maybe, object, text, texts } from './parse.ts';
import { sendJson, sendNothing } from './reply.ts';
import { named, namespaceOf, namespaceParam, pageOf, queryOf } from './request.ts';

/** HEAD has an answer of its own: 204. */
const READ = { config: { roles: ['reader'] as const }, exposeHeadRoute: false };
const CHANGE = { config: { roles: ['admin'] as const } };

export function namespaceRoutes(
  server: FastifyInstance,
  path: string,
  { catalog }: Pick<Services, 'catalog'>,
): void {
  server.get(`${path}/namespaces`, READ, async (request, reply) => {
    const { parent } = queryOf(request);
    if (parent !== undefined && parent !== '') {
      await catalog.namespace(namespaceOf(parent.split('\u001f')));
      return sendJson(reply, named('namespaces', pageOf([], request)));
    }
    const names = (await catalog.namespaces()).map((name) => [name]);
    return sendJson(reply, named('namespaces', pageOf(names, request)));
  });
  server.post(`${path}/namespaces`, CHANGE, async (request, reply) => {
    const body = object(request.body, 'body');
    const levels = list(body['namespace'], 'namespace', text);
    if (levels.length !== 1 || levels[0] === '')
      throw new MillraceError('MR_REQUEST_INVALID', 'namespace must have one level here.');
    const name = namespaceOf(levels);
    const properties = maybe(body['properties'], 'properties', texts) ?? {};
    await catalog.createNamespace(name, properties);
    return sendJson(reply, { namespace: [name], properties });
  });
  server.get(`${path}/namespaces/:namespace`, READ, async (request, reply) => {
    const name = namespaceParam(request);
    return sendJson(reply, { namespace: [name], properties: await catalog.namespace(name) });
  });
  server.head(`${path}/namespaces/:namespace`, READ, async (request, reply) => {
    await catalog.namespace(namespaceParam(request));
    return sendNothing(reply);
  });
  server.delete(`${path}/namespaces/:namespace`, CHANGE, async (request, reply) => {
    await catalog.dropNamespace(namespaceParam(request));
    return sendNothing(reply);
  });
  server.post(`${path}/namespaces/:namespace/properties`, CHANGE, async (request, reply) => {
    const body = object(request.body, 'body');
    const updates = maybe(body['updates'], 'updates', texts) ?? {};
    const removals = maybe(body['removals'], 'removals', (some, at) => list(some, at, text)) ?? [];
    const both = removals.find((name) => Object.hasOwn(updates, name));
    if (both !== undefined)
      throw new MillraceError(
        'MR_TABLE_COMMIT_INVALID',
        `Property '${both}' is in updates and in removals.`,
        { details: { isUnprocessable: true } },
      );
    return sendJson(
      reply,
      await catalog.changeNamespace(namespaceParam(request), { updates, removals }),
    );
  });
}

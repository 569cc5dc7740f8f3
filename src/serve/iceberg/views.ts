import type { FastifyInstance, FastifyReply } from 'fastify';
import type { LoadedView } from '../../lake/catalog.ts';
import type { Services } from '../services.ts';
import { object, text } from './parse.ts';
import { viewChange, viewRequest } from './parse-commit.ts';
import { sendJson, sendNothing } from './reply.ts';
import { identifier, named, nameParam, namespaceParam, pageOf } from './request.ts';

/** HEAD has an answer of its own: 204. */
const READ = { config: { roles: ['reader'] as const }, exposeHeadRoute: false };
const CHANGE = { config: { roles: ['admin'] as const } };

export function viewRoutes(
  server: FastifyInstance,
  path: string,
  { catalog }: Pick<Services, 'catalog'>,
): void {
  const views = `${path}/namespaces/:namespace/views`;
  server.get(views, READ, async (request, reply) => {
    const namespace = namespaceParam(request);
    const names = (await catalog.views(namespace)).map((name) => ({
      namespace: [namespace],
      name,
    }));
    return sendJson(reply, named('identifiers', pageOf(names, request)));
  });
  server.post(views, CHANGE, async (request, reply) => {
    const name = {
      namespace: namespaceParam(request),
      name: text(object(request.body, 'body')['name'], 'name'),
    };
    return sendView(reply, await catalog.createView(name, viewRequest(request.body, 'body')));
  });
  server.get(`${views}/:view`, READ, async (request, reply) =>
    sendView(reply, await catalog.view(nameParam(request, 'view'))),
  );
  server.head(`${views}/:view`, READ, async (request, reply) => {
    await catalog.view(nameParam(request, 'view'));
    return sendNothing(reply);
  });
  server.post(`${views}/:view`, CHANGE, async (request, reply) => {
    const name = nameParam(request, 'view');
    return sendView(reply, await catalog.commitView(name, viewChange(request.body, 'body')));
  });
  server.delete(`${views}/:view`, CHANGE, async (request, reply) => {
    await catalog.dropView(nameParam(request, 'view'));
    return sendNothing(reply);
  });
  server.post(`${path}/views/rename`, CHANGE, async (request, reply) => {
    const body = object(request.body, 'body');
    await catalog.renameView(
      identifier(body['source'], 'source'),
      identifier(body['destination'], 'destination'),
    );
    return sendNothing(reply);
  });
}

function sendView(reply: FastifyReply, { metadata, metadataLocation }: LoadedView): FastifyReply {
  return sendJson(reply, { 'metadata-location': metadataLocation, metadata, config: {} });
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../../core/errors.ts';
import type { Catalog, ClientSettings, LoadedTable } from '../../lake/catalog.ts';
import { NO_SNAPSHOT, type TableMetadata } from '../../lake/iceberg/metadata.ts';
import type { Services } from '../services.ts';
import { flag, list, maybe, object, text } from './parse.ts';
import { tableChange, tableRequest } from './parse-commit.ts';
import { sendJson, sendNothing } from './reply.ts';
import { identifier, named, nameParam, namespaceParam, pageOf, queryOf } from './request.ts';

/** HEAD has an answer of its own: 204. */
const READ = { config: { roles: ['reader'] as const }, exposeHeadRoute: false };
const CHANGE = { config: { roles: ['admin'] as const } };

type TableServices = Pick<Services, 'catalog' | 'logger'>;

export function tableRoutes(server: FastifyInstance, path: string, services: TableServices): void {
  const { catalog } = services;
  const tables = `${path}/namespaces/:namespace/tables`;
  server.get(tables, READ, async (request, reply) => {
    const namespace = namespaceParam(request);
    const names = (await catalog.tables(namespace)).map((name) => ({
      namespace: [namespace],
      name,
    }));
    return sendJson(reply, named('identifiers', pageOf(names, request)));
  });
  server.post(tables, CHANGE, async (request, reply) => {
    const body = object(request.body, 'body');
    const name = { namespace: namespaceParam(request), name: text(body['name'], 'name') };
    const asked = tableRequest(body, 'body');
    if (maybe(body['stage-create'], 'stage-create', flag) !== true)
      return sendTable(reply, await catalog.createTable(name, asked), catalog);
    const metadata = await catalog.stageTable(name, asked);
    return sendJson(reply, { metadata: shown(metadata), config: catalog.clientSettings });
  });
  server.post(`${path}/namespaces/:namespace/register`, CHANGE, async (request, reply) => {
    const body = object(request.body, 'body');
    const name = { namespace: namespaceParam(request), name: text(body['name'], 'name') };
    const location = text(body['metadata-location'], 'metadata-location');
    const overwrite = maybe(body['overwrite'], 'overwrite', flag) ?? false;
    return sendTable(reply, await catalog.registerTable(name, location, overwrite), catalog);
  });
  oneTableRoutes(server, `${tables}/:table`, services);
  server.post(`${path}/tables/rename`, CHANGE, async (request, reply) => {
    const body = object(request.body, 'body');
    await catalog.renameTable(
      identifier(body['source'], 'source'),
      identifier(body['destination'], 'destination'),
    );
    return sendNothing(reply);
  });
  server.post(`${path}/transactions/commit`, CHANGE, async (request, reply) => {
    const body = object(request.body, 'body');
    const changes = list(body['table-changes'], 'table-changes', (one, at) => ({
      name: identifier(object(one, at)['identifier'], `${at}.identifier`),
      ...tableChange(one, at),
    }));
    await catalog.commitAll(changes);
    return sendNothing(reply);
  });
}

function oneTableRoutes(
  server: FastifyInstance,
  path: string,
  { catalog, logger }: TableServices,
): void {
  server.get(path, READ, async (request, reply) => {
    const table = await catalog.table(nameParam(request, 'table'));
    return sendLoaded(request, reply, { ...table, config: catalog.clientSettings });
  });
  server.head(path, READ, async (request, reply) => {
    await catalog.table(nameParam(request, 'table'));
    return sendNothing(reply);
  });
  server.post(path, CHANGE, async (request, reply) => {
    const name = nameParam(request, 'table');
    const { metadata, metadataLocation } = await catalog.commit(
      name,
      tableChange(request.body, 'body'),
    );
    reply.header('etag', etagOf(metadataLocation, 'all'));
    return sendJson(reply, { 'metadata-location': metadataLocation, metadata: shown(metadata) });
  });
  server.delete(path, CHANGE, async (request, reply) => {
    const purge = queryOf(request)['purgeRequested']?.toLowerCase() === 'true';
    await catalog.dropTable(nameParam(request, 'table'), purge);
    return sendNothing(reply);
  });
  server.get(`${path}/credentials`, READ, async (request, reply) => {
    await catalog.table(nameParam(request, 'table'));
    return sendJson(reply, { 'storage-credentials': [] });
  });
  server.post(`${path}/metrics`, READ, async (request, reply) => {
    const report = object(request.body, 'body');
    const name = nameParam(request, 'table');
    await catalog.table(name);
    logger.debug({ table: name, report: report['report-type'] }, 'metrics');
    return sendNothing(reply);
  });
}

function sendTable(
  reply: FastifyReply,
  { metadata, metadataLocation }: LoadedTable,
  { clientSettings: config }: Catalog,
): FastifyReply {
  return sendJson(reply.header('etag', etagOf(metadataLocation, 'all')), {
    'metadata-location': metadataLocation,
    metadata: shown(metadata),
    config,
  });
}

/** All snapshots, or those that branches and tags name; nothing where the client has what there is. */
function sendLoaded(
  request: FastifyRequest,
  reply: FastifyReply,
  { metadata, metadataLocation, config }: LoadedTable & { readonly config: ClientSettings },
): FastifyReply {
  const which = queryOf(request)['snapshots'] ?? 'all';
  if (which !== 'all' && which !== 'refs')
    throw new MillraceError('MR_REQUEST_INVALID', "snapshots must be 'all' or 'refs'.");
  const etag = etagOf(metadataLocation, which);
  reply.header('etag', etag);
  const known = request.headers['if-none-match']?.split(',').map((one) => one.trim()) ?? [];
  if (known.includes(etag) || known.includes(`W/${etag}`)) return reply.status(304).send();
  return sendJson(reply, {
    'metadata-location': metadataLocation,
    metadata: shown(which === 'all' ? metadata : withRefsOnly(metadata)),
    config,
  });
}

const etagOf = (metadataLocation: string, which: string): string =>
  `"${encodeURIComponent(metadataLocation)}:${which}"`;

function withRefsOnly(metadata: TableMetadata): TableMetadata {
  const named = new Set(Object.values(metadata.refs).map((ref) => ref['snapshot-id']));
  return {
    ...metadata,
    snapshots: metadata.snapshots.filter((snapshot) => named.has(snapshot['snapshot-id'])),
  };
}

/** In files no snapshot is -1; answers leave it out. */
function shown(metadata: TableMetadata): object {
  const { 'current-snapshot-id': current, ...rest } = metadata;
  return current === NO_SNAPSHOT ? rest : { ...rest, 'current-snapshot-id': current };
}

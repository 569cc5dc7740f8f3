import type { FastifyInstance } from 'fastify';
import { asMillraceError, MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { parseIcebergJson } from '../../lake/iceberg/json.ts';
import type { Services } from '../services.ts';
import { catalogError, tokenError } from './catalog-error.ts';
import { namespaceRoutes } from './namespaces.ts';
import { sendJson } from './reply.ts';
import { tableRoutes } from './tables.ts';
import { tokenFor } from './token.ts';
import { viewRoutes } from './views.ts';

/**
 * The Iceberg REST catalog (OpenAPI document of the specification) at `/iceberg/v1`: Spark, Trino, PyIceberg and
 * DuckDB read and write the lake through it. Who reads needs the role reader; who changes something, admin.
 */
const CATALOG_PATH = '/iceberg/v1';
const TOKEN_PATH = `${CATALOG_PATH}/oauth/tokens`;

export async function icebergRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  takeBodies(server);
  server.setErrorHandler((error: Error, request, reply) => {
    const known = asMillraceError(
      error,
      clientsFault(error) ? 'MR_REQUEST_INVALID' : 'MR_INTERNAL',
    );
    if (known.status >= 500 && known.code !== 'MR_NOT_READY')
      services.logger.error(
        { code: known.code, url: request.routeOptions.url, error: known.message },
        'request to the catalog failed',
      );
    const route = request.routeOptions.url ?? '';
    const { status, body } = route === TOKEN_PATH ? tokenError(known) : catalogError(known, route);
    if (known.code === 'MR_NOT_READY') reply.header('retry-after', '1');
    return reply.status(status).type('application/json').send(body);
  });
  server.get(`${CATALOG_PATH}/config`, { config: { roles: ['reader'] } }, async (_request, reply) =>
    sendJson(reply, { defaults: {}, overrides: {}, endpoints: ENDPOINTS }),
  );
  // Who asks for a token has none yet; what it sends is judged there.
  server.post(TOKEN_PATH, async (request, reply) => {
    if (!(request.body instanceof URLSearchParams))
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        'Send the grant as application/x-www-form-urlencoded.',
      );
    reply.header('cache-control', 'no-store');
    return sendJson(reply, tokenFor(request.body, services));
  });
  namespaceRoutes(server, CATALOG_PATH, services);
  tableRoutes(server, CATALOG_PATH, services);
  viewRoutes(server, CATALOG_PATH, services);
}

const clientsFault = (error: Error): boolean =>
  'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500;

/** Ids of snapshots have 63 bits, which JSON.parse would round. */
function takeBodies(server: FastifyInstance): void {
  const bodyLimit = LIMITS.catalogRequestBytesMax;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit },
    (_request, body, done) => {
      try {
        done(null, body.length === 0 ? undefined : parseIcebergJson(body as string));
      } catch (error) {
        done(new MillraceError('MR_REQUEST_INVALID', 'The body is not JSON.', { cause: error }));
      }
    },
  );
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, new URLSearchParams(body as string)),
  );
}

/** What the server has, in the words of the specification: clients ask for nothing else. */
const ENDPOINTS = [
  'GET /v1/{prefix}/namespaces',
  'POST /v1/{prefix}/namespaces',
  'GET /v1/{prefix}/namespaces/{namespace}',
  'HEAD /v1/{prefix}/namespaces/{namespace}',
  'DELETE /v1/{prefix}/namespaces/{namespace}',
  'POST /v1/{prefix}/namespaces/{namespace}/properties',
  'GET /v1/{prefix}/namespaces/{namespace}/tables',
  'POST /v1/{prefix}/namespaces/{namespace}/tables',
  'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials',
  'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics',
  'POST /v1/{prefix}/namespaces/{namespace}/register',
  'POST /v1/{prefix}/tables/rename',
  'POST /v1/{prefix}/transactions/commit',
  'GET /v1/{prefix}/namespaces/{namespace}/views',
  'POST /v1/{prefix}/namespaces/{namespace}/views',
  'GET /v1/{prefix}/namespaces/{namespace}/views/{view}',
  'HEAD /v1/{prefix}/namespaces/{namespace}/views/{view}',
  'POST /v1/{prefix}/namespaces/{namespace}/views/{view}',
  'DELETE /v1/{prefix}/namespaces/{namespace}/views/{view}',
  'POST /v1/{prefix}/views/rename',
];

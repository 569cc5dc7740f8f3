import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { asMillraceError, MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Role } from '../govern/key-store.ts';
import { checkAccess } from './access.ts';
import { adminRoutes } from './admin.ts';
import { awsBody, awsRoutes, isAwsRequest } from './aws/aws-door.ts';
import { BothProtocols } from './both-protocols.ts';
import { dashboardRoutes } from './dashboards.ts';
import { endpointRoutes } from './endpoints.ts';
import { healthRoutes } from './health.ts';
import { hostOf } from './host.ts';
import { icebergRoutes } from './iceberg/iceberg-door.ts';
import { ingestRoutes } from './ingest.ts';
import { lookupRoutes } from './lookups.ts';
import { openapiRoutes } from './openapi.ts';
import { type PageFiles, pageRoutes, readPage } from './page.ts';
import { queryRoutes } from './queries.ts';
import { Readers, recordRoutes } from './records.ts';
import { renderRoutes } from './render.ts';
import { safetyRoutes } from './safety.ts';
import type { Principal, Services } from './services.ts';
import { sessionRoutes } from './session.ts';
import { sqlRoutes } from './sql.ts';
import { streamRoutes } from './streams.ts';
import { lakeTableRoutes } from './tables.ts';
import { answerOnSocket, answerUnmatched, unreadableAddress } from './unmatched.ts';
import { userRoutes } from './users.ts';
import { withoutFolder } from './without-folder.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Ends all connections at once, whatever they wait for. */
    cutConnections(): void;
  }
  interface FastifyRequest {
    /** Who asks, where the server wants to know. */
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** Roles of which one is needed; without it the route is open. Routes are judged, never addresses. */
    readonly roles?: readonly Role[];
  }
}

/** The HTTP door, hardened (reliability.md §6.5): no coercion, every deadline set, hosts and origins checked. */
export async function createServer(services: Services): Promise<FastifyInstance> {
  const server = Fastify({
    logger: false,
    bodyLimit: LIMITS.requestBytesMax,
    requestTimeout: LIMITS.requestTimeoutMs,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    http: {
      headersTimeout: LIMITS.headersTimeoutMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 16 * 1024,
    },
    routerOptions: { maxParamLength: 4096 },
    schemaController: {
      compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas },
    },
    // A request that comes while it closes is answered by what it asks for, with MR_STOPPING.
    return503OnClosing: false,
    frameworkErrors: (_error, request, reply: FastifyReply) => {
      const known = unreadableAddress(request.url);
      return reply.status(known.status).send(errorBody(known));
    },
    clientErrorHandler: answerOnSocket,
  });
  const page = readPage();
  server.server.maxConnections = LIMITS.connectionsMax;
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const known = knownError(error, request);
    // A full disk is logged by what finds it full, once.
    if (known.status >= 500 && known.code !== 'MR_STORAGE_FULL')
      services.logger.error(
        { code: known.code, url: request.routeOptions.url, error: known.message },
        'request failed',
      );
    if (known.code === 'MR_OVERLOADED' || known.code === 'MR_NOT_READY')
      reply.header('retry-after', '1');
    // The rest of a body that was begun stays unread; one that nobody began is passed over by Node.
    const isHttp1 = request.raw.httpVersionMajor === 1;
    if (isHttp1 && !request.raw.complete && (request.raw.readableDidRead || !isShort(request)))
      reply.header('connection', 'close');
    const told = hidingFolder(known, services.folder);
    return reply.status(told.status).send(isAwsRequest(request) ? awsBody(told) : errorBody(told));
  });
  server.decorateRequest('principal', undefined);
  takeJson(server);
  server.addHook('onRequest', async (request) => {
    checkHost(request, services);
    checkAccess(request, services);
  });
  answerUnmatched(server, page);
  speakBothProtocols(server);
  await registerRoutes(server, services, page);
  return server;
}

async function registerRoutes(
  server: FastifyInstance,
  services: Services,
  page: PageFiles,
): Promise<void> {
  await server.register(awsRoutes, { services });
  await server.register(icebergRoutes, { services });
  await server.register(ingestRoutes, { services });
  const readers = new Readers();
  await server.register(recordRoutes, { services, readers });
  await server.register(lookupRoutes, { services });
  await server.register(endpointRoutes, { services });
  await server.register(safetyRoutes, { services });
  await server.register(streamRoutes, { services });
  await server.register(lakeTableRoutes, { services });
  await server.register(sqlRoutes, { services });
  await server.register(queryRoutes, { services });
  await server.register(dashboardRoutes, { services });
  await server.register(renderRoutes, { services });
  await server.register(adminRoutes, { services });
  await server.register(sessionRoutes, { services });
  await server.register(userRoutes, { services });
  await server.register(healthRoutes, { services, readers });
  await server.register(openapiRoutes, { services });
  await server.register(pageRoutes, { page });
}

/** Requests of HTTP/2 go the way of all others: Node gives them the same form. */
function speakBothProtocols(server: FastifyInstance): void {
  const protocols = new BothProtocols(server.server, (request, response) =>
    server.routing(request as never, response as never),
  );
  server.addHook('preClose', async () => protocols.close());
  server.decorate('cutConnections', () => {
    server.server.closeAllConnections();
    protocols.destroy();
  });
}

/** Cutting the connection off would take the answer with it, so a short body is rather read to its end. */
function isShort(request: FastifyRequest): boolean {
  return Number(request.headers['content-length']) <= LIMITS.requestBytesMax;
}

function hidingFolder(error: MillraceError, folder: string): MillraceError {
  if (!error.message.includes(folder)) return error;
  const message = withoutFolder(error.message, folder);
  return new MillraceError(error.code, message, { cause: error, details: error.details });
}

export function errorBody(error: MillraceError): { error: object } {
  return { error: { code: error.code, message: error.message, ...error.details } };
}

/**
 * No route has a schema: bodies are parsed by what uses them. Fastify would load its compilers of schemas all the
 * same, which takes as long as the rest of it.
 */
function noSchemas(): never {
  throw new MillraceError('MR_INTERNAL', 'Defect: a route has a schema, and nothing compiles it.');
}

/** Bodies are JSON; an empty one is none, whatever its type says: clients send the type by habit. */
function takeJson(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parse(request, body as string, done);
  });
}

function knownError(error: FastifyError, request: FastifyRequest): MillraceError {
  switch (error.code) {
    // Nobody is there to be answered; it is no defect of ours.
    case 'ECONNRESET':
      return new MillraceError(
        'MR_REQUEST_INVALID',
        'The connection broke before the request had ended.',
        { cause: error },
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return asMillraceError(error, 'MR_REQUEST_TOO_LARGE');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new MillraceError(
        'MR_REQUEST_MEDIA_TYPE',
        `Content-Type '${request.headers['content-type'] ?? ''}' is not supported here. Send application/json; with curl: -H 'Content-Type: application/json'.`,
        { cause: error },
      );
  }
  const isTheirs = error.statusCode !== undefined && error.statusCode < 500;
  return asMillraceError(error, isTheirs ? 'MR_REQUEST_INVALID' : 'MR_INTERNAL');
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A page on another site can make a browser call us: by a name that points here, or with its own origin. */
function checkHost(request: FastifyRequest, services: Services): void {
  const allowed = (name: string) => LOOPBACK.has(name) || services.allowedHosts.includes(name);
  const host = hostOf(request).replace(/:\d+$/, '');
  const { origin } = request.headers;
  const originHost = origin === undefined ? undefined : originName(origin);
  if (allowed(host) && (originHost === undefined || allowed(originHost))) return;
  const name = allowed(host) ? `Origin ${origin}` : `Host ${host || '(none)'}`;
  throw new MillraceError(
    'MR_REQUEST_HOST',
    `${name} is not one this server answers for. Call it by its address, or start it with --allow-host ${originHost ?? host}.`,
  );
}

function originName(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : origin;
}

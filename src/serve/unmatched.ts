import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError, systemErrorCode } from '../core/errors.ts';
import { type PageFiles, sendPage, wantsPage } from './page.ts';

/**
 * Answers what meets no route: an address that is another method's is told its methods (RFC 9110, 15.5.6), a
 * browser is given the page, which says so in its own words.
 */
export function answerUnmatched(server: FastifyInstance, page: PageFiles): void {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  server.addHook('onRoute', ({ url, method }) => {
    routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const path = pathOf(request.url);
    const matching = routes.filter(({ pattern }) => pattern.test(path));
    const methods = [...new Set(matching.flatMap((route) => route.methods))].sort();
    if (methods.length === 0 && wantsPage(request)) return sendPage(page, request, reply, 404);
    if (methods.length === 0)
      throw new MillraceError(
        'MR_REQUEST_NOT_FOUND',
        `Nothing is at ${request.method} ${path}. See /openapi.json for all routes.`,
      );
    reply.header('allow', methods.join(', '));
    throw new MillraceError(
      'MR_REQUEST_METHOD',
      `${path} does not take ${request.method}. Use ${methods.join(' or ')}.`,
    );
  };
  server.setNotFoundHandler(refuse);
  // Before a body is looked at: what it is does not matter here.
  server.addHook('onRequest', async (request, reply) => {
    if (request.is404) return refuse(request, reply);
    return undefined;
  });
}

/** `/v1/lookups/:lookup/*` as an expression. */
function patternOf(url: string): RegExp {
  const segments = url
    .split('/')
    .map((part) =>
      part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replaceAll('.', '\\.'),
    );
  return new RegExp(`^${segments.join('/')}$`);
}

/** Fastify could not read the address, and asks no handler of ours. */
export function unreadableAddress(url: string): MillraceError {
  return new MillraceError(
    'MR_REQUEST_INVALID',
    `The address ${pathOf(url)} is not percent-encoded right: write % as %25, and other characters as the bytes of their UTF-8.`,
  );
}

const pathOf = (url: string): string => url.split('?')[0] ?? '';

/** What Node itself refuses is no request yet: it is answered on the socket. */
export function answerOnSocket(error: Error, socket: Socket): void {
  if (!socket.writable || systemErrorCode(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code = systemErrorCode(error);
  const status =
    code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = JSON.stringify({
    error: {
      code: 'MR_REQUEST_INVALID',
      message: `This is no HTTP request that can be read: ${error.message}.`,
    },
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

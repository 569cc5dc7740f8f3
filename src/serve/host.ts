import type { FastifyRequest } from 'fastify';

/** Whom a request is for; HTTP/2 says it in the request's own line. */
export function hostOf({ headers }: FastifyRequest): string {
  return headers.host ?? String(headers[':authority'] ?? '');
}

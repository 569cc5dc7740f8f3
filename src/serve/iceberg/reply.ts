import type { FastifyReply } from 'fastify';
import { icebergJson } from '../../lake/iceberg/json.ts';

export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(icebergJson(value));
}

export function sendNothing(reply: FastifyReply): FastifyReply {
  return reply.status(204).send();
}

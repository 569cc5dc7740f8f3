import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { RequestBodies } from './request-body.ts';
import type { Services } from './services.ts';
import { parseHashKey } from './streams.ts';

const JSON_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'text/json',
  'application/octet-stream',
  '',
]);
const LINE_TYPES: ReadonlySet<string> = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
]);

const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);

/** `POST /v1/streams/{stream}/records` */
export async function ingestRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  const bodies = new RequestBodies();
  server.removeAllContentTypeParsers();
  // The handler reads the body itself, piece by piece.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.post<{ Params: { stream: string }; Querystring: { hashKey?: unknown } }>(
    '/v1/streams/:stream/records',
    { config: { roles: ['producer'] } },
    async (request, reply) => {
      const linesOnly = isLines(request.headers['content-type']);
      const key = request.headers['idempotency-key'];
      const { hashKey } = request.query;
      const length =
        request.headers['content-encoding'] === undefined
          ? Number(request.headers['content-length'])
          : Number.NaN;
      const result = await services.take(request.params.stream, bodies.open(request.raw), {
        linesOnly,
        producer: request.principal?.id,
        hashKey: hashKey === undefined ? undefined : parseHashKey('hashKey', hashKey),
        idempotencyKey: typeof key === 'string' ? key : undefined,
        length: Number.isSafeInteger(length) ? length : undefined,
      });
      if (result.replayed) reply.header('idempotent-replayed', 'true');
      return reply
        .status(result.isRefused ? 422 : 200)
        .header('content-type', 'application/json; charset=utf-8')
        .send(result.body);
    },
  );
}

function isLines(header: string | undefined): boolean {
  const [first = '', ...parameters] = (header ?? '').split(';').map((part) => part.trim());
  const type = first.toLowerCase();
  const charset = parameters
    .map((parameter) => /^charset\s*=\s*"?([^"]*)"?$/i.exec(parameter)?.[1]?.trim())
    .find((name) => name !== undefined);
  if (charset !== undefined && !UTF8_NAMES.has(charset.toLowerCase()))
    throw new MillraceError(
      'MR_REQUEST_MEDIA_TYPE',
      `Records are read as UTF-8, not as '${charset}'. Send the body in UTF-8.`,
    );
  if (LINE_TYPES.has(type)) return true;
  if (JSON_TYPES.has(type)) return false;
  throw new MillraceError(
    'MR_REQUEST_MEDIA_TYPE',
    `Content-Type '${type}' is not supported. Send application/json or application/x-ndjson; with curl: -H 'Content-Type: application/json'.`,
  );
}

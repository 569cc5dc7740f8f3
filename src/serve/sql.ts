import { once } from 'node:events';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { ResultFormat } from '../engine/protocol.ts';
import type { AskedQuery } from '../query/query-engine.ts';
import type { Parameters } from '../query/statement-parameters.ts';
import type { Services } from './services.ts';

const MEDIA_TYPES: { readonly [F in ResultFormat]: string } = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

/** `POST /v1/sql` */
export async function sqlRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  server.post('/v1/sql', { config: { roles: ['reader'] } }, async (request, reply) => {
    const query = parseBody(request.body);
    const cancel = new AbortController();
    reply.raw.once('close', () => cancel.abort());
    const who = request.principal
      ? `${request.principal.kind} ${request.principal.id}`
      : request.ip;
    await stream(services, query, reply, { who, signal: cancel.signal });
  });
}

function parseBody(body: unknown): AskedQuery {
  const wrong = (problem: string) =>
    new MillraceError(
      'MR_REQUEST_INVALID',
      `${problem} Send {"sql": "select …", "params": […], "format": "json"}.`,
    );
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw wrong('The body must be a JSON object.');
  const {
    sql,
    params = [],
    format = 'json',
    timeoutMs,
    ...others
  } = body as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw wrong(`There is no member '${unknown}'.`);
  if (typeof sql !== 'string' || sql.trim() === '') throw wrong("'sql' must be a statement.");
  if (typeof format !== 'string' || !(format in MEDIA_TYPES))
    throw wrong(`'format' must be one of ${Object.keys(MEDIA_TYPES).join(', ')}.`);
  if (typeof params !== 'object' || params === null)
    throw wrong("'params' must be a list or an object.");
  if (!Object.values(params).every(isParameterValue))
    throw wrong('params must be texts, numbers, booleans or null.');
  if (timeoutMs !== undefined && !isTimeout(timeoutMs))
    throw wrong(
      `'timeoutMs' must be a whole number of milliseconds from 1 to ${LIMITS.queryDeadlineMs}.`,
    );
  return {
    sql,
    params: params as Parameters,
    format: format as ResultFormat,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

const isTimeout = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= LIMITS.queryDeadlineMs;

const isParameterValue = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

/** The head goes out with the first bytes, when the result is whole: an error has its status. */
async function stream(
  services: Services,
  query: AskedQuery,
  reply: FastifyReply,
  { who, signal }: { readonly who: string; readonly signal: AbortSignal },
): Promise<void> {
  const { raw } = reply;
  const open = () => {
    if (raw.headersSent) return;
    reply.hijack();
    raw.writeHead(200, { 'content-type': MEDIA_TYPES[query.format] });
  };
  try {
    await services.query.query(query, {
      who,
      signal,
      onChunk: async (chunk) => {
        open();
        if (!raw.write(chunk)) await once(raw, 'drain', { signal });
      },
    });
    open();
    raw.end();
  } catch (error) {
    if (!raw.headersSent) throw error;
    if (!signal.aborted)
      services.logger.warn(
        { error: (error as Error).message },
        'a result could not be sent to its end; the connection is cut',
      );
    // Half a result must not look whole.
    raw.destroy();
  }
}

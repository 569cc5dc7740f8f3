import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { AskedQuery } from '../query/query-engine.ts';
import type { Parameters } from '../query/statement-parameters.ts';
import { requireFormat, sendResult } from './send-result.ts';
import type { Services } from './services.ts';

/** `POST /v1/sql`, and what may be written next. */
export async function sqlRoutes(
  server: FastifyInstance,
  { services }: { services: Services },
): Promise<void> {
  server.post('/v1/sql', { config: { roles: ['reader'] } }, (request, reply) =>
    sendResult(services, parseBody(request.body), request, reply),
  );
  server.post('/v1/sql/completions', { config: { roles: ['reader'] } }, async (request) => {
    const { sql } = Object(request.body) as { sql?: unknown };
    if (typeof sql !== 'string' || Buffer.byteLength(sql) > LIMITS.queryTextBytesMax)
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        'Send {"sql": "select …"}: the text up to where something is to be written.',
      );
    return { keywords: await services.query.complete(sql) };
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
    history = true,
    ...others
  } = body as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw wrong(`There is no member '${unknown}'.`);
  if (typeof sql !== 'string' || sql.trim() === '') throw wrong("'sql' must be a statement.");
  const resultFormat = requireFormat(format);
  if (typeof params !== 'object' || params === null)
    throw wrong("'params' must be a list or an object.");
  if (!Object.values(params).every(isParameterValue))
    throw wrong('params must be texts, numbers, booleans or null.');
  if (timeoutMs !== undefined && !isTimeout(timeoutMs))
    throw wrong(
      `'timeoutMs' must be a whole number of milliseconds from 1 to ${LIMITS.queryDeadlineMs}.`,
    );
  if (typeof history !== 'boolean') throw wrong("'history' must be true or false.");
  return {
    sql,
    params: params as Parameters,
    format: resultFormat,
    isUnlisted: !history,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

const isTimeout = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= LIMITS.queryDeadlineMs;

const isParameterValue = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import type { ResultFormat } from '../engine/protocol.ts';
import type { AskedQuery } from '../query/query-engine.ts';
import type { Services } from './services.ts';

const MEDIA_TYPES: { readonly [F in ResultFormat]: string } = {
  json: 'application/json; charset=utf-8',
  objects: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

export const RESULT_FORMATS = Object.keys(MEDIA_TYPES) as readonly ResultFormat[];

/** @throws MillraceError MR_REQUEST_INVALID */
export function requireFormat(format: unknown): ResultFormat {
  const found = RESULT_FORMATS.find((one) => one === format);
  if (found) return found;
  throw new MillraceError(
    'MR_REQUEST_INVALID',
    `'format' must be one of ${RESULT_FORMATS.join(', ')}.`,
  );
}

/**
 * Answers with the result of a query, which ends when nobody waits for it any more. The head goes out with the first
 * bytes, when the result is whole: an error has its status.
 */
export async function sendResult(
  services: Services,
  query: AskedQuery,
  { principal, ip }: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { raw } = reply;
  const cancel = new AbortController();
  const { signal } = cancel;
  raw.once('close', () => cancel.abort());
  const open = () => {
    if (raw.headersSent) return;
    reply.hijack();
    raw.writeHead(200, { 'content-type': MEDIA_TYPES[query.format] });
  };
  try {
    await services.query.query(query, {
      who: principal ? `${principal.kind} ${principal.id}` : ip,
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

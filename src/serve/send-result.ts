import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MillraceError } from '../core/errors.ts';
import type { ResultFormat } from '../engine/protocol.ts';
import type { AskedQuery, ResultHead } from '../query/query-engine.ts';
import type { Services } from './services.ts';

const MEDIA_TYPES: { readonly [F in ResultFormat]: string } = {
  json: 'application/json; charset=utf-8',
  objects: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
  arrow: 'application/vnd.apache.arrow.stream',
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
 * Answers with the result of a query, which ends when nobody waits for it any more. The head goes out when the result is
 * whole: an error has its status.
 */
export async function sendResult(
  services: Services,
  query: AskedQuery,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { method, headers } = request;
  const { raw } = reply;
  const cancel = new AbortController();
  const { signal } = cancel;
  raw.once('close', () => cancel.abort());
  let isKnown = false;
  const onHead = (head: ResultHead) => {
    const tag = method !== 'POST' && head.bytes ? tagOf(head.bytes) : undefined;
    isKnown = tag !== undefined && headers['if-none-match'] === tag;
    reply.hijack();
    raw.writeHead(isKnown ? 304 : 200, {
      'content-type': MEDIA_TYPES[query.format],
      'cache-control': ageRule(query, head, services.clock.now()),
      'millrace-rows': head.rows,
      'millrace-result': head.isKept ? 'kept' : 'computed',
      ...(tag === undefined ? {} : { etag: tag }),
    });
  };
  try {
    await services.query.query(query, {
      who: whoAsks(request),
      signal,
      onHead,
      onChunk: async (chunk) => {
        if (!isKnown && !raw.write(chunk)) await once(raw, 'drain', { signal });
      },
    });
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

/** For whom turns and history are: a key, a user, or where nobody has to say who he is, the address. */
export const whoAsks = ({ principal, ip }: FastifyRequest): string =>
  principal ? `${principal.kind} ${principal.id}` : ip;

const tagOf = (bytes: Uint8Array): string =>
  `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;

/** A result may be shown again without asking as long as its question says; else whoever has it asks whether it holds. */
function ageRule({ maxAgeMs = 0 }: AskedQuery, { madeMs }: ResultHead, nowMs: number): string {
  const left = Math.floor((madeMs + maxAgeMs - nowMs) / 1000);
  return left > 0 ? `private, max-age=${left}` : 'private, no-cache';
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import { asMillraceError, MillraceError } from '../core/errors.ts';

/** How often is told how far it is. */
const PROGRESS_MS = 500;
const KEEP_ALIVE_MS = 30_000;

export type Tell = (event: { readonly event: string; readonly [name: string]: unknown }) => void;

/** Work that takes its time: begun by a request, given up when nobody waits for it any more or the server ends. */
export class LongWork {
  readonly #running = new Set<AbortController>();

  /** What is under way is given up. */
  end(): void {
    for (const one of this.#running)
      one.abort(
        new MillraceError('MR_STOPPING', 'The server is shutting down; ask again once it is back.'),
      );
  }

  /**
   * Answers with a line of JSON for each event, `done` or `error` the last. What fails before there is an event is
   * answered as other requests are.
   */
  async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (tell: Tell, signal: AbortSignal) => Promise<object>,
  ): Promise<FastifyReply> {
    const stopped = new AbortController();
    const { raw } = reply;
    const begin = () => {
      if (raw.headersSent) return;
      reply.hijack();
      request.raw.socket.setTimeout(0);
      request.raw.socket.setKeepAlive(true, KEEP_ALIVE_MS);
      raw.writeHead(200, { 'content-type': 'application/x-ndjson; charset=utf-8' });
    };
    const tell: Tell = (event) => {
      begin();
      raw.write(`${JSON.stringify(event)}\n`);
    };
    this.#running.add(stopped);
    raw.once('close', () => stopped.abort());
    try {
      const result = await work(throttled(tell), stopped.signal);
      tell({ event: 'done', ...result });
    } catch (error) {
      if (!raw.headersSent) throw error;
      const { code, message } = asMillraceError(error, 'MR_INTERNAL');
      tell({ event: 'error', code, message });
    } finally {
      this.#running.delete(stopped);
    }
    raw.end();
    return reply;
  }
}

/** Progress now and then; all else as it comes. */
function throttled(tell: Tell): Tell {
  let last = 0;
  return (event) => {
    const now = performance.now();
    if (event.event === 'progress' && now - last < PROGRESS_MS) return;
    last = now;
    tell(event);
  };
}

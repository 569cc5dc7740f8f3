import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asMillraceError, MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { eventText, type RecordForm } from '../stream/record-lines.ts';
import { acceptedForm, parseRecordsQuery, type RecordsQuery } from './records-request.ts';
import type { RecordFeed, Services } from './services.ts';

const MEDIA_TYPES: { readonly [F in RecordForm]: string } = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  events: 'text/event-stream; charset=utf-8',
};
const KEEP_ALIVE_MS = 30_000;

/** `GET /v1/streams/{stream}/records`: records read back, as lines or as events. */
export async function recordRoutes(
  server: FastifyInstance,
  { services, readers }: { services: Services; readers: Readers },
): Promise<void> {
  // Readers that follow would hold up the end otherwise; they come again by themselves.
  server.addHook('preClose', async () => readers.end());
  server.get<{ Params: { stream: string }; Querystring: RecordsQuery }>(
    '/v1/streams/:stream/records',
    { config: { roles: ['reader'] }, exposeHeadRoute: false },
    async (request, reply) => {
      const form = acceptedForm(request.headers.accept);
      const lastEventId = request.headers['last-event-id'];
      const asked = parseRecordsQuery(request.query, form, [lastEventId].flat()[0]);
      readers.refuseTooMany();
      const feed = await services.readRecords(request.params.stream, asked);
      // A page that was told everything asks again until it is told that there is no content.
      if (form === 'events' && feed.done) return reply.status(204).send();
      readers.open(new Reading(feed, { form, follows: asked.follow, request, reply, services }));
      return reply;
    },
  );
}

/** The open reads of the server. */
export class Readers {
  readonly #open = new Set<Reading>();

  get count(): number {
    return this.#open.size;
  }

  /** What was read and is not yet with the system's sockets. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const reading of this.#open) bytes += reading.bufferedBytes;
    return bytes;
  }

  refuseTooMany(): void {
    if (this.#open.size < LIMITS.readersMax) return;
    throw new MillraceError(
      'MR_OVERLOADED',
      `${this.#open.size} readers of streams are open already. Close some, or try again later.`,
    );
  }

  open(reading: Reading): void {
    this.#open.add(reading);
    void reading.run().finally(() => this.#open.delete(reading));
  }

  /** Ends those that follow; the others read to their end. */
  end(): void {
    for (const reading of this.#open) reading.end();
  }
}

interface ReadingParts {
  readonly form: RecordForm;
  readonly follows: boolean;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly services: Services;
}

type EndReason = 'until' | 'limit' | 'stream' | 'stopping';

/** One reader: a piece is read once the one before it has left for the socket. */
class Reading {
  readonly #feed: RecordFeed;
  readonly #parts: ReadingParts;
  readonly #raw: FastifyReply['raw'];
  /** Ends the wait for more: the reader is gone, or the server ends. */
  readonly #wake = new AbortController();
  #isEnding = false;
  #wroteAt = 0;

  constructor(feed: RecordFeed, parts: ReadingParts) {
    this.#feed = feed;
    this.#parts = parts;
    this.#raw = parts.reply.raw;
  }

  get bufferedBytes(): number {
    return this.#raw.writableLength;
  }

  /** Never rejects: what fails is told to the reader. */
  async run(): Promise<void> {
    const { form, request, reply } = this.#parts;
    reply.hijack();
    this.#raw.once('close', () => this.#wake.abort());
    request.raw.socket.setTimeout(0);
    // A reader that waits for records sends nothing: only the system notices that it is gone.
    request.raw.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#raw.writeHead(200, {
      'content-type': MEDIA_TYPES[form],
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.#raw.flushHeaders();
    try {
      if (form === 'events') await this.#write(`retry: 1000\n${this.#place()}\n`);
      const reason = await this.#pump();
      if (form === 'events') await this.#write(eventText('end', { end: { reason } }));
      this.#raw.end();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #pump(): Promise<EndReason> {
    const feed = this.#feed;
    while (!feed.done && !this.#isEnding && !this.#raw.destroyed) {
      const piece = await feed.next();
      if (!piece) return 'stream';
      if (piece.length > 0) await this.#write(piece);
      else if (!feed.done) await this.#wait();
    }
    return feed.done ?? 'stopping';
  }

  async #wait(): Promise<void> {
    const isMore = await this.#feed.more(LIMITS.readerHeartbeatMs, this.#wake.signal);
    const silentMs = performance.now() - this.#wroteAt;
    if (this.#parts.form === 'events' && (!isMore || silentMs > LIMITS.readerHeartbeatMs))
      await this.#write(`${this.#place()}: heartbeat\n\n`);
  }

  /** An id without data is no event, but where a page goes on: behind records that its filter passed over. */
  #place(): string {
    return `id: ${this.#feed.position - 1}\n`;
  }

  /** Resolves once the piece has left for the system's socket, or the reader is gone. */
  async #write(bytes: string | Buffer): Promise<void> {
    this.#wroteAt = performance.now();
    const raw = this.#raw;
    if (raw.destroyed || raw.write(bytes)) return;
    const { clock, logger } = this.#parts.services;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(LIMITS.readerStallMs, () => {
        logger.warn(
          { url: this.#parts.request.url },
          `a reader took nothing for ${LIMITS.readerStallMs / 1000} s and was cut off; it can go on behind the last record it has`,
        );
        raw.destroy();
      });
      const done = () => {
        cancel();
        raw.off('drain', done);
        raw.off('close', done);
        resolve();
      };
      raw.once('drain', done);
      raw.once('close', done);
    });
  }

  /** The head is gone: the reader is told in its place, and the connection is cut so that nothing looks whole. */
  #fail(error: unknown): void {
    const { form, request, services } = this.#parts;
    const known = asMillraceError(error, 'MR_STORAGE_FAILED');
    if (this.#raw.destroyed) return;
    services.logger.warn(
      { url: request.url, code: known.code, error: known.message },
      'a reader was cut off',
    );
    const told = { error: { code: known.code, message: known.message, ...known.details } };
    const text = form === 'events' ? eventText('failed', told) : `${JSON.stringify(told)}\n`;
    this.#raw.write(text, () => this.#raw.destroy());
    this.#cutSoon();
  }

  /** Lets one that follows go at its next piece. */
  end(): void {
    if (!this.#parts.follows) return;
    this.#isEnding = true;
    this.#wake.abort();
    this.#cutSoon();
  }

  #cutSoon(): void {
    const raw = this.#raw;
    const cancel = this.#parts.services.clock.after(LIMITS.readerEndGraceMs, () => raw.destroy());
    raw.once('close', cancel);
  }
}

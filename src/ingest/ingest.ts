import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { Turns } from '../core/turns.ts';
import type { KeyedRequest, Placement, StreamLog } from '../stream/stream-store.ts';
import { appendNew } from './append-new.ts';
import { BufferPool } from './buffer-pool.ts';
import { type DecodedPiece, Decoder, PADDING_BYTES } from './decode.ts';
import type { DedupeWindow } from './dedupe-window.ts';
import { createJudge, type Judge } from './judge.ts';
import type { Rejected } from './piece.ts';
import { type ReceivedBody, ReceivedBytes } from './received-bytes.ts';
import type { RecordIds } from './record-id.ts';
import { CurrentRouter } from './route.ts';
import { bothSettled } from './settled.ts';
import { type IngestAnswer, isRefusal, Tally } from './tally.ts';

/**
 * The way of a request into the log.
 *
 * Contract:
 * I1  Each record is judged alone: the valid ones are stored, the others answered with index, code,
 *     field and message; where the stream keeps dead letters, they are on disk before the answer.
 * I2  The answer comes after everything it counts is on disk.
 * I3  A keyed request is stored as a whole or not at all.
 * I4  Memory is bounded, however long a body is, and over all requests of the stream: they wait for their
 *     turn, and past that are refused with MR_OVERLOADED before they are read.
 * I5  Where the stream tells records apart, one that is there already is not stored again, and answered
 *     as a duplicate once the first is on disk.
 * I6  A long body, also one that a few bytes became, holds up other requests by one piece at a time.
 * I7  An error in the middle of a request that is stored piece by piece says how much of it is stored, and where.
 */
export interface IngestOptions {
  readonly log: StreamLog;
  /** Name of the field that routes, or undefined. */
  readonly key: string | undefined;
  /** Stores refused records; undefined where the stream only answers them. */
  readonly deadLetters:
    | ((rejected: readonly Rejected[], producer: string | undefined) => Promise<void>)
    | undefined;
  /** Tells records apart by a field; undefined where each is new. */
  readonly dedupe: { readonly ids: RecordIds; readonly window: DedupeWindow } | undefined;
}

export interface RequestOptions {
  /** True where each line is one record whatever stands on it (application/x-ndjson). */
  readonly linesOnly: boolean;
  readonly idempotencyKey: string | undefined;
  /** Who sends: kept with dead letters. */
  readonly producer?: string | undefined;
  /** True for records that are dead letters already: refused again, they are not kept twice. */
  readonly isRedrive?: boolean;
  /** Where records of a stream without key go: a number of 128 bits, as MD5 sums of keys are. */
  readonly hashKey?: bigint | undefined;
  /** Length of the body, where the client has told it. */
  readonly length: number | undefined;
}

export interface IngestResult {
  /** The answer's JSON. */
  readonly body: string;
  /** True where no record is stored: every one was refused. */
  readonly isRefused: boolean;
  readonly replayed: boolean;
}

/** What there is of a request while it is stored piece by piece. */
interface Taking {
  readonly tally: Tally;
  readonly inFlight: Set<Promise<void>>;
  readonly received: ReceivedBody;
}

const PIECE_BYTES = 256 * 1024 - PADDING_BYTES;
const PIECES_IN_FLIGHT = 4;

export class Ingest {
  readonly #options: IngestOptions;
  readonly #judge: Judge;
  readonly #router: CurrentRouter;
  readonly #pool = new BufferPool();
  readonly #received = new ReceivedBytes();
  readonly #turns = new Turns({
    atOnce: 1,
    waitingMax: LIMITS.connectionsMax,
    what: 'pieces of long bodies',
  });

  constructor(options: IngestOptions) {
    const { log, key, dedupe } = options;
    this.#options = options;
    this.#judge = createJudge(log.schema, { key, ids: dedupe?.ids });
    this.#router = new CurrentRouter(log);
  }

  get log(): StreamLog {
    return this.#options.log;
  }

  /** Stores the records of a body. @throws MillraceError for requests refused as a whole. */
  async take(body: AsyncIterable<Buffer>, request: RequestOptions): Promise<IngestResult> {
    if (request.idempotencyKey !== undefined)
      return this.#takeKeyed(body, request, request.idempotencyKey);
    const tally = new Tally();
    const inFlight = new Set<Promise<void>>();
    const received = this.#received.open();
    try {
      return await this.#takeStreaming(body, request, { tally, inFlight, received });
    } catch (error) {
      await Promise.all(inFlight);
      throw tally.accepted > 0 && error instanceof MillraceError
        ? storedBefore(error, tally.answer())
        : error;
    } finally {
      received.close();
    }
  }

  #decoder({ linesOnly, hashKey }: RequestOptions): Decoder {
    if (hashKey !== undefined && this.#options.key !== undefined)
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `Stream '${this.log.name}' has the key '${this.#options.key}', which says where a record goes. Leave \`hashKey\` out.`,
      );
    return new Decoder({
      ...this.#judge,
      router: () => this.#router.now,
      linesOnly,
      hashKey,
    });
  }

  async #takeStreaming(
    body: AsyncIterable<Buffer>,
    request: RequestOptions,
    { tally, inFlight, received }: Taking,
  ): Promise<IngestResult> {
    const decoder = this.#decoder(request);
    let before: Promise<void> | undefined;
    let failure: unknown;
    const store = (buffer: Buffer, filled: number, final: boolean): DecodedPiece => {
      const piece = this.#decode(decoder, buffer, filled, final);
      const storing = before
        ? before.then(() => this.#store(piece, tally, request.producer))
        : this.#store(piece, tally, request.producer);
      // Claiming ids waits for the disk now and then: the pieces of a request keep their order.
      if (this.#options.dedupe) before = storing;
      const stored = storing
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => {
          this.#pool.give(buffer);
          inFlight.delete(stored);
        });
      inFlight.add(stored);
      return piece;
    };
    let room = Math.max(PIECE_BYTES, Math.min(request.length ?? 0, LIMITS.recordBytesMax));
    const takePiece = async (isLast: boolean): Promise<void> => {
      while (inFlight.size >= PIECES_IN_FLIGHT) await Promise.race(inFlight);
      if (failure) throw failure;
      const buffer = await this.#pool.take(room + PADDING_BYTES);
      const filled = received.moveTo(buffer, room);
      if (isLast) return void store(buffer, filled, true);
      const { consumed } = await this.#inTurn(() => store(buffer, filled, false));
      if (consumed === 0 && filled > LIMITS.recordBytesMax) throw recordTooLarge(decoder.records);
      const rest = buffer.subarray(consumed, filled);
      received.putBack(rest);
      const larger = consumed === 0 ? Math.min(room * 2, 2 * LIMITS.recordBytesMax) : PIECE_BYTES;
      room = Math.max(larger, rest.length + PIECE_BYTES / 2);
    };
    let isDone = false;
    for await (const chunk of body) {
      received.add(chunk);
      if (received.total > LIMITS.streamingBytesMax) throw tooLarge(LIMITS.streamingBytesMax);
      while (received.length > room) await takePiece(false);
      if (received.total !== request.length) continue;
      // Known to be whole before the connection says so.
      await takePiece(true);
      isDone = true;
    }
    if (!isDone) await takePiece(true);
    await Promise.all(inFlight);
    if (failure) throw failure;
    if (decoder.records === 0) throw emptyRequest();
    return { body: JSON.stringify(tally.answer()), isRefused: tally.isRefused, replayed: false };
  }

  /** Of all long bodies one piece is taken apart before other requests have their turn. */
  #inTurn<T>(action: () => T): Promise<T> {
    return this.#turns.take(async () => {
      await setImmediate();
      return action();
    });
  }

  #decode(decoder: Decoder, buffer: Buffer, filled: number, final: boolean): DecodedPiece {
    try {
      return decoder.decode(buffer, filled, final);
    } catch (error) {
      this.#pool.give(buffer);
      throw error;
    }
  }

  async #store(piece: DecodedPiece, tally: Tally, producer: string | undefined): Promise<void> {
    tally.refuse(piece.rejected);
    const letters =
      piece.rejected.length > 0 ? this.#options.deadLetters?.(piece.rejected, producer) : undefined;
    await bothSettled(this.#accept(piece, tally), letters);
  }

  async #accept(piece: DecodedPiece, tally: Tally): Promise<void> {
    tally.accept(await this.#append(piece, tally));
  }

  #append(
    piece: DecodedPiece,
    tally: Tally,
    request?: KeyedRequest,
  ): Promise<readonly Placement[]> {
    const { log, dedupe } = this.#options;
    const repeat = (duplicate: readonly number[]): void => tally.repeat(duplicate);
    return appendNew(piece, { log, window: dedupe?.window, request, repeat });
  }

  async #takeKeyed(
    body: AsyncIterable<Buffer>,
    request: RequestOptions,
    key: string,
  ): Promise<IngestResult> {
    if (Buffer.byteLength(key) > LIMITS.idempotencyKeyBytesMax || key === '')
      throw new MillraceError(
        'MR_REQUEST_INVALID',
        `Idempotency-Key must have 1 to ${LIMITS.idempotencyKeyBytesMax} bytes.`,
      );
    const received = this.#received.open();
    try {
      const { buffer, length } = await readWhole(body, received);
      return await this.#takeWhole(buffer, length, request, key);
    } finally {
      received.close();
    }
  }

  async #takeWhole(
    buffer: Buffer,
    length: number,
    request: RequestOptions,
    key: string,
  ): Promise<IngestResult> {
    const bodyHash = createHash('sha256').update(buffer.subarray(0, length)).digest('base64url');
    const before = await this.log.answered(key, bodyHash);
    if (before !== undefined)
      return {
        body: before,
        isRefused: isRefusal(JSON.parse(before) as IngestAnswer),
        replayed: true,
      };
    const tally = new Tally();
    let piece = this.#decodeWhole(buffer, length, request);
    tally.refuse(piece.rejected);
    if (request.isRedrive && piece.rejected.length > 0)
      return { body: JSON.stringify(tally.answer()), isRefused: true, replayed: false };
    if (piece.rejected.length > 0)
      await this.#options.deadLetters?.(piece.rejected, request.producer);
    let text = '';
    const keyed: KeyedRequest = {
      key,
      bodyHash,
      answer: (placements) => {
        tally.accept(placements);
        text = JSON.stringify(tally.answer());
        return text;
      },
    };
    if (piece.batch.routing !== this.log.routing.version)
      piece = this.#decodeWhole(buffer, length, request);
    await this.#append(piece, tally, keyed);
    return { body: text, isRefused: tally.isRefused, replayed: false };
  }

  #decodeWhole(buffer: Buffer, length: number, request: RequestOptions): DecodedPiece {
    const decoder = this.#decoder(request);
    const piece = decoder.decode(buffer, length, true);
    if (decoder.records === 0) throw emptyRequest();
    return piece;
  }
}

async function readWhole(
  body: AsyncIterable<Buffer>,
  received: ReceivedBody,
): Promise<{ buffer: Buffer; length: number }> {
  for await (const chunk of body) {
    received.add(chunk);
    if (received.total > LIMITS.keyedRequestBytesMax)
      throw tooLarge(LIMITS.keyedRequestBytesMax, ' with an Idempotency-Key');
  }
  const length = received.total;
  const buffer = Buffer.allocUnsafeSlow(length + PADDING_BYTES);
  received.moveTo(buffer, length);
  return { buffer, length };
}

const tooLarge = (bytes: number, which = ''): MillraceError =>
  new MillraceError(
    'MR_REQUEST_TOO_LARGE',
    `A request${which} may have ${bytes} bytes. Send it in several requests.`,
  );

const recordTooLarge = (index: number): MillraceError =>
  new MillraceError(
    'MR_REQUEST_TOO_LARGE',
    `Record ${index} has more than ${LIMITS.recordBytesMax} bytes; the request was not read any further.`,
  );

function storedBefore(error: MillraceError, { accepted, shards }: IngestAnswer): MillraceError {
  return new MillraceError(
    error.code,
    `${error.message} ${accepted} records of the request were stored before that, at the places in \`shards\`: do not send them again.`,
    { cause: error, details: { ...error.details, accepted, shards } },
  );
}

const emptyRequest = (): MillraceError =>
  new MillraceError(
    'MR_REQUEST_INVALID',
    'The body has no record. Send a JSON object, an array of objects, or NDJSON.',
  );

import type { IncomingMessage } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { Turns } from '../core/turns.ts';
import { unzstd } from '../wire/zstd.ts';

const ONE_AT_A_TIME = {
  atOnce: 1,
  waitingMax: LIMITS.connectionsMax,
  what: 'compressed bodies',
};

const INFLATED_CHUNK_BYTES = 64 * 1024;

/** What Node reads at once: so much of a body may have come together with the request's head. */
const FIRST_READ_BYTES = 64 * 1024;

/**
 * Bodies of requests, inflated. A compressed one of a usual size is given on once its end and its checksum
 * were found right, so that nothing of a broken one is stored; of a longer one pieces are given on as they come.
 * Memory is bounded per body, and over all of them. What a few bytes become may be long: past a usual size one
 * piece is begun at a time over all bodies, and others have their turn after each. What becomes a hundred times
 * as long is no record anybody has, or the same one again and again: it is inflated with pauses.
 */
export class RequestBodies {
  readonly #turns = new Turns(ONE_AT_A_TIME);
  readonly #slowTurns = new Turns(ONE_AT_A_TIME);
  #heldBytes = 0;
  #windowBytes = 0;

  open(request: IncomingMessage): AsyncIterable<Buffer> {
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
    switch (encoding) {
      case 'identity':
      case '':
        return request;
      case 'gzip':
      case 'x-gzip':
        return this.#onceSound(this.#inTurn(request, gunzip(request)));
      case 'zstd':
        return this.#onceSound(this.#inTurn(request, this.#inflateZstd(request)));
      default:
        throw new MillraceError(
          'MR_REQUEST_MEDIA_TYPE',
          `Content-Encoding '${encoding}' is not supported. Send the body plain, or with gzip or zstd.`,
        );
    }
  }

  async *#inTurn(
    request: IncomingMessage,
    inflated: AsyncGenerator<Buffer>,
  ): AsyncGenerator<Buffer> {
    const { socket } = request;
    const readBefore = Math.max(0, socket.bytesRead - FIRST_READ_BYTES);
    let bytes = 0;
    try {
      for (;;) {
        // A bomb may take minutes: not for nobody.
        if (socket.destroyed) throw connectionBroke();
        await this.#turn(bytes, socket.bytesRead - readBefore);
        const step = await inflated.next();
        if (step.done) return;
        bytes += step.value.length;
        yield step.value;
      }
    } finally {
      await inflated.return(undefined);
    }
  }

  /** Before the next piece of a body that has `bytes` so far, of at most `compressed`. Never waits for the client. */
  async #turn(bytes: number, compressed: number): Promise<void> {
    if (bytes < LIMITS.inflatedAtOnceBytes) return;
    if (bytes < LIMITS.inflatedRatioMax * compressed) await this.#turns.take(() => setImmediate());
    else await this.#slowTurns.take(() => setTimeout(LIMITS.inflatedPauseMs));
  }

  /** Each frame has a window in memory, which a header of a few bytes asks for. */
  async *#inflateZstd(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let largest = 0;
    const takeWindow = (bytes: number): void => {
      if (bytes > LIMITS.zstdWindowBytesMax)
        throw new Error(
          `its window has ${bytes} bytes, at most ${LIMITS.zstdWindowBytesMax} are taken`,
        );
      const more = Math.max(0, bytes - largest);
      if (this.#windowBytes + more > LIMITS.zstdWindowsBytesMax)
        throw new MillraceError(
          'MR_OVERLOADED',
          `The windows of other zstd bodies take ${this.#windowBytes} bytes already. Send again in a second.`,
        );
      this.#windowBytes += more;
      largest += more;
    };
    try {
      yield* unzstd(body, takeWindow);
    } catch (error) {
      throw damaged('zstd', error);
    } finally {
      this.#windowBytes -= largest;
    }
  }

  async *#onceSound(inflated: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let held: Buffer[] = [];
    let bytes = 0;
    let isHolding = true;
    try {
      for await (const chunk of inflated) {
        if (!isHolding) {
          yield chunk;
          continue;
        }
        held.push(chunk);
        bytes += chunk.length;
        this.#heldBytes += chunk.length;
        isHolding =
          bytes <= LIMITS.inflatedHeldBytesMax &&
          this.#heldBytes <= LIMITS.inflatedHeldTogetherBytesMax;
        if (isHolding) continue;
        yield* held;
        held = [];
        this.#heldBytes -= bytes;
        bytes = 0;
      }
      yield* held;
    } finally {
      this.#heldBytes -= bytes;
    }
  }
}

async function* gunzip(
  body: AsyncIterable<Buffer> & NodeJS.ReadableStream,
): AsyncGenerator<Buffer> {
  const inflater = body.pipe(createGunzip({ chunkSize: INFLATED_CHUNK_BYTES }));
  body.on('error', (error) => inflater.destroy(error));
  try {
    for await (const chunk of inflater) yield chunk as Buffer;
  } catch (error) {
    throw damaged('gzip', error);
  }
}

const connectionBroke = (): MillraceError =>
  new MillraceError('MR_REQUEST_INVALID', 'The connection broke before the request was answered.');

function damaged(format: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError(
    'MR_REQUEST_INVALID',
    `The body is not whole ${format}: ${(error as Error).message}.`,
    { cause: error },
  );
}

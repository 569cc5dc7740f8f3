import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { unzstd } from '../wire/zstd.ts';

/**
 * Bodies of requests, inflated. A compressed one of a usual size is given on once its end and its checksum
 * were found right, so that nothing of a broken one is stored; of a longer one pieces are given on as they come.
 * Memory is bounded per body, and over all of them.
 */
export class RequestBodies {
  #heldBytes = 0;

  open(request: IncomingMessage): AsyncIterable<Buffer> {
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
    switch (encoding) {
      case 'identity':
      case '':
        return request;
      case 'gzip':
      case 'x-gzip':
        return this.#onceSound(gunzip(request));
      case 'zstd':
        return this.#onceSound(inflateZstd(request));
      default:
        throw new MillraceError(
          'MR_REQUEST_MEDIA_TYPE',
          `Content-Encoding '${encoding}' is not supported. Send the body plain, or with gzip or zstd.`,
        );
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
  const inflater = body.pipe(createGunzip());
  body.on('error', (error) => inflater.destroy(error));
  try {
    for await (const chunk of inflater) yield chunk as Buffer;
  } catch (error) {
    throw damaged('gzip', error);
  }
}

async function* inflateZstd(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* unzstd(body);
  } catch (error) {
    throw damaged('zstd', error);
  }
}

function damaged(format: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  return new MillraceError(
    'MR_REQUEST_INVALID',
    `The body is not whole ${format}: ${(error as Error).message}.`,
    { cause: error },
  );
}

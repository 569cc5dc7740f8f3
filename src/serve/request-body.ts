import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { MillraceError } from '../core/errors.ts';
import { unzstd } from '../wire/zstd.ts';

/** The body as it arrives, inflated: memory does not grow with its length. */
export function inflatedBody(request: IncomingMessage): AsyncIterable<Buffer> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  switch (encoding) {
    case 'identity':
    case '':
      return request;
    case 'gzip':
    case 'x-gzip':
      return gunzip(request);
    case 'zstd':
      return inflateZstd(request);
    default:
      throw new MillraceError(
        'MR_REQUEST_MEDIA_TYPE',
        `Content-Encoding '${encoding}' is not supported. Send the body plain, or with gzip or zstd.`,
      );
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

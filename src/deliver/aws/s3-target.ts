import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { piecesOf } from '../../core/whole-file.ts';
import { reasonOf, type S3Client, S3Refusal } from '../../s3/client.ts';
import type { FileTarget } from '../file-target.ts';

export interface S3TargetOptions {
  readonly client: S3Client;
  readonly files: FileSystem;
  /** On this machine: what an object is put from, until it is there. */
  readonly staging: string;
}

/** Of one request, its body included: enough for a batch at 4 Mbit/s, and an end for a server that says nothing. */
const REQUEST_MS_MAX = 10 * 60_000;

/** Objects of a bucket. One that was cut off is put again: the same bytes under the same key. */
export class S3Target implements FileTarget {
  readonly place: string;
  readonly #options: S3TargetOptions;

  constructor(options: S3TargetOptions) {
    this.#options = options;
    const { bucket, prefix } = options.client.settings;
    this.place = `s3://${[bucket, prefix].filter((part) => part !== '').join('/')}`;
  }

  stagingOf(epoch: string): string {
    return join(this.#options.staging, epoch);
  }

  async publish(staged: string, name: string): Promise<void> {
    const { client, files } = this.#options;
    const key = [client.settings.prefix, name].filter((part) => part !== '').join('/');
    try {
      const { size, sha256 } = await digestOf(files, staged);
      await client.retrying(async () => {
        const response = await client.send({
          method: 'PUT',
          key,
          // A stream without a length would be sent in chunks, which S3 does not take.
          headers: { 'content-length': String(size), 'x-amz-content-sha256': sha256 },
          body: piecesOf(files, staged),
          timeoutMs: REQUEST_MS_MAX,
        });
        await response.arrayBuffer();
        await this.#checkSize(key, size);
      });
    } catch (error) {
      throw new MillraceError(
        'MR_DELIVERY_FAILED',
        `${this.place}: '${name}' could not be put there: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }

  /** The hash is checked by AWS, but not by every server that speaks its protocol. */
  async #checkSize(key: string, size: number): Promise<void> {
    const { client } = this.#options;
    const response = await client.send({ method: 'HEAD', key, timeoutMs: REQUEST_MS_MAX });
    const stored = response.headers.get('content-length');
    if (stored !== String(size))
      throw new S3Refusal(500, '', `it was stored with ${stored ?? 'no'} of ${size} bytes`);
  }
}

async function digestOf(files: FileSystem, path: string) {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of piecesOf(files, path)) {
    hash.update(piece);
    size += piece.length;
  }
  return { size, sha256: hash.digest('hex') };
}

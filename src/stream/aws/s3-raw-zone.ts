import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { checkObjectName } from '../../core/object-name.ts';
import { digestOf, piecesOf, writeWhole } from '../../core/whole-file.ts';
import {
  isMissing,
  reasonOf,
  S3Client,
  S3Refusal,
  type S3Request,
  wholeBody,
} from '../../s3/client.ts';
import type { S3Settings } from '../../s3/settings.ts';
import type { RawZone } from '../raw-zone.ts';

export interface S3RawZoneOptions {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly settings: S3Settings;
}

/** Of one request, its body included: enough for a segment at 4 Mbit/s, and an end for a server that says nothing. */
const REQUEST_MS_MAX = 5 * 60_000;

/** Objects of a bucket, in AWS or in a server that speaks its protocol. */
export class S3RawZone implements RawZone {
  readonly place: string;
  readonly #files: FileSystem;
  readonly #client: S3Client;

  constructor({ files, clock, settings }: S3RawZoneOptions) {
    this.#files = files;
    this.#client = new S3Client(settings, clock);
    this.place = this.#client.place;
  }

  /** @throws MillraceError MR_RAW_UNAVAILABLE where the bucket cannot be reached or refuses, or the file cannot be read */
  async put(name: string, file: string, signal?: AbortSignal): Promise<void> {
    await this.#attempt(name, async () => {
      const { size, sha256 } = await digestOf(this.#files, file);
      const response = await this.#send({
        method: 'PUT',
        name,
        // S3 stores nothing whose bytes are not those of the signed hash and length. A stream without
        // a length would be sent in chunks, which S3 does not take.
        headers: { 'content-length': String(size), 'x-amz-content-sha256': sha256 },
        body: piecesOf(this.#files, file),
        signal,
      });
      await response.arrayBuffer();
      await this.#checkSize(name, size, signal);
    });
  }

  /** @throws MillraceError MR_RAW_UNAVAILABLE where the bucket cannot be reached or refuses, or the file cannot be written */
  async get(name: string, file: string, signal?: AbortSignal): Promise<boolean> {
    return this.#attempt(name, async () => {
      try {
        const response = await this.#send({ method: 'GET', name, signal });
        await writeWhole(this.#files, file, wholeBody(response));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    });
  }

  /** @throws MillraceError MR_RAW_UNAVAILABLE where the bucket cannot be reached or refuses */
  async remove(name: string): Promise<void> {
    await this.#attempt(name, async () => {
      try {
        await (await this.#send({ method: 'DELETE', name })).arrayBuffer();
      } catch (error) {
        // AWS answers 204 where nothing is; some other servers say so.
        if (!isMissing(error)) throw error;
      }
    });
  }

  /** The hash is checked by AWS, but not by every server that speaks its protocol. */
  async #checkSize(name: string, size: number, signal?: AbortSignal): Promise<void> {
    const response = await this.#send({ method: 'HEAD', name, signal });
    const stored = response.headers.get('content-length');
    if (stored !== String(size))
      throw new S3Refusal(200, '', `${name} was stored with ${stored ?? 'no'} of ${size} bytes`);
  }

  #send({ name, ...request }: Omit<S3Request, 'key' | 'timeoutMs'> & { readonly name: string }) {
    const key = this.#client.keyOf(name);
    return this.#client.send({ ...request, key, timeoutMs: REQUEST_MS_MAX });
  }

  async #attempt<T>(name: string, action: () => Promise<T>): Promise<T> {
    checkObjectName(name);
    try {
      return await this.#client.retrying(action);
    } catch (error) {
      throw new MillraceError('MR_RAW_UNAVAILABLE', `${this.place}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

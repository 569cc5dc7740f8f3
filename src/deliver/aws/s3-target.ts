import { join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { digestOf, piecesOf } from '../../core/whole-file.ts';
import { isMissing, reasonOf, type S3Client, S3Refusal, type S3Request } from '../../s3/client.ts';
import { type FileTarget, NOTES_FOLDER } from '../file-target.ts';

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
    this.place = options.client.place;
  }

  /** Each request finds out for itself. */
  async requireThere(): Promise<void> {}

  stagingOf(epoch: string): string {
    return join(this.#options.staging, epoch);
  }

  async publish(staged: string, name: string): Promise<void> {
    const { files } = this.#options;
    await this.#asking(`'${name}' could not be put there`, async () => {
      const { size, sha256 } = await digestOf(files, staged);
      // A stream without a length would be sent in chunks, which S3 does not take.
      const headers = { 'content-length': String(size), 'x-amz-content-sha256': sha256 };
      await this.#options.client.retrying(async () => {
        const response = await this.#send('PUT', name, { headers, body: piecesOf(files, staged) });
        await response.arrayBuffer();
        await this.#checkSize(name, size);
      });
    });
  }

  async has(name: string): Promise<boolean> {
    return this.#asking(`'${name}' could not be looked for`, async () => {
      try {
        await this.#options.client.retrying(() => this.#send('HEAD', name));
        return true;
      } catch (error) {
        // The answer to HEAD has no body, and so no code.
        if (error instanceof S3Refusal && error.status === 404) return false;
        throw error;
      }
    });
  }

  async remove(name: string): Promise<void> {
    await this.#asking(`'${name}' could not be removed`, () =>
      this.#options.client.retrying(() => this.#send('DELETE', name)),
    );
  }

  async note(name: string, text: string): Promise<void> {
    const body = Buffer.from(text);
    await this.#asking(`the note '${name}' could not be put there`, () =>
      this.#options.client.retrying(() => this.#send('PUT', noteName(name), { body })),
    );
  }

  async noted(name: string): Promise<string | undefined> {
    return this.#asking(`the note '${name}' could not be read`, async () => {
      try {
        const { client } = this.#options;
        return await client.retrying(async () => (await this.#send('GET', noteName(name))).text());
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  #send(
    method: S3Request['method'],
    name: string,
    parts: Pick<S3Request, 'headers' | 'body'> = {},
  ): Promise<Response> {
    const { client } = this.#options;
    return client.send({
      method,
      key: client.keyOf(name),
      ...parts,
      timeoutMs: REQUEST_MS_MAX,
    });
  }

  async #asking<T>(failed: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw new MillraceError(
        'MR_DELIVERY_FAILED',
        `${this.place}: ${failed}: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }

  /** The hash is checked by AWS, but not by every server that speaks its protocol. */
  async #checkSize(name: string, size: number): Promise<void> {
    const response = await this.#send('HEAD', name).catch((error: unknown) => {
      // Who may only write cannot look.
      if (error instanceof S3Refusal && error.status === 403) return undefined;
      throw error;
    });
    if (!response) return;
    const stored = response.headers.get('content-length');
    if (stored !== String(size))
      throw new S3Refusal(500, '', `it was stored with ${stored ?? 'no'} of ${size} bytes`);
  }
}

const noteName = (name: string): string => `${NOTES_FOLDER}/${name}`;

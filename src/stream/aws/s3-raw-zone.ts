import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { RawZone } from '../raw-zone.ts';
import { checkObjectName, piecesOf, writeWhole } from '../whole-file.ts';
import type { S3Settings } from './s3-settings.ts';

export interface S3RawZoneOptions {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly settings: S3Settings;
}

interface S3Request {
  readonly method: 'PUT' | 'GET' | 'HEAD' | 'DELETE';
  readonly name: string;
  readonly headers?: Record<string, string>;
  readonly body?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

/** Waited before the second, third and fourth try. */
const RETRY_DELAYS_MS: readonly number[] = [250, 1000, 4000];
const REASON_BYTES_MAX = 1000;
/** Of one request, its body included: enough for a segment at 4 Mbit/s, and an end for a server that says nothing. */
const REQUEST_MS_MAX = 5 * 60_000;

/** S3 answered, and not as asked. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** Objects of a bucket, in AWS or in a server that speaks its protocol. */
export class S3RawZone implements RawZone {
  readonly place: string;
  readonly #files: FileSystem;
  readonly #clock: Clock;
  readonly #settings: S3Settings;

  constructor({ files, clock, settings }: S3RawZoneOptions) {
    this.#files = files;
    this.#clock = clock;
    this.#settings = settings;
    this.place = `s3://${[settings.bucket, settings.prefix].filter((part) => part !== '').join('/')}`;
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
      throw new Refusal(200, `${name} was stored with ${stored ?? 'no'} of ${size} bytes`);
  }

  async #send({ method, name, headers = {}, body, signal }: S3Request): Promise<Response> {
    // Only who keeps a raw zone in S3 loads it.
    const { AwsV4Signer } = await import('aws4fetch');
    const { baseUrl, prefix, bucket: _, ...account } = this.#settings;
    const path = [prefix, name].filter((part) => part !== '').join('/');
    const url = `${baseUrl}${path}`;
    const signed = await new AwsV4Signer({
      method,
      url,
      service: 's3',
      headers,
      ...account,
    }).sign();
    // The length told is that of the bytes only where they come as they are. Not signed: proxies change it.
    signed.headers.set('accept-encoding', 'identity');
    const response = await fetch(url, {
      method,
      headers: signed.headers,
      // A signature is for one host: following would fail with a reason that misleads.
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(REQUEST_MS_MAX), ...(signal ? [signal] : [])]),
      ...(body ? { body, duplex: 'half' } : {}),
    });
    if (response.status < 200 || response.status > 299) throw await refusalOf(response);
    return response;
  }

  async #attempt<T>(name: string, action: () => Promise<T>): Promise<T> {
    checkObjectName(name);
    try {
      return await this.#retrying(action);
    } catch (error) {
      throw new MillraceError('MR_RAW_UNAVAILABLE', `${this.place}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  async #retrying<T>(action: () => Promise<T>): Promise<T> {
    for (const delayMs of RETRY_DELAYS_MS) {
      try {
        return await action();
      } catch (error) {
        if (!mayPass(error)) throw error;
        await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
      }
    }
    return action();
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Refusal && error.message.startsWith('NoSuchKey');

/** Network errors, which `fetch` throws as TypeError, also while a body is read; and a server that is busy. */
function mayPass(error: unknown): boolean {
  if (error instanceof Refusal) return error.status >= 500 || error.status === 429;
  return error instanceof TypeError;
}

async function digestOf(
  files: FileSystem,
  path: string,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of piecesOf(files, path)) {
    hash.update(piece);
    size += piece.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/** The body, and an error at its end where it is shorter than was told. */
async function* wholeBody(response: Response): AsyncGenerator<Uint8Array> {
  const told = response.headers.get('content-length');
  let size = 0;
  // Null where the answer has no body: an empty object.
  for await (const piece of response.body ?? []) {
    size += piece.length;
    yield piece;
  }
  if (told !== null && told !== String(size))
    throw new TypeError(`only ${size} of ${told} bytes came`);
}

async function refusalOf(response: Response): Promise<Refusal> {
  const { status } = response;
  const text = (await response.text()).slice(0, REASON_BYTES_MAX);
  const [code, message] = ['Code', 'Message'].map(
    (tag) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1],
  );
  const region = response.headers.get('x-amz-bucket-region');
  const hint =
    status >= 300 && status < 400 && region ? `; the bucket is in ${region}: set AWS_REGION` : '';
  if (!code) return new Refusal(status, `the server answered with status ${status}${hint}`);
  return new Refusal(status, `${message ? `${code}: ${message}` : code}${hint}`);
}

/** `fetch` says 'fetch failed' and has the reason as cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(error instanceof TypeError) || !(cause instanceof Error)) return error.message;
  return cause.message || ('code' in cause ? String(cause.code) : error.message);
}

import type { Clock } from '../core/clock.ts';
import type { S3Settings } from './settings.ts';

export interface S3Request {
  readonly method: 'PUT' | 'GET' | 'HEAD' | 'DELETE' | 'POST';
  /** The whole key; empty for the bucket itself. */
  readonly key: string;
  readonly query?: { readonly [name: string]: string };
  readonly headers?: { readonly [name: string]: string };
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of the whole request, its body included. */
  readonly timeoutMs: number;
}

/** Waited before the second, third and fourth try. */
const RETRY_DELAYS_MS: readonly number[] = [250, 1000, 4000];
const REASON_BYTES_MAX = 1000;

/** S3 answered, and not as asked. */
export class S3Refusal extends Error {
  readonly status: number;
  /** As S3 calls it: `NoSuchKey`; empty where the server gave none. */
  readonly code: string;

  constructor(status: number, code: string, reason: string) {
    super(reason);
    this.status = status;
    this.code = code;
  }
}

/** Signed requests for objects of one bucket, in AWS or in a server that speaks its protocol. */
export class S3Client {
  readonly settings: S3Settings;
  readonly #clock: Clock;

  constructor(settings: S3Settings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
  }

  /** `s3://bucket/prefix` */
  get place(): string {
    const { bucket, prefix } = this.settings;
    return `s3://${prefix === '' ? bucket : `${bucket}/${prefix}`}`;
  }

  /** @param name below the prefix */
  keyOf(name: string): string {
    const { prefix } = this.settings;
    return prefix === '' ? name : `${prefix}/${name}`;
  }

  /** @throws S3Refusal; TypeError where the server cannot be reached */
  async send({
    method,
    key,
    query,
    headers,
    body,
    signal,
    timeoutMs,
  }: S3Request): Promise<Response> {
    // Only who keeps something in S3 loads it.
    const { AwsV4Signer } = await import('aws4fetch');
    const { baseUrl, region, accessKeyId, secretAccessKey, sessionToken } = this.settings;
    const search = query ? `?${new URLSearchParams(query)}` : '';
    const url = `${baseUrl}${key.split('/').map(encodeURIComponent).join('/')}${search}`;
    const signed = await new AwsV4Signer({
      method,
      url,
      service: 's3',
      headers: { ...headers },
      region,
      accessKeyId,
      secretAccessKey,
      ...(sessionToken ? { sessionToken } : {}),
    }).sign();
    // The length told is that of the bytes only where they come as they are. Not signed: proxies change it.
    signed.headers.set('accept-encoding', 'identity');
    const response = await fetch(url, {
      method,
      headers: signed.headers,
      // A signature is for one host: following would fail with a reason that misleads.
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
      ...(body ? { body, duplex: 'half' } : {}),
    });
    if (response.status < 200 || response.status > 299) throw await refusalOf(response);
    return response;
  }

  /** Tries again what may pass: `action` must be one that can be done twice. */
  async retrying<T>(
    action: (attempt: number) => Promise<T>,
    mayPass: (error: unknown) => boolean = mayPassSoon,
  ): Promise<T> {
    for (const [attempt, delayMs] of RETRY_DELAYS_MS.entries()) {
      try {
        return await action(attempt);
      } catch (error) {
        if (!mayPass(error)) throw error;
        await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
      }
    }
    return action(RETRY_DELAYS_MS.length);
  }
}

/** Network errors, which `fetch` throws as TypeError, also while a body is read; and a server that is busy. */
export function mayPassSoon(error: unknown): boolean {
  if (error instanceof S3Refusal) return error.status >= 500 || error.status === 429;
  return error instanceof TypeError;
}

export const isMissing = (error: unknown): boolean =>
  error instanceof S3Refusal && error.code === 'NoSuchKey';

/** The body, and an error at its end where it is shorter than was told. */
export async function* wholeBody(response: Response): AsyncGenerator<Uint8Array> {
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

async function refusalOf(response: Response): Promise<S3Refusal> {
  const { status } = response;
  const text = (await response.text()).slice(0, REASON_BYTES_MAX);
  const [code, message] = ['Code', 'Message'].map(
    (tag) => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(text)?.[1],
  );
  const region = response.headers.get('x-amz-bucket-region');
  const hint =
    status >= 300 && status < 400 && region ? `; the bucket is in ${region}: set AWS_REGION` : '';
  if (!code) return new S3Refusal(status, '', `the server answered with status ${status}${hint}`);
  return new S3Refusal(status, code, `${message ? `${code}: ${message}` : code}${hint}`);
}

/** `fetch` says 'fetch failed' and has the reason as cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(error instanceof TypeError) || !(cause instanceof Error)) return error.message;
  return cause.message || ('code' in cause ? String(cause.code) : error.message);
}

import type { Clock } from '../../core/clock.ts';
import { isDiskFull, MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import {
  isMissing,
  mayPassSoon,
  reasonOf,
  S3Client,
  S3Refusal,
  type S3Request,
  wholeBody,
} from '../../s3/client.ts';
import type { S3Settings } from '../../s3/settings.ts';
import { listedObjects } from './listed-objects.ts';

export interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
}

export interface ObjectInfo {
  readonly size: number;
  readonly etag: string;
  readonly changedMs: number;
  /** What the server's clock says. */
  readonly nowMs: number;
}

export interface ObjectTimes {
  readonly requestMs: number;
  readonly transferMs: number;
}

/** What `transferMs` is enough for. */
const TRANSFER_BYTES = 64 * 1024 * 1024;
const TIMES: ObjectTimes = { requestMs: LIMITS.lakeRequestMs, transferMs: LIMITS.lakeTransferMs };

/**
 * The objects of a lake, by their locations `s3://bucket/key`.
 *
 * Contract:
 * O1  What does the same when it is done twice is tried again after errors that may pass.
 * O2  A write with a condition is tried again with the same condition; where that is not met then, it is
 *     read back whether the first try was made.
 * O3  Nothing outside the lake's place is touched.
 */
export class S3Objects {
  /** `s3://bucket/prefix` */
  readonly place: string;
  readonly #client: S3Client;
  readonly #times: ObjectTimes;

  constructor(settings: S3Settings, clock: Clock, times: ObjectTimes = TIMES) {
    this.#client = new S3Client(settings, clock);
    this.#times = times;
    this.place = this.#client.place;
  }

  /** @throws MillraceError MR_TABLE_UNSUPPORTED for what is elsewhere */
  keyOf(location: string): string {
    const parts = location.slice(this.place.length + 1).split('/');
    const isBelow =
      location.startsWith(`${this.place}/`) &&
      parts.every((part) => !/^(\.{0,2}|.*\0.*)$/s.test(part));
    if (location !== this.place && !isBelow)
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `${location} is not in the lake, ${this.place}: tables of it have all their files there.`,
      );
    const { bucket } = this.#client.settings;
    return location.slice(`s3://${bucket}/`.length);
  }

  /** Undefined where there is none. */
  read(location: string): Promise<StoredObject | undefined> {
    return this.#retried(async () => {
      try {
        const response = await this.#send({ method: 'GET', key: this.keyOf(location) });
        const pieces: Uint8Array[] = [];
        for await (const piece of wholeBody(response)) pieces.push(piece);
        return { bytes: Buffer.concat(pieces), etag: etagOf(response) };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  /** The bytes of a large object, as they come; who takes them tries again. */
  async stream(location: string, bytes: number): Promise<AsyncIterable<Uint8Array>> {
    const timeoutMs = this.#times.transferMs * Math.max(1, Math.ceil(bytes / TRANSFER_BYTES));
    const key = this.keyOf(location);
    return wholeBody(await this.#client.send({ method: 'GET', key, timeoutMs }));
  }

  /** Undefined where there is none. */
  info(location: string): Promise<ObjectInfo | undefined> {
    return this.#retried(async () => {
      try {
        const response = await this.#send({ method: 'HEAD', key: this.keyOf(location) });
        const { headers } = response;
        return {
          etag: etagOf(response),
          size: Number(headers.get('content-length')),
          changedMs: Date.parse(headers.get('last-modified') ?? ''),
          nowMs: Date.parse(headers.get('date') ?? ''),
        };
      } catch (error) {
        // An answer to HEAD has no body that could name a code.
        if (error instanceof S3Refusal && error.status === 404) return undefined;
        throw error;
      }
    });
  }

  /** Writes a new object. @returns false where there is one already */
  create(location: string, bytes: Uint8Array): Promise<boolean> {
    return this.#written(location, bytes, null).then((etag) => etag !== undefined);
  }

  /**
   * Writes an object in the place of the one with this ETag; null where there is none.
   * @returns its ETag
   * @throws MillraceError MR_TABLE_COMMIT_CONFLICT where there is another
   */
  async swap(location: string, bytes: Uint8Array, last: string | null): Promise<string> {
    const etag = await this.#written(location, bytes, last);
    if (etag !== undefined) return etag;
    throw new MillraceError(
      'MR_TABLE_COMMIT_CONFLICT',
      `${location} was changed by another process since it was read.`,
    );
  }

  #written(location: string, bytes: Uint8Array, last: string | null): Promise<string | undefined> {
    const condition = last === null ? { 'if-none-match': '*' } : { 'if-match': last };
    return this.#retried(async (attempt) => {
      try {
        const key = this.keyOf(location);
        const response = await this.#send({ method: 'PUT', key, headers: condition, body: bytes });
        await response.arrayBuffer();
        return etagOf(response);
      } catch (error) {
        if (!isUnmet(error)) throw error;
        const stored = attempt > 0 ? await this.read(location) : undefined;
        return stored?.bytes.equals(bytes) ? stored.etag : undefined;
      }
    });
  }

  remove(location: string): Promise<void> {
    return this.#retried(async () => {
      try {
        const response = await this.#send({ method: 'DELETE', key: this.keyOf(location) });
        await response.arrayBuffer();
      } catch (error) {
        // AWS answers 204 where nothing is; some other servers say so.
        if (!isMissing(error)) throw error;
      }
    });
  }

  /** What is in a folder; with all folders below it: locations of objects. */
  list(folder: string, { deep }: { readonly deep: boolean }) {
    const prefix = `${this.keyOf(folder)}/`.replace(/^\/$/, '');
    const { bucket } = this.#client.settings;
    return listedObjects({ bucket, prefix, deep }, (query) =>
      this.#retried(async () => {
        const response = await this.#send({ method: 'GET', key: '', query });
        return response.text();
      }),
    );
  }

  /** Who asks tries again, with `retried`, where it does the same when it is done twice. */
  requestOnce(location: string, request: Omit<S3Request, 'key' | 'timeoutMs'>): Promise<Response> {
    const timeoutMs = request.body ? this.#times.transferMs : this.#times.requestMs;
    return this.#client.send({ ...request, key: this.keyOf(location), timeoutMs });
  }

  /** @throws MillraceError MR_LAKE_UNAVAILABLE */
  retried<T>(action: () => Promise<T>): Promise<T> {
    return this.#retried(action);
  }

  #send(request: Omit<S3Request, 'timeoutMs'>): Promise<Response> {
    return this.#client.send({ ...request, timeoutMs: this.#times.requestMs });
  }

  async #retried<T>(action: (attempt: number) => Promise<T>): Promise<T> {
    try {
      return await this.#client.retrying(action, mayPass);
    } catch (error) {
      if (error instanceof MillraceError) throw error;
      if (isDiskFull(error))
        throw new MillraceError(
          'MR_STORAGE_FULL',
          `A file of ${this.place} could not be kept here: ${(error as Error).message}`,
          { cause: error },
        );
      throw new MillraceError('MR_LAKE_UNAVAILABLE', `${this.place}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** S3 names an object that others are writing at this moment by 409: the next try has an answer. */
function mayPass(error: unknown): boolean {
  if (error instanceof S3Refusal && error.status === 409) return true;
  return mayPassSoon(error) || (error instanceof Error && error.name === 'TimeoutError');
}

/** `If-Match` of what is not there is answered with 404. */
const isUnmet = (error: unknown): boolean =>
  error instanceof S3Refusal && (error.status === 412 || error.code === 'NoSuchKey');

function etagOf(response: Response): string {
  const etag = response.headers.get('etag');
  if (etag) return etag;
  throw new S3Refusal(response.status, '', 'the server tells no ETag, which commits need');
}

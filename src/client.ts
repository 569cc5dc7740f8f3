/** The TypeScript client: `import { client } from 'millrace/client'`. Works wherever `fetch` does. */

import { ERROR_CODES, type ErrorCode } from './core/error-codes.ts';
import { MillraceError } from './core/errors.ts';
import type { Fields, RowOf } from './definition/field.ts';
import type { Lookup } from './definition/lookup.ts';
import type { Stream } from './definition/stream.ts';

export interface ClientOptions {
  /** Default `http://127.0.0.1:4000`. */
  readonly url?: string;
  /** `mr_…`; not needed in `dev` on loopback. */
  readonly key?: string;
}

export interface SendOptions {
  /** Makes a repeat of this call safe for 24 hours. */
  readonly idempotencyKey?: string;
}

export interface Refused {
  readonly index: number;
  readonly code: string;
  readonly field?: string;
  readonly message: string;
}

export interface SendAnswer {
  readonly accepted: number;
  readonly rejected: readonly Refused[];
  /** Which rows were there already, by the stream's `dedupe`. */
  readonly duplicate: readonly number[];
  readonly shards: readonly {
    readonly shard: number;
    readonly first: string;
    readonly last: string;
    readonly count: number;
  }[];
}

export interface SqlResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number;
}

export interface LookupPage {
  readonly items: readonly { readonly [field: string]: unknown }[];
  readonly cursor?: string;
}

export interface Client {
  /** Stores rows; the answer counts them and says why others were refused. On disk when it resolves. */
  send<N extends string, F extends Fields>(
    stream: Stream<N, F>,
    rows: RowOf<F> | readonly RowOf<F>[],
    options?: SendOptions,
  ): Promise<SendAnswer>;
  /** Rows of a lookup by key and leading sort parts; empty where there are none. Values as SQL's JSON has them. */
  lookup(
    lookup: Lookup,
    key: string | number | bigint,
    ...sort: (string | number | bigint)[]
  ): Promise<LookupPage>;
  sql(query: string, params?: readonly (string | number | boolean | null)[]): Promise<SqlResult>;
}

/** A client of a running pipeline. Calls reject with MillraceError. */
export function client(options: ClientOptions = {}): Client {
  const base = (options.url ?? 'http://127.0.0.1:4000').replace(/\/$/, '');
  const headers: Record<string, string> =
    options.key === undefined ? {} : { authorization: `Bearer ${options.key}` };
  const call = (path: string, init: RequestInit) =>
    fetch(`${base}${path}`, {
      ...init,
      headers: { ...headers, ...(init.headers as Record<string, string>) },
    });
  return {
    async send(stream, rows, { idempotencyKey } = {}) {
      const list = (Array.isArray(rows) ? rows : [rows]) as object[];
      const body = list.map((row) => JSON.stringify(wire(row))).join('\n');
      const key = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const response = await call(`/v1/streams/${stream.name}/records`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-ndjson', ...key },
      });
      const answer = (await response.json()) as SendAnswer | ErrorAnswer;
      if ('accepted' in answer) return answer;
      throw remoteError(answer);
    },
    async lookup(lookup, key, ...sort) {
      const path = [key, ...sort].map((part) => encodeURIComponent(String(part))).join('/');
      const response = await call(`/v1/lookups/${lookup.name}/${path}`, { method: 'GET' });
      const answer = (await response.json()) as
        | LookupPage
        | ErrorAnswer
        | { [field: string]: unknown };
      if (response.ok)
        return 'items' in answer &&
          Array.isArray(answer.items) &&
          sort.length < lookup.settings.sort.length
          ? (answer as LookupPage)
          : { items: [answer as { [field: string]: unknown }] };
      if (response.status === 404 && (answer as ErrorAnswer).error?.code === 'MR_LOOKUP_NO_ENTRY')
        return { items: [] };
      throw remoteError(answer as ErrorAnswer);
    },
    async sql(query, params = []) {
      const response = await call('/v1/sql', {
        method: 'POST',
        body: JSON.stringify({ sql: query, params }),
        headers: { 'content-type': 'application/json' },
      });
      const answer = (await response.json()) as SqlResult | ErrorAnswer;
      if ('rows' in answer) return answer;
      throw remoteError(answer);
    },
  };
}

interface ErrorAnswer {
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly [detail: string]: unknown;
  };
}

function remoteError({ error }: ErrorAnswer): MillraceError {
  const {
    code = 'MR_INTERNAL',
    message = 'The server answered something that is not millrace.',
    ...details
  } = error ?? {};
  return new MillraceError(code in ERROR_CODES ? (code as ErrorCode) : 'MR_INTERNAL', message, {
    details: details as MillraceError['details'],
  });
}

/** Values as records carry them: instants ISO 8601, longs as text, bytes base64. */
function wire(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return base64(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return value.map(wire);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, part]) => part !== undefined)
        .map(([name, part]) => [name, wire(part)]),
    );
  return value;
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

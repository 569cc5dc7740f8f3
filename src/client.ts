/** The TypeScript client: `import { client } from 'millrace/client'`. Works wherever `fetch` does. */

import { ERROR_CODES, type ErrorCode } from './core/error-codes.ts';
import { MillraceError } from './core/errors.ts';
import { parseJson } from './core/json-node.ts';
import { rowOf } from './core/row-value.ts';
import type { Endpoint, EndpointRows } from './definition/endpoint.ts';
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

export interface ReadOptions {
  /** `'earliest'` (default), `'latest'`, a sequence number, or a Date: the first record that arrived then or later. */
  readonly from?: 'earliest' | 'latest' | Date | string | number | bigint;
  /** Sequence number behind the last record to read. */
  readonly until?: string | number | bigint;
  /** Only records of these shards. */
  readonly shards?: readonly number[];
  /** Only records with this partition key. */
  readonly key?: string | number | bigint | boolean;
  /** So many records at most. */
  readonly limit?: number;
  /** False ends at what is stored when the read begins. Default true: new records follow, also after the server was away. */
  readonly follow?: boolean;
  /** Told of records that cannot be read; without it the read rejects with MR_STORAGE_DAMAGED. */
  readonly onDamage?: (damage: DamagedRecords) => void;
  /** Ends the read; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface DamagedRecords {
  readonly first: string;
  readonly last: string;
  readonly shard?: number;
}

export interface StoredRecord<F extends Fields> {
  readonly sequenceNumber: string;
  readonly shard: number;
  readonly arrivedAt: Date;
  readonly record: RowOf<F>;
}

export interface Client {
  /** Stores rows; the answer counts them and says why others were refused. On disk when it resolves. */
  send<N extends string, F extends Fields>(
    stream: Stream<N, F>,
    rows: RowOf<F> | readonly RowOf<F>[],
    options?: SendOptions,
  ): Promise<SendAnswer>;
  /** Records of a stream, in the order of the log, each once, also over broken connections. */
  read<N extends string, F extends Fields>(
    stream: Stream<N, F>,
    options?: ReadOptions,
  ): AsyncGenerator<StoredRecord<F>, void, undefined>;
  /** Rows of a lookup by key and leading sort parts; empty where there are none. Values as SQL's JSON has them. */
  lookup(
    lookup: Lookup,
    key: string | number | bigint,
    ...sort: (string | number | bigint)[]
  ): Promise<LookupPage>;
  /** Rows of an endpoint's answer, values as SQL's JSON has them; their types are those of `millrace types`. */
  endpoint<N extends string, P extends Fields>(
    endpoint: Endpoint<N, P>,
    ...params: Record<never, never> extends RowOf<P> ? [params?: RowOf<P>] : [params: RowOf<P>]
  ): Promise<readonly EndpointRow<N>[]>;
  sql(query: string, params?: readonly (string | number | boolean | null)[]): Promise<SqlResult>;
}

/** A row of an endpoint's answer: of known columns once `millrace-env.d.ts` is there. */
export type EndpointRow<N extends string> = N extends keyof EndpointRows
  ? EndpointRows[N]
  : { readonly [column: string]: unknown };

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
    read: (stream, options = {}) => readRecords(call, stream, options),
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
    async endpoint<N extends string, P extends Fields>(
      { name }: Endpoint<N, P>,
      ...[params = {}]: readonly [params?: object]
    ) {
      const given = Object.entries(wire(params) as { readonly [name: string]: unknown }).flatMap(
        ([param, value]) => (value === null ? [] : [[param, String(value)] as [string, string]]),
      );
      const response = await call(`/v1/endpoints/${name}?${new URLSearchParams(given)}`, {
        method: 'GET',
      });
      const answer = (await response.json()) as { rows: readonly EndpointRow<N>[] } | ErrorAnswer;
      if ('rows' in answer) return answer.rows;
      throw remoteError(answer);
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

type Call = (path: string, init: RequestInit) => Promise<Response>;

/** What a line or event is besides a record. */
interface Notice {
  readonly damaged?: DamagedRecords;
  readonly error?: ErrorAnswer['error'];
  readonly end?: { readonly reason: 'until' | 'limit' | 'stream' | 'stopping' };
}

/** How far a read has come, over all its connections. */
interface ReadState {
  /** The next record to read; undefined until something came. */
  next: bigint | undefined;
  /** Records that are left of the limit. */
  left: number | undefined;
  /** An id whose event is not whole yet. */
  passed: bigint | undefined;
  isOver: boolean;
}

const RETRY_MS = 500;
const RETRY_MS_MAX = 10_000;

async function* readRecords<F extends Fields>(
  call: Call,
  stream: Stream<string, F>,
  options: ReadOptions,
): AsyncGenerator<StoredRecord<F>, void, undefined> {
  const state: ReadState = {
    next: undefined,
    left: options.limit,
    passed: undefined,
    isOver: false,
  };
  let response: Response | undefined = await openRead(call, stream.name, options, state);
  for (let retryMs = RETRY_MS; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
    const before = state.next;
    state.passed = undefined;
    for await (const line of response ? linesOf(response, options.signal) : [])
      yield* recordsOf(line, stream, options, state);
    if (state.isOver) return;
    if (state.next !== before) retryMs = RETRY_MS;
    await pause(retryMs, options.signal);
    response = await openAgain(call, stream.name, options, state);
  }
}

async function openRead(
  call: Call,
  stream: string,
  options: ReadOptions,
  { next, left }: ReadState,
): Promise<Response> {
  const { from, until, shards, key, follow = true, signal } = options;
  const query = new URLSearchParams();
  const set = (name: string, value: unknown) => {
    if (value !== undefined) query.set(name, String(value));
  };
  set('from', follow || next === undefined ? startText(from) : next);
  set('until', until);
  set('shard', shards?.join(','));
  set('key', key);
  set('limit', left);
  const headers: Record<string, string> = {
    accept: follow ? 'text/event-stream' : 'application/x-ndjson',
  };
  if (follow && next !== undefined) headers['last-event-id'] = String(next - 1n);
  const response = await call(`/v1/streams/${stream}/records?${query}`, {
    headers,
    ...(signal ? { signal } : {}),
  });
  if (response.ok) return response;
  throw remoteError((await response.json()) as ErrorAnswer);
}

const startText = (from: ReadOptions['from']): string | undefined =>
  from instanceof Date ? from.toISOString() : from?.toString();

const LATER: ReadonlySet<number> = new Set([429, 503]);

/** Undefined where the server is away or busy; what else it says is thrown. */
async function openAgain(
  call: Call,
  stream: string,
  options: ReadOptions,
  state: ReadState,
): Promise<Response | undefined> {
  try {
    return await openRead(call, stream, options, state);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof MillraceError && !LATER.has(error.status)) throw error;
    return undefined;
  }
}

/** Whole lines, up to the end or where the connection breaks; `end` says that it did not. */
async function* linesOf(
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void, undefined> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const isEvents = response.headers.get('content-type')?.startsWith('text/event-stream');
  let rest = '';
  try {
    while (reader) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: null }));
      signal?.throwIfAborted();
      if (value === null) return;
      if (done) break;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) yield isEvents ? line : `data: ${line}`;
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
  // Lines that end are all there are; events say themselves why they end, and 204 that there are none.
  if (!isEvents) yield END;
}

const END = 'data: {"end":{"reason":"until"}}';

function* recordsOf<F extends Fields>(
  line: string,
  stream: Stream<string, F>,
  options: ReadOptions,
  state: ReadState,
): Generator<StoredRecord<F>, void, undefined> {
  if (line.startsWith('id: ')) state.passed = BigInt(line.slice(4)) + 1n;
  else if (line === '') state.next = state.passed ?? state.next;
  if (!line.startsWith('data: ')) return;
  state.passed = undefined;
  const text = line.slice(6);
  if (text.startsWith('{"sequenceNumber":')) {
    const record = storedRecord(text, stream);
    state.next = BigInt(record.sequenceNumber) + 1n;
    if (state.left !== undefined) state.left -= 1;
    if (state.left === 0) state.isOver = true;
    yield record;
    return;
  }
  const { damaged, error, end } = JSON.parse(text) as Notice;
  if (end) state.isOver = end.reason !== 'stopping';
  if (error) throw remoteError({ error });
  if (!damaged) return;
  state.next = BigInt(damaged.last) + 1n;
  if (!options.onDamage)
    throw new MillraceError(
      'MR_STORAGE_DAMAGED',
      `Records ${damaged.first} to ${damaged.last} of stream '${stream.name}' are damaged. Read on with from: '${state.next}', or be told of them with onDamage.`,
      { details: { ...damaged } },
    );
  options.onDamage(damaged);
}

/** The record is read from its own text: numbers keep all their digits. */
function storedRecord<F extends Fields>(
  text: string,
  { settings }: Stream<string, F>,
): StoredRecord<F> {
  const start = text.indexOf(RECORD) + RECORD.length;
  const place = JSON.parse(`${text.slice(0, start)}null}`) as {
    sequenceNumber: string;
    shard: number;
    arrivedAt: string;
  };
  const node = parseJson(text.slice(start, -1));
  const members = node.kind === 'object' ? node.members : new Map();
  const record = rowOf(members, settings.fields) as RowOf<F>;
  return { ...place, arrivedAt: new Date(place.arrivedAt), record };
}

const RECORD = '"record":';

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', settle);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(settle, ms);
    signal?.addEventListener('abort', settle);
  });
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

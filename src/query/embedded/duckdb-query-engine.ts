import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { ChildProcess } from '../../children/child-process.ts';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { unlessAborted, within } from '../../core/waiting.ts';
import type {
  QueryMoment,
  QueryRequest,
  QueryResult,
  ResultBasis,
  ResultBytes,
  SqlMethods,
} from '../../engine/protocol.ts';
import { FairTurns } from '../fair-turns.ts';
import type { AskedQuery, QueryEngine, QueryOptions } from '../query-engine.ts';
import { type KeptResult, ResultCache } from '../result-cache.ts';

const READ_BYTES = 256 * 1024;
const COMPLETE_MS = 500;
const COMPLETE_CHARACTERS_MAX = 8000;
const COMPLETE_OPEN_MAX = 5;

/** What queries are about, at this moment. */
export interface ServedPipeline {
  /** Whether all that a result was made of is as it was. */
  isCurrent(basis: ResultBasis): boolean;
  /** Another one after each change of the pipeline. */
  catalogId(): string;
  /** Undefined where the child always has to ask. */
  moment(): QueryMoment | undefined;
}

export interface DuckdbQueryEngineOptions {
  readonly child: ChildProcess<SqlMethods>;
  readonly clock: Clock;
  readonly pipeline: ServedPipeline;
}

/** Queries in the `sql` child, with a deadline that holds even where DuckDB's interrupt does not. */
export class DuckdbQueryEngine implements QueryEngine {
  readonly #child: ChildProcess<SqlMethods>;
  readonly #clock: Clock;
  readonly #pipeline: ServedPipeline;
  readonly #kept = new ResultCache({
    bytesMax: LIMITS.resultCacheBytesMax,
    resultsMax: LIMITS.resultCacheResultsMax,
  });
  readonly #turns = new FairTurns({
    atOnce: LIMITS.queriesRunningMax,
    waitingMax: LIMITS.queriesQueuedMax,
    each: { atOnce: LIMITS.queriesRunningEachMax, waitingMax: LIMITS.queriesQueuedEachMax },
    what: 'queries',
  });
  #isCompleting = false;
  /** Results on their way, by who reads them. */
  readonly #sending = new Map<string, number>();

  constructor({ child, clock, pipeline }: DuckdbQueryEngineOptions) {
    this.#child = child;
    this.#clock = clock;
    this.#pipeline = pipeline;
  }

  async query(request: AskedQuery, options: QueryOptions): Promise<void> {
    if (Buffer.byteLength(request.sql) > LIMITS.queryTextBytesMax)
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `The statement has more than ${LIMITS.queryTextBytesMax} bytes.`,
      );
    this.#requireReadersDone(options.who);
    const { sql, params, format } = request;
    // What a changed pipeline would answer otherwise is another question, however old an answer may be.
    const question = JSON.stringify([this.#pipeline.catalogId(), sql, params, format]);
    const { maxAgeMs = 0 } = request;
    const kept = this.#kept.find(question, (result) => this.#isGood(result, maxAgeMs));
    if (kept) {
      options.onHead?.({ ...kept, isKept: true });
      await this.#send(kept, options);
      return;
    }
    const { result, madeMs } = await this.#computed(request, options);
    const bytes = 'bytes' in result ? result.bytes : undefined;
    const { rows, basis } = result;
    if (bytes && (basis || maxAgeMs > 0))
      this.#kept.keep(question, { bytes, rows, madeMs, ...(basis ? { basis } : {}) });
    options.onHead?.({ rows, madeMs, isKept: false, ...(bytes ? { bytes } : {}) });
    await this.#send(result, options);
  }

  /** Who types does not wait: a list that comes late is of no use. */
  complete(sql: string): Promise<readonly string[]> {
    const nothing: readonly string[] = [];
    if (this.#isCompleting || !isQuicklyCompleted(sql)) return Promise.resolve(nothing);
    this.#isCompleting = true;
    return new Promise((resolve) => {
      const cancel = this.#clock.after(COMPLETE_MS, () => resolve(nothing));
      this.#child
        .call('complete', { sql })
        .then(resolve, () => resolve(nothing))
        .finally(() => {
          cancel();
          this.#isCompleting = false;
        });
    });
  }

  #isGood({ basis, madeMs }: KeptResult, maxAgeMs: number): boolean {
    return (
      this.#clock.now() - madeMs < maxAgeMs ||
      (basis !== undefined && this.#pipeline.isCurrent(basis))
    );
  }

  async #computed(request: AskedQuery, { who, signal }: QueryOptions) {
    let madeMs = 0;
    const run = () => {
      madeMs = this.#clock.now();
      return this.#runOrRetry(request, signal);
    };
    const result = await this.#turns.take(who, run, signal).catch((error: Error) => {
      throw signal?.aborted ? cancelled(error) : error;
    });
    return { result, madeMs };
  }

  /** Results of slow readers lie on disk: those of one person leave room for others. */
  #requireReadersDone(who: string): void {
    const own = this.#sending.get(who) ?? 0;
    const all = [...this.#sending.values()].reduce((sum, count) => sum + count, 0);
    if (own < LIMITS.resultsSentEachMax && all < LIMITS.resultsSentAtOnceMax) return;
    throw new MillraceError(
      'MR_OVERLOADED',
      own < LIMITS.resultsSentEachMax
        ? `${all} results are being read already. Ask again in a second.`
        : `${own} of your results are being read already. Read them to their ends, then ask again.`,
    );
  }

  /** A child that another query took down is back at once; the query starts over. */
  async #runOrRetry(request: AskedQuery, signal: AbortSignal | undefined): Promise<QueryResult> {
    try {
      return await this.#run(request, signal);
    } catch (error) {
      const died = error instanceof MillraceError && error.code === 'MR_CHILD_FAILED';
      if (!died || signal?.aborted) throw error;
      if (isOverMemory(error)) await this.#child.kill();
      return this.#run(request, signal).catch((again: unknown) => {
        throw tooMuchMemory(again) ?? again;
      });
    }
  }

  async #run(
    { timeoutMs = LIMITS.queryDeadlineMs, sql, params, format }: AskedQuery,
    signal: AbortSignal | undefined,
  ): Promise<QueryResult> {
    const deadline = new AbortController();
    const ended = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
    const cancelDeadline = this.#clock.after(timeoutMs, () => deadline.abort());
    try {
      const waitMs = await this.#childUp(ended);
      const moment = this.#pipeline.moment();
      const request: QueryRequest = {
        sql,
        params,
        format,
        rowsMax: LIMITS.queryRowsMax,
        bytesMax: LIMITS.queryBytesMax,
        waitMs,
        ...(moment ? { moment } : {}),
      };
      return await this.#callOrKill(request, ended);
    } catch (error) {
      if (deadline.signal.aborted)
        throw new MillraceError(
          'MR_QUERY_LIMIT',
          `The query ran longer than ${timeoutMs / 1000} s and was stopped.`,
          { cause: error },
        );
      throw error;
    } finally {
      cancelDeadline();
    }
  }

  /** interrupt() does not stop every query: after a while the child is killed. */
  async #callOrKill(request: QueryRequest, ended: AbortSignal): Promise<QueryResult> {
    let cancelKill = () => {};
    const killSoon = () => {
      cancelKill = this.#clock.after(LIMITS.queryKillGraceMs, () => this.#child.kill());
    };
    ended.addEventListener('abort', killSoon);
    try {
      return await this.#child.call('query', request, { signal: ended });
    } finally {
      cancelKill();
      ended.removeEventListener('abort', killSoon);
    }
  }

  /** Waits for a child that is starting; returns what is left of the time for catching up. */
  async #childUp(ended: AbortSignal): Promise<number> {
    const began = this.#clock.now();
    await within(unlessAborted(this.#child.up(), ended), {
      clock: this.#clock,
      limitMs: LIMITS.queryCatchUpMs,
      late: () =>
        new MillraceError(
          'MR_NOT_READY',
          'The SQL engine is starting and not up yet. Ask again in a few seconds.',
        ),
    });
    return Math.max(0, LIMITS.queryCatchUpMs - (this.#clock.now() - began));
  }

  /** At the reader's pace: the child and the queue do not wait for it. */
  async #send(result: ResultBytes, { onChunk, signal, who }: QueryOptions): Promise<void> {
    const give = async (chunk: Uint8Array): Promise<void> =>
      within(Promise.resolve(onChunk(chunk)), {
        clock: this.#clock,
        limitMs: LIMITS.resultStallMs,
        late: () =>
          new MillraceError(
            'MR_QUERY_CANCELLED',
            `The result's reader took nothing for ${LIMITS.resultStallMs / 1000} s.`,
          ),
      });
    this.#sending.set(who, (this.#sending.get(who) ?? 0) + 1);
    try {
      for await (const chunk of chunksOf(result, signal)) await give(chunk);
    } finally {
      const left = (this.#sending.get(who) ?? 1) - 1;
      if (left > 0) this.#sending.set(who, left);
      else this.#sending.delete(who);
      if ('file' in result) await rm(result.file, { force: true });
    }
  }
}

/** The engine takes twice as long with each bracket that is open: a second with ten. */
function isQuicklyCompleted(sql: string): boolean {
  const brackets = sql.replace(/'[^']*'/g, '').match(/[([{\])}]/g) ?? [];
  const open = brackets.reduce((count, one) => count + ('([{'.includes(one) ? 1 : -1), 0);
  const opened = brackets.filter((one) => '([{'.includes(one)).length;
  return sql.length <= COMPLETE_CHARACTERS_MAX && open <= COMPLETE_OPEN_MAX && opened <= 200;
}

const isOverMemory = (error: unknown): error is MillraceError =>
  error instanceof MillraceError && error.details['overMemory'] === true;

/** Once it may have been another's query that took too much; of two times it is told. */
function tooMuchMemory(error: unknown): MillraceError | undefined {
  if (!isOverMemory(error)) return undefined;
  return new MillraceError(
    'MR_QUERY_LIMIT',
    `${error.message} The query was stopped, or one that ran beside it. Ask for less at once: shorter texts and lists, fewer groups.`,
    { cause: error },
  );
}

const cancelled = (cause: Error): MillraceError =>
  new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.', { cause });

async function* chunksOf(result: ResultBytes, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if ('bytes' in result) {
    yield result.bytes;
    return;
  }
  yield Buffer.from(result.head);
  const options = { start: result.from, highWaterMark: READ_BYTES };
  yield* createReadStream(result.file, signal ? { ...options, signal } : options);
  yield Buffer.from(result.tail);
}

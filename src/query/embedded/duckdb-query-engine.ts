import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { ChildProcess } from '../../children/child-process.ts';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { QueryRequest, QueryResult, ResultBytes, SqlMethods } from '../../engine/protocol.ts';
import { FairTurns } from '../fair-turns.ts';
import type { AskedQuery, QueryEngine, QueryOptions } from '../query-engine.ts';

const READ_BYTES = 256 * 1024;

/** Queries in the `sql` child, with a deadline that holds even where DuckDB's interrupt does not. */
export class DuckdbQueryEngine implements QueryEngine {
  readonly #child: ChildProcess<SqlMethods>;
  readonly #clock: Clock;
  readonly #turns = new FairTurns({
    atOnce: LIMITS.queriesRunningMax,
    waitingMax: LIMITS.queriesQueuedMax,
    each: { atOnce: LIMITS.queriesRunningEachMax, waitingMax: LIMITS.queriesQueuedEachMax },
    what: 'queries',
  });
  /** Results on their way, by who reads them. */
  readonly #sending = new Map<string, number>();

  constructor(child: ChildProcess<SqlMethods>, clock: Clock) {
    this.#child = child;
    this.#clock = clock;
  }

  async query(request: AskedQuery, options: QueryOptions): Promise<void> {
    if (Buffer.byteLength(request.sql) > LIMITS.queryTextBytesMax)
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `The statement has more than ${LIMITS.queryTextBytesMax} bytes.`,
      );
    this.#requireReadersDone(options.who);
    const { who, signal } = options;
    const run = () => this.#runOrRetry(request, signal);
    const result = this.#turns.take(who, run, signal).catch((error: Error) => {
      throw signal?.aborted ? cancelled(error) : error;
    });
    await this.#send(await result, options);
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
      return this.#run(request, signal);
    }
  }

  async #run(
    { timeoutMs = LIMITS.queryDeadlineMs, ...asked }: AskedQuery,
    signal: AbortSignal | undefined,
  ): Promise<QueryResult> {
    const deadline = new AbortController();
    const ended = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
    const cancelDeadline = this.#clock.after(timeoutMs, () => deadline.abort());
    try {
      const request: QueryRequest = {
        ...asked,
        rowsMax: LIMITS.queryRowsMax,
        bytesMax: LIMITS.queryBytesMax,
        waitMs: await this.#childUp(ended),
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
    await within(unless(ended, this.#child.up()), {
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
  async #send(result: QueryResult, { onChunk, signal, who }: QueryOptions): Promise<void> {
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

/** Rejects at the signal; a child that starts goes on starting. */
function unless<T>(ended: AbortSignal, action: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(ended.reason);
    if (ended.aborted) end();
    ended.addEventListener('abort', end, { once: true });
    action.then(resolve, reject).finally(() => ended.removeEventListener('abort', end));
  });
}

interface TimeLimit {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly late: () => MillraceError;
}

function within<T>(action: Promise<T>, { clock, limitMs, late }: TimeLimit): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => reject(late()));
    action.then(resolve, reject).finally(cancel);
  });
}

import type { ChildProcess } from '../../children/child-process.ts';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { Turns } from '../../core/turns.ts';
import type { QueryRequest, QueryResult, SqlMethods } from '../../engine/protocol.ts';
import type { QueryEngine, QueryOptions } from '../query-engine.ts';

/** More at once only makes each slower: DuckDB uses all cores for one query. */
const RUNNING_MAX = 8;

/** Queries in the `sql` child, with a deadline that holds even where DuckDB's interrupt does not. */
export class DuckdbQueryEngine implements QueryEngine {
  readonly #child: ChildProcess<SqlMethods>;
  readonly #clock: Clock;
  readonly #turns = new Turns({
    atOnce: RUNNING_MAX,
    waitingMax: LIMITS.queriesQueuedMax,
    what: 'queries',
  });

  constructor(child: ChildProcess<SqlMethods>, clock: Clock) {
    this.#child = child;
    this.#clock = clock;
  }

  async query(
    request: Omit<QueryRequest, 'rowsMax' | 'bytesMax'>,
    options: QueryOptions,
  ): Promise<QueryResult> {
    if (Buffer.byteLength(request.sql) > LIMITS.queryTextBytesMax)
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `The statement has more than ${LIMITS.queryTextBytesMax} bytes.`,
      );
    return this.#turns.take(() =>
      this.#runOrRetry(
        { ...request, rowsMax: LIMITS.queryRowsMax, bytesMax: LIMITS.queryBytesMax },
        options,
      ),
    );
  }

  /** A child that another query took down is back at once; a query of which nothing was sent starts over. */
  async #runOrRetry(request: QueryRequest, options: QueryOptions): Promise<QueryResult> {
    let sent = false;
    const onChunk = (chunk: Uint8Array) => {
      sent = true;
      return options.onChunk(chunk);
    };
    try {
      return await this.#run(request, { ...options, onChunk });
    } catch (error) {
      const died = error instanceof MillraceError && error.code === 'MR_CHILD_FAILED';
      if (!died || sent || options.signal?.aborted) throw error;
      return this.#run(request, options);
    }
  }

  async #run(request: QueryRequest, options: QueryOptions): Promise<QueryResult> {
    const deadline = new AbortController();
    const signal = options.signal
      ? AbortSignal.any([options.signal, deadline.signal])
      : deadline.signal;
    let cancelKill = () => {};
    const killSoon = () => {
      cancelKill = this.#clock.after(LIMITS.queryKillGraceMs, () => this.#child.kill());
    };
    signal.addEventListener('abort', killSoon);
    const cancelDeadline = this.#clock.after(LIMITS.queryDeadlineMs, () => deadline.abort());
    try {
      return await this.#child.call('query', request, { onChunk: options.onChunk, signal });
    } catch (error) {
      if (deadline.signal.aborted)
        throw new MillraceError(
          'MR_QUERY_LIMIT',
          `The query ran longer than ${LIMITS.queryDeadlineMs / 1000} s and was stopped.`,
          { cause: error },
        );
      if (options.signal?.aborted)
        throw new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.', { cause: error });
      throw error;
    } finally {
      cancelDeadline();
      cancelKill();
      signal.removeEventListener('abort', killSoon);
    }
  }
}

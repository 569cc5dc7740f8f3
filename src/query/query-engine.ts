import type { QueryRequest } from '../engine/protocol.ts';

/**
 * SQL over everything the pipeline stores.
 *
 * Contract:
 * Q1  A query sees every record acknowledged before it began, delivered or not, each once.
 * Q2  Only SELECT over the pipeline's relations runs; time, memory, rows and bytes are limited.
 * Q3  A query that passes a limit is stopped and answered with MR_QUERY_LIMIT; others go on.
 * Q4  Nothing of a result is given before all of it is there: what fails has an error and no half result.
 * Q5  Where the rows it must see are not loaded in time, it is answered with MR_NOT_READY.
 * Q6  Who asks for much keeps nobody else waiting: turns are shared between people.
 * Q7  A result that is there already is given again only where it is what asking again would give, or where whoever asks
 *     takes one of its age.
 */
export interface QueryEngine {
  /** Runs one statement; `onChunk` gets the bytes of the result in order. */
  query(request: AskedQuery, options: QueryOptions): Promise<void>;
  /** Words of SQL that can stand next; none where the engine is busy starting. */
  complete(sql: string): Promise<readonly string[]>;
}

export interface AskedQuery extends Pick<QueryRequest, 'sql' | 'params' | 'format'> {
  /** How long it may run, once it is its turn; `LIMITS.queryDeadlineMs` where it is absent, and at most. */
  readonly timeoutMs?: number;
  /** It is not kept in the history of whoever asks. */
  readonly isUnlisted?: boolean;
  /** A result that is not older is taken, even where it misses what came since. */
  readonly maxAgeMs?: number;
}

/** What is known of a result before its first byte. */
export interface ResultHead {
  readonly rows: number;
  /** When what it shows was asked for, epoch ms. */
  readonly madeMs: number;
  /** True where it was there already. */
  readonly isKept: boolean;
  /** Its bytes, where they are few. */
  readonly bytes?: Uint8Array;
}

export interface QueryOptions {
  /** Once, when the result is whole. */
  readonly onHead?: (head: ResultHead) => void;
  readonly onChunk: (chunk: Uint8Array) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** Turns are shared between those who ask. */
  readonly who: string;
}

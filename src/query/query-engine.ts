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
 */
export interface QueryEngine {
  /** Runs one statement; `onChunk` gets the bytes of the result in order. */
  query(request: AskedQuery, options: QueryOptions): Promise<void>;
}

export interface AskedQuery extends Pick<QueryRequest, 'sql' | 'params' | 'format'> {
  /** How long it may run, once it is its turn; `LIMITS.queryDeadlineMs` where it is absent, and at most. */
  readonly timeoutMs?: number;
}

export interface QueryOptions {
  readonly onChunk: (chunk: Uint8Array) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** Turns are shared between those who ask. */
  readonly who: string;
}

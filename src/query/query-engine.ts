import type { QueryRequest, QueryResult } from '../engine/protocol.ts';

/**
 * SQL over everything the pipeline stores.
 *
 * Contract:
 * Q1  A query sees every record acknowledged before it began, delivered or not, each once.
 * Q2  Only SELECT over the pipeline's relations runs; time, memory, rows and bytes are limited.
 * Q3  A query that passes a limit is stopped and answered with MR_QUERY_LIMIT; others go on.
 */
export interface QueryEngine {
  /** Runs one statement; `onChunk` gets the bytes of the result in order. */
  query(
    request: Omit<QueryRequest, 'rowsMax' | 'bytesMax'>,
    options: QueryOptions,
  ): Promise<QueryResult>;
}

export interface QueryOptions {
  readonly onChunk: (chunk: Uint8Array) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

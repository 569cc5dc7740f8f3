import { useCallback, useEffect, useRef, useState } from 'react';
import { type ApiError, querySql, type SqlResult } from '../api.ts';
import { asApiError } from '../resource.ts';

/** A query that was asked: under way, answered, refused or cancelled. */
export type QueryState =
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly startMs: number }
  | {
      readonly kind: 'answered';
      readonly sql: string;
      readonly result: SqlResult;
      readonly ms: number;
    }
  | { readonly kind: 'refused'; readonly error: ApiError }
  | { readonly kind: 'cancelled'; readonly ms: number };

export interface Query {
  readonly state: QueryState;
  /** Resolves to the error where there is one. A query under way is cancelled. */
  run(sql: string): Promise<ApiError | undefined>;
  cancel(): void;
}

export function useQuery(): Query {
  const [state, setState] = useState<QueryState>({ kind: 'none' });
  const running = useRef<AbortController>(undefined);
  const cancel = useCallback(() => running.current?.abort(), []);
  // Who leaves the page asks no more.
  useEffect(() => cancel, [cancel]);
  const run = useCallback(async (sql: string) => {
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    const startMs = performance.now();
    setState({ kind: 'running', startMs });
    const end = (next: QueryState) => {
      if (running.current === stop) setState(next);
    };
    try {
      const result = await querySql(sql, stop.signal);
      end({ kind: 'answered', sql, result, ms: performance.now() - startMs });
    } catch (error) {
      if (stop.signal.aborted) end({ kind: 'cancelled', ms: performance.now() - startMs });
      else {
        const known = asApiError(error);
        end({ kind: 'refused', error: known });
        return known;
      }
    }
    return undefined;
  }, []);
  return { state, run, cancel };
}

import { useCallback, useEffect, useRef, useState } from 'react';
import { type ApiError, apiResponse } from '../api.ts';
import { asApiError } from '../resource.ts';
import { type ResultTable, resultTable } from './result-table.ts';
import type { Statement } from './statements.ts';

/** A query that was asked: waiting for those before it, under way, answered, refused or cancelled. */
export type QueryState =
  | { readonly kind: 'waiting'; readonly statement: Statement }
  /** One before it was refused or cancelled. */
  | { readonly kind: 'skipped'; readonly statement: Statement }
  | { readonly kind: 'running'; readonly statement: Statement }
  | {
      readonly kind: 'answered';
      readonly statement: Statement;
      readonly result: ResultTable;
      readonly ms: number;
    }
  | { readonly kind: 'refused'; readonly statement: Statement; readonly error: ApiError }
  | { readonly kind: 'cancelled'; readonly statement: Statement; readonly ms: number };

export interface Queries {
  readonly states: readonly QueryState[];
  readonly isRunning: boolean;
  /** One after the other; those after one that is refused are not run. Resolves to what was refused. */
  run(statements: readonly Statement[]): Promise<RefusedStatement | undefined>;
  cancel(): void;
}

export interface RefusedStatement {
  readonly statement: Statement;
  readonly error: ApiError;
}

export function useQueries(): Queries {
  const [states, setStates] = useState<readonly QueryState[]>([]);
  const running = useRef<AbortController>(undefined);
  const [isRunning, setRunning] = useState(false);
  const cancel = useCallback(() => running.current?.abort(), []);
  // Who leaves the page asks no more.
  useEffect(() => cancel, [cancel]);
  const run = useCallback(async (statements: readonly Statement[]) => {
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    const all: QueryState[] = statements.map((statement) => ({ kind: 'waiting', statement }));
    const show = () => {
      if (running.current === stop) setStates([...all]);
    };
    setRunning(true);
    try {
      for (const [index, statement] of statements.entries()) {
        all[index] = { kind: 'running', statement };
        show();
        const state = await asked(statement, stop.signal);
        all[index] = state;
        if (state.kind === 'answered') continue;
        for (const [later, skipped] of statements.entries())
          if (later > index) all[later] = { kind: 'skipped', statement: skipped };
        return state.kind === 'refused' ? { statement, error: state.error } : undefined;
      }
    } finally {
      show();
      if (running.current === stop) setRunning(false);
    }
    return undefined;
  }, []);
  return { states, isRunning, run, cancel };
}

async function asked(statement: Statement, signal: AbortSignal): Promise<QueryState> {
  const startMs = performance.now();
  try {
    const { sql, params } = statement;
    const body = { sql, params, format: 'arrow' };
    const response = await apiResponse('/v1/sql', { method: 'POST', body, signal });
    const result = resultTable(await response.arrayBuffer());
    return { kind: 'answered', statement, result, ms: performance.now() - startMs };
  } catch (error) {
    if (signal.aborted) return { kind: 'cancelled', statement, ms: performance.now() - startMs };
    return { kind: 'refused', statement, error: asApiError(error) };
  }
}

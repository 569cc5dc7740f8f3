import { useCallback, useMemo, useRef } from 'react';
import { useLocation, useSearch } from 'wouter';
import { type FilterFields, knownState } from '../../../src/dashboard/known-state.ts';
import { type DashboardState, parseState, stateQuery } from '../../../src/dashboard/state.ts';

export interface StateChange {
  /** The field whose filter is being changed. */
  readonly active?: string;
  /** Part of one movement, such as a brush being drawn: the way back skips it. */
  readonly isStep?: boolean;
}

export type ChangeState = (next: DashboardState, change?: StateChange) => void;

/**
 * The state of a dashboard is its address: back, reload and a copied link all restore it.
 * @param fields what can be filtered here; the rest of the address means nothing
 */
export function useDashboardState(fields: FilterFields | undefined): {
  state: DashboardState;
  active: string | undefined;
  change: ChangeState;
} {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const active = useRef<string>(undefined);
  /** The field a movement under way changes. */
  const moving = useRef<string>(undefined);
  const state = useMemo(() => {
    const parsed = parseState(search);
    return fields ? knownState(parsed, fields) : parsed;
  }, [search, fields]);
  const change = useCallback<ChangeState>(
    (next, { active: field, isStep = false } = {}) => {
      active.current = field;
      const query = stateQuery(next);
      // The first step of a movement keeps what was before in the history; the rest replace each other.
      navigate(query === '' ? path : `${path}?${query}`, {
        replace: field !== undefined && moving.current === field,
      });
      moving.current = isStep ? field : undefined;
    },
    [navigate, path],
  );
  return { state, active: active.current, change };
}

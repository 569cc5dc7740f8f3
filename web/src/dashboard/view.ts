import { createContext, useContext } from 'react';
import type { DashboardAnswer } from '../../../src/dashboard/answer.ts';
import type { Wording } from '../../../src/dashboard/format.ts';
import type { DashboardState } from '../../../src/dashboard/state.ts';
import type { Theme } from '../../../src/dashboard/theme.ts';
import type { Standing } from './feed.ts';
import type { ChangeState } from './url-state.ts';

/** What every item of a dashboard is drawn from. */
export interface View {
  /** Of the dashboard. */
  readonly name: string;
  readonly state: DashboardState;
  readonly change: ChangeState;
  /** Undefined until the first answer. */
  readonly answer: DashboardAnswer | undefined;
  /** Whether the answer is of what is chosen now. */
  readonly standing: Standing;
  readonly theme: Theme;
  readonly wording: Wording;
}

export const ViewContext = createContext<View | undefined>(undefined);

export function useView(): View {
  const view = useContext(ViewContext);
  if (!view) throw new Error('useView is used outside of a dashboard');
  return view;
}

import { createContext, type ReactNode, useContext } from 'react';
import type { Plan } from '../../src/plan/plan.ts';
import { api } from './api.ts';
import { type Resource, useResource } from './resource.ts';
import { mustLogIn, useSession } from './session.tsx';

/** `dev` loads a changed pipeline by itself; the page follows. */
const EVERY_MS = 5000;

const PlanContext = createContext<Resource<Plan> | undefined>(undefined);

export function PlanProvider({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const isAllowed = session !== undefined && !mustLogIn(session);
  const plan = useResource(
    isAllowed ? `plan for ${session.user}` : undefined,
    (signal) => api<Plan>('/v1/plan', { signal }),
    { everyMs: EVERY_MS },
  );
  return <PlanContext value={plan}>{children}</PlanContext>;
}

/** The pipeline as it is defined: what there is to see. */
export function usePlan(): Resource<Plan> {
  const plan = useContext(PlanContext);
  if (!plan) throw new Error('usePlan is used outside of PlanProvider');
  return plan;
}

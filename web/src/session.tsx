import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import type { Role } from '../../src/govern/key-store.ts';
import { api, onLoginNeeded } from './api.ts';
import { type Resource, useResource } from './resource.ts';

/** Who looks at the page, and whether that is asked. */
export interface Session {
  /** Null for who has not logged in, and where nobody needs to. */
  readonly user: string | null;
  readonly roles: readonly Role[];
  readonly requiresLogin: boolean;
  /** The server waits for its first administrator. */
  readonly isClaimable: boolean;
}

export interface SessionState extends Pick<Resource<Session>, 'error' | 'reload'> {
  /** Undefined until the server has said. */
  readonly session: Session | undefined;
  /** What a login or logout answered. */
  set(session: Session): void;
}

const SessionContext = createContext<SessionState | undefined>(undefined);

export function SessionProvider({ children }: { children: ReactNode }) {
  const { data, error, reload } = useResource('session', (signal) =>
    api<Session>('/v1/session', { signal }),
  );
  const [session, set] = useState<Session>();
  useEffect(() => set(data), [data]);
  // A session has its end: another answer says that it came.
  useEffect(() => onLoginNeeded(reload), [reload]);
  return <SessionContext value={{ session, error, reload, set }}>{children}</SessionContext>;
}

export function useSession(): SessionState {
  const state = useContext(SessionContext);
  if (!state) throw new Error('useSession is used outside of SessionProvider');
  return state;
}

/** Whether the server would let this viewer. It asks for itself: this is for what the page offers. */
export function useMay(role: Role): boolean {
  const { session } = useSession();
  return session?.roles.some((own) => own === 'admin' || own === role) ?? false;
}

export const mustLogIn = (session: Session): boolean =>
  session.requiresLogin && session.user === null;

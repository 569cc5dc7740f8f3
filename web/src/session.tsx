import { createContext, type ReactNode, useContext } from 'react';
import { api } from './api.ts';
import { useResource } from './resource.ts';

/** Who looks at the page, and what that one may do. */
export interface Session {
  readonly user: string | null;
  readonly roles: readonly string[];
  readonly requiresLogin: boolean;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function SessionProvider({ children }: { children: ReactNode }) {
  const session = useResource('session', (signal) => api<Session>('/v1/session', { signal }));
  return <SessionContext value={session.data}>{children}</SessionContext>;
}

/** Undefined until the server has said. */
export function useSession(): Session | undefined {
  return useContext(SessionContext);
}

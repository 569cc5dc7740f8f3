import { api } from '../api.ts';
import { asApiError } from '../resource.ts';
import { type Session, useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { useToast } from '../ui/toast.tsx';
import styles from './user-menu.module.css';

/** Who is logged in, and the way out; nothing where nobody needs to log in. */
export function UserMenu() {
  const { session, set } = useSession();
  const say = useToast();
  if (!session?.requiresLogin || session.user === null) return null;
  const logout = async () => {
    try {
      set(await api<Session>('/v1/session', { method: 'DELETE' }));
    } catch (error) {
      say(`Still logged in: ${asApiError(error).message}`, 'bad');
    }
  };
  return (
    <div className={styles['menu']}>
      <span className={styles['name']} title={session.roles.join(', ')}>
        {session.user}
      </span>
      <Button onClick={logout}>Log out</Button>
    </div>
  );
}

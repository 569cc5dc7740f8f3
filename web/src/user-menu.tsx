import { useState } from 'react';
import { api } from './api.ts';
import { asApiError } from './resource.ts';
import { useSession } from './session.tsx';
import { Button } from './ui/button.tsx';
import { useToast } from './ui/toast.tsx';

/** The name of who is logged in, and the way out. */
export function UserMenu() {
  const session = useSession();
  const [isLeaving, setLeaving] = useState(false);
  const toast = useToast();
  if (!session?.user) return null;
  const leave = async () => {
    setLeaving(true);
    try {
      await api('/v1/session', { method: 'DELETE' });
      // A new page: nothing of the session stays in memory.
      location.assign('/login');
    } catch (error) {
      setLeaving(false);
      toast(asApiError(error).message, 'bad');
    }
  };
  return (
    <Button
      variant="quiet"
      disabled={isLeaving}
      title={`Logged in as ${session.user} (${session.roles.join(', ')})`}
      onClick={() => void leave()}
    >
      Log out
    </Button>
  );
}

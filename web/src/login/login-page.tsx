import { type FormEvent, useState } from 'react';
import { Redirect, useLocation } from 'wouter';
import { type ApiError, api } from '../api.ts';
import { asApiError } from '../resource.ts';
import { mustLogIn, type Session, useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Field, Input } from '../ui/field.tsx';
import { Page } from '../ui/page.tsx';
import styles from './login-page.module.css';

/** Stands in the place of every page until somebody has logged in, and then that page comes. */
export function LoginPage() {
  const { session } = useSession();
  const [here] = useLocation();
  const [isClaim, setClaim] = useState(false);
  if (here === '/login' && session && !mustLogIn(session)) return <Redirect to="/" replace />;
  return (
    <div className={styles['box']}>
      <Page title={isClaim ? 'Claim this server' : 'Log in'}>
        <Card>
          {isClaim ? <ClaimForm /> : <LoginForm />}
          {(isClaim || session?.isClaimable) && (
            <p className={styles['other']}>
              {isClaim ? 'Somebody has claimed it already?' : 'The first start of this server?'}{' '}
              <Button variant="quiet" onClick={() => setClaim(!isClaim)}>
                {isClaim ? 'Log in' : 'Claim it'}
              </Button>
            </p>
          )}
        </Card>
      </Page>
    </div>
  );
}

/** Sends a form's values; the answer is the session, or what is wrong with them. */
function useSend(path: string) {
  const { set } = useSession();
  const [error, setError] = useState<ApiError>();
  const [isSending, setSending] = useState(false);
  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.currentTarget));
    setSending(true);
    setError(undefined);
    try {
      set(await api<Session>(path, { method: 'POST', body }));
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      setSending(false);
    }
  };
  return { send, error, isSending };
}

function LoginForm() {
  const { send, error, isSending } = useSend('/v1/session');
  return (
    <form className={styles['form']} onSubmit={send}>
      <Field label="Name">
        <Input name="name" required autoComplete="username" autoCapitalize="none" />
      </Field>
      <Field label="Password">
        <Input name="password" type="password" required autoComplete="current-password" />
      </Field>
      <Refusal error={error} />
      <Button type="submit" variant="primary" disabled={isSending}>
        {isSending ? 'Logging in …' : 'Log in'}
      </Button>
    </form>
  );
}

function ClaimForm() {
  const { send, error, isSending } = useSend('/v1/claim');
  return (
    <form className={styles['form']} onSubmit={send}>
      <p className={styles['lead']}>
        The first start has printed a token, and keeps it in the file <code>claim-token</code> of
        its data folder. Whoever has it becomes the first administrator.
      </p>
      <Field label="Claim token">
        <Input name="token" required />
      </Field>
      <Field label="Name">
        <Input name="name" required autoComplete="username" autoCapitalize="none" />
      </Field>
      <Field label="Password" hint="at least 8 characters; a few words are easy to remember">
        <Input name="password" type="password" required autoComplete="new-password" />
      </Field>
      <Refusal error={error} />
      <Button type="submit" variant="primary" disabled={isSending}>
        {isSending ? 'Claiming …' : 'Claim'}
      </Button>
    </form>
  );
}

function Refusal({ error }: { error: ApiError | undefined }) {
  return (
    <p role="alert" className={styles['error']}>
      {error?.message}
    </p>
  );
}

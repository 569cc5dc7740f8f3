import { type FormEvent, useId, useState } from 'react';
import { useSearch } from 'wouter';
import { type ApiError, api } from '../api.ts';
import { asApiError } from '../resource.ts';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Page } from '../ui/page.tsx';
import styles from './login-page.module.css';
import { nextPath } from './next-path.ts';

/** `/login`: who has a name and password; or, after the first start, who has the claim token. */
export function LoginPage() {
  const [isClaim, setClaim] = useState(false);
  const next = nextPath(useSearch());
  return (
    <Page title="Log in">
      <div className={styles['place']}>
        <Card>
          {isClaim ? <ClaimForm next={next} /> : <LoginForm next={next} />}
          <Button
            variant="quiet"
            className={styles['other'] ?? ''}
            onClick={() => setClaim(!isClaim)}
          >
            {isClaim
              ? 'I have a name and a password'
              : 'This is the first start: I have the claim token'}
          </Button>
        </Card>
      </div>
    </Page>
  );
}

function LoginForm({ next }: { next: string }) {
  return (
    <Form
      lead="An administrator of this pipeline gives out names and passwords."
      fields={[
        { name: 'name', label: 'Name', autoComplete: 'username' },
        { name: 'password', label: 'Password', type: 'password', autoComplete: 'current-password' },
      ]}
      action="Log in"
      send={(body) => api('/v1/session', { method: 'POST', body })}
      next={next}
    />
  );
}

function ClaimForm({ next }: { next: string }) {
  return (
    <Form
      lead="The first start printed a token on the console and wrote it to claim-token in the data folder. It makes you the first administrator, once."
      fields={[
        { name: 'token', label: 'Claim token', autoComplete: 'off' },
        { name: 'name', label: 'Your name or e-mail address', autoComplete: 'username' },
        {
          name: 'password',
          label: 'A password of at least 8 characters',
          type: 'password',
          autoComplete: 'new-password',
        },
      ]}
      action="Become administrator"
      send={(body) => api('/v1/claim', { method: 'POST', body })}
      next={next}
    />
  );
}

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: 'password';
  readonly autoComplete: string;
}

interface FormProps {
  readonly lead: string;
  readonly fields: readonly FieldProps[];
  readonly action: string;
  send(body: { [name: string]: unknown }): Promise<unknown>;
  readonly next: string;
}

function Form({ lead, fields, action, send, next }: FormProps) {
  const [error, setError] = useState<ApiError>();
  const [isSending, setSending] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.currentTarget));
    setSending(true);
    setError(undefined);
    try {
      await send(body);
      // A new page: everything is asked again, as who is logged in now.
      location.assign(next);
    } catch (problem) {
      setError(asApiError(problem));
      setSending(false);
    }
  };
  return (
    <form className={styles['form']} onSubmit={(event) => void submit(event)}>
      <p className={styles['lead']}>{lead}</p>
      {fields.map((field) => (
        <Field key={field.name} {...field} />
      ))}
      {error && (
        <p role="alert" className={styles['error']}>
          {error.message}
        </p>
      )}
      <Button type="submit" variant="primary" disabled={isSending}>
        {action}
      </Button>
    </form>
  );
}

function Field({ name, label, type, autoComplete }: FieldProps) {
  const id = useId();
  return (
    <div className={styles['field']}>
      <label htmlFor={id}>{label}</label>
      <input id={id} name={name} type={type ?? 'text'} autoComplete={autoComplete} required />
    </div>
  );
}

import { useState } from 'react';
import { api, apiResponse } from '../api.ts';
import { formatDuration, plural } from '../format.ts';
import { asApiError, type Resource, useResource } from '../resource.ts';
import { Button } from '../ui/button.tsx';
import { Field, Input } from '../ui/field.tsx';
import { Ago } from '../ui/instant.tsx';
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx';
import { useToast } from '../ui/toast.tsx';
import styles from './kept-queries.module.css';

interface LoggedQuery {
  readonly id: string;
  readonly sql: string;
  readonly state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly started: string;
  readonly ms?: number;
  readonly rows?: number;
}

interface SavedQuery {
  readonly name: string;
  readonly owner: string;
  readonly sql: string;
  readonly shared: boolean;
  readonly isOwn: boolean;
}

interface ListProps {
  readonly onChoose: (sql: string) => void;
}

/** @param turn another text is another moment to look */
function useListed<T>(path: string, turn = ''): Resource<{ readonly queries: readonly T[] }> {
  return useResource(`${path} ${turn}`, (signal) => api(path, { signal }));
}

/** What this viewer has asked, newest first; a click writes it into the editor. */
export function QueryHistory({ turn, onChoose }: ListProps & { turn: string }) {
  const { data, error, reload } = useListed<LoggedQuery>('/v1/queries', turn);
  if (!data) return <Loading error={error} onRetry={reload} />;
  if (data.queries.length === 0)
    return <EmptyState title="Nothing was asked yet">What you run is listed here.</EmptyState>;
  return (
    <ol className={styles['list']} aria-label="History">
      {data.queries.map((query) => (
        <li key={query.id}>
          <button type="button" className={styles['query']} onClick={() => onChoose(query.sql)}>
            <code>{query.sql.trim()}</code>
            <span className={styles['about']}>{outcome(query)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function outcome({ state, rows, ms, started }: LoggedQuery) {
  const took = ms === undefined ? '' : ` · ${formatDuration(ms)}`;
  const what = state === 'succeeded' ? plural(rows ?? 0, 'row') : state;
  return (
    <>
      {what}
      {took} · <Ago ms={Date.parse(started)} />
    </>
  );
}

interface SavedProps extends ListProps {
  /** What would be saved. */
  readonly text: () => string;
}

/** Queries that are kept under names: the viewer's, and those that others share. */
export function SavedQueries({ onChoose, text }: SavedProps) {
  const { data, error, reload } = useListed<SavedQuery>('/v1/saved-queries');
  const say = useToast();
  const change = async (action: () => Promise<unknown>) => {
    try {
      await action();
    } catch (failed) {
      say(asApiError(failed).message, 'bad');
    }
    reload();
  };
  const path = (name: string) => `/v1/saved-queries/${encodeURIComponent(name)}`;
  const remove = (name: string) => change(() => apiResponse(path(name), { method: 'DELETE' }));
  const save = (name: string, shared: boolean) =>
    change(() => api(path(name), { method: 'PUT', body: { sql: text(), shared } }));
  if (!data) return <Loading error={error} onRetry={reload} />;
  return (
    <>
      <SaveForm onSave={save} />
      <ul className={styles['list']} aria-label="Saved queries">
        {data.queries.map((query) => (
          <li key={`${query.owner} ${query.name}`} className={styles['saved']}>
            <button type="button" className={styles['query']} onClick={() => onChoose(query.sql)}>
              <span className={styles['name']}>{query.name}</span>
              <span className={styles['about']}>
                {query.isOwn ? (query.shared ? 'shared' : 'yours alone') : `of ${query.owner}`}
              </span>
            </button>
            {query.isOwn && (
              <Button
                variant="quiet"
                aria-label={`Delete ${query.name}`}
                onClick={() => remove(query.name)}
              >
                ✕
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function SaveForm({ onSave }: { onSave: (name: string, shared: boolean) => void }) {
  const [name, setName] = useState('');
  const [isShared, setShared] = useState(false);
  return (
    <form
      className={styles['form']}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(name.trim(), isShared);
        setName('');
      }}
    >
      <Field label="Save what is in the editor as">
        <Input value={name} maxLength={100} onChange={({ target }) => setName(target.value)} />
      </Field>
      <label className={styles['shared']}>
        <input
          type="checkbox"
          checked={isShared}
          onChange={({ target }) => setShared(target.checked)}
        />{' '}
        Others see it, too
      </label>
      <Button type="submit" disabled={name.trim() === ''}>
        Save
      </Button>
    </form>
  );
}

function Loading({ error, onRetry }: Pick<Resource<unknown>, 'error'> & { onRetry: () => void }) {
  return error ? (
    <ErrorState title="They could not be listed" error={error} onRetry={onRetry} />
  ) : (
    <Skeleton lines={6} label="Loading queries" />
  );
}

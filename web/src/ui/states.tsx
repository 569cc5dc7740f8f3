import type { ReactNode } from 'react';
import type { ApiError } from '../api.ts';
import { Button } from './button.tsx';
import styles from './states.module.css';

interface EmptyStateProps {
  readonly title: string;
  /** What to do about it. */
  readonly children?: ReactNode;
}

/** Nothing is here, which is not an error. */
export function EmptyState({ title, children }: EmptyStateProps) {
  return (
    <div className={styles['state']}>
      <p className={styles['title']}>{title}</p>
      {children !== undefined && <div className={styles['text']}>{children}</div>}
    </div>
  );
}

interface ErrorStateProps {
  readonly title: string;
  readonly error: ApiError;
  readonly onRetry?: () => void;
}

/** Something could not be shown, why, and what to do. */
export function ErrorState({ title, error, onRetry }: ErrorStateProps) {
  return (
    <div className={`${styles['state']} ${styles['error']}`} role="alert">
      <p className={styles['title']}>{title}</p>
      <p className={styles['text']}>{error.message}</p>
      {error.code !== 'NETWORK' && <code className={styles['code']}>{error.code}</code>}
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

interface StaleNoteProps {
  readonly error: ApiError;
  readonly loadedMs?: number | undefined;
  /** What is meant by it here. */
  readonly what?: string;
}

/** Above what is shown still although it could not be brought up to date. */
export function StaleNote({ error, loadedMs, what }: StaleNoteProps) {
  const since =
    loadedMs === undefined ? '' : ` This is from ${new Date(loadedMs).toLocaleTimeString()}.`;
  return (
    <p className={styles['stale']} role="status">
      {what !== undefined && `${what} `}
      {error.message}
      {since}
    </p>
  );
}

/** Stands where `lines` lines will, so that nothing moves when they come. */
export function Skeleton({ lines, label = 'Loading' }: { lines: number; label?: string }) {
  return (
    <div className={styles['skeleton']} role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are all alike
        <span key={line} className={styles['bar']} />
      ))}
    </div>
  );
}

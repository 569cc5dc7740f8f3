import type { Clock } from './clock.ts';

export interface TimeLimit {
  readonly clock: Clock;
  readonly limitMs: number;
  /** What it rejects with. */
  readonly late: () => Error;
}

/** Rejects once the time is over; the action goes on. */
export function within<T>(action: Promise<T>, { clock, limitMs, late }: TimeLimit): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => reject(late()));
    action.then(resolve, reject).finally(cancel);
  });
}

/** Rejects with the signal's reason once it is aborted; the action goes on. */
export function unlessAborted<T>(action: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    action.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

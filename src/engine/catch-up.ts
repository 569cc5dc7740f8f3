import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';

/**
 * Loading and switching of relations, one after the other; queries run beside them.
 *
 * U1  A query is answered only when everything acknowledged before it began is loaded.
 * U2  It waits for that as long as it was told, and is then answered with MR_NOT_READY.
 * U3  What was begun goes on without the query, so that one that asks again waits for less.
 */
export class CatchUp {
  readonly #clock: Clock;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs after all that were there before it. */
  inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action, action);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** @throws MillraceError MR_NOT_READY, MR_QUERY_CANCELLED */
  forQuery(
    load: () => Promise<void>,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let isWaiting = true;
      const settle = (action: () => void) => {
        isWaiting = false;
        cancelTimer();
        signal.removeEventListener('abort', cancelled);
        action();
      };
      const cancelled = () =>
        settle(() => reject(new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.')));
      const cancelTimer = this.#clock.after(waitMs, () => settle(() => reject(notReady())));
      signal.addEventListener('abort', cancelled);
      if (signal.aborted) cancelled();
      this.inTurn(async () => {
        if (isWaiting) await load();
      }).then(
        () => settle(resolve),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }
}

export function notReady(): MillraceError {
  return new MillraceError(
    'MR_NOT_READY',
    'The SQL engine is still loading the rows that are not delivered yet. Ask again in a few seconds; delivering more often (`table: { every }`) leaves it less to load.',
  );
}

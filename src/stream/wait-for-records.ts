import type { Clock } from '../core/clock.ts';
import type { StreamLog } from './stream-store.ts';

export interface WaitOptions {
  /** The number that is waited for. */
  readonly next: number;
  readonly clock: Clock;
  readonly waitMs: number;
  /** Each ends the wait: whoever waits sees for itself what has become of it. */
  readonly signals?: readonly AbortSignal[];
}

/** Resolves once the log has record `next`, or a signal is aborted; to false where neither came in time. */
export async function waitForRecords(
  log: Pick<StreamLog, 'nextSequence' | 'onCommit'>,
  { next, clock, waitMs, signals = [] }: WaitOptions,
): Promise<boolean> {
  if (log.nextSequence > next || signals.some(({ aborted }) => aborted)) return true;
  return new Promise((resolve) => {
    const settle = (isMore: boolean): void => {
      cancel();
      stop();
      for (const signal of signals) signal.removeEventListener('abort', wake);
      resolve(isMore);
    };
    const wake = () => settle(true);
    const cancel = clock.after(waitMs, () => settle(false));
    const stop = log.onCommit(wake);
    for (const signal of signals) signal.addEventListener('abort', wake);
  });
}

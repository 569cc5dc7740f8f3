import { Cron } from 'croner';
import type { Clock } from '../core/clock.ts';

/** A timer can wait at most this long. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Calls `action` at each time of a cron expression in its zone. A time that passed while nothing ran is
 * made up for once, at the start.
 */
export function onSchedule(
  schedule: {
    readonly expression: string;
    readonly timezone: string;
    readonly lastMs: number | undefined;
  },
  clock: Clock,
  action: () => void,
): () => void {
  const cron = new Cron(schedule.expression, { timezone: schedule.timezone, paused: true });
  let cancel = () => {};
  const next = (afterMs: number): number | undefined => cron.nextRun(new Date(afterMs))?.getTime();
  const wait = (): void => {
    const at = next(clock.now());
    if (at === undefined) return;
    const step = (): void => {
      const left = at - clock.now();
      if (left > TIMER_MS_MAX) cancel = clock.after(TIMER_MS_MAX, step);
      else
        cancel = clock.after(Math.max(0, left), () => {
          action();
          wait();
        });
    };
    step();
  };
  const missed = schedule.lastMs === undefined ? undefined : next(schedule.lastMs);
  if (missed !== undefined && missed <= clock.now()) action();
  wait();
  return () => cancel();
}

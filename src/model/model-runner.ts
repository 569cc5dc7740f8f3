import { LIMITS } from '../core/limits.ts';
import type { FetchWait } from '../lake/data-files.ts';
import type { Run } from '../schedule/run-store.ts';

/**
 * Runs models.
 *
 * Contract:
 * M1  A run first delivers its inputs, then works on the snapshots they have at that moment.
 * M2  The new result replaces the old in one commit; a failed run or a failed check of severity
 *     `error` leaves the old result in place.
 * M3  One run at a time; a model runs after those it reads.
 * M4  Every run is recorded with state, duration, rows and error.
 */
export interface ModelRunner {
  run(model: string, cause: Run['cause']): Promise<Run>;
  /** Starts schedules and on-change triggers. */
  start(): Promise<void>;
  /** Stops triggers and waits for the run under way. */
  close(): Promise<void>;
}

/** Positions of a model's inputs when it ran, kept with its table: says whether they changed since. */
export const INPUTS_PROPERTY = 'millrace.inputs';

/** Of data files that a run, or a lookup that is built again, reads: as long as a run may take. */
export const RUN_FETCH: FetchWait = {
  keepMs: LIMITS.modelDeadlineMs,
  waitMs: LIMITS.modelDeadlineMs,
};

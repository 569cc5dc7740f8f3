import type { ChildProcess } from '../../children/child-process.ts';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { DashboardAnswer } from '../../dashboard/answer.ts';
import type { LiveMethods } from '../../engine/protocol.ts';
import type { LiveEngine } from '../live-engine.ts';
import type { DashboardRequest } from '../live-plan.ts';
import { SharedAnswers } from '../shared-answers.ts';

/** Dashboards in the `live` child, with a deadline that holds even where DuckDB's interrupt does not. */
export class DuckdbLiveEngine implements LiveEngine {
  readonly #child: () => ChildProcess<LiveMethods> | undefined;
  readonly #clock: Clock;
  /** Those who look at the same screen see the same. */
  readonly #answers = new SharedAnswers<DashboardAnswer>();
  #waiting = 0;

  constructor(child: () => ChildProcess<LiveMethods> | undefined, clock: Clock) {
    this.#child = child;
    this.#clock = clock;
  }

  async answer(request: DashboardRequest, signal: AbortSignal): Promise<DashboardAnswer> {
    const child = this.#child();
    if (!child) throw new MillraceError('MR_NOT_READY', 'The pipeline is starting.');
    if (this.#waiting >= LIMITS.queriesQueuedMax)
      throw new MillraceError(
        'MR_OVERLOADED',
        `${this.#waiting} dashboards are being answered already. Ask again in a second.`,
      );
    this.#waiting += 1;
    try {
      const answer = (shared: AbortSignal) => this.#askOrRetry(child, request, shared);
      return await this.#answers.ask(JSON.stringify(request), answer, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** A killed child is back at once; nothing of the answer was sent, so it is asked again. */
  async #askOrRetry(
    child: ChildProcess<LiveMethods>,
    request: DashboardRequest,
    signal: AbortSignal,
  ): Promise<DashboardAnswer> {
    try {
      return await this.#ask(child, request, signal);
    } catch (error) {
      const died = error instanceof MillraceError && error.code === 'MR_CHILD_FAILED';
      if (!died || signal.aborted) throw error;
      return this.#ask(child, request, signal);
    }
  }

  async #ask(
    child: ChildProcess<LiveMethods>,
    request: DashboardRequest,
    signal: AbortSignal,
  ): Promise<DashboardAnswer> {
    const deadline = new AbortController();
    let cancelKill = () => {};
    const cancelDeadline = this.#clock.after(LIMITS.dashboardDeadlineMs, () => {
      deadline.abort();
      cancelKill = this.#clock.after(LIMITS.queryKillGraceMs, () => child.kill());
    });
    try {
      return await child.call('dashboard', request, {
        signal: AbortSignal.any([signal, deadline.signal]),
      });
    } catch (error) {
      if (!deadline.signal.aborted) throw error;
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `Dashboard '${request.dashboard}' took longer than ${LIMITS.dashboardDeadlineMs / 1000} s. Choose a shorter period, or a measure that adds up.`,
        { cause: error },
      );
    } finally {
      cancelDeadline();
      cancelKill();
    }
  }
}

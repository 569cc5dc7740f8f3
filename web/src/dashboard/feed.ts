import type { DashboardAnswer, DataVersion } from '../../../src/dashboard/answer.ts';
import { type DashboardState, stateQuery } from '../../../src/dashboard/state.ts';
import { type ApiError, api } from '../api.ts';
import { asApiError } from '../resource.ts';
import { keepEqual } from './keep-equal.ts';

/** What a dashboard shows, and how current that is. */
export interface Shown {
  readonly answer: DashboardAnswer | undefined;
  /** The last try; `answer` is then from before. */
  readonly error: ApiError | undefined;
  readonly connection: 'connecting' | 'live' | 'lost';
  readonly data: DataVersion | undefined;
  /** An answer for what is chosen now is under way. */
  readonly isPending: boolean;
  /** Whether the numbers are those of what is chosen now. */
  readonly standing: Standing;
}

/**
 * `current`: of what is chosen, or its answer has been under way for a moment only; `computing`: of an earlier
 * choice while the answer is under way; `outdated`: of an earlier choice, as the answer could not be had.
 */
export type Standing = 'current' | 'computing' | 'outdated';

interface Wanted {
  readonly state: DashboardState;
  readonly charts: readonly string[];
  readonly active: string | undefined;
}

const RETRY_MS = 1000;
/** What is answered within this time changes at once, without a word before. */
const UNNOTICED_MS = 150;
/** A step of a movement waits so long for the answer to the step before it. */
const PATIENCE_MS = 1000;

/**
 * Keeps one dashboard's answer current. One request is under way at a time, always for what is wanted
 * when it starts, and its answer replaces the whole screen: no chart can keep numbers of another moment
 * or another choice.
 */
export class Feed {
  readonly #name: string;
  readonly #listeners = new Set<() => void>();
  #shown: Shown = {
    answer: undefined,
    error: undefined,
    connection: 'connecting',
    data: undefined,
    isPending: true,
    standing: 'current',
  };
  #wanted: Wanted | undefined;
  #asked: Wanted | undefined;
  #askedData: string | undefined;
  #askedAt = 0;
  #stop: AbortController | undefined;
  #events: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** What the numbers on the screen are of. */
  #answered: Wanted | undefined;
  /** When the first choice that the screen does not show was made, and the first since the last request. */
  #waitingSince: number | undefined;
  #chosenSince: number | undefined;
  #notice: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.#listeners.size === 0) this.#open();
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#close();
    };
  };

  readonly snapshot = (): Shown => this.#shown;

  /** What the viewer chose; asked for at once, in place of what is under way. To say it twice is to say it once. */
  want(wanted: Wanted): void {
    if (this.#wanted && textOf(this.#wanted) === textOf(wanted)) return;
    this.#wanted = wanted;
    this.#waitingSince ??= performance.now();
    this.#chosenSince ??= performance.now();
    this.#ask();
    this.#judge();
  }

  /** Says how what is on the screen stands to what is chosen, now or once it has been waited for. */
  #judge(): void {
    clearTimeout(this.#notice);
    const standing = this.#standing();
    if (standing !== this.#shown.standing) this.#show({ standing });
  }

  #standing(): Standing {
    const [wanted, answered] = [this.#wanted, this.#answered];
    if (!wanted || !answered || choiceOf(wanted) === choiceOf(answered)) return 'current';
    if (this.#shown.error) return 'outdated';
    const left = (this.#waitingSince ?? 0) + UNNOTICED_MS - performance.now();
    if (left <= 0) return 'computing';
    this.#notice = setTimeout(() => this.#judge(), left);
    return 'current';
  }

  #open(): void {
    this.#events = new EventSource(`/v1/dashboards/${encodeURIComponent(this.#name)}/changes`);
    this.#events.addEventListener('version', (event) => {
      this.#show({ connection: 'live', data: JSON.parse(event.data) as DataVersion });
      this.#ask();
    });
    this.#events.addEventListener('error', () => {
      this.#show({ connection: 'lost' });
      // The browser gives up on answers that are no stream; a restart answers so for a moment.
      if (this.#events?.readyState === EventSource.CLOSED) this.#reopen();
    });
    document.addEventListener('visibilitychange', this.#seen);
    this.#ask();
  }

  #reopen(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#events?.close();
      if (this.#listeners.size > 0) this.#open();
    }, RETRY_MS);
  }

  #close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#notice);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#events?.close();
    this.#events = undefined;
    this.#stop?.abort();
    this.#stop = undefined;
    this.#asked = undefined;
  }

  /** Who comes back to the page sees what is now. */
  readonly #seen = (): void => this.#ask();

  #show(part: Partial<Shown>): void {
    this.#shown = { ...this.#shown, ...part };
    for (const listener of this.#listeners) listener();
  }

  #dataText(): string {
    const { data } = this.#shown;
    return JSON.stringify([data?.streams, data?.tables, data?.plan]);
  }

  #ask(): void {
    const wanted = this.#wanted;
    if (!wanted || this.#listeners.size === 0) return;
    const isSame = this.#asked === wanted;
    if (this.#stop) {
      // New data waits for the answer under way, and so does the next step of the same movement: else a
      // brush that is drawn faster than it is answered would show nothing before it rests.
      const isStep = wanted.active !== undefined && wanted.active === this.#asked?.active;
      const isLate = performance.now() - this.#askedAt > PATIENCE_MS;
      if (isSame || (isStep && !isLate)) return;
      this.#stop.abort();
    }
    if (isSame && (document.hidden || this.#askedData === this.#dataText())) return;
    void this.#request(wanted);
  }

  async #request(wanted: Wanted): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    this.#asked = wanted;
    this.#askedData = this.#dataText();
    this.#askedAt = performance.now();
    this.#chosenSince = undefined;
    const { state, charts, active } = wanted;
    if (!this.#shown.isPending) this.#show({ isPending: true });
    try {
      const answer = await api<DashboardAnswer>(
        `/v1/dashboards/${encodeURIComponent(this.#name)}/answers`,
        {
          method: 'POST',
          body: {
            state: { ...state, tabs: {} },
            charts,
            ...(active === undefined ? {} : { active }),
          },
          signal: stop.signal,
        },
      );
      if (this.#stop !== stop) return;
      this.#stop = undefined;
      const kept = keepEqual(answer, this.#shown.answer);
      this.#answered = wanted;
      this.#waitingSince = this.#chosenSince;
      this.#show({ answer: kept, error: undefined, isPending: false });
      this.#ask();
      this.#judge();
    } catch (error) {
      if (this.#stop !== stop) return;
      this.#stop = undefined;
      const known = asApiError(error);
      this.#show({ error: known, isPending: false });
      this.#judge();
      if (known.status === 0 || known.status >= 500 || known.status === 429) this.#tryAgain();
    }
  }

  #tryAgain(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#askedData = undefined;
      this.#ask();
    }, RETRY_MS);
  }
}

/** What decides about numbers: tabs and the charts seen do not. */
const choiceOf = ({ state }: Wanted): string => stateQuery({ ...state, tabs: {} });
const textOf = ({ state, charts }: Wanted): string => JSON.stringify([stateQuery(state), charts]);

import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

interface Counter {
  failures: number;
  readonly endMs: number;
}

export interface Attempt {
  /** The password was right: the user starts afresh. */
  passed(): void;
  /** It was never judged, so it does not count. */
  withdrawn(): void;
}

/** Counts failed logins by user and by address. A user that there is not counts like one that there is. */
export class LoginAttempts {
  readonly #clock: Clock;
  /** By first failure: what leaves first stands first, as all windows are of one length. */
  readonly #counters = new Map<string, Counter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Begins an attempt; it counts as failed until it has passed, so that many at once cannot slip through together.
   * @throws MillraceError MR_ACCESS_THROTTLED
   */
  begin(user: string, address: string): Attempt {
    const limits: [key: string, max: number][] = [
      [`user ${user}`, LIMITS.loginFailuresPerUserMax],
      [`address ${address}`, LIMITS.loginFailuresPerAddressMax],
    ];
    for (const [key, max] of limits) this.#check(key, max);
    const [ofUser, ofAddress] = limits.map(([key]) => this.#count(key)) as [Counter, Counter];
    return {
      passed: () => {
        this.#counters.delete(`user ${user}`);
        // Not all of the address's: who has a password of his own could guess others' for ever.
        ofAddress.failures -= 1;
      },
      withdrawn: () => {
        ofUser.failures -= 1;
        ofAddress.failures -= 1;
      },
    };
  }

  #check(key: string, max: number): void {
    const counter = this.#current(key);
    if (!counter || counter.failures < max) return;
    const seconds = Math.ceil((counter.endMs - this.#clock.now()) / 1000);
    throw new MillraceError(
      'MR_ACCESS_THROTTLED',
      `Too many logins failed. Try again in ${Math.ceil(seconds / 60)} minutes; who is logged in stays so.`,
      { details: { retryAfterSeconds: seconds } },
    );
  }

  #count(key: string): Counter {
    let counter = this.#current(key);
    if (!counter) {
      counter = { failures: 0, endMs: this.#clock.now() + LIMITS.loginFailureWindowMs };
      this.#makeRoom();
      this.#counters.set(key, counter);
    }
    counter.failures += 1;
    return counter;
  }

  #current(key: string): Counter | undefined {
    const counter = this.#counters.get(key);
    if (!counter || this.#clock.now() < counter.endMs) return counter;
    this.#counters.delete(key);
    return undefined;
  }

  #makeRoom(): void {
    if (this.#counters.size < LIMITS.loginCountersMax) return;
    const [first] = this.#counters.keys();
    if (first !== undefined) this.#counters.delete(first);
  }
}

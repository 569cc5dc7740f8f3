import { MillraceError } from '../core/errors.ts';

export interface FairTurnsOptions {
  readonly atOnce: number;
  readonly waitingMax: number;
  /** Of one person, running and waiting: the others' places are left. */
  readonly each: { readonly atOnce: number; readonly waitingMax: number };
  /** What takes turns, for the refusal: `queries`. */
  readonly what: string;
}

interface Waiting {
  /** The order in which it came. */
  readonly number: number;
  readonly begin: () => void;
}

interface Person {
  running: number;
  readonly waiting: Waiting[];
}

/**
 * Lets so many actions run at once, and so many wait, of all and of each person: who asks for much does not keep
 * others waiting.
 *
 * Contract:
 * T1  A place that is free goes to who has the fewest; among those, to who has waited longest; of one person, in order.
 * T2  Who has all the places that one may have waits, also while others are free.
 * T3  An action whose signal is aborted while it waits is not begun.
 */
export class FairTurns {
  readonly #options: FairTurnsOptions;
  /** Who has turns, or waits for one. */
  readonly #people = new Map<string, Person>();
  #running = 0;
  #waiting = 0;
  #came = 0;

  constructor(options: FairTurnsOptions) {
    this.#options = options;
  }

  /** @throws MillraceError MR_OVERLOADED at once where too many wait already; the signal's reason */
  async take<T>(who: string, action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const person = this.#people.get(who) ?? { running: 0, waiting: [] };
    this.#people.set(who, person);
    try {
      await this.#place(person, signal);
      try {
        signal?.throwIfAborted();
        return await action();
      } finally {
        this.#end(person);
      }
    } finally {
      if (person.running === 0 && person.waiting.length === 0) this.#people.delete(who);
    }
  }

  async #place(person: Person, signal: AbortSignal | undefined): Promise<void> {
    const { atOnce, each } = this.#options;
    if (this.#running < atOnce && person.running < each.atOnce) this.#begin(person);
    else await this.#wait(person, signal);
  }

  #wait(person: Person, signal: AbortSignal | undefined): Promise<void> {
    const { what, waitingMax, each } = this.#options;
    const ofOne = person.waiting.length >= each.waitingMax;
    if (ofOne || this.#waiting >= waitingMax)
      throw new MillraceError(
        'MR_OVERLOADED',
        ofOne
          ? `${each.waitingMax} of your ${what} wait already. Ask again when they are answered.`
          : `${waitingMax} ${what} wait already. Ask again in a second.`,
      );
    this.#waiting += 1;
    this.#came += 1;
    const number = this.#came;
    return new Promise((resolve, reject) => {
      const begin = () => {
        this.#waiting -= 1;
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const one = { number, begin };
      const leave = () => {
        person.waiting.splice(person.waiting.indexOf(one), 1);
        this.#waiting -= 1;
        reject(signal?.reason);
      };
      person.waiting.push(one);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  #begin(person: Person): void {
    person.running += 1;
    this.#running += 1;
  }

  #end(person: Person): void {
    person.running -= 1;
    this.#running -= 1;
    const next = this.#next();
    if (next) {
      // The place is taken here: nobody can come in between.
      this.#begin(next);
      next.waiting.shift()?.begin();
    }
  }

  #next(): Person | undefined {
    const { each } = this.#options;
    const [next] = [...this.#people.values()]
      .filter(({ running, waiting }) => waiting.length > 0 && running < each.atOnce)
      .sort((one, other) => one.running - other.running || numberOf(one) - numberOf(other));
    return next;
  }
}

const numberOf = ({ waiting: [first] }: Person): number => first?.number ?? 0;

import { MillraceError } from './errors.ts';

export interface TurnsOptions {
  readonly atOnce: number;
  readonly waitingMax: number;
  /** What takes turns, for the refusal: `queries`. */
  readonly what: string;
}

/** Lets so many actions run at once and so many wait; what comes then is refused, so that memory stays bounded. */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** @throws MillraceError MR_OVERLOADED at once where too many wait already. */
  async take<T>(action: () => Promise<T>): Promise<T> {
    const { atOnce, waitingMax, what } = this.#options;
    if (this.#running < atOnce) this.#running += 1;
    else if (this.#waiting.length < waitingMax)
      // The one that ends hands its turn over: nobody can come in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else
      throw new MillraceError(
        'MR_OVERLOADED',
        `${waitingMax} ${what} wait already. Ask again in a second.`,
      );
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

import { unlessAborted } from '../core/waiting.ts';

type Answer<T> = (signal: AbortSignal) => Promise<T>;

/** An answer, and how many wait for it: it is given up when nobody does. */
class Shared<T> {
  readonly now: Promise<T>;
  readonly #stop = new AbortController();
  #waiting = 0;

  constructor(before: Promise<unknown> | undefined, answer: Answer<T>) {
    const begin = () => {
      this.#stop.signal.throwIfAborted();
      return answer(this.#stop.signal);
    };
    this.now = before ? before.then(begin, begin) : begin();
    // Whoever waits is told; nobody may be left.
    this.now.catch(() => undefined);
  }

  /** Nobody waits for it any more: who comes now needs another. */
  get isGivenUp(): boolean {
    return this.#stop.signal.aborted;
  }

  async wait(signal: AbortSignal): Promise<T> {
    this.#waiting += 1;
    try {
      return await unlessAborted(this.now, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#stop.abort();
    }
  }
}

/**
 * Equal questions asked at once are answered once. Those that come while one is being answered wait for the next answer,
 * all for the same: they may know of more than what began before them shows.
 */
export class SharedAnswers<T> {
  readonly #running = new Map<string, { readonly now: Shared<T>; next: Shared<T> | undefined }>();

  ask(question: string, answer: Answer<T>, signal: AbortSignal): Promise<T> {
    const running = this.#running.get(question);
    if (!running) return this.#start(question, new Shared(undefined, answer)).wait(signal);
    if (!running.next || running.next.isGivenUp) running.next = new Shared(running.now.now, answer);
    return running.next.wait(signal);
  }

  #start(question: string, shared: Shared<T>): Shared<T> {
    this.#running.set(question, { now: shared, next: undefined });
    const end = () => {
      const next = this.#running.get(question)?.next;
      this.#running.delete(question);
      if (next) this.#start(question, next);
    };
    shared.now.then(end, end);
    return shared;
  }
}

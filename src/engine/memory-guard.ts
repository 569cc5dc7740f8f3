import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { unlessAborted } from '../core/waiting.ts';

const LOOK_MS = 50;
/** Until what was answered has left. */
const END_MS = 50;

/**
 * Ends the process where it takes more memory than it may. The engine's own limit is not one: some functions take what
 * they need beside it (reliability.md §6.4). Nobody knows then whose query it was: all that run are answered with
 * MR_CHILD_FAILED and `overMemory`, and whoever asks again is told of the limit when it happens again.
 */
export class MemoryGuard {
  readonly #over = new AbortController();

  start(): void {
    const looking = setInterval(() => {
      const bytes = process.memoryUsage.rss();
      if (bytes <= LIMITS.queryProcessBytesMax) return;
      clearInterval(looking);
      this.#end(bytes);
    }, LOOK_MS);
    looking.unref();
  }

  /** @throws MillraceError MR_CHILD_FAILED as soon as there is too much, while the action goes on */
  watch<T>(action: Promise<T>): Promise<T> {
    return unlessAborted(action, this.#over.signal);
  }

  #end(bytes: number): void {
    this.#over.abort(
      new MillraceError(
        'MR_CHILD_FAILED',
        `The queries that ran took ${Math.round(bytes / 1e6)} MB of memory, more than there is for them.`,
        { details: { overMemory: true } },
      ),
    );
    setTimeout(() => process.exit(1), END_MS);
  }
}

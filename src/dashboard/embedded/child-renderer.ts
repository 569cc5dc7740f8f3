import type { ChildProcess } from '../../children/child-process.ts';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Picture, Renderer, RenderMethods } from '../renderer.ts';

/** Pictures in the `render` child, one after the other. It is started by the first, and ends when none has come for a while. */
export class ChildRenderer implements Renderer {
  readonly #start: () => ChildProcess<RenderMethods>;
  readonly #clock: Clock;
  #child: ChildProcess<RenderMethods> | undefined;
  #isDrawing = false;
  /** Those whose turn has not come, in their order. */
  readonly #waiting: (() => void)[] = [];
  #cancelEnd = () => {};

  constructor(start: () => ChildProcess<RenderMethods>, clock: Clock) {
    this.#start = start;
    this.#clock = clock;
  }

  async draw(picture: Picture, signal: AbortSignal): Promise<Uint8Array> {
    await this.#turn(signal);
    try {
      return await this.#ask(picture);
    } finally {
      this.#next();
    }
  }

  async close(): Promise<void> {
    this.#cancelEnd();
    const child = this.#child;
    this.#child = undefined;
    await child?.close();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw cancelled();
    if (!this.#isDrawing) {
      this.#isDrawing = true;
      return;
    }
    if (this.#waiting.length >= LIMITS.picturesQueuedMax)
      throw new MillraceError(
        'MR_OVERLOADED',
        `${this.#waiting.length} pictures are waiting to be drawn already. Ask again in a second.`,
      );
    await new Promise<void>((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(cancelled());
      };
      this.#waiting.push(go);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #next(): void {
    const go = this.#waiting.shift();
    if (go) {
      go();
      return;
    }
    this.#isDrawing = false;
    this.#cancelEnd();
    this.#cancelEnd = this.#clock.after(LIMITS.renderIdleMs, () => {
      if (!this.#isDrawing) void this.close();
    });
  }

  /** Drawing cannot be interrupted: a picture that takes too long ends with its process. */
  async #ask(picture: Picture): Promise<Uint8Array> {
    this.#child ??= this.#start();
    const child = this.#child;
    let isLate = false;
    const cancelDeadline = this.#clock.after(LIMITS.renderDeadlineMs, () => {
      isLate = true;
      void child.kill();
    });
    try {
      return await child.call('draw', picture);
    } catch (error) {
      if (!isLate) throw error;
      throw new MillraceError(
        'MR_RENDER_LIMIT',
        `The picture took longer than ${LIMITS.renderDeadlineMs / 1000} s to draw. Ask for a smaller one, or for one chart.`,
        { cause: error },
      );
    } finally {
      cancelDeadline();
    }
  }
}

const cancelled = (): MillraceError =>
  new MillraceError('MR_QUERY_CANCELLED', 'The picture is not wanted any more.');

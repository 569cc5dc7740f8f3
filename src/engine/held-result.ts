import { readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { ResultBytes } from './protocol.ts';
import { HANDED_OVER, type ScratchSpace } from './scratch-space.ts';

/** Up to this size a result crosses in memory. */
const MEMORY_BYTES = 1024 * 1024;
/** How often the size of a growing file is looked at. */
const LOOK_MS = 50;
let counter = 0;

/**
 * The file that the engine writes a result to until it is whole. A query can fail or pass a limit at its
 * last row: what was sent by then would be a half that may look whole, and its reader would not learn why.
 */
export class HeldResult {
  readonly path: string;
  readonly #bytesMax: number;

  constructor(space: ScratchSpace, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.path = join(space.folderFor(bytesMax), `unfinished-${process.pid}-${counter++}`);
  }

  /** Runs what writes the file; `stop` is called when it gets too large. @throws MillraceError MR_QUERY_LIMIT */
  async write<T>(write: () => Promise<T>, stop: () => void): Promise<T> {
    let isTooLarge = false;
    const looking = setInterval(() => {
      isTooLarge ||= this.#size() > this.#bytesMax;
      if (isTooLarge) stop();
    }, LOOK_MS);
    try {
      return await write();
    } catch (error) {
      // The engine has removed the file by now.
      throw isTooLarge ? resultTooLarge(this.#bytesMax, error) : error;
    } finally {
      clearInterval(looking);
    }
  }

  /** The result, with `head` before the file's bytes from `from` on and `tail` behind; it is the receiver's now. */
  finish({ head, from, tail }: ResultFrame): ResultBytes {
    const bytes = this.#size();
    if (bytes > this.#bytesMax) throw resultTooLarge(this.#bytesMax);
    if (bytes <= MEMORY_BYTES) {
      const body = readFileSync(this.path).subarray(from);
      rmSync(this.path);
      return { bytes: Buffer.concat([Buffer.from(head), body, Buffer.from(tail)]) };
    }
    const file = join(this.path, '..', `${HANDED_OVER}${process.pid}-${counter++}`);
    renameSync(this.path, file);
    return { file, head, from, tail };
  }

  discard(): void {
    rmSync(this.path, { force: true });
  }

  #size(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }
}

export const resultTooLarge = (bytesMax: number, cause?: unknown): MillraceError =>
  new MillraceError(
    'MR_QUERY_LIMIT',
    `The result has more than ${bytesMax} bytes. Ask for fewer rows or columns.`,
    { cause },
  );

export interface ResultFrame {
  readonly head: string;
  readonly from: number;
  readonly tail: string;
}

import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

/**
 * What has arrived of the bodies of a stream and is not yet taken apart. It is bounded over all of them:
 * otherwise memory would grow with the number of connections.
 */
export class ReceivedBytes {
  #bytes = 0;

  /** @throws MillraceError MR_OVERLOADED before anything of the body is read, so that the refusal arrives. */
  open(): ReceivedBody {
    if (this.#bytes >= LIMITS.receivedBytesMax) throw this.#overloaded();
    return new ReceivedBody((bytes) => this.#count(bytes));
  }

  /** Those that are let in may still grow; twice as much is too much for them, too. */
  #count(bytes: number): void {
    this.#bytes += bytes;
    if (bytes > 0 && this.#bytes >= 2 * LIMITS.receivedBytesMax) throw this.#overloaded();
  }

  #overloaded(): MillraceError {
    return new MillraceError(
      'MR_OVERLOADED',
      `${this.#bytes} bytes of other requests are waiting for their turn. Send again in a second.`,
    );
  }
}

/** The bytes of one body, in their order. */
export class ReceivedBody {
  readonly #count: (bytes: number) => void;
  readonly #chunks: Buffer[] = [];
  /** Bytes that wait. */
  length = 0;
  /** Bytes that came in all. */
  total = 0;

  constructor(count: (bytes: number) => void) {
    this.#count = count;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.length += chunk.length;
    this.total += chunk.length;
    this.#count(chunk.length);
  }

  /** All bytes that wait, in one piece: they go on waiting. */
  whole(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks.splice(0, this.#chunks.length, bytes);
    return bytes;
  }

  /** Moves bytes to the beginning of `target`, as many as there are up to `most`. */
  moveTo(target: Buffer, most: number): number {
    let moved = 0;
    for (let chunk = this.#chunks[0]; chunk && moved < most; chunk = this.#chunks[0]) {
      const part = Math.min(chunk.length, most - moved);
      chunk.copy(target, moved, 0, part);
      moved += part;
      if (part === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part);
    }
    this.length -= moved;
    this.#count(-moved);
    return moved;
  }

  /** Puts bytes that were moved back in front of the others; they are copied. */
  putBack(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.unshift(Buffer.from(bytes));
    this.length += bytes.length;
    this.#count(bytes.length);
  }

  close(): void {
    this.#chunks.length = 0;
    this.#count(-this.length);
    this.length = 0;
  }
}

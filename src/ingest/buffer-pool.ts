import { LIMITS } from '../core/limits.ts';

const SIZE_BYTES = 256 * 1024;

/**
 * Buffers for pieces of request bodies, from taken apart to stored. The first touch of fresh memory costs more than
 * parsing what is in it, so there are only so many: with two thousand pieces under way at once goodput was half.
 */
export class BufferPool {
  readonly #free: Buffer[] = [];
  readonly #waiting: { readonly bytes: number; lend(buffer: Buffer): void }[] = [];
  #lent = 0;

  /** Waits where all are lent, first come, first served. */
  take(bytes: number): Buffer | Promise<Buffer> {
    if (this.#lent >= LIMITS.piecesAtOnce)
      return new Promise((lend) => this.#waiting.push({ bytes, lend }));
    this.#lent += 1;
    return this.#buffer(bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.length === SIZE_BYTES) this.#free.push(buffer);
    const next = this.#waiting.shift();
    if (next) next.lend(this.#buffer(next.bytes));
    else this.#lent -= 1;
  }

  #buffer(bytes: number): Buffer {
    if (bytes > SIZE_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE_BYTES);
  }
}

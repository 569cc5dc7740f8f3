const SIZE_BYTES = 256 * 1024;
const POOLED_MAX = 64;

/** Buffers for request bodies. The first touch of fresh memory costs more than parsing what is in it. */
export class BufferPool {
  readonly #free: Buffer[] = [];

  take(bytes: number): Buffer {
    if (bytes > SIZE_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE_BYTES);
  }

  give(buffer: Buffer): void {
    if (buffer.length === SIZE_BYTES && this.#free.length < POOLED_MAX) this.#free.push(buffer);
  }
}

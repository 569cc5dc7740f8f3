import { LIMITS } from '../core/limits.ts';
import { Turns } from '../core/turns.ts';

/** Lends readers of logs a buffer each, to few at a time: so many hold memory and threads of files at once. */
export class ReadTurns {
  readonly #turns = new Turns({
    atOnce: LIMITS.readsAtOnce,
    waitingMax: LIMITS.readersMax,
    what: 'reads of streams',
  });
  readonly #free: Buffer[] = [];
  readonly #bufferBytes: number;

  /** @param recordBytesMax of the largest record: it fits a buffer, with its newline */
  constructor(recordBytesMax: number = LIMITS.recordBytesMax) {
    this.#bufferBytes = recordBytesMax + 4096;
  }

  take<T>(read: (buffer: Buffer) => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes);
      try {
        return await read(buffer);
      } finally {
        this.#free.push(buffer);
      }
    });
  }
}

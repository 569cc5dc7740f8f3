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

  take<T>(read: (buffer: Buffer) => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      // A record of the largest size fits, with its newline.
      const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(LIMITS.recordBytesMax + 4096);
      try {
        return await read(buffer);
      } finally {
        this.#free.push(buffer);
      }
    });
  }
}

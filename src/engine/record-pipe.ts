import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, readSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemErrorCode } from '../core/errors.ts';

const run = promisify(execFile);
let counter = 0;

/**
 * A named pipe: DuckDB reads it like a file, but no byte of it takes a page of the page cache, or the
 * disk. Whoever opens one end waits in a thread for the other end, so both sides end together here.
 */
export class RecordPipe {
  readonly path: string;
  #fed = false;
  #readerGone = false;

  private constructor(path: string) {
    this.path = path;
  }

  /** Undefined where the machine cannot make one: records have another way there. */
  static async create(folder: string): Promise<RecordPipe | undefined> {
    const path = join(folder, `records-${process.pid}-${counter++}.pipe`);
    try {
      await run('mkfifo', ['-m', '600', path]);
      return new RecordPipe(path);
    } catch {
      return undefined;
    }
  }

  /**
   * Writes the chunks into the pipe while `read` reads it, and settles when both have ended.
   * @throws what the chunks threw, else what `read` threw.
   */
  async pump<T>(chunks: AsyncIterable<Buffer>, read: () => Promise<T>): Promise<T> {
    const feeding = this.#feed(chunks);
    const reading = read().finally(() => this.#drain());
    const [fed, result] = await Promise.allSettled([feeding, reading]);
    rmSync(this.path, { force: true });
    if (fed.status === 'rejected') throw fed.reason;
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }

  async #feed(chunks: AsyncIterable<Buffer>): Promise<void> {
    try {
      const pipe = await open(this.path, 'w');
      try {
        for await (const chunk of chunks) {
          if (this.#readerGone) return;
          for (let at = 0; at < chunk.length; )
            at += (await pipe.write(chunk, at, chunk.length - at)).bytesWritten;
        }
      } finally {
        await pipe.close();
      }
    } catch (error) {
      // The reader ended before the pipe did, and says itself why.
      if (systemErrorCode(error) !== 'EPIPE') throw error;
    } finally {
      this.#fed = true;
    }
  }

  /** A reader that failed leaves a writer that waits for it: what it still writes is read here. */
  async #drain(): Promise<void> {
    this.#readerGone = true;
    if (this.#fed) return;
    const rest = Buffer.allocUnsafe(64 * 1024);
    const reader = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      while (!this.#fed) {
        try {
          if (readSync(reader, rest) > 0) continue;
        } catch (error) {
          if (systemErrorCode(error) !== 'EAGAIN') throw error;
        }
        await sleep(1);
      }
    } finally {
      closeSync(reader);
    }
  }
}

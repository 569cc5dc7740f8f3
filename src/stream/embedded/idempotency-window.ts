import { crc32 } from 'node:zlib';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';

/** One line of a metadata file. */
interface StoredAnswer {
  readonly key: string;
  readonly bodyHash: string;
  readonly answer: string;
}

interface Location {
  readonly bodyHash: string;
  readonly timeMs: number;
  readonly file: string;
  readonly position: number;
  readonly length: number;
  readonly crc: number;
}

export function answerLine(stored: StoredAnswer): string {
  return `${JSON.stringify(stored)}\n`;
}

/** Keyed requests of the last 24 hours: keys in memory, answers in the metadata files of the log. */
export class IdempotencyWindow {
  readonly #byKey = new Map<string, Location>();
  readonly #files: FileSystem;

  constructor(files: FileSystem) {
    this.#files = files;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Remembers the lines of one commit's metadata, written at `position` of `file`. */
  add(lines: Buffer, file: string, position: number, timeMs: number): void {
    let start = 0;
    for (let end = lines.indexOf(10); end !== -1; end = lines.indexOf(10, start)) {
      if (end > start) {
        const line = lines.subarray(start, end);
        const { key, bodyHash } = JSON.parse(line.toString()) as StoredAnswer;
        this.#byKey.set(key, {
          bodyHash,
          timeMs,
          file,
          position: position + start,
          length: end - start,
          crc: crc32(line),
        });
      }
      start = end + 1;
    }
  }

  forgetBefore(timeMs: number): void {
    for (const [key, location] of this.#byKey) {
      if (location.timeMs >= timeMs) return;
      this.#byKey.delete(key);
    }
  }

  async answer(key: string, bodyHash: string): Promise<string | undefined> {
    const location = this.#byKey.get(key);
    if (!location) return undefined;
    if (location.bodyHash !== bodyHash)
      throw new MillraceError(
        'MR_IDEMPOTENCY_MISMATCH',
        `Idempotency-Key ${JSON.stringify(key)} was used with another body within ${LIMITS.idempotencyWindowMs / 3_600_000} hours. Use a new key for a new body.`,
      );
    const handle = await this.#files.open(location.file, 'read');
    try {
      const line = await handle.read(location.position, location.length);
      if (crc32(line) !== location.crc)
        throw new MillraceError(
          'MR_STORAGE_DAMAGED',
          `The answer to the request with Idempotency-Key ${JSON.stringify(key)} is damaged in ${location.file} at byte ${location.position}. Its records are stored; do not send them again.`,
        );
      return (JSON.parse(line.toString()) as StoredAnswer).answer;
    } finally {
      await handle.close();
    }
  }
}

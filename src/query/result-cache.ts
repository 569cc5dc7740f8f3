import type { ResultBasis } from '../engine/protocol.ts';

/** A whole result as it was sent. */
export interface KeptResult {
  readonly bytes: Uint8Array;
  readonly rows: number;
  /** When what it shows was asked for, epoch ms. */
  readonly madeMs: number;
  /** Absent where it may change though its tables do not. */
  readonly basis?: ResultBasis;
}

export interface ResultCacheLimits {
  readonly bytesMax: number;
  readonly resultsMax: number;
}

/** Beside the bytes: question, basis, and what holds them. */
const ENTRY_BYTES = 2048;

/**
 * Small results, by question. One is given only where it is what asking again would give, or where whoever asks takes one
 * of some age. What was used least lately goes first.
 */
export class ResultCache {
  readonly #limits: ResultCacheLimits;
  /** In the order they were last used. */
  readonly #results = new Map<string, KeptResult>();
  #bytes = 0;

  constructor(limits: ResultCacheLimits) {
    this.#limits = limits;
  }

  find(question: string, isGood: (kept: KeptResult) => boolean): KeptResult | undefined {
    const kept = this.#results.get(question);
    if (!kept) return undefined;
    this.#remove(question, kept);
    if (!isGood(kept)) return undefined;
    this.#add(question, kept);
    return kept;
  }

  keep(question: string, result: KeptResult): void {
    const before = this.#results.get(question);
    if (before) this.#remove(question, before);
    this.#add(question, result);
    for (const [oldest, kept] of this.#results) {
      if (this.#bytes <= this.#limits.bytesMax && this.#results.size <= this.#limits.resultsMax)
        return;
      this.#remove(oldest, kept);
    }
  }

  #add(question: string, result: KeptResult): void {
    this.#results.set(question, result);
    this.#bytes += sizeOf(question, result);
  }

  #remove(question: string, result: KeptResult): void {
    this.#results.delete(question);
    this.#bytes -= sizeOf(question, result);
  }
}

const sizeOf = (question: string, { bytes }: KeptResult): number =>
  question.length + bytes.length + ENTRY_BYTES;

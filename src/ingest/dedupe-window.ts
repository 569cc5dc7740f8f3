import type { StreamLog } from '../stream/stream-store.ts';
import type { RecordIds } from './record-id.ts';

export interface DedupeSettings {
  readonly log: StreamLog;
  readonly ids: RecordIds;
  readonly withinMs: number;
}

/**
 * The ids of records that were stored lately, of a stream with `dedupe`.
 *
 * Contract (test/conformance/dedupe-window.ts):
 * D1  The id of a record that was stored less than `within` ago is a duplicate, also after a restart.
 * D2  An id is new again once that time has passed, and where storing its record failed.
 * D3  Of the same new id in requests at one time exactly one is stored.
 * D4  Memory is bounded, however many ids there are: past LIMITS.dedupeIdsMax records are refused.
 * D5  What it keeps on disk is only made of the log: damaged or missing, it is made again.
 */
export interface DedupeWindow {
  /** Judges a batch of ids; those that are new are claimed until `stored` or `failed`. */
  claim(ids: IdBatch): Promise<Claim>;
  close(): Promise<void>;
}

/** Hashes of ids, ID_WORDS words each. */
export interface IdBatch {
  readonly count: number;
  readonly words: Uint32Array;
  /** 0 where a record has no id: it is always new. */
  readonly present: Uint8Array;
}

export const ID_WORDS = 3;

export interface Claim {
  /** 1 where the record is a duplicate. */
  readonly duplicate: Uint8Array;
  readonly duplicates: number;
  /** Settles when the records whose duplicates are here are stored; rejects where that failed. */
  readonly others: Promise<void>;
  /** The records are on disk. */
  stored(): void;
  /** They are not, and the next one to bring them may. */
  failed(error: unknown): void;
}

import { LIMITS } from '../core/limits.ts';
import type { Placement } from '../stream/stream-store.ts';
import type { Rejected } from './piece.ts';

export interface IngestAnswer {
  readonly accepted: number;
  readonly rejected: readonly Pick<Rejected, 'index' | 'code' | 'field' | 'message'>[];
  /** Refusals beyond those listed. */
  readonly rejectedOmitted?: number;
  /** Ordinals of records that were there already. */
  readonly duplicate: readonly number[];
  /** Duplicates beyond those listed. */
  readonly duplicateOmitted?: number;
  readonly shards: readonly { shard: number; first: string; last: string; count: number }[];
}

/** Adds up what became of the records of a request. */
export class Tally {
  accepted = 0;
  readonly #rejected: Rejected[] = [];
  #omitted = 0;
  readonly #duplicate: number[] = [];
  #duplicateOmitted = 0;
  readonly #shards = new Map<number, { first: number; last: number; count: number }>();

  refuse(rejected: readonly Rejected[]): void {
    const room = LIMITS.refusalsReportedMax - this.#rejected.length;
    this.#rejected.push(...rejected.slice(0, room));
    this.#omitted += Math.max(0, rejected.length - room);
  }

  repeat(duplicate: readonly number[]): void {
    const room = LIMITS.refusalsReportedMax - this.#duplicate.length;
    this.#duplicate.push(...duplicate.slice(0, room));
    this.#duplicateOmitted += Math.max(0, duplicate.length - room);
  }

  get isRefused(): boolean {
    return isRefusal({ accepted: this.accepted, duplicate: this.#duplicate });
  }

  accept(placements: readonly Placement[]): void {
    for (const { shard, first, last, count } of placements) {
      this.accepted += count;
      const known = this.#shards.get(shard);
      this.#shards.set(
        shard,
        known
          ? {
              first: Math.min(known.first, first),
              last: Math.max(known.last, last),
              count: known.count + count,
            }
          : { first, last, count },
      );
    }
  }

  answer(): IngestAnswer {
    const shards = [...this.#shards].sort(([a], [b]) => a - b);
    return {
      accepted: this.accepted,
      rejected: this.#rejected.map(({ index, code, field, message }) => ({
        index,
        code,
        ...(field === undefined ? {} : { field }),
        message,
      })),
      ...(this.#omitted > 0 ? { rejectedOmitted: this.#omitted } : {}),
      duplicate: this.#duplicate,
      ...(this.#duplicateOmitted > 0 ? { duplicateOmitted: this.#duplicateOmitted } : {}),
      shards: shards.map(([shard, { first, last, count }]) => ({
        shard,
        first: String(first),
        last: String(last),
        count,
      })),
    };
  }
}

/** True where no record is stored, nor was before. */
export const isRefusal = ({
  accepted,
  duplicate,
}: Pick<IngestAnswer, 'accepted' | 'duplicate'>): boolean => accepted + duplicate.length === 0;

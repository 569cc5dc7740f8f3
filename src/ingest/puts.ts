import type { Placement } from '../stream/stream-store.ts';
import type { Blob } from '../wire/blob.ts';
import type { Refusal } from './validate.ts';

/** What a producer puts that speaks Kinesis or Firehose. */
export interface PutEntry {
  readonly data: Blob;
  /** Says where it goes; undefined where the producer leaves that to the stream. */
  readonly partitionKey: string | undefined;
  /** Says so instead: a number of 128 bits, as MD5 sums of keys are. */
  readonly hashKey: bigint | undefined;
}

/** Where a record is in the log. */
interface Place {
  readonly shard: number;
  readonly sequence: number;
}

export type PutOutcome =
  /** On disk: where its last record is. */
  Place | { readonly refusal: Refusal };

/**
 * Stores what producers put into one stream.
 *
 * Contract (each number has a test of that name in test/ingest/puts.test.ts):
 * P1  The outcomes are those of the entries, in their order, and come after everything they count is on disk.
 * P2  Of one entry either all is stored or nothing; entries are judged alone.
 * P3  Entries go to the shard of their hash key, else of the MD5 of their partition key, as Kinesis has it; those
 *     without both go where the stream's own key says. Those of one shard keep their order.
 * P4  Partition keys are kept with the records.
 */
export interface Puts {
  /** @throws MillraceError where nothing of it could be stored: MR_OVERLOADED, MR_STORAGE_FULL, MR_RESHARDED, … */
  put(entries: readonly PutEntry[], producer: string | undefined): Promise<readonly PutOutcome[]>;
}

/** Says where the records of a batch are, asked for one after the other: those of one shard are numbered in their order. */
export function placesOf(placements: readonly Placement[]): (shard: number) => Place {
  const next = new Map(placements.map(({ shard, first }) => [shard, first]));
  return (shard) => {
    const sequence = next.get(shard) as number;
    next.set(shard, sequence + 1);
    return { shard, sequence };
  };
}

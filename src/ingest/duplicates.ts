import type { RecordBatch } from '../stream/stream-store.ts';
import type { Claim } from './dedupe-window.ts';
import type { DecodedIds } from './piece.ts';

/** The records of the batch that are new, and which records of the request are not. */
export function withoutDuplicates(
  batch: RecordBatch,
  ids: DecodedIds,
  claim: Claim,
): { batch: RecordBatch; duplicate: readonly number[] } {
  if (claim.duplicates === 0) return { batch, duplicate: [] };
  // Whoever has the batch may still ask where its records were to go.
  const [starts, ends, shards] = [batch.starts.slice(), batch.ends.slice(), batch.shards.slice()];
  const keys = batch.keys && [...batch.keys];
  const duplicate: number[] = [];
  let count = 0;
  for (let record = 0; record < batch.count; record++) {
    if (claim.duplicate[record]) {
      duplicate.push(ids.indexes[record] as number);
      continue;
    }
    starts[count] = starts[record] as number;
    ends[count] = ends[record] as number;
    shards[count] = shards[record] as number;
    if (keys) keys[count] = keys[record] as string;
    count += 1;
  }
  return { batch: { ...batch, count, starts, ends, shards, keys }, duplicate };
}

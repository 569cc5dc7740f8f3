import type { KeyedRequest, Placement, StreamLog } from '../stream/stream-store.ts';
import type { DecodedPiece } from './decode.ts';
import type { DedupeWindow } from './dedupe-window.ts';
import { withoutDuplicates } from './duplicates.ts';

export interface AppendOptions {
  readonly log: StreamLog;
  /** Undefined where each record is new. */
  readonly window: DedupeWindow | undefined;
  /** Appended also where it has no new record: its answer is remembered. */
  readonly request?: KeyedRequest | undefined;
  /** Told what `ids.indexes` says of records that were there already, before the answer of the request is asked for. */
  repeat(duplicate: readonly number[]): void;
}

/**
 * Appends the records of a piece that are new, and waits for the others to be on disk. Nothing waits before the append
 * where records need not be told apart: shards may change meanwhile.
 */
export async function appendNew(
  piece: Pick<DecodedPiece, 'batch' | 'ids'>,
  { log, window, request, repeat }: AppendOptions,
): Promise<readonly Placement[]> {
  if (piece.batch.count === 0 && !request) return [];
  if (!window || !piece.ids) return log.append(piece.batch, request);
  const claim = await window.claim(piece.ids);
  const { batch, duplicate } = withoutDuplicates(piece.batch, piece.ids, claim);
  repeat(duplicate);
  let placements: readonly Placement[] = [];
  try {
    if (batch.count > 0 || request) placements = await log.append(batch, request);
  } catch (error) {
    claim.failed(error);
    throw error;
  }
  claim.stored();
  await claim.others;
  return placements;
}

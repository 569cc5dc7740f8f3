import type { Retention } from '../stream-store.ts';
import type { Segment } from './segment.ts';

export interface Expired {
  /** Oldest first; every consumer has passed them. */
  readonly removable: readonly Segment[];
  /** What would go, too, if this consumer had passed it. */
  readonly held: { readonly consumer: string; readonly bytes: number } | null;
}

/** What retention ends, of segments in order; the last one takes records and stays. */
export function expired(
  segments: readonly Segment[],
  retention: Retention,
  consumers: ReadonlyMap<string, number>,
  nowMs: number,
): Expired {
  const [consumer, passed] = slowest(consumers);
  let total = segments.reduce((sum, segment) => sum + bytesOf(segment), 0);
  const removable: Segment[] = [];
  let heldBytes = 0;
  for (const segment of segments.slice(0, -1)) {
    const isOver = total > (retention.bytesMax ?? Number.POSITIVE_INFINITY);
    if (!isOver && segment.lastTimeMs > nowMs - retention.ageMs) break;
    total -= bytesOf(segment);
    if (heldBytes === 0 && segment.nextSequence <= passed) removable.push(segment);
    else heldBytes += bytesOf(segment);
  }
  return { removable, held: heldBytes > 0 ? { consumer, bytes: heldBytes } : null };
}

export const bytesOf = ({ dataBytes, indexBytes, metadataBytes, keysBytes }: Segment): number =>
  dataBytes + indexBytes + metadataBytes + keysBytes;

function slowest(consumers: ReadonlyMap<string, number>): [name: string, next: number] {
  let found: [string, number] = ['', Number.POSITIVE_INFINITY];
  for (const [name, next] of consumers) if (next < found[1]) found = [name, next];
  return found;
}

/** A segment that is never closed is never removed: it is closed once it has an eighth of all that stays. */
const PARTS = 8;
const CLOSE_AFTER_MS = { min: 60_000, max: 24 * 60 * 60 * 1000 };

export function isDue(segment: Segment, { ageMs }: Retention, nowMs: number): boolean {
  if (segment.nextSequence === segment.firstSequence) return false;
  const age = Math.min(Math.max(ageMs / PARTS, CLOSE_AFTER_MS.min), CLOSE_AFTER_MS.max);
  return segment.firstTimeMs <= nowMs - age;
}

export function segmentBytesMax(limit: number, { bytesMax }: Retention): number {
  return Math.min(limit, (bytesMax ?? Number.POSITIVE_INFINITY) / PARTS);
}

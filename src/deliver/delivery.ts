import type { LogPosition } from '../stream/stream-store.ts';

/**
 * Buffered writing of a stream to a target.
 *
 * Contract:
 * D1  Each record reaches the target once: the position is kept by the target, in the same commit as the rows.
 * D2  Delivery starts when records have waited `everyMs`, or when about `bytesMax` wait.
 * D3  A failure is tried again by itself and is shown meanwhile; nothing is skipped.
 * D4  A position that another log left, or one that this log was put back from, is recognised (resume.ts): nothing is
 *     doubled and nothing passed over.
 */
export interface Delivery {
  readonly stream: string;
  /** The first record that is not in the target. */
  readonly next: number;
  readonly target: string;
  status(): DeliveryStatus;
  /** Delivers everything that is durable now. */
  deliverNow(): Promise<void>;
  /** Looks again what there is to deliver: the target's position was changed. */
  wake(): void;
  /** Stops after the delivery under way. */
  close(): Promise<void>;
}

export interface DeliveryStatus {
  readonly next: number;
  /** Records that wait. */
  readonly lag: number;
  readonly deliveries: number;
  readonly lastMs: number | null;
  readonly lastRows: number | null;
  readonly lastDurationMs: number | null;
  /** Since when there is something to deliver; null where there is nothing. A restart begins it anew. */
  readonly waitingSinceMs: number | null;
  readonly error: string | null;
}

/** A consumer's durable position. */
export interface Checkpoint {
  readonly epoch: string;
  readonly next: number;
  /** That of the log it was made on; absent where there was none. */
  readonly lineage?: readonly LogPosition[];
}

export const CHECKPOINT_PROPERTY = 'millrace.checkpoint';

/** Numbers of rows that are in the table beside those of its log: `[{"from":"12","next":"20"}]`. */
export const APART_PROPERTY = 'millrace.apart';

export interface Apart {
  readonly from: number;
  readonly next: number;
}

export function apartText(apart: readonly Apart[]): string {
  return JSON.stringify(
    apart.map(({ from, next }) => ({ from: String(from), next: String(next) })),
  );
}

/** Nothing where there is none, or none that can be understood. */
export function parseApart(text: string | undefined): Apart[] {
  return [...(text ?? '').matchAll(/\{"from":"(\d+)","next":"(\d+)"\}/g)].map(([, from, next]) => ({
    from: Number(from),
    next: Number(next),
  }));
}

export function checkpointText({ epoch, next, lineage = [] }: Checkpoint): string {
  return JSON.stringify({ epoch, next: String(next), ...(lineage.length > 0 ? { lineage } : {}) });
}

/** Undefined where there is none, or none that can be understood. */
export function parseCheckpoint(text: string | undefined): Checkpoint | undefined {
  const match = /^\{"epoch":"([^"]+)","next":"(\d+)"(?:,"lineage":(\[[^\]]+\]))?\}$/.exec(
    text ?? '',
  );
  if (!match) return undefined;
  const [, epoch = '', next, lineage] = match;
  const position = { epoch, next: Number(next) };
  if (lineage === undefined) return position;
  return { ...position, lineage: JSON.parse(lineage) as LogPosition[] };
}

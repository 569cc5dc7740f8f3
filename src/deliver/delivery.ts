/**
 * Buffered writing of a stream to a target.
 *
 * Contract:
 * D1  Each record reaches the target once: the position is kept by the target, in the same commit as the rows.
 * D2  Delivery starts when records have waited `everyMs`, or when about `bytesMax` wait.
 * D3  A failure is tried again by itself and is shown meanwhile; nothing is skipped.
 * D4  A position that another log left (epoch) is recognised and not continued from.
 */
export interface Delivery {
  readonly stream: string;
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
}

export const CHECKPOINT_PROPERTY = 'millrace.checkpoint';

export function checkpointText({ epoch, next }: Checkpoint): string {
  return JSON.stringify({ epoch, next: String(next) });
}

/** Undefined where there is none, or none that can be understood. */
export function parseCheckpoint(text: string | undefined): Checkpoint | undefined {
  if (text === undefined) return undefined;
  const match = /^\{"epoch":"([^"]+)","next":"(\d+)"\}$/.exec(text);
  return match ? { epoch: match[1] as string, next: Number(match[2]) } : undefined;
}

import type { AskedRetention, LakeTable } from './table-store.ts';

/**
 * Looks after tables by itself.
 *
 * Contract:
 * M1  Rows are the same before and after, whatever is committed meanwhile: what another commit touched is left as it is.
 * M2  It takes a part of one core, and runs one job at a time.
 * M3  A file is removed when no snapshot names it, nobody holds it, and its time is over.
 */
export interface Maintenance {
  start(): void;
  /** What can be put together of a table, now, in at most so many jobs. */
  compact(table: LakeTable, jobs: number): Promise<Compacted>;
  /** Lets go of old snapshots now, and removes what nothing names. */
  expire(table: LakeTable, asked: AskedRetention): Promise<Expired>;
  close(): Promise<void>;
}

export interface Compacted {
  readonly jobs: number;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly rows: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Jobs that another commit came between of; they are tried again. */
  readonly conflicts: number;
}

export interface Expired {
  readonly snapshots: number;
  readonly files: number;
}

import type { CheckOutcome } from '../engine/protocol.ts';

/** Executions of models, newest kept. */
export interface Run {
  readonly id: string;
  readonly model: string;
  readonly cause: 'schedule' | 'on-change' | 'manual' | 'first';
  readonly state: 'running' | 'succeeded' | 'failed' | 'interrupted';
  readonly startMs: number;
  readonly endMs: number | null;
  readonly rows: number | null;
  readonly error: string | null;
  readonly checks: readonly CheckOutcome[];
}

export interface RunStore {
  /** Writes the run as it is now; durable when it resolves. */
  save(run: Run): Promise<void>;
  /** Newest first. */
  list(limit: number): readonly Run[];
  latest(model: string): Run | undefined;
  /** Removes the runs of a model; durable when it resolves. */
  remove(model: string): Promise<void>;
}

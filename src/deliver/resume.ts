import type { LogPosition } from '../stream/stream-store.ts';
import type { Checkpoint } from './delivery.ts';

/** A log, and where it comes from. */
export interface LogIdentity {
  readonly epoch: string;
  /** The epochs it had before it was put back, the oldest first: each with where the next one begins. */
  readonly lineage: readonly LogPosition[];
  readonly firstSequence: number;
  readonly nextSequence: number;
}

export interface Resumption {
  /** The first record that the target does not have. */
  readonly next: number;
  /**
   * `new`: the target has nothing. `continued`: what it has is what the log has. `diverged`: it has rows, too, of a
   * line that the log was put back from. `foreign`: all it has is of another log.
   */
  readonly state: 'new' | 'continued' | 'diverged' | 'foreign';
  /** Numbers [from, next) of rows that the target has and this log does not, or has for other records. */
  readonly apart?: { readonly from: number; readonly next: number };
  /** For people: what is not as it should be. */
  readonly notice?: string;
}

/**
 * Where a consumer that keeps its own checkpoint goes on in the log as it is now.
 *
 * A log that was put back gives numbers again that its consumers may have. So it has a new epoch from there on, and a
 * lineage; a checkpoint has the lineage of the log it was made on. Up to the end of the last epoch that both have, or
 * the smaller position in it, they agree, and that is where the consumer goes on: never before, or rows would be
 * doubled, and never behind, or records would be passed over.
 */
export function resumeFrom(checkpoint: Checkpoint | undefined, log: LogIdentity): Resumption {
  if (!checkpoint) return { next: log.firstSequence, state: 'new' };
  const { next: has } = checkpoint;
  const agreed = agreement(checkpoint, log);
  if (agreed === undefined)
    return {
      next: log.firstSequence,
      state: 'foreign',
      apart: { from: 0, next: has },
      notice: `what is there was written from another log (epoch ${checkpoint.epoch}); it stays, and this log is read from its beginning, ${log.firstSequence}`,
    };
  if (agreed < log.firstSequence)
    return {
      next: log.firstSequence,
      state: 'diverged',
      ...(has > agreed ? { apart: { from: agreed, next: has } } : {}),
      notice: `records ${agreed} to ${log.firstSequence - 1} were not read before retention removed them; they are missing`,
    };
  if (has <= agreed) return { next: agreed, state: 'continued' };
  return {
    next: agreed,
    state: 'diverged',
    apart: { from: agreed, next: has },
    notice: `the log was put back to ${agreed}, and what is there goes up to ${has - 1}; those rows stay, and records from ${agreed} on are new ones`,
  };
}

/** Below it checkpoint and log are of the same records; undefined where they have no epoch in common. */
function agreement(checkpoint: Checkpoint, log: LogIdentity): number | undefined {
  const line = [...log.lineage, { epoch: log.epoch, next: log.nextSequence }];
  const theirs = [...(checkpoint.lineage ?? []), checkpoint];
  for (const { epoch, next } of line.reverse()) {
    const known = theirs.find((one) => one.epoch === epoch);
    if (known) return Math.min(known.next, next);
  }
  return undefined;
}

/** The epoch in which a number of the log was given. */
export function epochAt(
  { epoch, lineage }: Pick<LogIdentity, 'epoch' | 'lineage'>,
  sequence: number,
): string {
  return lineage.find((one) => sequence < one.next)?.epoch ?? epoch;
}

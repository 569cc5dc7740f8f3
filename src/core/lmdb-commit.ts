import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDiskFull, MillraceError } from './errors.ts';

/** The reason of a failed commit comes a moment after its failure, or, rarely, not at all. */
const REASON_WAIT_MS = 100;

/**
 * Waits for a write to LMDB, which is on disk when it resolves (`overlappingSync` is off). A commit that
 * fails has its reason in a promise of its own: one that nobody waits for would end the process.
 * @throws MillraceError MR_STORAGE_FULL, MR_STORAGE_FAILED
 */
export async function committed<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!(error instanceof Error) || !('commitError' in error)) throw error;
    const told = Promise.resolve(error.commitError).catch((reason: unknown) => reason);
    const reason = await Promise.race([told, sleep(REASON_WAIT_MS, error)]);
    if (isDiskFull(reason)) throw full('The disk is full', reason);
    // A write that was cut short by a full disk is no other error to LMDB than one by a broken disk.
    if (isInputOutputError(reason)) throw full('The disk is full, or it fails', reason);
    throw new MillraceError('MR_STORAGE_FAILED', `This could not be stored: ${error.message}.`, {
      cause: reason,
    });
  }
}

const full = (what: string, cause: unknown): MillraceError =>
  new MillraceError(
    'MR_STORAGE_FULL',
    `${what}: this could not be stored. Free disk space, and try again.`,
    { cause },
  );

const isInputOutputError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === constants.errno.EIO;

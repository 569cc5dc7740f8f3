import type { Clock } from '../core/clock.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';

interface Trimmed {
  readonly stream: string;
  /** Removes what retention has ended; says how many segments. */
  trim(): Promise<number>;
}

/** Trims the streams there are from time to time, one after the other. Returns the way to stop it. */
export function startTrimming(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  streams: () => readonly Trimmed[],
): () => void {
  let cancel = () => {};
  let isStopped = false;
  const trimAll = async (): Promise<void> => {
    for (const { stream, trim } of streams())
      try {
        const segments = await trim();
        if (segments > 0) logger.info({ stream, segments }, 'retention removed segments');
      } catch (error) {
        const { message } = error as Error;
        logger.error({ stream, error: message }, 'retention failed; it is tried again');
      }
    if (!isStopped) schedule();
  };
  const schedule = (): void => {
    cancel = clock.after(LIMITS.retentionCheckMs, () => void trimAll());
  };
  schedule();
  return () => {
    isStopped = true;
    cancel();
  };
}

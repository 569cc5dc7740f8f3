import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { StreamLog } from '../../stream/stream-store.ts';
import type { DeliveryStatus } from '../delivery.ts';

export interface DeliveryLoopOptions {
  readonly log: StreamLog;
  readonly everyMs: number;
  readonly bytesMax: number;
  /** The name under which the delivery holds back retention. */
  readonly consumer: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The first record that is not in the target. */
  readonly next: () => number;
  /** Brings records from `next` on, at most those below `until`; undefined where the batch is to be done again. */
  readonly deliver: (until: number) => Promise<{ readonly rows: number } | undefined>;
}

/** When deliveries begin, and what is known of them: the same for every target. */
export class DeliveryLoop {
  readonly #options: DeliveryLoopOptions;
  readonly #unsubscribe: () => void;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  /** After a failure nothing but the pause, or who asks for it, begins the next try. */
  #isPausing = false;
  #closed = false;
  #status: Omit<DeliveryStatus, 'next' | 'lag'> = {
    deliveries: 0,
    lastMs: null,
    lastRows: null,
    lastDurationMs: null,
    waitingSinceMs: null,
    error: null,
  };

  constructor(options: DeliveryLoopOptions) {
    this.#options = options;
    const { log, consumer, next } = options;
    log.setConsumer(consumer, next());
    this.#unsubscribe = log.onCommit(() => this.wake());
    this.wake();
  }

  status(): DeliveryStatus {
    const next = this.#options.next();
    return { next, lag: this.#options.log.nextSequence - next, ...this.#status };
  }

  /** Looks again what there is to deliver. */
  wake(): void {
    const { log, clock, everyMs, bytesMax, next } = this.#options;
    const waiting = log.nextSequence - next();
    if (waiting > 0 && this.#status.waitingSinceMs === null)
      this.#status = { ...this.#status, waitingSinceMs: clock.now() };
    if (this.#closed || this.#running || this.#isPausing || waiting <= 0) return;
    if (waiting * averageBytes(log) >= bytesMax) {
      this.#start();
      return;
    }
    this.#cancelTimer ??= clock.after(everyMs, () => this.#start());
  }

  #start(): void {
    this.#unpause();
    if (this.#closed) return;
    this.deliverNow().catch((error: Error) => {
      this.#options.logger.error(
        { stream: this.#options.log.name, error: error.message },
        'delivery failed; it is tried again',
      );
    });
  }

  #pause(): void {
    if (this.#closed) return;
    this.#unpause();
    this.#isPausing = true;
    this.#cancelTimer = this.#options.clock.after(LIMITS.deliveryRetryMs, () => this.#start());
  }

  #unpause(): void {
    this.#isPausing = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  async deliverNow(): Promise<void> {
    const { log, next } = this.#options;
    const until = log.nextSequence;
    while (next() < until && !this.#closed) {
      this.#running ??= this.#deliverBatch(until).then(
        () => {
          this.#running = undefined;
          if (this.#isPausing) this.#unpause();
          this.wake();
        },
        (error: Error) => {
          this.#running = undefined;
          this.#pause();
          throw error;
        },
      );
      await this.#running;
    }
  }

  async #deliverBatch(until: number): Promise<void> {
    const { log, consumer, clock, logger, next, deliver } = this.#options;
    const startMs = clock.now();
    try {
      const delivered = await deliver(until);
      if (!delivered) return;
      log.setConsumer(consumer, next());
      this.#status = {
        deliveries: this.#status.deliveries + 1,
        lastMs: clock.now(),
        lastRows: delivered.rows,
        lastDurationMs: clock.now() - startMs,
        waitingSinceMs: this.#waitingSince(until, startMs),
        error: null,
      };
      logger.debug({ stream: log.name, rows: delivered.rows, next: next() }, 'delivered');
    } catch (error) {
      this.#status = { ...this.#status, error: (error as Error).message };
      throw error instanceof MillraceError
        ? error
        : new MillraceError(
            'MR_DELIVERY_FAILED',
            `Delivery of stream '${log.name}' failed: ${(error as Error).message}`,
            { cause: error },
          );
    }
  }

  /** What is beyond `until` came while the batch was written. */
  #waitingSince(until: number, startMs: number): number | null {
    const next = this.#options.next();
    if (next < until) return this.#status.waitingSinceMs;
    return next < this.#options.log.nextSequence ? startMs : null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#unsubscribe();
    // Its error is in the status and in the log already.
    await this.#running?.catch(() => undefined);
  }
}

function averageBytes(log: StreamLog): number {
  const { bytes, records } = log.status();
  return records === 0 ? 0 : bytes / records;
}

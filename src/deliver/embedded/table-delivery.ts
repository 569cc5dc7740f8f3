import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type {
  DeliverRequest,
  DeliverResult,
  EngineStream,
  WrittenFile,
} from '../../engine/protocol.ts';
import type { LakeTable, Properties } from '../../lake/table-store.ts';
import { endOfSlices } from '../../stream/run-columns.ts';
import type { StreamLog } from '../../stream/stream-store.ts';
import {
  CHECKPOINT_PROPERTY,
  checkpointText,
  type Delivery,
  type DeliveryStatus,
  parseCheckpoint,
} from '../delivery.ts';

export interface TableDeliveryOptions {
  readonly log: StreamLog;
  readonly table: LakeTable;
  readonly stream: EngineStream;
  readonly everyMs: number;
  readonly bytesMax: number;
  /** Writes records as Parquet files, in the engine child. */
  readonly write: (request: DeliverRequest) => Promise<DeliverResult>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The name under which the delivery holds back retention. */
const CONSUMER = 'table';

/** Stream → Iceberg table. */
export class TableDelivery implements Delivery {
  readonly stream: string;
  readonly target: string;
  readonly #options: TableDeliveryOptions;
  readonly #unsubscribe: () => void;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #closed = false;
  #status: Omit<DeliveryStatus, 'next' | 'lag'> = {
    deliveries: 0,
    lastMs: null,
    lastRows: null,
    lastDurationMs: null,
    waitingSinceMs: null,
    error: null,
  };

  constructor(options: TableDeliveryOptions) {
    this.#options = options;
    this.stream = options.log.name;
    this.target = `${options.table.namespace}.${options.table.name}`;
    const stored = parseCheckpoint(options.table.properties[CHECKPOINT_PROPERTY]);
    if (stored && stored.epoch !== options.log.epoch)
      options.logger.warn(
        { stream: this.stream, stored: stored.epoch, log: options.log.epoch },
        'the table was filled from another log; delivery starts at the beginning of this one',
      );
    options.log.setConsumer(CONSUMER, this.next);
    this.#unsubscribe = options.log.onCommit(() => this.#schedule());
    this.#schedule();
  }

  /** The first record that is not in the table. */
  get next(): number {
    const stored = parseCheckpoint(this.#options.table.properties[CHECKPOINT_PROPERTY]);
    return stored && stored.epoch === this.#options.log.epoch
      ? stored.next
      : this.#options.log.firstSequence;
  }

  status(): DeliveryStatus {
    return { next: this.next, lag: this.#options.log.nextSequence - this.next, ...this.#status };
  }

  wake(): void {
    this.#options.log.setConsumer(CONSUMER, this.next);
    this.#schedule();
  }

  #schedule(): void {
    const { log, clock, everyMs, bytesMax } = this.#options;
    const waiting = log.nextSequence - this.next;
    if (waiting > 0 && this.#status.waitingSinceMs === null)
      this.#status = { ...this.#status, waitingSinceMs: clock.now() };
    if (this.#closed || this.#running || waiting <= 0) return;
    if (waiting * averageBytes(log) >= bytesMax) {
      this.#start();
      return;
    }
    this.#cancelTimer ??= clock.after(everyMs, () => this.#start());
  }

  #start(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#closed) return;
    this.deliverNow().catch((error: Error) => {
      this.#options.logger.error(
        { stream: this.stream, error: error.message },
        'delivery failed; it is tried again',
      );
      this.#cancelTimer ??= this.#options.clock.after(LIMITS.deliveryRetryMs, () => this.#start());
    });
  }

  async deliverNow(): Promise<void> {
    const until = this.#options.log.nextSequence;
    while (this.next < until && !this.#closed) {
      this.#running ??= this.#deliverBatch(until).finally(() => {
        this.#running = undefined;
        this.#schedule();
      });
      await this.#running;
    }
  }

  async #deliverBatch(until: number): Promise<void> {
    const { log, table, stream, write, clock, logger } = this.#options;
    const startMs = clock.now();
    const from = this.next;
    const were = { [CHECKPOINT_PROPERTY]: table.properties[CHECKPOINT_PROPERTY] };
    try {
      const slices = await log.slices(from, until, LIMITS.deliveryBatchBytesMax);
      const next = Math.min(until, endOfSlices(slices) ?? until);
      const { files, damage, detour } = await write({
        stream,
        slices,
        from,
        until: next,
        ...table.target,
      });
      if (detour !== undefined)
        logger.warn({ stream: this.stream, reason: detour }, 'delivered the slow way');
      for (const place of damage)
        logger.error({ stream: this.stream, place }, 'damaged records were left out of the table');
      const checkpoint = { [CHECKPOINT_PROPERTY]: checkpointText({ epoch: log.epoch, next }) };
      if (!(await this.#append(files, checkpoint, were))) return;
      log.setConsumer(CONSUMER, next);
      const rows = files.reduce((total, file) => total + file.rows, 0);
      this.#status = {
        deliveries: this.#status.deliveries + 1,
        lastMs: clock.now(),
        lastRows: rows,
        lastDurationMs: clock.now() - startMs,
        waitingSinceMs: this.#waitingSince(next, { until, startMs }),
        error: null,
      };
      logger.debug({ stream: this.stream, rows, next }, 'delivered');
    } catch (error) {
      this.#status = { ...this.#status, error: (error as Error).message };
      throw error instanceof MillraceError
        ? error
        : new MillraceError(
            'MR_DELIVERY_FAILED',
            `Delivery of stream '${this.stream}' failed: ${(error as Error).message}`,
            { cause: error },
          );
    }
  }

  /** False where a rollback meanwhile has set the position back: these records are not the next ones then. */
  async #append(
    files: readonly WrittenFile[],
    checkpoint: Properties,
    were: { readonly [name: string]: string | undefined },
  ): Promise<boolean> {
    const { table, logger } = this.#options;
    try {
      await table.append(files, checkpoint, were);
      return true;
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'MR_TABLE_COMMIT_CONFLICT')
        throw error;
      logger.info({ stream: this.stream, reason: error.message }, 'delivered again from its place');
      return false;
    }
  }

  /** After a batch up to `next`: what is beyond `until` came while it was written. */
  #waitingSince(next: number, { until, startMs }: { until: number; startMs: number }) {
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

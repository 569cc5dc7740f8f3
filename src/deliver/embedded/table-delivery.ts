import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type {
  DeliverRequest,
  DeliverResult,
  EngineStream,
  MergeInput,
} from '../../engine/protocol.ts';
import { WORK_FETCH } from '../../lake/data-files.ts';
import { partitionText } from '../../lake/iceberg/live-files.ts';
import type { LakeTable, Merge, Properties, RewriteState, Were } from '../../lake/table-store.ts';
import { endOfSlices } from '../../stream/run-columns.ts';
import type { StreamLog } from '../../stream/stream-store.ts';
import {
  APART_PROPERTY,
  apartText,
  CHECKPOINT_PROPERTY,
  checkpointText,
  type Delivery,
  type DeliveryStatus,
  parseApart,
  parseCheckpoint,
} from '../delivery.ts';
import { type Resumption, resumeFrom } from '../resume.ts';

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
  readonly #resumed: Resumption;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #closed = false;
  /** What this delivery has not said itself, the log and the table say together. */
  #hasDelivered = false;
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
    this.#resumed = resumeFrom(this.#checkpoint, options.log);
    const { notice } = this.#resumed;
    if (notice !== undefined)
      options.logger.error({ stream: this.stream, table: this.target }, notice);
    options.log.setConsumer(CONSUMER, this.next);
    this.#unsubscribe = options.log.onCommit(() => this.#schedule());
    this.#schedule();
  }

  get #checkpoint() {
    return parseCheckpoint(this.#options.table.properties[CHECKPOINT_PROPERTY]);
  }

  /** The first record that is not in the table. */
  get next(): number {
    return this.#hasDelivered ? (this.#checkpoint?.next ?? 0) : this.#resumed.next;
  }

  /** The properties that say where the table is once it has all records below `next`. */
  #progress(next: number): { [name: string]: string } {
    const { log, table } = this.#options;
    const { epoch, lineage } = log;
    const { apart } = this.#resumed;
    const checkpoint = { [CHECKPOINT_PROPERTY]: checkpointText({ epoch, next, lineage }) };
    if (!apart || this.#hasDelivered) return checkpoint;
    const known = parseApart(table.properties[APART_PROPERTY]);
    return { ...checkpoint, [APART_PROPERTY]: apartText([...known, apart]) };
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
    const state = table.rewriting;
    const were = { [CHECKPOINT_PROPERTY]: table.properties[CHECKPOINT_PROPERTY] };
    try {
      const slices = await log.slices(from, until, LIMITS.deliveryBatchBytesMax);
      const next = Math.min(until, endOfSlices(slices) ?? until);
      if (stream.upsert) await table.fetch(state.scan, WORK_FETCH);
      const { files, deletes, damage, detour } = await write({
        stream,
        slices,
        from,
        until: next,
        ...table.target,
        ...(stream.upsert ? { merge: mergeInput(state) } : {}),
      });
      if (detour !== undefined)
        logger.warn({ stream: this.stream, reason: detour }, 'delivered the slow way');
      for (const place of damage)
        logger.error({ stream: this.stream, place }, 'damaged records were left out of the table');
      const progress = this.#progress(next);
      const written = { state, files, deletes: deletes ?? [] };
      if (!(await this.#commit(written, progress, were))) return;
      this.#hasDelivered = true;
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

  /** False where another commit came between: a rollback set the position back, or rows to be replaced are others now. */
  async #commit(written: Merge, progress: Properties, were: Were): Promise<boolean> {
    const { table, stream, logger } = this.#options;
    try {
      if (stream.upsert) await table.merge(written, progress, were);
      else await table.append(written.files, progress, were);
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

/** Files of one partition have their deletes in one file. */
function mergeInput({ live, scan }: RewriteState): MergeInput {
  const groups = new Map<string, number>();
  return {
    scan,
    groups: live.map(({ file, specId }) => {
      const key = `${specId} ${partitionText(file)}`;
      const known = groups.get(key);
      if (known !== undefined) return known;
      groups.set(key, groups.size);
      return groups.size - 1;
    }),
  };
}

function averageBytes(log: StreamLog): number {
  const { bytes, records } = log.status();
  return records === 0 ? 0 : bytes / records;
}

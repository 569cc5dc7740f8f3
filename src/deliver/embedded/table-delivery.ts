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
import { DeliveryLoop } from './delivery-loop.ts';

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
  readonly #resumed: Resumption;
  readonly #loop: DeliveryLoop;
  /** What this delivery has not said itself, the log and the table say together. */
  #hasDelivered = false;

  constructor(options: TableDeliveryOptions) {
    this.#options = options;
    this.stream = options.log.name;
    this.target = `${options.table.namespace}.${options.table.name}`;
    this.#resumed = resumeFrom(this.#checkpoint, options.log);
    const { notice } = this.#resumed;
    if (notice !== undefined)
      options.logger.error({ stream: this.stream, table: this.target }, notice);
    const { log, everyMs, bytesMax, clock, logger } = options;
    this.#loop = new DeliveryLoop({
      log,
      everyMs,
      bytesMax,
      consumer: CONSUMER,
      clock,
      logger,
      next: () => this.next,
      deliver: (until) => this.#deliver(until),
    });
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
    return this.#loop.status();
  }

  wake(): void {
    this.#options.log.setConsumer(CONSUMER, this.next);
    this.#loop.wake();
  }

  async deliverNow(): Promise<void> {
    await this.#loop.deliverNow();
  }

  async close(): Promise<void> {
    await this.#loop.close();
  }

  async #deliver(until: number): Promise<{ rows: number } | undefined> {
    const { log, table, stream, write, logger } = this.#options;
    const from = this.next;
    const state = table.rewriting;
    const were = { [CHECKPOINT_PROPERTY]: table.properties[CHECKPOINT_PROPERTY] };
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
    const written = { state, files, deletes: deletes ?? [] };
    if (!(await this.#commit(written, this.#progress(next), were))) return undefined;
    this.#hasDelivered = true;
    return { rows: files.reduce((total, file) => total + file.rows, 0) };
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

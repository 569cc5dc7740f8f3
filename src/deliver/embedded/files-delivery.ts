import { basename, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { FilesSettings } from '../../definition/files.ts';
import type {
  DeliverFilesRequest,
  DeliverFilesResult,
  EngineStream,
} from '../../engine/protocol.ts';
import { renderSql } from '../../plan/render-sql.ts';
import { endOfSlices } from '../../stream/run-columns.ts';
import type { StreamLog } from '../../stream/stream-store.ts';
import type { Delivery, DeliveryStatus } from '../delivery.ts';
import type { FileTarget } from '../file-target.ts';
import {
  type FilesState,
  filesStateText,
  type PendingFiles,
  parseFilesState,
} from '../files-state.ts';
import { DeliveryLoop } from './delivery-loop.ts';

export interface FilesDeliveryOptions {
  readonly log: StreamLog;
  readonly settings: FilesSettings;
  readonly stream: EngineStream;
  /** Writes records as unfinished files, in the engine child. */
  readonly write: (request: DeliverFilesRequest) => Promise<DeliverFilesResult>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface FilesDeliveryParts extends FilesDeliveryOptions {
  readonly files: FileSystem;
  /** Keeps how far it is. */
  readonly stateFile: string;
  /** @param place as the definition has it */
  readonly targetAt: (place: string) => FileTarget;
}

/** The name under which the delivery holds back retention. */
const CONSUMER = 'files';
const SEQUENCE_DIGITS = 16;

/**
 * Stream → files of a folder or bucket. A batch is written where nobody looks; then its files, their names and where it
 * ends are put down beside the log, in one step; only then do they become visible. A crash before that step leaves
 * nothing, and one after it leaves what the next start goes on with: the same files under the same names.
 */
export class FilesDelivery implements Delivery {
  readonly stream: string;
  readonly target: string;
  readonly #parts: FilesDeliveryParts;
  readonly #loop: DeliveryLoop;
  #state: FilesState;

  private constructor(parts: FilesDeliveryParts, state: FilesState) {
    this.#parts = parts;
    this.#state = state;
    this.stream = parts.log.name;
    this.target = parts.targetAt(parts.settings.to).place;
    const { log, settings, clock, logger } = parts;
    this.#loop = new DeliveryLoop({
      log,
      everyMs: settings.everyMs,
      bytesMax: settings.bytesMax,
      consumer: CONSUMER,
      clock,
      logger,
      next: () => this.#next,
      deliver: (until) => this.#deliver(until),
    });
  }

  static async open(parts: FilesDeliveryParts): Promise<FilesDelivery> {
    const { files, stateFile, log, logger } = parts;
    const stored = await readState(files, stateFile);
    const start = { epoch: log.epoch, next: log.firstSequence };
    if (!stored) return new FilesDelivery(parts, start);
    if (stored.epoch === log.epoch) return new FilesDelivery(parts, stored);
    logger.warn(
      { stream: log.name, stored: stored.epoch, log: log.epoch },
      'the files were delivered from another log; delivery starts at the beginning of this one',
    );
    return new FilesDelivery(parts, {
      ...start,
      ...(stored.pending ? { pending: stored.pending } : {}),
    });
  }

  /** The first record that is in no file. Retention waits for no stream whose definition has no files. */
  get #next(): number {
    return Math.max(this.#state.next, this.#parts.log.firstSequence);
  }

  status(): DeliveryStatus {
    return this.#loop.status();
  }

  wake(): void {
    this.#loop.wake();
  }

  async deliverNow(): Promise<void> {
    await this.#loop.deliverNow();
  }

  async close(): Promise<void> {
    await this.#loop.close();
  }

  async #deliver(until: number): Promise<{ rows: number }> {
    const { pending } = this.#state;
    if (pending) return this.#publish(pending);
    const { log, settings, files, targetAt } = this.#parts;
    const slices = await log.slices(this.#next, until, LIMITS.deliveryBatchBytesMax);
    const next = Math.min(until, endOfSlices(slices) ?? until);
    const folder = targetAt(settings.to).stagingOf(log.epoch);
    // What a crash left there has no names: its records are written again.
    await files.remove(folder);
    await files.makeFolder(folder);
    const written = await this.#write({ slices, until: next, folder });
    const batch: PendingFiles = {
      epoch: log.epoch,
      to: settings.to,
      until: next,
      rows: written.reduce((total, { rows }) => total + rows, 0),
      files: written.map(({ path, name }) => ({ staged: basename(path), name })),
    };
    await this.#save({ ...this.#state, pending: batch });
    return this.#publish(batch);
  }

  async #write(
    batch: Pick<DeliverFilesRequest, 'slices' | 'until' | 'folder'>,
  ): Promise<DeliverFilesResult['files']> {
    const { log, settings, stream, write, logger } = this.#parts;
    const { format, compression, prefix, errorPrefix, partitionKeys } = settings;
    const from = this.#next;
    const { files, damage, detour } = await write({
      ...batch,
      stream: { ...stream, schemas: log.schemas },
      from,
      ...{ format, compression, prefix, errorPrefix },
      partitionKeys: partitionKeys.map(({ name, value }) => ({
        name,
        expression: renderSql(value),
      })),
      name: `${log.name}-${log.epoch}-${String(from).padStart(SEQUENCE_DIGITS, '0')}`,
    });
    const about = { stream: this.stream, target: this.target };
    if (detour !== undefined) logger.warn({ ...about, reason: detour }, 'delivered the slow way');
    for (const place of damage)
      logger.error({ ...about, place }, 'damaged records were left out of the files');
    const misfits = files.filter(({ isError }) => isError).reduce((sum, { rows }) => sum + rows, 0);
    if (misfits > 0)
      logger.warn({ ...about, records: misfits }, 'records without a place are under errorPrefix');
    return files;
  }

  async #publish({ epoch, to, until, rows, files }: PendingFiles): Promise<{ rows: number }> {
    const { log, files: disk, targetAt } = this.#parts;
    const target = targetAt(to);
    const staging = target.stagingOf(epoch);
    for (const { staged, name } of files) await target.publish(join(staging, staged), name);
    const next = epoch === log.epoch ? until : this.#next;
    await this.#save({ epoch: log.epoch, next });
    await disk.remove(staging);
    return { rows };
  }

  async #save(state: FilesState): Promise<void> {
    await this.#parts.files.replaceFile(this.#parts.stateFile, filesStateText(state));
    this.#state = state;
  }
}

async function readState(files: FileSystem, path: string): Promise<FilesState | undefined> {
  if (!(await files.exists(path))) return undefined;
  try {
    return parseFilesState((await files.readFile(path)).toString());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new MillraceError(
      'MR_STORAGE_DAMAGED',
      `${path} does not say any more which records are in files: ${error.message}. Restore it from a backup; or remove it, and every record that is still in the stream is delivered again.`,
      { cause: error },
    );
  }
}

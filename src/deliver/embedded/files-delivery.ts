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
import { type FileTarget, NOTES_FOLDER } from '../file-target.ts';
import {
  type FilesState,
  filesStateText,
  type PendingFiles,
  parseFilesState,
} from '../files-state.ts';
import { resumeFrom } from '../resume.ts';
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
 *
 * The target has a note of the same: a log that was put back is older than its files, and goes on behind them.
 */
export class FilesDelivery implements Delivery {
  readonly stream: string;
  readonly target: string;
  readonly #parts: FilesDeliveryParts;
  readonly #loop: DeliveryLoop;
  /** Of this log, or of one that it was put back from. */
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
      next: () => this.next,
      deliver: (until) => this.#deliver(until),
    });
  }

  static async open(parts: FilesDeliveryParts): Promise<FilesDelivery> {
    const { files, stateFile, log } = parts;
    const stored = await readState(files, stateFile);
    if (stored) return new FilesDelivery(parts, stored);
    const [origin] = log.lineage;
    const start = { epoch: origin?.epoch ?? log.epoch, next: log.firstSequence };
    return new FilesDelivery(parts, start);
  }

  get #isOfLog(): boolean {
    return this.#state.epoch === this.#parts.log.epoch;
  }

  /** The first record that is in no file. Retention waits for no stream whose definition has no files. */
  get next(): number {
    const { firstSequence } = this.#parts.log;
    return this.#isOfLog ? Math.max(this.#state.next, firstSequence) : firstSequence;
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

  async #deliver(until: number): Promise<{ rows: number } | undefined> {
    const { pending } = this.#state;
    if (pending) return this.#publish(pending);
    if (!this.#isOfLog) return this.#resume();
    const { log, settings, files } = this.#parts;
    const slices = await log.slices(this.next, until, LIMITS.deliveryBatchBytesMax);
    const next = Math.min(until, endOfSlices(slices) ?? until);
    const folder = (await this.#targetThere()).stagingOf(log.epoch);
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

  /** One that had files and is away must not be taken for a new one. */
  async #targetThere(): Promise<FileTarget> {
    const { settings, targetAt } = this.#parts;
    const target = targetAt(settings.to);
    if (this.#state.delivered === settings.to) await target.requireThere();
    return target;
  }

  /** Of a log that was put back, or made anew: the target knows best how far its files are. */
  async #resume(): Promise<undefined> {
    const { log, logger } = this.#parts;
    const target = await this.#targetThere();
    const noted = await target.noted(this.#note);
    const known = await settled(noted === undefined ? this.#state : this.#parsed(noted), target);
    const { next, notice } = resumeFrom(known, log);
    if (notice !== undefined) logger.error({ stream: this.stream, target: this.target }, notice);
    const { delivered } = known;
    const placed = delivered === undefined ? {} : { delivered };
    await this.#save({ epoch: log.epoch, next, lineage: log.lineage, ...placed });
    return undefined;
  }

  #parsed(note: string): FilesState {
    try {
      return parseFilesState(note);
    } catch (error) {
      throw new MillraceError(
        'MR_DELIVERY_FAILED',
        `The note '${NOTES_FOLDER}/${this.#note}' in ${this.target} does not say any more how far its files are: ${(error as Error).message}. Remove it, and delivery goes on where the data folder knows of.`,
        { cause: error },
      );
    }
  }

  /** The name of a log is not its own: several pipelines may deliver to one target. */
  get #note(): string {
    const { name, epoch, lineage } = this.#parts.log;
    return `${name}-${lineage[0]?.epoch ?? epoch}`;
  }

  async #write(
    batch: Pick<DeliverFilesRequest, 'slices' | 'until' | 'folder'>,
  ): Promise<DeliverFilesResult['files']> {
    const { log, settings, stream, write, logger } = this.#parts;
    const { format, compression, prefix, errorPrefix, partitionKeys } = settings;
    const from = this.next;
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
    const { files: disk, targetAt } = this.#parts;
    const target = targetAt(to);
    const staging = target.stagingOf(epoch);
    await target.note(this.#note, filesStateText(this.#state));
    for (const { staged, name } of files) await target.publish(join(staging, staged), name);
    const { pending: _, ...position } = this.#state;
    await this.#save({ ...position, next: until, delivered: to });
    await target.note(this.#note, filesStateText(this.#state));
    await disk.remove(staging);
    return { rows };
  }

  async #save(state: FilesState): Promise<void> {
    await this.#parts.files.replaceFile(this.#parts.stateFile, filesStateText(state));
    this.#state = state;
  }
}

/** A batch that was cut off, and whose unfinished files are elsewhere or gone: all of it counts, or nothing is left of it. */
async function settled(
  { pending, ...position }: FilesState,
  target: FileTarget,
): Promise<FilesState> {
  if (!pending) return position;
  let isWhole = true;
  for (const { name } of pending.files) isWhole &&= await target.has(name);
  if (isWhole) return { ...position, next: pending.until };
  for (const { name } of pending.files) await target.remove(name);
  return position;
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

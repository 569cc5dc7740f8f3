import { join } from 'node:path';
import type { Damage } from '../../core/checked-file.ts';
import { readChecked, writeChecked } from '../../core/checked-file.ts';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { Logger } from '../../core/logger.ts';
import { loadCompressor } from '../../wire/seekable-zstd.ts';
import type { RawZone } from '../raw-zone.ts';
import type { LogStatus } from '../stream-store.ts';
import { pack } from './packed-file.ts';
import { RAW_DATA, RAW_INDEX, RAW_KEYS, type RawSegment } from './raw-segment.ts';
import { type Segment, segmentName } from './segment.ts';
import { UnpackedSegments } from './unpacked-segments.ts';

interface Stored {
  readonly format: 2;
  readonly segments: readonly RawSegment[];
}

export interface RawSegmentsOptions {
  readonly stream: string;
  /** In the names of objects: a log that was put back must not write over those of the other. */
  readonly epoch: string;
  /** What the entries of its indexes carry. */
  readonly entriesEpoch: string;
  readonly keepMs: number;
  /** Where segments go from now on, as the definition says it; older ones may be in other places. */
  readonly place: string;
  readonly zoneAt: (place: string) => RawZone;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The log's folder, which has `raw.json`, the list of what is in raw zones. */
  readonly folder: string;
  /** For this log alone, as long as it is open: segments while they are packed, and while they are read. */
  readonly cache: string;
}

export const LIST = 'raw.json';
/** A zone that does not answer is not waited for longer when the log is closed. */
const PATIENCE_MS = 3000;

/**
 * The closed segments of a log that are in raw zones, most of them there alone.
 *
 * First the objects are stored, then `raw.json` names them, and only then may the files of the log go: what is
 * broken off anywhere is done again, with the same names.
 */
export class RawSegments {
  readonly damaged: readonly Damage[];
  readonly #options: RawSegmentsOptions;
  readonly #unpacked: UnpackedSegments;
  readonly #stopping = new AbortController();
  readonly #zones = new Map<string, RawZone>();
  #segments: readonly RawSegment[];
  /** Past their time, and not removed yet. */
  #over: readonly RawSegment[] = [];
  #storing: Promise<void> = Promise.resolve();
  /** Said once, not at every try. */
  #isAway = false;

  private constructor(
    options: RawSegmentsOptions,
    segments: readonly RawSegment[],
    damaged: readonly Damage[],
  ) {
    this.#options = options;
    this.#segments = segments;
    this.damaged = damaged;
    this.#unpacked = new UnpackedSegments({
      ...options,
      zoneOf: (place) => this.#zoneOf(place),
      signal: this.#stopping.signal,
    });
  }

  /**
   * `nextHere`: the number that the log's own segments end at.
   * @throws MillraceError MR_STORAGE_DAMAGED where both copies of the list are damaged, or the log's segments are missing
   */
  static async open(options: RawSegmentsOptions, nextHere: number): Promise<RawSegments> {
    const { files, folder } = options;
    const path = join(folder, LIST);
    const { value, damaged } = await readChecked(files, path);
    if (!value && damaged.length > 0)
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${path} and its copy are damaged: without them what is in the raw zone cannot be read. Restore one of them from a backup, or remove both to go on without it; nothing was changed.`,
      );
    const { segments } = (value ?? { segments: [] }) as Pick<Stored, 'segments'>;
    const next = segments.at(-1)?.nextSequence ?? 0;
    if (next > nextHere)
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${path} names records up to ${next - 1}, but the log in ${folder} ends before ${nextHere}: its segments are missing, and numbers would be used twice. Restore them from a backup, or move the whole folder away to begin anew; nothing was changed.`,
      );
    const opened = new RawSegments(options, segments, damaged);
    // A place that cannot be used is refused now, not when the first segment is closed.
    opened.#zoneOf(options.place);
    return opened;
  }

  /** Every record of a closed segment below is stored here. */
  get nextSequence(): number {
    return this.#segments.at(-1)?.nextSequence ?? 0;
  }

  /**
   * Those that are nowhere else, where the log's own begin at `firstSequence`. Behind a hole, as there is where
   * segments were removed while the stream had no raw zone, nothing is readable in order: those count no more.
   */
  below(firstSequence: number): readonly RawSegment[] {
    const all = this.#segments;
    let end = all.length;
    while (end > 0 && (all[end - 1] as RawSegment).firstSequence >= firstSequence) end -= 1;
    let start = end;
    let next = firstSequence;
    while (start > 0 && (all[start - 1] as RawSegment).nextSequence >= next) {
      start -= 1;
      next = (all[start] as RawSegment).firstSequence;
    }
    return all.slice(start, end);
  }

  /** What the list holds. */
  get stored(): object {
    return { format: 2, segments: [...this.#over, ...this.#segments] } satisfies Stored;
  }

  get status(): LogStatus['raw'] {
    const bytes = this.#segments.reduce((total, { dataBytes }) => total + dataBytes, 0);
    return { segments: this.#segments.length, bytes, nextSequence: this.nextSequence };
  }

  /**
   * Stores those closed that are not here yet, the oldest first; the last of `segments` takes records. What the
   * zone does not take now is tried again next time.
   */
  store(segments: readonly Segment[]): Promise<void> {
    this.#storing = this.#store(segments).then(
      () => {
        this.#isAway = false;
      },
      (error: Error) => this.#failed(error),
    );
    return this.#storing;
  }

  #failed(error: Error): void {
    const { logger, stream } = this.#options;
    if (!this.#isAway && !this.#stopping.signal.aborted)
      logger.warn(
        { stream, error: error.message },
        'closed segments cannot be stored in the raw zone; they stay here until they can',
      );
    this.#isAway = true;
  }

  async #store(segments: readonly Segment[]): Promise<void> {
    for (const [index, segment] of segments.slice(0, -1).entries()) {
      const { firstSequence: next } = segments[index + 1] as Segment;
      if (next === segment.firstSequence || segment.firstSequence < this.nextSequence) continue;
      const stored = await this.#put(segment, next);
      if (this.#stopping.signal.aborted) return;
      await this.#list([...this.#segments, stored]);
    }
  }

  async #put(segment: Segment, nextSequence: number): Promise<RawSegment> {
    const { files, place, cache, stream, epoch } = this.#options;
    const { signal } = this.#stopping;
    const { firstSequence, firstTimeMs, lastTimeMs, dataBytes } = segment;
    const keysBytes = await this.#keysBytes(segment);
    const name = `${stream}/${epoch}/${segmentName(firstSequence)}`;
    const zone = this.#zoneOf(place);
    await files.makeFolder(cache);
    const packed = join(cache, `${segmentName(firstSequence)}.packing`);
    try {
      const compress = await loadCompressor();
      await pack(files, segment.dataFile, packed, { compress, signal });
      await zone.put(`${name}${RAW_DATA}`, packed, signal);
      if (keysBytes > 0) {
        await pack(files, segment.keysFile, packed, { compress, signal });
        await zone.put(`${name}${RAW_KEYS}`, packed, signal);
      }
      await zone.put(`${name}${RAW_INDEX}`, segment.indexFile, signal);
    } finally {
      await files.remove(packed);
    }
    const times = { firstTimeMs, lastTimeMs };
    const keys = keysBytes > 0 ? { keysBytes } : {};
    return { place, name, firstSequence, nextSequence, ...times, dataBytes, ...keys };
  }

  /** Of the partition keys that are there: lost ones, which were named, keep no segment from its place. */
  async #keysBytes({ keysBytes, keysFile }: Segment): Promise<number> {
    if (keysBytes === 0 || (await this.#options.files.exists(keysFile))) return keysBytes;
    const { logger, stream } = this.#options;
    logger.error({ stream, place: keysFile }, 'partition keys are missing; the records are stored');
    return 0;
  }

  /** Nothing is written once the log is closed: another may have opened it. */
  async #list(segments: readonly RawSegment[]): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    const stored: Stored = { format: 2, segments };
    await writeChecked(this.#options.files, join(this.#options.folder, LIST), stored);
    this.#segments = segments;
  }

  /**
   * The segment, its files unpacked; undefined where nothing of it can be read.
   * @throws MillraceError MR_RAW_UNAVAILABLE
   */
  fetch(stored: RawSegment): Promise<Segment | undefined> {
    return this.#unpacked.fetch(stored);
  }

  /** The number of the first of its records that arrived at `timeMs` or later. */
  async firstAtOrAfter(stored: RawSegment, timeMs: number): Promise<number> {
    const segment = await this.fetch(stored);
    const isThere = segment && segment.runs.length > 0 && segment.lastTimeMs >= timeMs;
    return isThere ? segment.runs.firstAtOrAfter(timeMs) : stored.nextSequence;
  }

  /**
   * Removes what is past its time and every consumer has passed, and unpacked files that nobody reads.
   * @throws MillraceError MR_RAW_UNAVAILABLE; what is left is removed next time
   */
  async trim(consumers: Iterable<number>): Promise<void> {
    const { clock, keepMs } = this.#options;
    await this.#unpacked.forgetUnread();
    const passed = Math.min(...consumers, Number.POSITIVE_INFINITY);
    const isOver = ({ lastTimeMs, nextSequence }: RawSegment) =>
      lastTimeMs <= clock.now() - keepMs && nextSequence <= passed;
    const firstKept = this.#segments.findIndex((segment) => !isOver(segment));
    const count = firstKept < 0 ? this.#segments.length : firstKept;
    this.#over = [...this.#over, ...this.#segments.slice(0, count)];
    this.#segments = this.#segments.slice(count);
    if (this.#over.length === 0) return;
    for (const { place, name, keysBytes } of this.#over) {
      this.#stopping.signal.throwIfAborted();
      for (const ending of [RAW_INDEX, RAW_DATA, ...(keysBytes ? [RAW_KEYS] : [])])
        await this.#zoneOf(place).remove(name + ending);
    }
    // Named until they are gone: after a crash they are found again.
    await this.#list(this.#segments);
    this.#over = [];
  }

  #zoneOf(place: string): RawZone {
    const zone = this.#zones.get(place) ?? this.#options.zoneAt(place);
    this.#zones.set(place, zone);
    return zone;
  }

  /** What is under way is given up, and done again next time. False where the zone did not answer to that. */
  async close(): Promise<boolean> {
    const { clock, files, cache } = this.#options;
    this.#stopping.abort();
    let cancel = () => {};
    const late = new Promise<boolean>((resolve) => {
      cancel = clock.after(PATIENCE_MS, () => resolve(false));
    });
    const isDone = await Promise.race([this.#storing.then(() => true), late]);
    cancel();
    await files.remove(cache);
    return isDone;
  }
}

import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { Logger } from '../../core/logger.ts';
import { loadCompressor } from '../../wire/seekable-zstd.ts';
import type { RawZone } from '../raw-zone.ts';
import type { LogStatus } from '../stream-store.ts';
import { readChecked, writeChecked } from './checked-file.ts';
import { pack, unpack } from './packed-file.ts';
import { readClosed } from './recovery.ts';
import { type Damage, type Segment, segmentName } from './segment.ts';

/** A closed segment in a raw zone. */
export interface RawSegment {
  readonly place: string;
  /** What its objects are called, but for `.idx` and `.ndjson.zst`. */
  readonly name: string;
  readonly firstSequence: number;
  readonly nextSequence: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  /** Of the records, before they were packed. */
  readonly dataBytes: number;
}

interface Stored {
  readonly format: 2;
  readonly segments: readonly RawSegment[];
}

export interface RawSegmentsOptions {
  readonly stream: string;
  readonly epoch: string;
  readonly keepMs: number;
  /** Where segments go from now on, as the definition says it; older ones may be in other places. */
  readonly place: string;
  readonly zoneAt: (place: string) => RawZone;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The log's folder, which has `raw.json`, the list of what is in raw zones. */
  readonly folder: string;
  /** Unpacked segments while they are read. */
  readonly cache: string;
}

/** Read again within that time it need not be unpacked again; a reader that was given its name has as long to open it. */
const CACHED_MS = 5 * 60_000;

/**
 * The closed segments of a log that are in raw zones, most of them here alone.
 *
 * First the objects are stored, then `raw.json` names them, and only then may the files of the log go: what is
 * broken off anywhere is done again, with the same names.
 */
export class RawSegments {
  readonly damaged: readonly Damage[];
  readonly #options: RawSegmentsOptions;
  readonly #stopping = new AbortController();
  readonly #zones = new Map<string, RawZone>();
  readonly #cached = new Map<string, { segment: Promise<Segment | undefined>; usedMs: number }>();
  #segments: readonly RawSegment[];
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
  }

  /** @throws MillraceError MR_STORAGE_DAMAGED where both copies of the list are damaged */
  static async open(options: RawSegmentsOptions): Promise<RawSegments> {
    const { files, folder, cache } = options;
    const path = join(folder, LIST);
    const { value, damaged } = await readChecked(files, path);
    if (!value && damaged.length > 0)
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${path} and its copy are damaged: without them what is in the raw zone cannot be read. Restore one of them from a backup, or remove both to go on without it; nothing was changed.`,
      );
    const { segments } = (value ?? { segments: [] }) as Pick<Stored, 'segments'>;
    // What was unpacked for a process that is gone.
    await files.remove(cache);
    const opened = new RawSegments(options, segments, damaged);
    // A place that cannot be used is refused now, not when the first segment is closed.
    opened.#zoneOf(options.place);
    return opened;
  }

  /** Every record of a closed segment below is stored here. */
  get nextSequence(): number {
    return this.#segments.at(-1)?.nextSequence ?? 0;
  }

  get all(): readonly RawSegment[] {
    return this.#segments;
  }

  /** Those that are nowhere else, where the log's own begin at `firstSequence`. */
  below(firstSequence: number): readonly RawSegment[] {
    return this.#segments.filter((segment) => segment.nextSequence <= firstSequence);
  }

  get status(): LogStatus['raw'] {
    const bytes = this.#segments.reduce((total, { dataBytes }) => total + dataBytes, 0);
    return { segments: this.#segments.length, bytes, nextSequence: this.nextSequence };
  }

  /**
   * Stores those of the log's closed segments that are not here yet, the oldest first. What the zone does not
   * take now is tried again next time.
   */
  store(closed: readonly Segment[]): Promise<void> {
    this.#storing = this.#store(closed).then(
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

  async #store(closed: readonly Segment[]): Promise<void> {
    const missing = closed.filter(
      ({ firstSequence, nextSequence }) =>
        nextSequence > firstSequence && firstSequence >= this.nextSequence,
    );
    for (const segment of missing) {
      const stored = await this.#put(segment);
      if (this.#stopping.signal.aborted) return;
      await this.#list([...this.#segments, stored]);
    }
  }

  async #put(segment: Segment): Promise<RawSegment> {
    const { files, place, cache, stream, epoch } = this.#options;
    const zone = this.#zoneOf(place);
    const { firstSequence, nextSequence, firstTimeMs, lastTimeMs, dataBytes } = segment;
    const name = `${stream}/${epoch}/${segmentName(firstSequence)}`;
    await files.makeFolder(cache);
    const packed = join(cache, `${segmentName(firstSequence)}.packing`);
    try {
      const compress = await loadCompressor();
      await pack(files, segment.dataFile, packed, { compress, signal: this.#stopping.signal });
      await zone.put(`${name}${DATA}`, packed);
      await zone.put(`${name}${INDEX}`, segment.indexFile);
    } finally {
      await files.remove(packed);
    }
    return { place, name, firstSequence, nextSequence, firstTimeMs, lastTimeMs, dataBytes };
  }

  async #list(segments: readonly RawSegment[]): Promise<void> {
    const stored: Stored = { format: 2, segments };
    await writeChecked(this.#options.files, join(this.#options.folder, LIST), stored);
    this.#segments = segments;
  }

  /**
   * The segment, its files unpacked; undefined where nothing of it can be read.
   * @throws MillraceError MR_RAW_UNAVAILABLE
   */
  async fetch(stored: RawSegment): Promise<Segment | undefined> {
    const { clock } = this.#options;
    const known = this.#cached.get(stored.name);
    if (known) {
      known.usedMs = clock.now();
      return known.segment;
    }
    const segment = this.#unpacked(stored);
    this.#cached.set(stored.name, { segment, usedMs: clock.now() });
    // What could not be had is asked for again.
    segment.catch(() => this.#cached.delete(stored.name));
    return segment;
  }

  async #unpacked(stored: RawSegment): Promise<Segment | undefined> {
    const { place, name, firstSequence } = stored;
    const { files, cache, epoch } = this.#options;
    const from = this.#zoneOf(place);
    await files.makeFolder(cache);
    const base = join(cache, segmentName(firstSequence));
    const packed = `${base}.packed`;
    try {
      await from.get(`${name}${INDEX}`, `${base}.idx`);
      await from.get(`${name}${DATA}`, packed);
      if (!(await unpack(files, packed, `${base}.ndjson`))) {
        this.#say(`${place}/${name}: records ${firstSequence} to ${stored.nextSequence - 1}`);
        return undefined;
      }
    } finally {
      await files.remove(packed);
    }
    const { segment, damaged } = await readClosed(files, cache, firstSequence, {
      epoch: Buffer.from(epoch.replaceAll('-', ''), 'hex'),
      next: stored.nextSequence,
    });
    for (const { text } of damaged) this.#say(`${place}/${name}, ${text}`);
    return segment;
  }

  #say(place: string): void {
    const { logger, stream } = this.#options;
    logger.error({ stream, place }, 'damaged raw zone; reading goes on behind it');
  }

  /** The number of the first of its records that arrived at `timeMs` or later. */
  async firstAtOrAfter(stored: RawSegment, timeMs: number): Promise<number> {
    const segment = await this.fetch(stored);
    return segment ? segment.runs.firstAtOrAfter(timeMs) : stored.nextSequence;
  }

  /** Removes what is past its time and every consumer has passed, and unpacked files that nobody reads. */
  async trim(consumers: Iterable<number>): Promise<number> {
    const { clock, keepMs } = this.#options;
    const now = clock.now();
    await this.#forgetUnread(now);
    const passed = Math.min(...consumers, Number.POSITIVE_INFINITY);
    const isOver = ({ lastTimeMs, nextSequence }: RawSegment) =>
      lastTimeMs <= now - keepMs && nextSequence <= passed;
    const firstKept = this.#segments.findIndex((segment) => !isOver(segment));
    const over = this.#segments.slice(0, firstKept < 0 ? this.#segments.length : firstKept);
    if (over.length === 0) return 0;
    // Not named any more they are not read any more; an object that then stays is only litter.
    await this.#list(this.#segments.slice(over.length));
    for (const { place, name } of over) {
      const zone = this.#zoneOf(place);
      await zone.remove(`${name}${INDEX}`);
      await zone.remove(`${name}${DATA}`);
    }
    return over.length;
  }

  #zoneOf(place: string): RawZone {
    const zone = this.#zones.get(place) ?? this.#options.zoneAt(place);
    this.#zones.set(place, zone);
    return zone;
  }

  async #forgetUnread(now: number): Promise<void> {
    const { files } = this.#options;
    for (const [name, { segment, usedMs }] of this.#cached) {
      if (usedMs > now - CACHED_MS) continue;
      this.#cached.delete(name);
      const found = await segment.catch(() => undefined);
      if (!found) continue;
      await files.remove(found.dataFile);
      await files.remove(found.indexFile);
    }
  }

  /** What is under way is given up, and done again next time; a zone that does not answer is not waited for. */
  async close(): Promise<void> {
    const { clock, files, cache } = this.#options;
    this.#stopping.abort();
    let cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(PATIENCE_MS, resolve);
    });
    await Promise.race([this.#storing, late]);
    cancel();
    await files.remove(cache);
  }
}

const PATIENCE_MS = 3000;
const LIST = 'raw.json';
const DATA = '.ndjson.zst';
const INDEX = '.idx';

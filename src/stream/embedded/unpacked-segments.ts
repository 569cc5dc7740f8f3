import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { Logger } from '../../core/logger.ts';
import type { RawZone } from '../raw-zone.ts';
import { unpack } from './packed-file.ts';
import { RAW_DATA, RAW_INDEX, RAW_KEYS, type RawSegment } from './raw-segment.ts';
import { readClosed } from './recovery.ts';
import { type Segment, segmentName } from './segment.ts';

export interface UnpackedSegmentsOptions {
  readonly stream: string;
  readonly entriesEpoch: string;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cache: string;
  readonly zoneOf: (place: string) => RawZone;
  readonly signal: AbortSignal;
}

interface Unpacked {
  readonly folder: string;
  readonly segment: Promise<Segment | undefined>;
  usedMs: number;
}

/** Whoever was given a file's name has as long to open it. */
const GRACE_MS = 30_000;
/** Read again within that time it need not be unpacked again. */
const KEPT_MS = 5 * 60_000;
const KEPT_MAX = 4;

/** Segments of raw zones as the files they were, while they are read: some of them, for a while. */
export class UnpackedSegments {
  readonly #options: UnpackedSegmentsOptions;
  readonly #unpacked = new Map<string, Unpacked>();
  /** Each has a folder of its own, so that none is removed under another. */
  #counter = 0;

  constructor(options: UnpackedSegmentsOptions) {
    this.#options = options;
  }

  /**
   * Undefined where nothing of it can be read, which is said.
   * @throws MillraceError MR_RAW_UNAVAILABLE
   */
  async fetch(stored: RawSegment): Promise<Segment | undefined> {
    const { clock, cache } = this.#options;
    await this.#forgetGone(stored.name);
    const known = this.#unpacked.get(stored.name);
    if (known) {
      known.usedMs = clock.now();
      return known.segment;
    }
    const folder = join(cache, String(this.#counter++));
    const segment = this.#unpack(stored, folder);
    const entry = { folder, segment, usedMs: clock.now() };
    this.#unpacked.set(stored.name, entry);
    // What could not be had is asked for again.
    segment.catch(() => this.#forget(stored.name, entry));
    await this.forgetUnread();
    return segment;
  }

  /** Somebody may have emptied the cache. */
  async #forgetGone(name: string): Promise<void> {
    const known = this.#unpacked.get(name);
    const segment = await known?.segment;
    if (segment && !(await this.#options.files.exists(segment.dataFile))) this.#forget(name, known);
  }

  /** Another may have unpacked it again meanwhile: that stays. */
  #forget(name: string, entry: Unpacked | undefined): void {
    if (this.#unpacked.get(name) === entry) this.#unpacked.delete(name);
  }

  async #unpack(stored: RawSegment, folder: string): Promise<Segment | undefined> {
    const { files, zoneOf, entriesEpoch, signal } = this.#options;
    const { place, name, firstSequence, nextSequence, keysBytes = 0 } = stored;
    const base = join(folder, segmentName(firstSequence));
    const packed = `${base}.packed`;
    await files.makeFolder(folder);
    try {
      const zone = zoneOf(place);
      const hasIndex = await zone.get(`${name}${RAW_INDEX}`, `${base}.idx`, signal);
      const hasData = hasIndex && (await zone.get(`${name}${RAW_DATA}`, packed, signal));
      if (!hasData || !(await unpack(files, packed, `${base}.ndjson`))) {
        this.#say(`${place}/${name}: records ${firstSequence} to ${nextSequence - 1}`);
        await files.remove(folder);
        return undefined;
      }
      const hasKeys =
        keysBytes === 0 ||
        ((await zone.get(`${name}${RAW_KEYS}`, packed, signal)) &&
          (await unpack(files, packed, `${base}.keys`)));
      if (!hasKeys)
        this.#say(`${place}/${name}: partition keys of ${firstSequence} to ${nextSequence - 1}`);
      await files.remove(packed);
    } catch (error) {
      await files.remove(folder);
      throw error;
    }
    const { segment, damaged } = await readClosed(files, folder, firstSequence, {
      epoch: Buffer.from(entriesEpoch.replaceAll('-', ''), 'hex'),
      next: nextSequence,
    });
    for (const { text } of damaged) this.#say(`${place}/${name}, ${text}`);
    return segment;
  }

  #say(place: string): void {
    const { logger, stream } = this.#options;
    logger.error({ stream, place }, 'damaged raw zone; reading goes on behind it');
  }

  /** Removes what nobody has asked for lately: a replay of a year passes through, and does not fill the disk. */
  async forgetUnread(): Promise<void> {
    const { files, clock } = this.#options;
    const now = clock.now();
    const byUse = [...this.#unpacked].sort(([, a], [, b]) => b.usedMs - a.usedMs);
    for (const [place, [name, { folder, segment, usedMs }]] of byUse.entries()) {
      if (usedMs > now - (place < KEPT_MAX ? KEPT_MS : GRACE_MS)) continue;
      this.#unpacked.delete(name);
      await segment.catch(() => undefined);
      await files.remove(folder);
    }
  }
}

import { basename, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import {
  type Claim,
  type DedupeSettings,
  type DedupeWindow,
  ID_WORDS,
  type IdBatch,
} from '../dedupe-window.ts';
import { IdSlice, type SliceFacts, writeSlice } from './id-slice.ts';
import { IdTable } from './id-table.ts';
import { readStoredIds } from './stored-ids.ts';

export interface SlicedDedupeOptions extends DedupeSettings {
  readonly files: FileSystem;
  /** Of this window alone. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ids of a slice; smaller in tests. */
  readonly sliceIdsMax?: number;
}

const SLICE_IDS_MAX = 1_000_000;
/** A window is made of some slices, so that the oldest can go; shorter ones stay in memory. */
const SLICES_PER_WINDOW = 4;
const SLICE_MS_MIN = 60_000;

/** A table that is being written. */
interface Closing extends SliceFacts {
  readonly table: IdTable;
}

/** What a request has claimed. */
interface InFlight {
  /** Its records get sequence numbers from here on. */
  readonly from: number;
  readonly settled: Promise<void>;
}

/**
 * The window as slices of hashes: the newest in memory, older ones in files that a Bloom filter keeps from
 * being read in vain. Files hold nothing that the log does not: what is missing is read from there again.
 */
export class SlicedDedupeWindow implements DedupeWindow {
  readonly #options: SlicedDedupeOptions;
  readonly #slices: IdSlice[];
  readonly #claimed = new Map<string, InFlight>();
  readonly #inFlight = new Set<InFlight>();
  #table: IdTable;
  #closing: Closing[] = [];
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: SlicedDedupeOptions, slices: IdSlice[]) {
    this.#options = options;
    this.#slices = slices;
    this.#table = new IdTable(options.clock.now());
  }

  static async open(options: SlicedDedupeOptions): Promise<SlicedDedupeWindow> {
    const slices = await openSlices(options);
    const window = new SlicedDedupeWindow(options, slices);
    const { log, ids, files } = options;
    const from = Math.max(slices.at(-1)?.until ?? 0, log.firstRetained);
    for await (const batch of readStoredIds({
      log,
      ids,
      files,
      from,
      sinceMs: window.#sinceMs(),
    })) {
      for (let at = 0; at < batch.words.length; at += ID_WORDS)
        window.#add(batch.words, at, batch.timeMs);
      window.#closeTable(batch.until);
    }
    return window;
  }

  #sinceMs(): number {
    return this.#options.clock.now() - this.#options.withinMs + 1;
  }

  #add(words: Uint32Array, at: number, timeMs: number): void {
    if (this.#table.count === 0) this.#table = new IdTable(timeMs);
    this.#table.add(words, at, timeMs);
  }

  async claim(ids: IdBatch): Promise<Claim> {
    this.#refuseTooMany();
    const duplicate = new Uint8Array(ids.count);
    const others = new Set<Promise<void>>();
    const own = createInFlight(this.#options.log.nextSequence);
    const sinceMs = this.#sinceMs();
    const claimed = new Map<string, number>();
    const looks: Promise<void>[] = [];
    this.#inFlight.add(own.entry);
    for (let id = 0; id < ids.count; id++) {
      if (ids.present[id] === 0) continue;
      const at = id * ID_WORDS;
      const key = keyOf(ids.words, at);
      const other = this.#claimed.get(key);
      if (other || this.#isInMemory(ids.words, at, sinceMs)) {
        duplicate[id] = 1;
        if (other && other !== own.entry) others.add(other.settled);
        continue;
      }
      this.#claimed.set(key, own.entry);
      claimed.set(key, at);
      const maybe = this.#slices.filter(
        (slice) => slice.lastMs >= sinceMs && slice.mayHave(ids.words, at),
      );
      if (maybe.length === 0) continue;
      looks.push(
        isInSlices(maybe, ids.words, at, sinceMs).then((isThere) => {
          if (!isThere) return;
          duplicate[id] = 1;
          claimed.delete(key);
          this.#claimed.delete(key);
        }),
      );
    }
    const release = () => {
      for (const key of claimed.keys()) this.#claimed.delete(key);
      this.#inFlight.delete(own.entry);
    };
    try {
      await Promise.all(looks);
    } catch (error) {
      release();
      own.reject(error);
      throw error;
    }
    return {
      duplicate,
      duplicates: duplicate.reduce((sum, one) => sum + one, 0),
      others: allOf(others),
      stored: () => {
        release();
        const timeMs = this.#options.clock.now();
        for (const at of claimed.values()) this.#add(ids.words, at, timeMs);
        this.#closeTable(this.#coveredUntil());
        own.resolve();
      },
      failed: (error) => {
        release();
        own.reject(error);
      },
    };
  }

  #refuseTooMany(): void {
    const closing = this.#closing.reduce((sum, { table }) => sum + table.count, 0);
    const kept = this.#slices.reduce((sum, { count }) => sum + count, closing + this.#table.count);
    if (kept + this.#claimed.size < LIMITS.dedupeIdsMax) return;
    throw new MillraceError(
      'MR_OVERLOADED',
      `Stream '${this.#options.log.name}' has ${kept} ids within ${this.#options.withinMs / 1000} s, as many as it can tell apart. Send again later, or shorten \`dedupe.within\`.`,
    );
  }

  #isInMemory(words: Uint32Array, at: number, sinceMs: number): boolean {
    const isIn = (table: IdTable) =>
      (table.timeOf(words, at) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
    return isIn(this.#table) || this.#closing.some(({ table }) => isIn(table));
  }

  /** Ids of all records below here are in tables or slices: what is claimed lies behind. */
  #coveredUntil(): number {
    let until = this.#options.log.nextSequence;
    for (const { from } of this.#inFlight) until = Math.min(until, from);
    return until;
  }

  /** Begins a new table where this one is full or old. */
  #closeTable(until: number): void {
    const { withinMs, clock, sliceIdsMax = SLICE_IDS_MAX } = this.#options;
    const age = Math.max(withinMs / SLICES_PER_WINDOW, SLICE_MS_MIN);
    const table = this.#table;
    if (table.count < sliceIdsMax && clock.now() - table.baseMs < age) return;
    this.#table = new IdTable(clock.now());
    if (table.count === 0) return;
    this.#closing.push({ table, until, lastMs: table.lastMs });
    this.#writing = this.#writing.then(() => this.#writeClosing());
  }

  /** What cannot be written stays in memory, and is tried again with the next. */
  async #writeClosing(): Promise<void> {
    const { files, folder, logger, log } = this.#options;
    try {
      for (let next = this.#closing[0]; next; next = this.#closing[0]) {
        if (next.lastMs >= this.#sinceMs()) {
          const path = join(folder, `${String(next.until).padStart(16, '0')}.ids`);
          await writeSlice(files, path, next.table, next.until, this.#sinceMs());
          const slice = await IdSlice.open(files, path);
          if (slice) this.#slices.push(slice);
        }
        this.#closing.shift();
      }
      while (this.#slices[0] && this.#slices[0].lastMs < this.#sinceMs())
        await removeSlice(files, this.#slices.shift() as IdSlice);
    } catch (error) {
      logger.warn(
        { stream: log.name, error: (error as Error).message },
        'ids of records stay in memory: they could not be written',
      );
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    for (const slice of this.#slices) await slice.close();
  }
}

/** A request whose own records fail does not wait for the others. */
function allOf(others: Iterable<Promise<void>>): Promise<void> {
  const all = Promise.all(others).then(() => undefined);
  all.catch(() => undefined);
  return all;
}

/** A hash as a text of six characters: maps know no other key of more than 53 bits. */
function keyOf(words: Uint32Array, at: number): string {
  const [a, b, c] = [words[at], words[at + 1], words[at + 2]] as [number, number, number];
  return String.fromCharCode(a >>> 16, a & 0xffff, b >>> 16, b & 0xffff, c >>> 16, c & 0xffff);
}

function createInFlight(from: number) {
  let resolve = () => {};
  let reject: (error: unknown) => void = () => {};
  const settled = new Promise<void>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  // Most claims have no one waiting for them.
  settled.catch(() => undefined);
  return { entry: { from, settled }, resolve, reject };
}

async function isInSlices(
  slices: readonly IdSlice[],
  words: Uint32Array,
  at: number,
  sinceMs: number,
): Promise<boolean> {
  for (const slice of slices)
    if (((await slice.timeOf(words, at)) ?? Number.NEGATIVE_INFINITY) >= sinceMs) return true;
  return false;
}

/** The slices that are of this log and field, sound, and in time; the others are removed. */
async function openSlices({
  files,
  folder,
  log,
  ids,
  clock,
  withinMs,
  logger,
}: SlicedDedupeOptions): Promise<IdSlice[]> {
  await files.makeFolder(folder);
  const paths = (await files.list(folder))
    .filter(({ name }) => name.endsWith('.ids'))
    .map(({ name }) => join(folder, name));
  const description = join(folder, 'window.json');
  const wanted = `${JSON.stringify({ format: 1, epoch: log.epoch, by: ids.field })}\n`;
  const isKnown =
    (await files.exists(description)) && (await files.readFile(description)).toString() === wanted;
  const slices: IdSlice[] = [];
  let isSound = isKnown;
  for (const path of paths) {
    const slice = isSound ? await IdSlice.open(files, path) : undefined;
    // What is behind a damaged one was closed later: all of it is read again.
    if (!slice && isSound)
      logger.warn({ stream: log.name, file: basename(path) }, 'damaged ids are read from the log');
    isSound &&= slice !== undefined;
    if (slice && slice.lastMs > clock.now() - withinMs) slices.push(slice);
    else if (slice) await removeSlice(files, slice);
    else await files.remove(path);
  }
  if (!isKnown) await files.replaceFile(description, wanted);
  return slices;
}

async function removeSlice(files: FileSystem, slice: IdSlice): Promise<void> {
  await slice.close();
  await files.remove(slice.path);
}

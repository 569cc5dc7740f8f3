import { crc32 } from 'node:zlib';
import { MillraceError, systemErrorCode } from '../core/errors.ts';
import type { FileHandle, FileSystem } from '../core/file-system.ts';
import { LIMITS } from '../core/limits.ts';
import type { RecordSink } from './record-lines.ts';
import { endOfSlices, RUN, RUN_COLUMNS } from './run-columns.ts';
import { placeOfRun, type RunPlace, readSpans, runOfSpan } from './run-reader.ts';
import type { LogSlice, StreamLog } from './stream-store.ts';

/**
 * Reads records of a log back, a piece at a time.
 *
 * Contract (each number has a test of that name in test/stream/record-reader.test.ts):
 * L1  The pieces put together are the records of [from, until) that pass the filters, each once, in the
 *     order of the log. A reader that starts at `position` of another one goes on where that one was.
 * L2  A reader sees only what is durable, also of a log that is being written.
 * L3  Between two pieces a reader holds its place and no bytes. A piece ends behind the record that
 *     makes it reach `readerPieceBytesMax`; what is read for it goes into the buffer it is lent.
 * L4  Damaged records are named where they would stand, and those behind them are read.
 * L5  The bytes of a record are those that are stored. A record that cannot have the wanted key is not parsed.
 * L6  Records that retention took before they were read are an error, never left out.
 */
export interface ReadRequest {
  readonly from: number;
  /** Exclusive. */
  readonly until: number | undefined;
  /** Only records that arrived then or later. */
  readonly sinceMs: number | undefined;
  readonly shards: ReadonlySet<number> | undefined;
  readonly key: KeyFilter | undefined;
  /** So many records at most. */
  readonly limit: number | undefined;
}

/** Records whose key field has one value. */
export interface KeyFilter {
  /** Looks at bytes of one or more records only; false where none of them can match. */
  mayMatch(bytes: Buffer): boolean;
  /** Decides about one record. */
  matches(line: Buffer, schemaVersion: number): boolean;
}

export type ReadableLog = Pick<StreamLog, 'name' | 'firstSequence' | 'nextSequence' | 'slices'>;

/** A run of more than a window: checked once as a whole, then read window by window. */
interface LongRun {
  readonly file: string;
  readonly position: number;
  /** Bytes that were used, and the number of the record behind them. */
  at: number;
  sequence: number;
}

interface WantedRuns {
  readonly slices: readonly LogSlice[];
  /** Behind the runs that were looked at. */
  readonly end: number;
}

const NEWLINE = 10;

export class RecordReader {
  readonly #files: FileSystem;
  readonly #request: ReadRequest;
  readonly #until: number;
  #position: number;
  #left: number;
  #long: LongRun | undefined;

  constructor(files: FileSystem, request: ReadRequest) {
    this.#files = files;
    this.#request = request;
    this.#position = request.from;
    this.#until = request.until ?? Number.POSITIVE_INFINITY;
    this.#left = request.limit ?? Number.POSITIVE_INFINITY;
  }

  /** Every record below it was read or passed over. */
  get position(): number {
    return this.#position;
  }

  /** Records that are left of the limit. */
  get left(): number | undefined {
    return Number.isFinite(this.#left) ? this.#left : undefined;
  }

  /** Why there is nothing more to read, whatever comes; undefined while there may be. */
  get done(): 'until' | 'limit' | undefined {
    if (this.#left === 0) return 'limit';
    return this.#position >= this.#until ? 'until' : undefined;
  }

  /**
   * Gives the next piece to `sink`: nothing where nothing passed, or the log has nothing new. `buffer` is used
   * meanwhile.
   *
   * @throws MillraceError MR_STREAM_EXPIRED
   */
  async next(log: ReadableLog, buffer: Buffer, sink: RecordSink): Promise<void> {
    try {
      await this.#read(log, sink, buffer);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      // Retention may take a segment between its listing and its opening,
      refuseExpired(log, this.#position);
      // or have it go to the raw zone: it is listed from there now.
      if (sink.length === 0) await this.#read(log, sink, buffer);
    }
  }

  async #read(log: ReadableLog, lines: RecordSink, buffer: Buffer): Promise<void> {
    refuseExpired(log, this.#position);
    const until = Math.min(this.#until, log.nextSequence);
    if (this.done || this.#position >= until) return;
    const slices = await log.slices(this.#position, until, LIMITS.readerWindowBytes);
    refuseExpired(log, this.#position);
    const { slices: wanted, end } = this.#wanted(slices, until);
    const gaps = gapsOf(slices, this.#position, end);
    const [first] = wanted;
    if (first && isLong(first.runs)) return this.#takeLong(first, until, gaps, lines, buffer);
    for await (const span of readSpans(this.#files, wanted, 'read', buffer)) {
      for (let index = 0; index < span.runs.length / RUN_COLUMNS; index++) {
        const run = runOfSpan(span, index);
        tellGaps(gaps, run.firstSequence, lines);
        const last = run.firstSequence + run.count - 1;
        if (run.damage !== undefined) this.#damaged(run.firstSequence, last, run.shard, lines);
        else this.#takeLines(run.bytes, run.firstSequence, run, until, lines);
        if (this.#position <= last) return;
      }
    }
    tellGaps(gaps, end, lines);
    this.#position = end;
  }

  /** The runs that may hold wanted records: short ones, or a single long one. */
  #wanted(slices: readonly LogSlice[], until: number): WantedRuns {
    const wanted: LogSlice[] = [];
    for (const { file, keysFile, runs } of slices) {
      const kept: number[] = [];
      for (let at = 0; at < runs.length; at += RUN_COLUMNS) {
        const row = runs.subarray(at, at + RUN_COLUMNS);
        if (!this.#mayHold(row)) continue;
        const isFirst = wanted.length === 0 && kept.length === 0;
        if (isLong(row) && isFirst)
          return { slices: [{ file, keysFile, runs: row }], end: Math.min(until, endOf(row)) };
        if (isLong(row)) {
          if (kept.length > 0) wanted.push({ file, keysFile, runs: Float64Array.from(kept) });
          return { slices: wanted, end: row[RUN.firstSequence] as number };
        }
        kept.push(...row);
      }
      if (kept.length > 0) wanted.push({ file, keysFile, runs: Float64Array.from(kept) });
    }
    return { slices: wanted, end: Math.min(until, endOfSlices(slices) ?? until) };
  }

  #mayHold(row: Float64Array): boolean {
    const { shards, sinceMs } = this.#request;
    if (shards && !shards.has(row[RUN.shard] as number)) return false;
    return sinceMs === undefined || (row[RUN.timeMs] as number) >= sinceMs;
  }

  async #takeLong(
    { file, keysFile, runs: row }: LogSlice,
    until: number,
    gaps: Gap[],
    lines: RecordSink,
    buffer: Buffer,
  ): Promise<void> {
    const place = placeOfRun(row, keysFile);
    const [position, length] = [row[RUN.position] as number, row[RUN.length] as number];
    tellGaps(gaps, place.firstSequence, lines);
    const handle = await this.#files.open(file, 'read');
    try {
      if (this.#long?.file !== file || this.#long.position !== position) {
        if (!(await isSound(handle, row, buffer)))
          return this.#damaged(place.firstSequence, endOf(row) - 1, place.shard, lines);
        this.#long = { file, position, at: 0, sequence: place.firstSequence };
      }
      const long = this.#long;
      const rest = Math.min(length - long.at, buffer.length);
      const short = Math.min(rest, LIMITS.readerWindowBytes);
      let bytes = await handle.read(position + long.at, short, buffer);
      if (bytes.indexOf(NEWLINE) === -1)
        bytes = await handle.read(position + long.at, rest, buffer);
      // Sound a moment ago: the disk lost it since.
      if (bytes.indexOf(NEWLINE) === -1)
        return this.#damaged(long.sequence, endOf(row) - 1, place.shard, lines);
      const used = this.#takeLines(bytes, long.sequence, place, until, lines);
      long.at += used.bytes;
      long.sequence = used.next;
    } finally {
      await handle.close();
    }
  }

  /** Writes those that pass of the records in `bytes`, until the piece, the range or the limit ends. */
  #takeLines(
    bytes: Buffer,
    first: number,
    place: RunPlace,
    until: number,
    lines: RecordSink,
  ): { bytes: number; next: number } {
    const { key } = this.#request;
    const none = key?.mayMatch(bytes) === false;
    let [at, sequence] = [0, first];
    lines.startRun(place);
    while (sequence < until && this.#left > 0 && lines.length < LIMITS.readerPieceBytesMax) {
      const end = bytes.indexOf(NEWLINE, at);
      if (end === -1) break;
      if (
        !none &&
        sequence >= this.#position &&
        passes(bytes.subarray(at, end), place.schemaVersion, key)
      ) {
        lines.record(sequence, bytes, at, end);
        this.#left -= 1;
      }
      sequence += 1;
      at = end + 1;
    }
    this.#position = Math.max(this.#position, sequence);
    return { bytes: at, next: sequence };
  }

  #damaged(first: number, last: number, shard: number, lines: RecordSink): void {
    const end = Math.min(last + 1, this.#until);
    lines.damaged({ first: Math.max(first, this.#position), last: end - 1, shard });
    this.#position = end;
    this.#long = undefined;
  }
}

function passes(line: Buffer, schemaVersion: number, key: KeyFilter | undefined): boolean {
  return key === undefined || (key.mayMatch(line) && key.matches(line, schemaVersion));
}

const endOf = (row: Float64Array): number =>
  (row[RUN.firstSequence] as number) + (row[RUN.count] as number);

const isLong = (row: Float64Array): boolean =>
  (row[RUN.length] as number) > LIMITS.readerWindowBytes;

/** Numbers that no run holds: their index entry is lost. */
interface Gap {
  readonly first: number;
  readonly last: number;
}

function gapsOf(slices: readonly LogSlice[], from: number, end: number): Gap[] {
  const gaps: Gap[] = [];
  let next = from;
  for (const { runs } of slices) {
    for (let at = 0; at < runs.length && next < end; at += RUN_COLUMNS) {
      const row = runs.subarray(at, at + RUN_COLUMNS);
      const first = Math.min(end, row[RUN.firstSequence] as number);
      if (first > next) gaps.push({ first: next, last: first - 1 });
      next = Math.max(next, endOf(row));
    }
  }
  if (next < end) gaps.push({ first: next, last: end - 1 });
  return gaps;
}

/** Writes the gaps in front of `before`. */
function tellGaps(gaps: Gap[], before: number, lines: RecordSink): void {
  while (gaps[0] && gaps[0].first < before) lines.damaged(gaps.shift() as Gap);
}

async function isSound(handle: FileHandle, row: Float64Array, buffer: Buffer): Promise<boolean> {
  const [position, length] = [row[RUN.position] as number, row[RUN.length] as number];
  let crc = 0;
  for (let at = 0; at < length; ) {
    const bytes = await handle.read(position + at, Math.min(buffer.length, length - at), buffer);
    if (bytes.length === 0) return false;
    crc = crc32(bytes, crc);
    at += bytes.length;
  }
  return crc === row[RUN.crc];
}

/** @throws MillraceError MR_STREAM_EXPIRED where retention took the record at `position`. */
export function refuseExpired(log: ReadableLog, position: number): void {
  if (position >= log.firstSequence) return;
  const oldest = String(log.firstSequence);
  throw new MillraceError(
    'MR_STREAM_EXPIRED',
    `Record ${position} of stream '${log.name}' is no longer kept; the oldest has number ${oldest}. Read on with from=earliest, or from=${oldest}.`,
    { details: { oldest } },
  );
}

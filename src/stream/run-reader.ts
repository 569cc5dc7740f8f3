import { crc32 } from 'node:zlib';
import { alignedBuffer } from '../core/aligned-buffer.ts';
import { type FileSystem, SECTOR_BYTES } from '../core/file-system.ts';
import { keysExtent, RUN, RUN_COLUMNS } from './run-columns.ts';
import type { LogSlice } from './stream-store.ts';

/** Where the partition keys lie that producers gave the records of a run. */
export interface KeysPlace {
  readonly file: string;
  readonly position: number;
  readonly length: number;
}

/** What the records of a run have in common. */
export interface RunPlace {
  readonly firstSequence: number;
  readonly shard: number;
  readonly timeMs: number;
  readonly schemaVersion: number;
  /** Undefined where no producer gave any. */
  readonly keys?: KeysPlace | undefined;
}

/** The lines of one run, newline after each. */
export interface RunBytes extends RunPlace {
  readonly bytes: Buffer;
  readonly count: number;
  /** Names the damage where the bytes do not match their checksum; then `bytes` is empty. */
  readonly damage?: string;
}

/** Neighbouring runs of one file, read together: the bytes from the first one's position on, unchecked. */
export interface RunSpan {
  readonly file: string;
  readonly keysFile: string;
  readonly runs: Float64Array;
  readonly bytes: Buffer;
}

/** One buffer serves all reads: fresh memory costs more than what is read into it. */
const READS = {
  read: { bytesMax: 4 * 1024 * 1024, allocate: (bytes: number) => Buffer.allocUnsafeSlow(bytes) },
  scan: { bytesMax: 1024 * 1024, allocate: alignedBuffer },
};

/**
 * Reads runs in order; neighbours in one read. The bytes are valid until the next run is asked for.
 * Damaged runs are named and reading goes on behind them. */
export async function* readRuns(
  files: FileSystem,
  slices: readonly LogSlice[],
): AsyncGenerator<RunBytes> {
  for await (const span of readSpans(files, slices, 'read')) {
    const count = span.runs.length / RUN_COLUMNS;
    for (let run = 0; run < count; run++) yield runOfSpan(span, run);
  }
}

/**
 * What `readRuns` reads, span by span: `scan` for records that nobody reads again. `into` is read into
 * where it is given, as much at a time as it holds.
 */
export async function* readSpans(
  files: FileSystem,
  slices: readonly LogSlice[],
  mode: 'read' | 'scan',
  into?: Buffer,
): AsyncGenerator<RunSpan> {
  const { allocate } = READS[mode];
  const bytesMax = into?.length ?? READS[mode].bytesMax;
  let buffer = into ?? allocate(bytesMax);
  for (const { file, keysFile, runs } of slices) {
    const handle = await files.open(file, mode);
    try {
      for (const neighbours of neighboursOf(runs, bytesMax)) {
        const { start, length } = extentOf(neighbours);
        const sectors = Math.ceil(length / SECTOR_BYTES) * SECTOR_BYTES;
        if (buffer.length < sectors) buffer = allocate(sectors);
        const bytes = await handle.read(start, sectors, buffer);
        yield { file, keysFile, runs: neighbours, bytes: bytes.subarray(0, length) };
      }
    } finally {
      await handle.close();
    }
  }
}

/** Cuts runs into groups that one read of `bytesMax` covers; a larger run is a group alone. */
function* neighboursOf(runs: Float64Array, bytesMax: number): Generator<Float64Array> {
  const total = runs.length / RUN_COLUMNS;
  for (let first = 0; first < total; ) {
    const start = at(runs, first, RUN.position);
    let next = first + 1;
    while (
      next < total &&
      at(runs, next, RUN.position) + at(runs, next, RUN.length) - start <= bytesMax
    )
      next += 1;
    yield runs.subarray(first * RUN_COLUMNS, next * RUN_COLUMNS);
    first = next;
  }
}

function extentOf(runs: Float64Array): { start: number; length: number } {
  const last = runs.length / RUN_COLUMNS - 1;
  const start = at(runs, 0, RUN.position);
  return { start, length: at(runs, last, RUN.position) + at(runs, last, RUN.length) - start };
}

function at(runs: Float64Array, run: number, column: number): number {
  return runs[run * RUN_COLUMNS + column] as number;
}

/** @param row that begins with the run's columns */
export function placeOfRun(row: Float64Array, keysFile: string): RunPlace {
  const keys = at(row, 0, RUN.keys);
  return {
    firstSequence: at(row, 0, RUN.firstSequence),
    shard: at(row, 0, RUN.shard),
    timeMs: at(row, 0, RUN.timeMs),
    schemaVersion: at(row, 0, RUN.schemaVersion),
    keys: keys === 0 ? undefined : { file: keysFile, ...keysExtent(keys) },
  };
}

/** The run and its bytes, held against their checksum. */
export function runOfSpan({ file, keysFile, runs, bytes: read }: RunSpan, run: number): RunBytes {
  const position = at(runs, run, RUN.position);
  const length = at(runs, run, RUN.length);
  const start = position - at(runs, 0, RUN.position);
  const bytes = read.subarray(start, start + length);
  const count = at(runs, run, RUN.count);
  const place = placeOfRun(runs.subarray(run * RUN_COLUMNS), keysFile);
  const { firstSequence } = place;
  const common = { count, ...place };
  if (bytes.length === length && crc32(bytes) === at(runs, run, RUN.crc))
    return { bytes, ...common };
  return {
    bytes: Buffer.alloc(0),
    ...common,
    damage: `${file}: bytes ${position} to ${position + length}, records ${firstSequence} to ${firstSequence + count - 1}`,
  };
}

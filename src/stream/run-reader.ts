import { crc32 } from 'node:zlib';
import type { FileSystem } from '../core/file-system.ts';
import { RUN, RUN_COLUMNS } from './run-columns.ts';
import type { LogSlice } from './stream-store.ts';

/** The lines of one run, newline after each. */
export interface RunBytes {
  readonly bytes: Buffer;
  readonly count: number;
  readonly firstSequence: number;
  readonly shard: number;
  readonly timeMs: number;
  readonly schemaVersion: number;
  /** Names the damage where the bytes do not match their checksum; then `bytes` is empty. */
  readonly damage?: string;
}

const READ_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Reads runs in order; neighbours in one read. The bytes are valid until the next run is asked for.
 * Damaged runs are named and reading goes on behind them. */
export async function* readRuns(
  files: FileSystem,
  slices: readonly LogSlice[],
): AsyncGenerator<RunBytes> {
  // One buffer for all reads: fresh memory costs more than what is read into it.
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES_MAX);
  for (const { file, runs } of slices) {
    const handle = await files.open(file, 'read');
    try {
      let run = 0;
      const total = runs.length / RUN_COLUMNS;
      while (run < total) {
        const last = lastOfRead(runs, run, total);
        const start = at(runs, run, RUN.position);
        const end = at(runs, last, RUN.position) + at(runs, last, RUN.length);
        const bytes = await handle.read(start, end - start, buffer);
        for (; run <= last; run++) yield runBytes(file, runs, run, bytes, start);
      }
    } finally {
      await handle.close();
    }
  }
}

function at(runs: Float64Array, run: number, column: number): number {
  return runs[run * RUN_COLUMNS + column] as number;
}

function lastOfRead(runs: Float64Array, first: number, total: number): number {
  const start = at(runs, first, RUN.position);
  let last = first;
  while (
    last + 1 < total &&
    at(runs, last + 1, RUN.position) + at(runs, last + 1, RUN.length) - start <= READ_BYTES_MAX
  )
    last += 1;
  return last;
}

function runBytes(
  file: string,
  runs: Float64Array,
  run: number,
  read: Buffer,
  readStart: number,
): RunBytes {
  const position = at(runs, run, RUN.position);
  const length = at(runs, run, RUN.length);
  const bytes = read.subarray(position - readStart, position - readStart + length);
  const firstSequence = at(runs, run, RUN.firstSequence);
  const count = at(runs, run, RUN.count);
  const common = {
    count,
    firstSequence,
    shard: at(runs, run, RUN.shard),
    timeMs: at(runs, run, RUN.timeMs),
    schemaVersion: at(runs, run, RUN.schemaVersion),
  };
  if (bytes.length === length && crc32(bytes) === at(runs, run, RUN.crc))
    return { bytes, ...common };
  return {
    bytes: Buffer.alloc(0),
    ...common,
    damage: `${file}: bytes ${position} to ${position + length}, records ${firstSequence} to ${firstSequence + count - 1}`,
  };
}

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { FileSystem } from '../core/file-system.ts';
import { readRuns } from '../stream/run-reader.ts';
import type { LogSlice } from '../stream/stream-store.ts';
import type { StagedFile } from './protocol.ts';

interface UnplacedRecords {
  readonly files: FileSystem;
  readonly slices: readonly LogSlice[];
  /** The reason, by sequence number. */
  readonly unplaced: ReadonlyMap<number, string>;
  readonly folder: string;
  readonly nameOf: (atMs: number) => string;
}

/** Records that no file has room for, as NDJSON: their bytes as they are in the log, and why. */
export async function writeUnplaced({
  files,
  slices,
  unplaced,
  folder,
  nameOf,
}: UnplacedRecords): Promise<StagedFile[]> {
  const written = new Map<string, { path: string; rows: number; descriptor: number }>();
  try {
    for await (const run of readRuns(files, slices)) {
      let start = 0;
      const last = run.bytes.length > 0 ? run.firstSequence + run.count : run.firstSequence;
      for (let sequence = run.firstSequence; sequence < last; sequence++) {
        const end = run.bytes.indexOf(10, start);
        const errorMessage = unplaced.get(sequence);
        if (errorMessage !== undefined) {
          const name = nameOf(run.timeMs);
          const path = join(folder, `errors-${written.size}.unfinished`);
          const file = written.get(name) ?? { path, rows: 0, descriptor: openSync(path, 'w') };
          written.set(name, file);
          const line = {
            errorMessage,
            sequenceNumber: String(sequence),
            arrivedAt: new Date(run.timeMs).toISOString(),
            rawData: run.bytes.toString('base64', start, end),
          };
          writeAll(file.descriptor, Buffer.from(`${JSON.stringify(line)}\n`));
          file.rows += 1;
        }
        start = end + 1;
      }
    }
  } finally {
    for (const { descriptor } of written.values()) closeSync(descriptor);
  }
  return [...written].map(([name, { path, rows }]) => ({ path, name, rows, isError: true }));
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}

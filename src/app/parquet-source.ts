import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import { rows } from '../source/embedded/json-source.ts';
import type { FileSource, SourceRow } from '../source/source.ts';
import { startEngine } from './children.ts';

/** A Parquet file, read by an engine child of its own: DuckDB is never loaded in this process. */
export async function openParquet(path: string): Promise<FileSource> {
  if (/\.(gz|zst)$/i.test(path)) throw new MillraceError('MR_IMPORT_FILE', `${path}: Parquet is compressed inside; unpack the file first.`);
  return { path, dialect: { format: 'parquet', encoding: 'utf-8', delimiter: '', quote: '', header: false }, columns: [], rows: () => parquetRows(path) };
}

async function* parquetRows(path: string): AsyncGenerator<SourceRow> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  const engine = startEngine({ folder, clock: systemClock, logger: silentLogger });
  try {
    yield* rows(text(path, engine));
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Chunks as they come; the engine sends the next only when the last was taken. */
async function* text(path: string, engine: ReturnType<typeof startEngine>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let deliver: (chunk: Uint8Array | undefined) => void = () => {};
  let taken: () => void = () => {};
  let next = new Promise<Uint8Array | undefined>((resolve) => {
    deliver = resolve;
  });
  const finished = engine.call('readParquet', { path }, {
    onChunk: (chunk) => {
      deliver(chunk);
      return new Promise<void>((resolve) => {
        taken = resolve;
      });
    },
  });
  const done = finished.then(() => undefined);
  for (;;) {
    const chunk = await Promise.race([next, done]);
    if (chunk === undefined) break;
    next = new Promise((resolve) => {
      deliver = resolve;
    });
    yield decoder.decode(chunk, { stream: true });
    taken();
  }
  yield decoder.decode();
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { createEngine } from './children.ts';

/** A Parquet file as NDJSON, read by an engine child of its own: DuckDB is never loaded in this process. */
export async function* readParquet(path: string): AsyncGenerator<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  const engine = createEngine({ folder, clock: systemClock, logger: silentLogger });
  try {
    yield* chunks(path, engine);
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Chunks as they come; the engine sends the next only when the last was taken. */
async function* chunks(
  path: string,
  engine: ReturnType<typeof createEngine>,
): AsyncGenerator<Buffer> {
  let deliver: (chunk: Uint8Array | undefined) => void = () => {};
  let taken: () => void = () => {};
  let next = new Promise<Uint8Array | undefined>((resolve) => {
    deliver = resolve;
  });
  const finished = engine.call(
    'readParquet',
    { path },
    {
      onChunk: (chunk) => {
        deliver(chunk);
        return new Promise<void>((resolve) => {
          taken = resolve;
        });
      },
    },
  );
  const done = finished.then(() => undefined);
  for (;;) {
    const chunk = await Promise.race([next, done]);
    if (chunk === undefined) break;
    next = new Promise((resolve) => {
      deliver = resolve;
    });
    yield Buffer.from(chunk);
    taken();
  }
}

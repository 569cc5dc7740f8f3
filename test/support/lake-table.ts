import { dirname } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { CompactRequest, CompactResult, WrittenFile } from '../../src/engine/protocol.ts';
import { field as f, stream } from '../../src/index.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import type { TableScan } from '../../src/lake/iceberg/live-files.ts';
import type { LakeTable } from '../../src/lake/table-store.ts';
import type { FaultFileSystem } from './fault-file-system.ts';

const { fields } = stream('s', { fields: { id: f.long() } }).settings;

/** A clock that is moved by hand; what is due is done, one after the other, before `move` returns. */
export class HandMovedClock implements Clock {
  #now = 1_000_000;
  #timers: { readonly at: number; readonly action: () => unknown }[] = [];

  now(): number {
    return this.#now;
  }

  /** Time passes inside of an action, too: nothing else is done meanwhile. */
  pass(ms: number): void {
    this.#now += ms;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#now + ms, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  async move(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#timers.filter((one) => one.at <= this.#now);
    this.#timers = this.#timers.filter((one) => one.at > this.#now);
    for (const { action } of due) await action();
  }

  get waiting(): number {
    return this.#timers.length;
  }
}

export const openLakeTable = (
  files: FaultFileSystem,
  clock: Clock,
  name = 's',
): Promise<LakeTable> =>
  new FileTableStore(new TableRegistry('/lake', { files, clock, logger: silentLogger })).open({
    namespace: 'lake',
    name,
    fields,
    partitionBy: [],
  });

let written = 0;

/** A data file whose bytes say which ids it has; on disk when this returns, as the engine leaves it. */
export async function writeIds(
  files: FaultFileSystem,
  folder: string,
  ids: readonly number[],
): Promise<WrittenFile> {
  written += 1;
  const path = `${folder}/${written}.parquet`;
  const handle = await files.open(path, 'write');
  await handle.write(Buffer.from(JSON.stringify(ids)), 0);
  await handle.sync();
  await handle.close();
  await files.syncFolder(dirname(path));
  return {
    path,
    rows: ids.length,
    bytes: 100 * ids.length,
    statistics: {},
    partition: [],
    specId: 0,
    sortOrderId: 0,
  };
}

/** Fails where a file is missing. */
export async function idsOf(
  files: FaultFileSystem,
  { files: live }: Pick<TableScan, 'files'>,
): Promise<number[]> {
  const ids: number[] = [];
  for (const { path } of live)
    ids.push(...(JSON.parse((await files.readFile(path)).toString()) as number[]));
  return ids.sort((a, b) => a - b);
}

/** What the engine does, on such files. */
export const compactIds =
  (files: FaultFileSystem) =>
  async ({ scan, folder }: CompactRequest): Promise<CompactResult> => ({
    files: [await writeIds(files, folder, await idsOf(files, scan))],
  });

import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import { unlessAborted } from '../../core/waiting.ts';
import type { CompactRequest, CompactResult } from '../../engine/protocol.ts';
import {
  type CompactionJob,
  type CompactionScope,
  partOfScan,
  planCompaction,
} from '../compaction.ts';
import { WORK_FETCH } from '../data-files.ts';
import type { ScanFile } from '../iceberg/live-files.ts';
import type { Compacted, Expired, Maintenance } from '../maintenance.ts';
import type { AskedRetention, LakeTable } from '../table-store.ts';

export interface TableMaintenanceOptions {
  /** The tables that are looked after. */
  readonly tables: () => readonly LakeTable[];
  /** Writes rows of files as new files, in the engine child. */
  readonly compact: (request: CompactRequest, signal: AbortSignal) => Promise<CompactResult>;
  readonly removeFiles: (paths: readonly string[]) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const NOTHING: Compacted = Object.freeze({
  jobs: 0,
  filesBefore: 0,
  filesAfter: 0,
  rows: 0,
  bytesBefore: 0,
  bytesAfter: 0,
  conflicts: 0,
});

export class TableMaintenance implements Maintenance {
  readonly #options: TableMaintenanceOptions;
  readonly #closing = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  #cancel = () => {};
  #round: Promise<void> = Promise.resolve();
  #sweptMs: number;

  constructor(options: TableMaintenanceOptions) {
    this.#options = options;
    this.#sweptMs = options.clock.now();
  }

  start(): void {
    const isMoved = this.#options.tables().some((table) => table.isMoved);
    this.#after(isMoved ? 0 : LIMITS.maintenanceIntervalMs);
  }

  #after(ms: number): void {
    if (this.#closing.signal.aborted) return;
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#round = this.#lookAfterAll();
      return this.#round;
    });
  }

  async #lookAfterAll(): Promise<void> {
    const tookMs = await this.#someOfEach();
    // A quarter of the time at most (M2).
    this.#after(Math.max(LIMITS.maintenanceIntervalMs, tookMs * 3));
  }

  /** One job a table; says how long they took. */
  async #someOfEach(): Promise<number> {
    const { tables, clock } = this.#options;
    const startMs = clock.now();
    const isSweepDue = startMs - this.#sweptMs >= LIMITS.tableOrphanAgeMs / 4;
    if (isSweepDue) this.#sweptMs = startMs;
    for (const table of tables()) {
      if (this.#closing.signal.aborted) break;
      await this.#quietly(table, async () => {
        // Other programs wait for such a table.
        const [scope, jobs] = table.isMoved
          ? (['all', Number.POSITIVE_INFINITY] as const)
          : (['due', 1] as const);
        await this.#inTurn(() => this.#some(table, scope, jobs));
        if (this.#closing.signal.aborted) return;
        await table.removeEnded(clock.now());
        if (isSweepDue) await this.#sweep(table);
      });
    }
    return clock.now() - startMs;
  }

  async #quietly(table: LakeTable, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#options.logger.error(
        { table: `${table.namespace}.${table.name}`, error: (error as Error).message },
        'maintenance of a table failed; it is tried again',
      );
    }
  }

  async #sweep(table: LakeTable): Promise<number> {
    const { clock, logger } = this.#options;
    const removed = await table.sweep(clock.now() - LIMITS.tableOrphanAgeMs);
    if (removed.length > 0)
      logger.info(
        { table: `${table.namespace}.${table.name}`, files: removed.length },
        'files that no snapshot names were removed',
      );
    return removed.length;
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(action);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  compact(table: LakeTable, jobs: number): Promise<Compacted> {
    return this.#inTurn(() => this.#some(table, 'all', jobs));
  }

  async expire(table: LakeTable, asked: AskedRetention): Promise<Expired> {
    const { clock } = this.#options;
    const snapshots = await table.expire(clock.now(), asked);
    const files = (await table.removeEnded(clock.now())) + (await this.#sweep(table));
    return { snapshots, files };
  }

  async #some(table: LakeTable, scope: CompactionScope, jobsMax: number): Promise<Compacted> {
    let done = NOTHING;
    const release = table.hold();
    try {
      const state = table.rewriting;
      for (const job of planCompaction(table.live, state.scan, scope).slice(0, jobsMax)) {
        if (this.#closing.signal.aborted) break;
        done = added(done, await this.#job(table, state, job));
      }
    } finally {
      release();
    }
    return done;
  }

  async #job(
    table: LakeTable,
    { scan, live, sequence, target }: LakeTable['rewriting'],
    job: CompactionJob,
  ): Promise<Compacted> {
    const part = partOfScan(scan, job);
    await unlessAborted(table.fetch(part, WORK_FETCH), this.#closing.signal);
    const { files } = await this.#options.compact({ ...target, scan: part }, this.#closing.signal);
    const replaced = new Set(job.files.map((index) => live[index]?.file.file_path as string));
    try {
      await table.rewrite({ replaced, files, sequence });
    } catch (error) {
      // After any other error the commit may have been made, and then it names them: they are left to the sweep.
      if (!(error instanceof MillraceError) || error.code !== 'MR_TABLE_COMMIT_CONFLICT')
        throw error;
      await this.#options.removeFiles(files.map((file) => file.path));
      return { ...NOTHING, conflicts: 1 };
    }
    const bytes = (some: readonly Pick<ScanFile, 'bytes'>[]) =>
      some.reduce((total, file) => total + file.bytes, 0);
    return {
      jobs: 1,
      filesBefore: job.files.length,
      filesAfter: files.length,
      rows: files.reduce((rows, file) => rows + file.rows, 0),
      bytesBefore: job.bytes,
      bytesAfter: bytes(files),
      conflicts: 0,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancel();
    await Promise.all([this.#queue, this.#round]);
  }
}

function added(a: Compacted, b: Compacted): Compacted {
  const names = Object.keys(NOTHING) as (keyof Compacted)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as Compacted;
}

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { CatalogState, RunModelRequest, RunModelResult } from '../../engine/protocol.ts';
import { WORK_FETCH } from '../../lake/data-files.ts';
import type { TableScan } from '../../lake/iceberg/live-files.ts';
import type { LakeTable } from '../../lake/table-store.ts';
import type { ModelPlan } from '../../plan/plan.ts';
import type { Run, RunStore } from '../../schedule/run-store.ts';
import { onSchedule } from '../../schedule/scheduler.ts';
import { INPUTS_PROPERTY, type ModelRunner } from '../model-runner.ts';

export interface RunnableModel {
  readonly plan: ModelPlan;
  readonly sql: string;
  readonly checks: RunModelRequest['checks'];
  readonly table: LakeTable;
  /** Streams and model tables it reads, views looked through. */
  readonly streams: readonly string[];
  readonly tables: readonly string[];
}

export interface ModelRunnerOptions {
  /** In an order in which each comes after those it reads. */
  readonly models: readonly RunnableModel[];
  readonly catalog: () => CatalogState;
  /** Delivers a stream and gives its position, and what its table has then. */
  readonly deliver: (stream: string) => Promise<{ position: string; scan: TableScan | undefined }>;
  readonly position: (stream: string) => string;
  readonly onCommit: (stream: string, listener: () => void) => () => void;
  readonly execute: (request: RunModelRequest, signal: AbortSignal) => Promise<RunModelResult>;
  readonly removeFiles: (paths: readonly string[]) => Promise<void>;
  readonly runs: RunStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class TableModelRunner implements ModelRunner {
  readonly #options: ModelRunnerOptions;
  readonly #stops: (() => void)[] = [];
  readonly #waiting = new Map<string, () => void>();
  /** Models with a run that has not begun: it will see what changed until then. */
  readonly #queued = new Set<string>();
  /** When a model's last run of this process began: known before the run is recorded. */
  readonly #begun = new Map<string, number>();
  readonly #abort = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ModelRunnerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { models, clock, runs, onCommit } = this.#options;
    for (const model of models) {
      const { name, schedule, timezone } = model.plan;
      const latest = runs.latest(name);
      const never = model.table.snapshotId === undefined;
      if (schedule === 'on-change') {
        for (const stream of model.streams)
          this.#stops.push(onCommit(stream, () => this.#changed(model)));
        if (never || this.#isBehind(model)) this.#changed(model);
      } else if (schedule !== 'manual') {
        const trigger = () => this.#trigger(name, 'schedule');
        this.#stops.push(
          onSchedule({ expression: schedule, timezone, lastMs: latest?.startMs }, clock, trigger),
        );
        if (never && latest === undefined) this.#trigger(name, 'first');
      }
    }
  }

  #isBehind(model: RunnableModel): boolean {
    return model.table.properties[INPUTS_PROPERTY] !== JSON.stringify(this.#positions(model));
  }

  #positions(model: RunnableModel): Record<string, string> {
    const streams = model.streams.map((name) => [name, this.#options.position(name)]);
    const tables = model.tables.map((name) => [name, this.#model(name).table.snapshotId ?? '']);
    return Object.fromEntries([...streams, ...tables]);
  }

  /** At most every 60 s: the first change runs it, later ones wait for their turn. */
  #changed(model: RunnableModel): void {
    const { clock, runs } = this.#options;
    const { name } = model.plan;
    if (this.#closed || this.#waiting.has(name) || this.#queued.has(name)) return;
    const last = this.#begun.get(name) ?? runs.latest(name)?.startMs;
    const wait =
      last === undefined ? 0 : Math.max(0, last + LIMITS.onChangeIntervalMs - clock.now());
    const cancel = clock.after(wait, () => {
      this.#waiting.delete(name);
      if (this.#isBehind(model)) this.#trigger(name, 'on-change');
    });
    this.#waiting.set(name, cancel);
  }

  #trigger(name: string, cause: Run['cause']): void {
    if (this.#closed) return;
    this.run(name, cause).catch((error: Error) =>
      this.#options.logger.error(
        { model: name, error: error.message },
        'run could not be recorded',
      ),
    );
  }

  run(name: string, cause: Run['cause']): Promise<Run> {
    const model = this.#model(name);
    this.#queued.add(name);
    const result = this.#queue.then(() => this.#runNow(model, cause));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  #model(name: string): RunnableModel {
    const model = this.#options.models.find((candidate) => candidate.plan.name === name);
    if (model) return model;
    const names = this.#options.models.map((candidate) => candidate.plan.name);
    throw new MillraceError(
      'MR_PLAN_UNKNOWN',
      `There is no model '${name}' that is stored as a table. Models are: ${names.join(', ') || 'none'}.`,
    );
  }

  async #runNow(model: RunnableModel, cause: Run['cause']): Promise<Run> {
    const { runs, clock, logger } = this.#options;
    const { name } = model.plan;
    const startMs = clock.now();
    this.#queued.delete(name);
    this.#begun.set(name, startMs);
    const id = `${startMs.toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`;
    const running: Run = {
      id,
      model: name,
      cause,
      state: 'running',
      startMs,
      endMs: null,
      rows: null,
      error: null,
      checks: [],
    };
    await runs.save(running);
    const finished = await this.#execute(model).then(
      ({ rows, checks }): Run => ({ ...running, state: 'succeeded', rows, checks }),
      (error: Error): Run => ({
        ...running,
        state: 'failed',
        error: error.message,
        checks: error instanceof FailedChecks ? error.checks : [],
      }),
    );
    const run: Run = { ...finished, endMs: clock.now() };
    await runs.save(run);
    if (run.state === 'succeeded') {
      logger.info({ model: name, rows: run.rows, ms: clock.now() - startMs }, 'model was run');
      for (const reader of this.#options.models)
        if (reader.plan.schedule === 'on-change' && reader.tables.includes(name))
          this.#changed(reader);
    } else
      logger.error(
        { model: name, error: run.error },
        'run of a model failed; the old result is kept',
      );
    return run;
  }

  async #execute(model: RunnableModel): Promise<RunModelResult> {
    const { catalog, deliver, execute, removeFiles, clock } = this.#options;
    const positions: Record<string, string> = {};
    const scans: Record<string, TableScan> = {};
    for (const stream of model.streams) {
      const delivered = await deliver(stream);
      positions[stream] = delivered.position;
      if (delivered.scan) scans[`lake.${stream}`] = delivered.scan;
    }
    for (const name of model.tables) {
      const { table } = this.#model(name);
      positions[name] = table.snapshotId ?? '';
      const { scan } = table;
      await table.fetch(scan, WORK_FETCH);
      scans[`warehouse.${name}`] = scan;
    }
    const { table } = model;
    const deadline = new AbortController();
    const stop = clock.after(LIMITS.modelDeadlineMs, () => deadline.abort());
    try {
      const request = {
        catalog: catalog(),
        scans,
        sql: model.sql,
        checks: model.checks,
        ...table.target,
      };
      const result = await execute(request, AbortSignal.any([deadline.signal, this.#abort.signal]));
      const failed = result.checks.filter(
        (check) => check.failures > 0 && check.severity === 'error',
      );
      if (failed.length > 0) {
        await removeFiles(result.files.map((file) => file.path));
        throw new FailedChecks(result.checks);
      }
      await table.replace(result.files, { [INPUTS_PROPERTY]: JSON.stringify(positions) });
      return result;
    } finally {
      stop();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const cancel of this.#waiting.values()) cancel();
    this.#abort.abort();
    await this.#queue;
  }
}

/** Thrown to leave a run; carries the outcomes for its record. */
class FailedChecks extends MillraceError {
  readonly checks: RunModelResult['checks'];

  constructor(checks: RunModelResult['checks']) {
    const failed = checks.filter((check) => check.failures > 0 && check.severity === 'error');
    super(
      'MR_MODEL_CHECK',
      failed
        .map(
          (check) =>
            `Check '${check.name}' fails for ${check.failures} rows${check.sample ? `, for example ${check.sample}` : ''}.`,
        )
        .join(' '),
    );
    this.checks = checks;
  }
}

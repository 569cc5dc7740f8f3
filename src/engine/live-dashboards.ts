import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { DashboardAnswer } from '../dashboard/answer.ts';
import { AnswerCache } from '../live/answer-cache.ts';
import type { DashboardRequest } from '../live/live-plan.ts';
import { CatchUp } from './catch-up.ts';
import { changingDashboards } from './changing-dashboards.ts';
import { ConnectionPool } from './connection-pool.ts';
import { interruptible, queryError } from './database.ts';
import type { LiveLimits } from './live-limits.ts';
import type { LiveSourceState } from './live-source.ts';
import { LiveState, PartFailure, type PlannedDashboard, type PlanOptions } from './live-state.ts';
import type { LiveSetup, SyncAnswer, SyncRequest } from './protocol.ts';
import { RelationState } from './relation-state.ts';
import { searchPathOf } from './relations.ts';
import type { ScratchSpace } from './scratch-space.ts';

export interface LiveContext {
  readonly instance: DuckDBInstance;
  /** Loads rows and builds aggregates; queries have connections of their own. */
  readonly loader: DuckDBConnection;
  readonly files: FileSystem;
  readonly scratch: ScratchSpace;
  readonly clock: Clock;
  readonly limits: LiveLimits;
  readonly sync: (request: SyncRequest) => Promise<SyncAnswer>;
  /** What could not be made ready before anyone asks. */
  readonly onWarmFailure: (dashboard: string, error: MillraceError) => void;
}

const IDLE_MAX = 4;

/** Dashboards of one pipeline, answered from aggregates that are kept current (live/live-engine.ts). */
export class LiveDashboards {
  readonly #context: LiveContext;
  /** Loading, building and planning happen one after the other; reading runs beside them. */
  readonly #turns: CatchUp;
  #relations: RelationState | undefined;
  #live: LiveState | undefined;
  readonly #connections: ConnectionPool;
  readonly #kept = new AnswerCache();
  /** Dashboards that show something else as time goes by. */
  #changing: ReadonlySet<string> = new Set();

  private constructor(context: LiveContext) {
    this.#context = context;
    this.#turns = new CatchUp(context.clock);
    this.#connections = new ConnectionPool(context.instance, {
      idleMax: IDLE_MAX,
      searchPath: searchPathOf('millrace'),
    });
  }

  static async open(context: LiveContext): Promise<LiveDashboards> {
    await context.loader.run('CREATE SCHEMA IF NOT EXISTS millrace.cubes');
    // A transaction's state is that of its first look at the database: this is what it looks at.
    await context.loader.run('CREATE TABLE millrace.main.moment AS SELECT 1 AS one');
    return new LiveDashboards(context);
  }

  /** What is kept of a source; for tests and the operations view. */
  source(name: string): LiveSourceState | undefined {
    return this.#live?.source(name);
  }

  async configure({ catalog, plan }: LiveSetup): Promise<void> {
    const { loader, files, scratch, limits } = this.#context;
    await this.#turns.inTurn(async () => {
      this.#live = undefined;
      await loader.run('DROP SCHEMA IF EXISTS cubes CASCADE');
      await loader.run('CREATE SCHEMA millrace.cubes');
      this.#relations = await RelationState.create(loader, catalog, {
        files,
        scratch,
        onRows: async (stream, news) => this.#live?.source(stream)?.advance(news),
        onTable: async (model) => this.#live?.source(model)?.forget(),
      });
      this.#live = await LiveState.create(loader, plan, limits);
      this.#kept.clear();
      this.#changing = await changingDashboards(loader, plan);
    });
    for (const { name } of plan.dashboards)
      this.#warm(name).catch((error: unknown) =>
        this.#context.onWarmFailure(name, queryError(error)),
      );
  }

  /** In the background, step by step: a visitor finds it done, or waits for the step under way. */
  async #warm(dashboard: string): Promise<void> {
    const live = this.#live;
    for (const step of live?.warming(dashboard) ?? []) {
      await this.#turns.inTurn(async () => {
        if (live !== this.#live) return;
        await this.#catchUp(dashboard);
        for (const source of live?.sources ?? []) await source.begin(this.#versionOf(source));
        await step();
      });
    }
  }

  async #catchUp(dashboard: string): Promise<void> {
    if (!this.#relations || !this.#live) return;
    try {
      await this.#relations.catchUp(this.#live.relationsOf(dashboard), this.#context.sync);
    } catch (error) {
      // The rows were rolled back; what was told of them may not have been.
      for (const source of this.#live.sources) source.forget();
      throw error;
    }
  }

  readonly #versionOf = ({ source }: LiveSourceState): number => {
    if (source.kind === 'view') return 0;
    return this.#relations?.version(source.kind, source.name) ?? 0;
  };

  async answer(request: DashboardRequest, signal: AbortSignal): Promise<DashboardAnswer> {
    const failed = new Map<string, string>();
    for (let isSharing = true; ; isSharing = false) {
      try {
        return await this.#answerWithout({ failed, isSharing }, request, signal);
      } catch (error) {
        // Without the part that failed the rest is read again: an error ends a transaction as a whole.
        const isNew = error instanceof PartFailure && !failed.has(error.part);
        if (signal.aborted) throw cancelled();
        if (!isNew) throw queryError(error);
        // A query that is shared does not tell whose mistake it was.
        if (!isSharing) failed.set(error.part, error.message);
      }
    }
  }

  async #answerWithout(
    options: PlanOptions,
    request: DashboardRequest,
    signal: AbortSignal,
  ): Promise<DashboardAnswer> {
    return this.#connections.with(async (connection) => {
      try {
        const read = await this.#turns.inTurn(async () => {
          if (signal.aborted) throw cancelled();
          return this.#begin(request, connection, options);
        });
        return await interruptible(connection, signal, () => read(connection));
      } finally {
        await connection.run('ROLLBACK').catch(() => undefined);
      }
    });
  }

  /** In one turn: current rows, the aggregates needed, and a transaction that sees exactly these. */
  async #begin(
    request: DashboardRequest,
    connection: DuckDBConnection,
    options: PlanOptions,
  ): Promise<PlannedDashboard> {
    if (!this.#live?.has(request.dashboard))
      throw new MillraceError('MR_PLAN_UNKNOWN', `There is no dashboard '${request.dashboard}'.`);
    await this.#catchUp(request.dashboard);
    const basis = await this.#basisOf(request.dashboard);
    const question = JSON.stringify(request);
    const kept = basis === undefined ? undefined : this.#kept.find(question, basis);
    if (kept) return async () => kept;
    const planned = await this.#live.plan(request, this.#versionOf, options);
    await connection.run('BEGIN TRANSACTION');
    await connection.run('SELECT one FROM millrace.main.moment');
    return async (reading) => {
      const answer = await planned(reading);
      if (basis !== undefined) this.#kept.keep(question, basis, answer);
      return answer;
    };
  }

  /** What every answer is made of at this moment, as one text. */
  async #basisOf(dashboard: string): Promise<string | undefined> {
    if (this.#changing.has(dashboard)) return undefined;
    const basis = await this.#relations?.basis(this.#live?.relationsOf(dashboard) ?? []);
    return basis && JSON.stringify(basis);
  }
}

const cancelled = (): MillraceError =>
  new MillraceError('MR_QUERY_CANCELLED', 'The dashboard was asked for again meanwhile.');

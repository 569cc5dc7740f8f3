import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { DashboardAnswer } from '../dashboard/answer.ts';
import type { DashboardRequest } from '../live/live-plan.ts';
import { CatchUp } from './catch-up.ts';
import { connect, queryError } from './database.ts';
import type { LiveLimits } from './live-limits.ts';
import type { LiveSourceState } from './live-source.ts';
import { LiveState, PartFailure, type PlannedDashboard, type PlanOptions } from './live-state.ts';
import type { LiveSetup, SyncAnswer, SyncRequest } from './protocol.ts';
import { RelationState } from './relation-state.ts';
import { SEARCH_PATH } from './relations.ts';
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
  /** Connections that have answered: to make one takes three statements. */
  readonly #idle: DuckDBConnection[] = [];

  private constructor(context: LiveContext) {
    this.#context = context;
    this.#turns = new CatchUp(context.clock);
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
    const connection = this.#idle.pop() ?? (await connect(this.#context.instance, SEARCH_PATH));
    let isClean = false;
    const interrupt = () => connection.interrupt();
    try {
      const read = await this.#turns.inTurn(async () => {
        if (signal.aborted) throw cancelled();
        return this.#begin(request, connection, options);
      });
      signal.addEventListener('abort', interrupt);
      const answer = await read(connection);
      isClean = true;
      return answer;
    } finally {
      signal.removeEventListener('abort', interrupt);
      await connection.run('ROLLBACK').catch(() => undefined);
      if (isClean && this.#idle.length < IDLE_MAX) this.#idle.push(connection);
      else connection.closeSync();
    }
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
    const planned = await this.#live.plan(request, this.#versionOf, options);
    await connection.run('BEGIN TRANSACTION');
    await connection.run('SELECT one FROM millrace.main.moment');
    return planned;
  }
}

const cancelled = (): MillraceError =>
  new MillraceError('MR_QUERY_CANCELLED', 'The dashboard was asked for again meanwhile.');

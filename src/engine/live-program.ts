import type { DuckDBConnection } from '@duckdb/node-api';
import { serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { systemClock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import type { DashboardAnswer } from '../dashboard/answer.ts';
import type { DashboardRequest } from '../live/live-plan.ts';
import { CatchUp } from './catch-up.ts';
import { connect, lockDown, openDatabase, queryError } from './database.ts';
import type { LiveSourceState } from './live-source.ts';
import { LiveState, PartFailure, type PlannedDashboard } from './live-state.ts';
import type { HostMethods, LiveSetup } from './protocol.ts';
import { RelationState } from './relation-state.ts';
import { SEARCH_PATH } from './relations.ts';
import { ScratchSpace } from './scratch-space.ts';

/**
 * The `live` child: the aggregates that dashboards show, kept current with the streams. It runs only the
 * pipeline's own SQL. Arguments: scratch folder, spare one for when its disk is full, lake folder.
 */
const [own, spare, lake] = process.argv.slice(2) as [string, string, string];
const scratch = new ScratchSpace(own, spare);
scratch.open();
process.on('exit', () => scratch.close());
const instance = await openDatabase({ memory: LIMITS.liveMemory, scratch: own });
const loader: DuckDBConnection = await connect(instance);
await loader.run('CREATE SCHEMA IF NOT EXISTS millrace.cubes');
// A transaction's state is that of its first look at the database: this is what it looks at.
await loader.run('CREATE TABLE millrace.main.moment AS SELECT 1 AS one');
await lockDown(
  loader,
  [...scratch.folders, lake].map((folder) => `${folder}/`),
);

let relations: RelationState | undefined;
let live: LiveState | undefined;
/** Loading, building and planning happen one after the other; reading runs beside them. */
const turns = new CatchUp(systemClock);

async function configure({ catalog, plan }: LiveSetup): Promise<null> {
  await turns.inTurn(async () => {
    await loader.run('DROP SCHEMA IF EXISTS cubes CASCADE');
    await loader.run('CREATE SCHEMA millrace.cubes');
    relations = await RelationState.create(loader, catalog, {
      files: nodeFileSystem(),
      scratch,
      onRows: async (stream, end) => live?.source(stream)?.advance(end),
      onTable: async (model) => live?.source(model)?.forget(),
    });
    live = await LiveState.create(loader, plan);
  });
  for (const { name } of plan.dashboards) warm(name);
  return null;
}

/** In the background: the first visitor finds it done, or waits for it as for any build. */
function warm(dashboard: string): void {
  turns
    .inTurn(async () => {
      await catchUp(dashboard);
      for (const source of live?.sources ?? []) await source.begin(versionOf(source));
      await live?.warm(dashboard);
    })
    .catch((error: unknown) => {
      // What is wrong with it is answered to whoever asks for the dashboard.
      process.stderr.write(`dashboard ${dashboard}: ${queryError(error).message}\n`);
    });
}

async function catchUp(dashboard: string): Promise<void> {
  if (!relations || !live) return;
  try {
    await relations.catchUp(live.relationsOf(dashboard), (request) => parent.call('sync', request));
  } catch (error) {
    // The rows were rolled back; what was told of them may not have been.
    for (const source of live.sources) await source.forget();
    throw error;
  }
}

function versionOf({ source }: LiveSourceState): number {
  if (source.kind === 'view') return 0;
  return relations?.version(source.kind, source.name) ?? 0;
}

async function answer(request: DashboardRequest, context: CallContext): Promise<DashboardAnswer> {
  const failed = new Map<string, string>();
  for (;;) {
    try {
      return await answerWithout(failed, request, context);
    } catch (error) {
      // Without the part that failed the rest is read again: an error ends a transaction as a whole.
      const isNew = error instanceof PartFailure && !failed.has(error.part);
      if (context.signal.aborted) throw cancelled();
      if (!isNew) throw queryError(error);
      failed.set(error.part, error.message);
    }
  }
}

async function answerWithout(
  failed: ReadonlyMap<string, string>,
  request: DashboardRequest,
  { signal }: CallContext,
): Promise<DashboardAnswer> {
  const connection = await connect(instance, SEARCH_PATH);
  const interrupt = () => connection.interrupt();
  try {
    const read = await turns.inTurn(async () => {
      if (signal.aborted) throw cancelled();
      return begin(request, connection, failed);
    });
    signal.addEventListener('abort', interrupt);
    return await read(connection);
  } finally {
    signal.removeEventListener('abort', interrupt);
    await connection.run('ROLLBACK').catch(() => undefined);
    connection.closeSync();
  }
}

const cancelled = (): MillraceError =>
  new MillraceError('MR_QUERY_CANCELLED', 'The dashboard was asked for again meanwhile.');

/** In one turn: current rows, the aggregates needed, and a transaction that sees exactly these. */
async function begin(
  request: DashboardRequest,
  connection: DuckDBConnection,
  failed: ReadonlyMap<string, string>,
): Promise<PlannedDashboard> {
  if (!live?.has(request.dashboard))
    throw new MillraceError('MR_PLAN_UNKNOWN', `There is no dashboard '${request.dashboard}'.`);
  await catchUp(request.dashboard);
  const planned = await live.plan(request, versionOf, failed);
  await connection.run('BEGIN TRANSACTION');
  await connection.run('SELECT one FROM millrace.main.moment');
  return planned;
}

const parent = serveParent<HostMethods>({ configure, dashboard: answer });

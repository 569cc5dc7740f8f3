import { rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import type { DuckDBConnection } from '@duckdb/node-api';
import { endWithoutThreads, serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { systemClock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { isRepeatable } from '../query/repeatable.ts';
import type { Relation } from '../query/statement-gate.ts';
import { checkParameters } from '../query/statement-parameters.ts';
import { CatchUp, notReady } from './catch-up.ts';
import { ConnectionPool } from './connection-pool.ts';
import { connect, lockDown, openDatabase, textRows } from './database.ts';
import { checkText } from './describe.ts';
import { explained, planQuery } from './explain.ts';
import { MemoryGuard } from './memory-guard.ts';
import { dropPastViews, type TravelledQuery, travelled } from './past-tables.ts';
import type {
  HostMethods,
  PastTable,
  QueryMoment,
  QueryRequest,
  QueryResult,
  ResultBasis,
  ServedCatalog,
  SyncRequest,
} from './protocol.ts';
import { runQuery } from './query-runner.ts';
import { RelationShapes } from './relation-shapes.ts';
import { RelationState } from './relation-state.ts';
import { relationNames, searchPathOf } from './relations.ts';
import { ScratchSpace } from './scratch-space.ts';

/**
 * The `sql` child: DuckDB for whatever a person or BI tool types. It reads the lake and its own scratch
 * folders, nothing else. Arguments: scratch folder, spare one for when its disk is full, lake folder.
 */
// Ingest, deliveries and dashboards go first where there are not cores enough; threads started later are as this one.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
const [own, spare, lake] = process.argv.slice(2) as [string, string, string];
const scratch = new ScratchSpace(own, spare);
scratch.open();
endWithoutThreads(() => scratch.close());
const instance = await openDatabase({ memory: LIMITS.queryMemory, scratch: own });
const loader: DuckDBConnection = await connect(instance);
const shapes = await RelationShapes.create(instance, loader, LIMITS.queriesRunningMax);
await lockDown(
  loader,
  [...scratch.folders, lake].map((folder) => `${folder}/`),
);

let state: RelationState | undefined;
let catalog: ServedCatalog = { id: '', streams: [], models: [], lookups: [] };
/** Tables of other programs, as they were when a name was last not known. */
let foreign: readonly Relation[] = [];
const catchUp = new CatchUp(systemClock);
const memory = new MemoryGuard();
memory.start();
const idleMax = LIMITS.queriesRunningMax;
const connections = new ConnectionPool(instance, { idleMax, searchPath: searchPathOf('millrace') });

async function query(request: QueryRequest, { signal }: CallContext): Promise<QueryResult> {
  if (!state) throw notReady();
  return memory.watch(connections.with((connection) => queryWith(connection, request, signal)));
}

async function queryWith(
  connection: DuckDBConnection,
  asked: QueryRequest,
  signal: AbortSignal,
): Promise<QueryResult> {
  const plan = explained(asked.sql);
  const request = plan ? { ...asked, sql: plan.sql } : asked;
  let back: TravelledQuery | undefined;
  try {
    const { tree, reads, uses } = await checkNames(connection, request.sql);
    checkParameters(tree, request.params);
    back = await travelled(connection, request, relationNames(catalog, foreign));
    const past = back?.past ?? [];
    if (past.length > 0 || !(await isUp(reads, request.moment)))
      await bringUp(reads, past, { waitMs: request.waitMs, signal });
    const [shown, changes] = [state, shapes.changes];
    const isPlain = !reads.some(({ schema, name }) => schema === 'warehouse' && isView(name));
    const context = {
      signal,
      scratch,
      hasPlaces: isPlain && !back,
      shapes: back ? undefined : shapes.of(reads),
    };
    const { sql, params } = back ?? request;
    if (plan) {
      const rows = await planQuery(connection, { ...plan, ...context, sql, params });
      return await runQuery(connection, { ...request, sql: rows, params: [] }, context);
    }
    const basis = back || !isRepeatable({ uses }) ? undefined : await basisOf(reads);
    const result = await runQuery(connection, { ...request, sql, params }, context);
    if (shown === state && changes === shapes.changes) return basis ? { ...result, basis } : result;
    // The pipeline changed meanwhile, and its relations were made anew, without rows; or a table got other columns.
    if ('file' in result) rmSync(result.file, { force: true });
    return await queryWith(connection, asked, signal);
  } finally {
    if (back) await dropPastViews(connection, back.past);
  }
}

/** A name that is not known may be a table that another program has just made. */
async function checkNames(connection: DuckDBConnection, sql: string) {
  try {
    return await checkText(connection, sql, relationNames(catalog, foreign));
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'MR_QUERY_FAILED') throw error;
    foreign = await parent.call('foreignTables', null);
    return checkText(connection, sql, relationNames(catalog, foreign));
  }
}

/** Whether there can be no news for a query of that moment. */
async function isUp(reads: readonly Relation[], moment: QueryMoment | undefined): Promise<boolean> {
  if (moment?.catalog !== catalog.id || !shapes.has(reads)) return false;
  return (await state?.has(reads, moment)) ?? false;
}

/** Data files that have to come from a bucket first keep no other query waiting. */
async function bringUp(
  reads: readonly Relation[],
  past: readonly PastTable[],
  wait: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  let asked: SyncRequest | undefined;
  const sync = (known: SyncRequest) => {
    asked = known;
    return parent.call('sync', known);
  };
  const load = async (): Promise<void> => {
    await state?.catchUp(reads, sync, past);
    if (past.length === 0) await shapes.make(reads);
  };
  try {
    await catchUp.forQuery(load, wait);
  } catch (error) {
    if (!asked || !(error instanceof MillraceError) || error.details['fetching'] !== true)
      throw error;
    await parent.call('fetch', asked, { signal: wait.signal });
    await catchUp.forQuery(load, wait);
  }
}

/** Of what is loaded at this moment; what is loaded later makes the result newer than it says, never older. */
async function basisOf(reads: readonly Relation[]): Promise<ResultBasis | undefined> {
  const basis = await state?.basis(reads);
  return basis && { catalog: catalog.id, ...basis };
}

/** Names are left to who knows which of them are for people. */
async function keywordsAfter(connection: DuckDBConnection, sql: string): Promise<string[]> {
  const rows = await textRows(
    connection,
    "SELECT DISTINCT trim(suggestion) FROM sql_auto_complete($1) WHERE suggestion_type = 'keyword' AND regexp_full_match(trim(suggestion), '[A-Za-z_]+')",
    [sql],
  );
  return rows.map(([word]) => String(word).toLowerCase());
}

const isView = (name: string): boolean =>
  catalog.models.some((model) => model.name === name && model.materialize === 'view');

const parent = serveParent<HostMethods>({
  configure: (next: ServedCatalog) =>
    catchUp.inTurn(async () => {
      const onColumns = () => shapes.forget();
      const context = { files: nodeFileSystem(), scratch, onColumns };
      state = await RelationState.create(loader, next, context);
      await shapes.clear();
      catalog = next;
      return null;
    }),
  query,
  complete: ({ sql }: { sql: string }) => connections.with((one) => keywordsAfter(one, sql)),
});

import type { DuckDBConnection } from '@duckdb/node-api';
import { endWithoutThreads, serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { systemClock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import type { Relation } from '../query/statement-gate.ts';
import { checkParameters } from '../query/statement-parameters.ts';
import { CatchUp } from './catch-up.ts';
import { connect, lockDown, openDatabase } from './database.ts';
import { checkText } from './describe.ts';
import { dropPastViews, type TravelledQuery, travelled } from './past-tables.ts';
import type {
  CatalogState,
  HostMethods,
  PastTable,
  QueryRequest,
  QueryResult,
  SyncRequest,
} from './protocol.ts';
import { runQuery } from './query-runner.ts';
import { RelationState } from './relation-state.ts';
import { relationNames, SEARCH_PATH } from './relations.ts';
import { ScratchSpace } from './scratch-space.ts';

/**
 * The `sql` child: DuckDB for whatever a person or BI tool types. It reads the lake and its own scratch
 * folders, nothing else. Arguments: scratch folder, spare one for when its disk is full, lake folder.
 */
const [own, spare, lake] = process.argv.slice(2) as [string, string, string];
const scratch = new ScratchSpace(own, spare);
scratch.open();
endWithoutThreads(() => scratch.close());
const instance = await openDatabase({ memory: LIMITS.queryMemory, scratch: own });
const loader: DuckDBConnection = await connect(instance);
await lockDown(
  loader,
  [...scratch.folders, lake].map((folder) => `${folder}/`),
);

let state: RelationState | undefined;
let catalog: CatalogState = { streams: [], models: [], lookups: [] };
/** Tables of other programs, as they were when a name was last not known. */
let foreign: readonly Relation[] = [];
const catchUp = new CatchUp(systemClock);

async function query(request: QueryRequest, { signal }: CallContext): Promise<QueryResult> {
  const connection = await connect(instance, state ? SEARCH_PATH : undefined);
  let back: TravelledQuery | undefined;
  try {
    const { tree, reads } = await checkNames(connection, request.sql);
    checkParameters(tree, request.params);
    back = await travelled(connection, request, relationNames(catalog, foreign));
    await bringUp(reads, back?.past ?? [], { waitMs: request.waitMs, signal });
    const isPlain = !reads.some(({ schema, name }) => schema === 'warehouse' && isView(name));
    const context = { signal, scratch, hasPlaces: isPlain && !back };
    const { sql, params } = back ?? request;
    return await runQuery(connection, { ...request, sql, params }, context);
  } finally {
    if (back) await dropPastViews(connection, back.past);
    connection.closeSync();
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
  const load = async (): Promise<void> => state?.catchUp(reads, sync, past);
  try {
    await catchUp.forQuery(load, wait);
  } catch (error) {
    if (!asked || !(error instanceof MillraceError) || error.details['fetching'] !== true)
      throw error;
    await parent.call('fetch', asked, { signal: wait.signal });
    await catchUp.forQuery(load, wait);
  }
}

const isView = (name: string): boolean =>
  catalog.models.some((model) => model.name === name && model.materialize === 'view');

const parent = serveParent<HostMethods>({
  configure: (next: CatalogState) =>
    catchUp.inTurn(async () => {
      state = await RelationState.create(loader, next, { files: nodeFileSystem(), scratch });
      catalog = next;
      return null;
    }),
  query,
});

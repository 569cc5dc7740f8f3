import type { DuckDBConnection } from '@duckdb/node-api';
import { serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { checkStatement, type Relation } from '../query/statement-gate.ts';
import { connect, lockDown, openDatabase } from './database.ts';
import { parseStatement } from './describe.ts';
import { withKeywordHint } from './keyword-hint.ts';
import type { CatalogState, HostMethods, QueryRequest } from './protocol.ts';
import { runQuery } from './query-runner.ts';
import { RelationState } from './relation-state.ts';
import { relationNames, SEARCH_PATH } from './relations.ts';

/**
 * The `sql` child: DuckDB for whatever a person or BI tool types. It reads the lake and its own scratch
 * folder, nothing else. Arguments: scratch folder, lake folder.
 */
const [scratch, lake] = process.argv.slice(2) as [string, string];
const instance = await openDatabase({ memory: LIMITS.queryMemory, scratch });
const loader: DuckDBConnection = await connect(instance);
await lockDown(loader, [`${scratch}/`, `${lake}/`]);

let state: RelationState | undefined;
let catalog: CatalogState = { streams: [], models: [], lookups: [] };
/** Loading and switching happen one after the other; queries run beside them. */
let turn: Promise<unknown> = Promise.resolve();

function inTurn<T>(action: () => Promise<T>): Promise<T> {
  const result = turn.then(action, action);
  turn = result.catch(() => undefined);
  return result;
}

async function query(request: QueryRequest, context: CallContext) {
  const connection = await connect(instance, state ? SEARCH_PATH : undefined);
  try {
    const relations = await relationsOf(connection, request.sql);
    await catchUp(relations, context.signal);
    return await runQuery(connection, request, context, scratch);
  } finally {
    connection.closeSync();
  }
}

async function relationsOf(connection: DuckDBConnection, sql: string): Promise<Relation[]> {
  try {
    return checkStatement(await parseStatement(connection, sql), relationNames(catalog));
  } catch (error) {
    throw await withKeywordHint(connection, sql, error);
  }
}

function catchUp(relations: readonly Relation[], signal: AbortSignal): Promise<void> {
  return inTurn(async () => {
    if (state)
      await state.catchUp(relations, (request) => parent.call('sync', request, { signal }));
  });
}

const parent = serveParent<HostMethods>({
  configure: (next: CatalogState) =>
    inTurn(async () => {
      state = await RelationState.create(loader, next, { files: nodeFileSystem(), scratch });
      catalog = next;
      return null;
    }),
  query,
});

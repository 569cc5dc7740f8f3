import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { quoteText } from '../plan/render-sql.ts';
import type { LogSlice } from '../stream/stream-store.ts';
import { connect, openDatabase, withConnection } from './database.ts';
import { deliver } from './deliver.ts';
import { describe } from './describe.ts';
import { registerHashFunctions } from './hash-functions.ts';
import { lookupRows } from './lookup-rows.ts';
import type {
  DeliverRequest,
  DeliverResult,
  DescribeRequest,
  LookupRowsRequest,
  ReadTableRequest,
  RunModelRequest,
  VerifyTableRequest,
} from './protocol.ts';
import { streamRows } from './read-rows.ts';
import { readFiles } from './relations.ts';
import { runModel } from './run-model.ts';
import { fileRows, verifyRecords, verifyTable } from './verify-table.ts';

/** The `engine` child: DuckDB for trusted work. Arguments: a private folder for scratch files. */
const scratch = process.argv[2] as string;
const files = nodeFileSystem();
let opened: Promise<DuckDBInstance> | undefined;
let delivering: Promise<DuckDBInstance> | undefined;
let turn: Promise<unknown> = Promise.resolve();

/** Opened at first use: a pipeline is described, and so ready, before anything is delivered. */
function database(): Promise<DuckDBInstance> {
  opened ??= open();
  return opened;
}

async function open(threads = 2): Promise<DuckDBInstance> {
  const instance = await openDatabase({ memory: LIMITS.engineMemory, scratch, threads });
  await withConnection(instance, async (connection) => registerHashFunctions(connection));
  return instance;
}

/**
 * One delivery after the other, each with one thread: that is as fast as main can take records, bounds the
 * memory, and leaves threads for those that write into pipes (engine/record-pipe.ts).
 */
function deliverInTurn(request: DeliverRequest): Promise<DeliverResult> {
  const result = turn.then(async () => {
    delivering ??= open(1);
    const connection = await connect(await delivering);
    try {
      return await deliver(request, { connection, files, scratch });
    } finally {
      connection.closeSync();
    }
  });
  turn = result.catch(() => undefined);
  return result;
}

async function onConnection<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const connection = await connect(await database());
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
  }
}

const readRows = (sql: string, context: CallContext): Promise<{ rows: number }> =>
  onConnection((connection) => streamRows(connection, sql, context));

// Ending waits for all threads, and one that waits for the other end of a pipe would wait forever.
process.on('exit', () => process.kill(process.pid, 'SIGKILL'));

serveParent({
  describe: (request: DescribeRequest) => describe(request, scratch),
  deliver: deliverInTurn,
  runModel: (request: RunModelRequest, context: CallContext) => runModel(request, context, scratch),
  verifyRecords: ({ slices }: { slices: readonly LogSlice[] }) => verifyRecords(slices, files),
  verifyTable: (request: VerifyTableRequest) =>
    onConnection((connection) => verifyTable(request, { connection, files, scratch })),
  fileRows: ({ paths }: { paths: readonly string[] }) =>
    onConnection((connection) => fileRows(connection, paths)),
  lookupRows: (request: LookupRowsRequest, context: CallContext) =>
    lookupRows(request, context, { files, scratch }),
  readParquet: ({ path }: { path: string }, context: CallContext) =>
    readRows(`SELECT * FROM read_parquet(${quoteText(path)})`, context),
  readTable: ({ files: paths, columns, until }: ReadTableRequest, context: CallContext) =>
    readRows(
      `SELECT * FROM ${readFiles(paths, columns)} WHERE _sequence_number < ${until} ORDER BY _sequence_number`,
      context,
    ),
});

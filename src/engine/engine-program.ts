import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { endWithoutThreads, serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { quoteText } from '../plan/render-sql.ts';
import type { LogSlice } from '../stream/stream-store.ts';
import { connect, interruptible, openDatabase, queryError, withConnection } from './database.ts';
import { type DeliverContext, deliver } from './deliver.ts';
import { deliverFiles } from './deliver-files.ts';
import { describe } from './describe.ts';
import { registerHashFunctions } from './hash-functions.ts';
import { lookupRows } from './lookup-rows.ts';
import type {
  CompactRequest,
  CompactResult,
  DeliverFilesRequest,
  DeliverRequest,
  DescribeRequest,
  LookupRowsRequest,
  ReadTableRequest,
  RunModelRequest,
  VerifyTableRequest,
} from './protocol.ts';
import { streamRows } from './read-rows.ts';
import { runModel } from './run-model.ts';
import { writeTableFiles } from './table-files.ts';
import { scanSql } from './table-scan.ts';
import { fileRows, verifyRecords, verifyTable } from './verify-table.ts';

/** The `engine` child: DuckDB for trusted work. Arguments: a private folder for scratch files. */
const scratch = process.argv[2] as string;
const files = nodeFileSystem();
let opened: Promise<DuckDBInstance> | undefined;
let delivering: Promise<DuckDBInstance> | undefined;
let compacting: Promise<DuckDBInstance> | undefined;
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
function inTurn<T>(write: (context: DeliverContext) => Promise<T>): Promise<T> {
  const result = turn.then(async () => {
    delivering ??= open(1);
    const connection = await connect(await delivering);
    try {
      return await write({ connection, files, scratch });
    } finally {
      connection.closeSync();
    }
  });
  turn = result.catch(() => undefined);
  return result;
}

/** One thread, beside the one of deliveries: maintenance takes a part of one core (M2). */
async function compact(request: CompactRequest, { signal }: CallContext): Promise<CompactResult> {
  compacting ??= open(1);
  const connection = await connect(await compacting);
  try {
    return await interruptible(connection, signal, async () => {
      const rows = await scanSql(connection, request.scan, request.columns);
      return { files: await writeTableFiles(connection, rows, request) };
    });
  } catch (error) {
    throw queryError(error);
  } finally {
    connection.closeSync();
  }
}

async function withReader<T>(read: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const connection = await connect(await database());
  try {
    return await read(connection);
  } finally {
    connection.closeSync();
  }
}

endWithoutThreads();
serveParent({
  describe: (request: DescribeRequest) => describe(request, scratch),
  deliver: (request: DeliverRequest) => inTurn((context) => deliver(request, context)),
  deliverFiles: (request: DeliverFilesRequest) =>
    inTurn((context) => deliverFiles(request, context)),
  compact,
  runModel: (request: RunModelRequest, context: CallContext) => runModel(request, context, scratch),
  verifyRecords: ({ slices }: { slices: readonly LogSlice[] }) => verifyRecords(slices, files),
  verifyTable: (request: VerifyTableRequest) =>
    withReader((connection) => verifyTable(request, { connection, files, scratch })),
  fileRows: ({ paths }: { paths: readonly string[] }) =>
    withReader((connection) => fileRows(connection, paths)),
  lookupRows: (request: LookupRowsRequest, context: CallContext) =>
    lookupRows(request, context, { files, scratch }),
  readParquet: ({ path }: { path: string }, context: CallContext) =>
    withReader((connection) =>
      streamRows(connection, `SELECT * FROM read_parquet(${quoteText(path)})`, context),
    ),
  readTable: ({ scan, columns, until }: ReadTableRequest, context: CallContext) =>
    withReader(async (connection) => {
      const rows = await scanSql(connection, scan, columns);
      return streamRows(
        connection,
        `SELECT * FROM (${rows}) WHERE _sequence_number < ${until} ORDER BY _sequence_number`,
        context,
      );
    }),
});

import type { DuckDBInstance } from '@duckdb/node-api';
import { serveParent } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { LIMITS } from '../core/limits.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import { quoteText } from '../plan/render-sql.ts';
import { connect, openDatabase, queryError, withConnection } from './database.ts';
import { describe } from './describe.ts';
import { registerHashFunctions } from './hash-functions.ts';
import type {
  DeliverRequest,
  DeliverResult,
  DescribeRequest,
  ReadTableRequest,
  RunModelRequest,
} from './protocol.ts';
import { streamRows } from './read-rows.ts';
import { readColumns, selectColumns } from './record-columns.ts';
import { readFiles } from './relations.ts';
import { runModel } from './run-model.ts';
import { writeScratch } from './scratch.ts';
import { writeTableFiles } from './table-files.ts';

/** The `engine` child: DuckDB for trusted work. Arguments: a private folder for scratch files. */
const scratch = process.argv[2] as string;
const files = nodeFileSystem();
let opened: Promise<DuckDBInstance> | undefined;

/** Opened at first use: a pipeline is described, and so ready, before anything is delivered. */
function database(): Promise<DuckDBInstance> {
  opened ??= openDatabase({ memory: LIMITS.engineMemory, scratch }).then(async (instance) => {
    await withConnection(instance, async (connection) => registerHashFunctions(connection));
    return instance;
  });
  return opened;
}

/** Records straight from the log to Parquet, past the hot rows: bulk loads need no second copy in memory. */
async function deliver(request: DeliverRequest): Promise<DeliverResult> {
  const { stream, slices, from, until } = request;
  const records = await writeScratch(files, scratch, slices, { from, until }, stream.schemas);
  const connection = await connect(await database());
  try {
    const parts = records.files.map(({ path, schemaVersion }) => {
      const schema = stream.schemas.find((candidate) => candidate.version === schemaVersion);
      if (!schema) throw new Error(`stream ${stream.name} has no schema ${schemaVersion}`);
      return `SELECT ${selectColumns(stream.fields, schema, stream.rest)} FROM read_json(${quoteText(path)}, format = 'newline_delimited', columns = ${readColumns(schema)})`;
    });
    if (parts.length === 0) return { files: [], damage: records.damage };
    return {
      files: await writeTableFiles(connection, parts.join(' UNION ALL '), request),
      damage: records.damage,
    };
  } catch (error) {
    throw queryError(error);
  } finally {
    connection.closeSync();
    records.remove();
  }
}

async function readRows(sql: string, context: CallContext): Promise<{ rows: number }> {
  const connection = await connect(await database());
  try {
    return await streamRows(connection, sql, context);
  } finally {
    connection.closeSync();
  }
}

serveParent({
  describe: (request: DescribeRequest) => describe(request, scratch),
  deliver,
  runModel: (request: RunModelRequest, context: CallContext) => runModel(request, context, scratch),
  readParquet: ({ path }: { path: string }, context: CallContext) =>
    readRows(`SELECT * FROM read_parquet(${quoteText(path)})`, context),
  readTable: ({ files: paths, columns, until }: ReadTableRequest, context: CallContext) =>
    readRows(
      `SELECT * FROM ${readFiles(paths, columns)} WHERE _sequence_number < ${until} ORDER BY _sequence_number`,
      context,
    ),
});

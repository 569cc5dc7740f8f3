import type { DuckDBConnection } from '@duckdb/node-api';
import type { CallContext } from '../children/rpc.ts';
import { LIMITS } from '../core/limits.ts';
import { quoteIdentifier, quoteText, type RenderedCheck } from '../plan/render-sql.ts';
import { brokenRows } from './check-sql.ts';
import { connect, interruptible, openDatabase, queryError } from './database.ts';
import { createCatalog } from './describe.ts';
import type { CheckOutcome, RunModelRequest, RunModelResult } from './protocol.ts';
import { writeTableFiles } from './table-files.ts';

/**
 * Computes a model over pinned files, writes its result and holds it to its checks. Nothing is visible
 * until main commits the files; where a check fails they are orphans that the sweep removes.
 */
export async function runModel(
  request: RunModelRequest,
  context: CallContext,
  scratch: string,
): Promise<RunModelResult> {
  const instance = await openDatabase({ memory: LIMITS.engineMemory, scratch });
  const connection = await connect(instance);
  try {
    return await interruptible(connection, context.signal, () => computed(connection, request));
  } catch (error) {
    throw queryError(error);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function computed(
  connection: DuckDBConnection,
  request: RunModelRequest,
): Promise<RunModelResult> {
  await createCatalog(connection, request.catalog, request.scans);
  const files = await writeTableFiles(connection, request.sql, request);
  const paths = files.map((file) => file.path);
  await connection.run(`CREATE TEMP VIEW result AS ${resultOf(request, paths)}`);
  const checks: CheckOutcome[] = [];
  for (const check of request.checks) checks.push(await runCheck(connection, check));
  return { files, rows: files.reduce((rows, file) => rows + file.rows, 0), checks };
}

function resultOf(request: RunModelRequest, paths: readonly string[]): string {
  if (paths.length === 0) return `SELECT * FROM (${request.sql}) WHERE false`;
  const columns = request.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  return `SELECT ${columns} FROM read_parquet([${paths.map(quoteText).join(', ')}], hive_partitioning = false)`;
}

/** How many rows break the rule, and one of them. */
async function runCheck(connection: DuckDBConnection, check: RenderedCheck): Promise<CheckOutcome> {
  const broken = brokenRows(check);
  const reader = await connection.runAndReadAll(
    `SELECT count(*)::VARCHAR, (SELECT to_json(row)::VARCHAR FROM (${broken}) AS row LIMIT 1) FROM (${broken})`,
  );
  const [count, sample] = (reader.getRowsJson()[0] ?? []) as [string, string | null];
  return {
    name: check.name,
    severity: check.severity,
    failures: Number(count),
    ...(sample === null ? {} : { sample }),
  };
}

import type { DuckDBConnection } from '@duckdb/node-api';
import type { CallContext } from '../children/rpc.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import { queryError, textRows } from './database.ts';
import { jsonMembers } from './result-json.ts';
import { statementColumns } from './statement-columns.ts';

const CHUNK_BYTES = 64 * 1024;

/**
 * Rows of a statement of ours as NDJSON, every value as SQL's JSON writes it. There may be more of them
 * than fit in memory or on disk: each chunk is taken before the next is made.
 *
 * The engine's stream ends without an error where it fails on its way, so the rows are counted first.
 */
export async function streamRows(
  connection: DuckDBConnection,
  sql: string,
  context: CallContext,
): Promise<{ rows: number }> {
  try {
    const [[expected = '']] = (await textRows(connection, `SELECT count(*) FROM (${sql})`)) as [
      [string],
    ];
    const rows = await emitRows(connection, sql, context);
    if (String(rows) !== expected && !context.signal.aborted) await fail(connection, sql);
    return { rows };
  } catch (error) {
    throw queryError(error);
  }
}

async function emitRows(
  connection: DuckDBConnection,
  sql: string,
  { emit, signal }: CallContext,
): Promise<number> {
  const result = await connection.stream(
    `SELECT json_object(${await members(connection, sql)})::VARCHAR FROM (${sql})`,
  );
  let rows = 0;
  let lines: string[] = [];
  let length = 0;
  const send = async (): Promise<void> => {
    if (length > 0) await emit(Buffer.from(`${lines.join('\n')}\n`));
    lines = [];
    length = 0;
  };
  while (!signal.aborted) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    rows += chunk.rowCount;
    for (const line of chunk.getColumnValues(0) as string[]) {
      lines.push(line);
      length += line.length;
    }
    if (length >= CHUNK_BYTES) await send();
  }
  await send();
  return rows;
}

async function members(connection: DuckDBConnection, sql: string): Promise<string> {
  const columns = await statementColumns(connection, sql);
  return jsonMembers(
    columns.map(({ name, type }) => ({ name, type, value: quoteIdentifier(name) })),
  );
}

/** Reads all of it once more, in a way that tells what is wrong. */
async function fail(connection: DuckDBConnection, sql: string): Promise<never> {
  await connection.run(`COPY (${sql}) TO '/dev/null' (FORMAT csv)`);
  throw new Error('the engine could not read all of the rows');
}

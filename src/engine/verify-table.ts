import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileSystem } from '../core/file-system.ts';
import { NO_ROWS } from '../lake/iceberg/live-files.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { RUN, RUN_COLUMNS } from '../stream/run-columns.ts';
import { readRuns } from '../stream/run-reader.ts';
import type { LogSlice } from '../stream/stream-store.ts';
import { queryError, textRows } from './database.ts';
import type {
  FileRows,
  FoundNumbers,
  VerifyRecordsResult,
  VerifyTableRequest,
  VerifyTableResult,
} from './protocol.ts';
import { scratchRelation, selectColumns } from './record-columns.ts';
import { writeScratch } from './scratch.ts';
import { scanSql } from './table-scan.ts';

export interface VerifyContext {
  readonly connection: DuckDBConnection;
  readonly files: FileSystem;
  /** A private folder. */
  readonly scratch: string;
}

/** Of each kind of difference so many ranges are named; all are counted. */
const RANGES_MAX = 20;

/** Reads all bytes of the runs and holds them against their checksums. */
export async function verifyRecords(
  slices: readonly LogSlice[],
  files: FileSystem,
): Promise<VerifyRecordsResult> {
  const damage: string[] = [];
  let records = 0;
  for await (const run of readRuns(files, slices)) {
    records += run.count;
    if (run.damage !== undefined) damage.push(run.damage);
  }
  return { records, damage };
}

/** Holds the rows of [from, until) against the records that the log has of them, value by value. */
export async function verifyTable(
  request: VerifyTableRequest,
  { connection, files, scratch }: VerifyContext,
): Promise<VerifyTableResult> {
  const { stream, slices, from, until } = request;
  const copied = await writeScratch(files, scratch, slices, { from, until }, stream.schemas);
  try {
    await createRecords(connection, request, copied.files);
    await createNumbers(connection, request);
    const stored = `(${await scanSql(connection, request.scan, request.stream.columns)})`;
    await createRows(connection, stored, request);
    const [records, rows] = await Promise.all(
      ['records', 'rows'].map((name) => countOf(connection, name)),
    );
    return {
      records: records as number,
      rows: rows as number,
      damage: copied.damage,
      ...(await differences(connection, stored, request)),
    };
  } catch (error) {
    throw queryError(error);
  } finally {
    copied.remove();
  }
}

async function createRecords(
  connection: DuckDBConnection,
  { stream }: VerifyTableRequest,
  copied: readonly { readonly path: string; readonly schemaVersion: number }[],
): Promise<void> {
  const parts = copied.flatMap(({ path, schemaVersion }) => {
    const schema = stream.schemas.find((candidate) => candidate.version === schemaVersion);
    return schema
      ? [`SELECT ${selectColumns(stream, schema)} FROM ${scratchRelation(path, schema)}`]
      : [];
  });
  const none = await scanSql(connection, NO_ROWS, stream.columns);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE records AS ${parts.length > 0 ? parts.join(' UNION ALL ') : none}`,
  );
}

/** Every number that the log's index knows, also of records that are damaged. */
async function createNumbers(
  connection: DuckDBConnection,
  { slices }: VerifyTableRequest,
): Promise<void> {
  await connection.run('CREATE OR REPLACE TEMP TABLE runs (first BIGINT, count BIGINT)');
  const appender = await connection.createAppender('runs', 'main', 'temp');
  for (const { runs } of slices)
    for (let at = 0; at < runs.length; at += RUN_COLUMNS) {
      appender.appendBigInt(BigInt(runs[at + RUN.firstSequence] as number));
      appender.appendBigInt(BigInt(runs[at + RUN.count] as number));
      appender.endRow();
    }
  appender.closeSync();
}

const columnsOf = (stream: VerifyTableRequest['stream']): string =>
  stream.columns.map(({ name }) => quoteIdentifier(name)).join(', ');

/** `beside`: how many rows of the number may be there besides that of the log. */
async function createRows(
  connection: DuckDBConnection,
  stored: string,
  { from, until, apart }: VerifyTableRequest,
): Promise<void> {
  const beside = apart
    .map(({ from: first, next }) => `(n >= ${first} AND n < ${next})::INTEGER`)
    .join(' + ');
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE rows AS
       SELECT n, count(*) AS times, ${beside === '' ? '0' : beside} AS beside
       FROM (SELECT _sequence_number AS n FROM ${stored} WHERE _sequence_number >= ${from} AND _sequence_number < ${until})
       GROUP BY n`,
  );
}

const NUMBERS = '(SELECT unnest(range(first, first + count)) AS n FROM runs)';

async function differences(
  connection: DuckDBConnection,
  rows: string,
  request: VerifyTableRequest,
): Promise<Pick<VerifyTableResult, 'missing' | 'doubled' | 'unknown' | 'changed'>> {
  const found = (sql: string) => numbersOf(connection, sql);
  const doubled = await found('SELECT n FROM rows WHERE times > 1 + beside');
  const nothing: FoundNumbers = { count: 0, ranges: [] };
  if (request.isOlder) return { missing: nothing, doubled, unknown: nothing, changed: nothing };
  const { stream, from, until } = request;
  const columns = columnsOf(stream);
  return {
    missing: await found(
      'SELECT _sequence_number AS n FROM records ANTI JOIN rows ON n = _sequence_number',
    ),
    doubled,
    unknown: await found(
      `SELECT rows.n FROM rows ANTI JOIN ${NUMBERS} AS known ON known.n = rows.n WHERE times > beside`,
    ),
    changed: await found(
      `SELECT stored._sequence_number AS n
       FROM (SELECT ${columns} FROM ${rows} WHERE _sequence_number >= ${from} AND _sequence_number < ${until}) AS stored
       JOIN rows ON rows.n = stored._sequence_number AND times = 1 AND beside = 0
       JOIN records ON records._sequence_number = stored._sequence_number
       WHERE ${stream.columns.map(({ name }) => `stored.${quoteIdentifier(name)} IS DISTINCT FROM records.${quoteIdentifier(name)}`).join(' OR ')}`,
    ),
  };
}

async function numbersOf(connection: DuckDBConnection, sql: string): Promise<FoundNumbers> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE found AS SELECT DISTINCT n FROM (${sql})`);
  const ranges = await textRows(
    connection,
    `SELECT min(n)::VARCHAR, max(n)::VARCHAR FROM (SELECT n, n - row_number() OVER (ORDER BY n) AS island FROM found)
     GROUP BY island ORDER BY min(n) LIMIT ${RANGES_MAX}`,
  );
  return {
    count: await countOf(connection, 'found'),
    ranges: ranges.map(([first, last]) => [Number(first), Number(last)]),
  };
}

async function countOf(connection: DuckDBConnection, table: string): Promise<number> {
  const sum = table === 'rows' ? 'coalesce(sum(times), 0)' : 'count(*)';
  const [row] = await textRows(connection, `SELECT ${sum}::VARCHAR FROM ${table}`);
  return Number(row?.[0]);
}

/** How many rows each file says it has, or why it cannot be opened. */
export async function fileRows(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<FileRows[]> {
  const found: FileRows[] = [];
  for (const path of paths) {
    try {
      const [row] = await textRows(
        connection,
        `SELECT num_rows::VARCHAR FROM parquet_file_metadata(${quoteText(path)})`,
      );
      found.push({ path, rows: Number(row?.[0]) });
    } catch (error) {
      found.push({ path, error: queryError(error).message });
    }
  }
  return found;
}

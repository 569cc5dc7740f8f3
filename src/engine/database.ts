import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBMaterializedResult,
  type DuckDBType,
} from '@duckdb/node-api';
import { isDiskFull, MillraceError } from '../core/errors.ts';
import { quoteText } from '../plan/render-sql.ts';
import { dialectHint } from '../query/other-dialects.ts';
import { fromBytes } from '../query/text-position.ts';
import { inSqlWords } from './engine-words.ts';

const INTERRUPT_AGAIN_MS = 20;

export interface DatabaseOptions {
  readonly memory: string;
  /** For spilling; private to the process. */
  readonly scratch: string;
  /** Default 2. With one, no thread spins while another works alone, as it does in a pipeline that keeps an order. */
  readonly threads?: number;
}

/** An in-memory database named `millrace`, with settings that make results the same everywhere. */
export async function openDatabase(options: DatabaseOptions): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: options.memory,
    temp_directory: options.scratch,
    threads: String(options.threads ?? 2),
    // Memory that a large query or delivery used goes back to the system within seconds.
    allocator_background_threads: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    errors_as_json: 'true',
  });
  await withConnection(instance, async (connection) => {
    await connection.run("ATTACH ':memory:' AS millrace");
    await connection.run("SET GLOBAL TimeZone = 'UTC'");
    await connection.run('SET GLOBAL parquet_metadata_cache = true');
  });
  return instance;
}

/** A connection on the database `millrace`; `searchPath` once its schemas are there. */
export async function connect(
  instance: DuckDBInstance,
  searchPath?: string,
): Promise<DuckDBConnection> {
  const connection = await instance.connect();
  await connection.run('USE millrace');
  if (searchPath !== undefined) await connection.run(`SET search_path = '${searchPath}'`);
  return connection;
}

/** A connection is closed only after its query has settled: otherwise the process dies (architecture.md 5). */
export async function withConnection<T>(
  instance: DuckDBInstance,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const connection = await instance.connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
  }
}

/**
 * Runs `action`; what it runs on the connection is interrupted when the signal is aborted.
 * @throws MillraceError MR_QUERY_CANCELLED where it is aborted already
 */
export async function interruptible<T>(
  connection: DuckDBConnection,
  signal: AbortSignal,
  action: () => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw new MillraceError('MR_QUERY_CANCELLED', 'It was cancelled.');
  let again: NodeJS.Timeout | undefined;
  // One that comes before the engine has begun is forgotten when it begins.
  const interrupt = () => {
    connection.interrupt();
    again = setInterval(() => connection.interrupt(), INTERRUPT_AGAIN_MS);
  };
  signal.addEventListener('abort', interrupt);
  try {
    return await action();
  } finally {
    signal.removeEventListener('abort', interrupt);
    clearInterval(again);
  }
}

/** What a statement's parameters are. */
export interface BoundValues {
  readonly values: Value[] | Record<string, Value>;
  readonly types: DuckDBType[] | Record<string, DuckDBType>;
}
export type Value = string | number | bigint | boolean | null;

/** Runs one statement. Each call of the engine changes threads twice, so there are no more than it takes. */
export async function runBound(
  connection: DuckDBConnection,
  sql: string,
  { values, types }: BoundValues,
): Promise<DuckDBMaterializedResult> {
  if (Object.keys(values).length === 0) return connection.run(sql);
  const statement = await connection.prepare(sql);
  try {
    statement.bind(values, types);
    return await statement.run();
  } finally {
    statement.destroySync();
  }
}

/** From here on the database reads only below `folders`, and no setting can be changed. */
export async function lockDown(
  connection: DuckDBConnection,
  folders: readonly string[],
): Promise<void> {
  await connection.run(`SET GLOBAL allowed_directories = [${folders.map(quoteText).join(', ')}]`);
  await connection.run('SET GLOBAL enable_external_access = false');
  await connection.run('SET GLOBAL lock_configuration = true');
}

export async function textRows(
  connection: DuckDBConnection,
  sql: string,
  values: string[] = [],
): Promise<string[][]> {
  const reader = await connection.runAndReadAll(sql, values);
  return reader.getRowsJson() as string[][];
}

interface EngineErrorJson {
  readonly exception_type?: string;
  readonly exception_message?: string;
  readonly position?: string;
}

/** A text a person wrote, and the bytes of ours that stood before it in what the engine was given. */
export interface AskedText {
  readonly sql: string;
  readonly before: number;
}

/** The engine's own words and the place in the asked text, out of the JSON it answers. */
export function queryError(error: unknown, asked?: AskedText): MillraceError {
  if (error instanceof MillraceError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const json = /\{.*\}/s.exec(text)?.[0];
  const parsed = json === undefined ? {} : parseOrEmpty(json);
  const said = inSqlWords(parsed.exception_message ?? text);
  const instead = dialectHint(said);
  const message = instead === undefined ? said : `${said.split('\n')[0]} ${instead}`;
  const position =
    asked && parsed.position !== undefined
      ? fromBytes(asked.sql, Number(parsed.position) - asked.before)
      : undefined;
  const hint = instead ?? hintIn(message);
  const details = {
    ...(position === undefined ? {} : { position }),
    ...(hint === undefined ? {} : { hint }),
  };
  if (/interrupt/i.test(parsed.exception_type ?? text))
    return new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.', { cause: error });
  if (parsed.exception_type === 'Out of Memory')
    return new MillraceError(
      'MR_QUERY_LIMIT',
      `The query needs more memory than a query may have. ${message}`,
      { cause: error },
    );
  if (isDiskFull(error))
    return new MillraceError(
      'MR_STORAGE_FULL',
      `The disk is full: the engine has no room for what this needs in files. ${message}`,
      { cause: error },
    );
  if (parsed.exception_type === 'Parser')
    return new MillraceError('MR_QUERY_SYNTAX', message, { cause: error, details });
  return new MillraceError('MR_QUERY_FAILED', message, { cause: error, details });
}

/** The engine's own advice, for programs that show it apart. */
function hintIn(message: string): string | undefined {
  return /^(?:Did you mean|Candidate (?:bindings|functions|tables)|HINT:).*$/ms.exec(message)?.[0];
}

function parseOrEmpty(json: string): EngineErrorJson {
  try {
    return JSON.parse(json) as EngineErrorJson;
  } catch {
    // Not the engine's JSON but a text with braces: the text itself is the message.
    return {};
  }
}

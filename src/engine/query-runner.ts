import { createReadStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  type DuckDBType,
  INTEGER,
  VARCHAR,
} from '@duckdb/node-api';
import type { CallContext } from '../children/rpc.ts';
import { MillraceError } from '../core/errors.ts';
import { quoteText } from '../plan/render-sql.ts';
import { queryError } from './database.ts';
import type { QueryRequest, QueryResult } from './protocol.ts';
import { jsonValue, typeName } from './result-json.ts';

type Value = string | number | bigint | boolean | null;
interface Bound {
  readonly values: Value[] | Record<string, Value>;
  readonly types: DuckDBType[] | Record<string, DuckDBType>;
}

const CHUNK_BYTES = 64 * 1024;
let counter = 0;

/** Runs a statement that passed the gate and sends its result in the format asked for. */
export async function runQuery(
  connection: DuckDBConnection,
  request: QueryRequest,
  context: CallContext,
  scratch: string,
): Promise<QueryResult> {
  const interrupt = () => connection.interrupt();
  context.signal.addEventListener('abort', interrupt);
  try {
    const bound = bind(request.params);
    const columns = await describeColumns(connection, request.sql, bound);
    if (request.format === 'csv' || request.format === 'parquet')
      return await copyOut(connection, request, columns, bound, context, scratch);
    return await streamJson(connection, request, columns, bound, context);
  } catch (error) {
    if (context.signal.aborted)
      throw new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.', { cause: error });
    throw queryError(error);
  } finally {
    context.signal.removeEventListener('abort', interrupt);
  }
}

interface ResultColumn {
  readonly name: string;
  readonly type: DuckDBType;
}

async function describeColumns(
  connection: DuckDBConnection,
  sql: string,
  bound: Bound,
): Promise<ResultColumn[]> {
  if (Object.keys(bound.values).length > 0) return describeBound(connection, sql, bound);
  const statement = await connection.prepare(sql);
  try {
    return Array.from({ length: statement.columnCount }, (_, index) => ({
      name: statement.columnName(index),
      type: statement.columnType(index),
    }));
  } finally {
    statement.destroySync();
  }
}

/** Types can depend on those of parameters, which a statement has only once they are bound. */
async function describeBound(
  connection: DuckDBConnection,
  sql: string,
  bound: Bound,
): Promise<ResultColumn[]> {
  const before = 'SELECT * FROM ';
  const result = await placed(before, sql, () =>
    connection.run(`${before}${nested(sql)} LIMIT 0`, bound.values, bound.types),
  );
  return Array.from({ length: result.columnCount }, (_, index) => ({
    name: result.columnName(index),
    type: result.columnType(index),
  }));
}

function bind(params: QueryRequest['params']): Bound {
  const typed = (value: unknown): [Value, DuckDBType] => {
    if (value === null || typeof value === 'string') return [value, VARCHAR];
    if (typeof value === 'boolean') return [value, BOOLEAN];
    if (typeof value === 'number' && Number.isSafeInteger(value))
      return Math.abs(value) < 2 ** 31 ? [value, INTEGER] : [BigInt(value), BIGINT];
    if (typeof value === 'number') return [value, DOUBLE];
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      'params must be texts, numbers, booleans or null.',
    );
  };
  if (Array.isArray(params)) {
    const pairs = params.map(typed);
    return { values: pairs.map(([value]) => value), types: pairs.map(([, type]) => type) };
  }
  const pairs = Object.entries(params).map(([name, value]) => [name, typed(value)] as const);
  return {
    values: Object.fromEntries(pairs.map(([name, [value]]) => [name, value])),
    types: Object.fromEntries(pairs.map(([name, [, type]]) => [name, type])),
  };
}

/** The user's query as part of another; a comment at its end ends with the line. */
function nested(sql: string): string {
  return `(${sql.replace(/;\s*$/, '')}\n)`;
}

/** As a relation whose columns are c0, c1, …: result names may repeat or be empty. */
function inner(sql: string, columns: readonly ResultColumn[]): string {
  return `${nested(sql)} AS result(${columns.map((_, index) => `c${index}`).join(', ')})`;
}

/** Runs what has the user's query nested after `before`; an error's place is then one of the user's text. */
async function placed<T>(before: string, sql: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code, message, details } = queryError(error);
    const { position, ...others } = details;
    const place = Number(position) - Buffer.byteLength(`${before}(`);
    const isInside = place >= 0 && place < Buffer.byteLength(sql);
    throw new MillraceError(code, message, {
      cause: error,
      details: { ...others, ...(isInside ? { position: place } : {}) },
    });
  }
}

async function streamJson(
  connection: DuckDBConnection,
  request: QueryRequest,
  columns: readonly ResultColumn[],
  bound: Bound,
  context: CallContext,
): Promise<QueryResult> {
  const values = columns.map(({ type }, index) => jsonValue(type, `c${index}`));
  const isArray = request.format === 'json';
  const row = isArray
    ? `json_array(${values.join(', ')})`
    : `json_object(${columns.map(({ name }, index) => `${quoteText(name)}, ${values[index]}`).join(', ')})`;
  const sink = new Sink(request, context);
  if (isArray)
    sink.text(
      `{"columns":${JSON.stringify(columns.map(({ name, type }) => ({ name, type: typeName(type) })))},"rows":[`,
    );
  const before = `SELECT ${row}::VARCHAR FROM `;
  const result = await placed(before, request.sql, () =>
    connection.stream(`${before}${inner(request.sql, columns)}`, bound.values, bound.types),
  );
  const next = () => placed(before, request.sql, () => result.fetchChunk());
  let rows = 0;
  for (let chunk = await next(); chunk && chunk.rowCount > 0; chunk = await next()) {
    const lines = chunk.getColumnValues(0) as string[];
    rows += lines.length;
    if (rows > request.rowsMax) throw tooMany(request.rowsMax);
    sink.text(
      isArray ? `${rows > lines.length ? ',' : ''}\n${lines.join(',\n')}` : `${lines.join('\n')}\n`,
    );
    await sink.flush(CHUNK_BYTES);
  }
  if (isArray) sink.text(`\n],"rowCount":${rows}}\n`);
  await sink.flush(0);
  return { rows };
}

/** CSV and Parquet are written by the engine to a private file, which is then sent. */
async function copyOut(
  connection: DuckDBConnection,
  request: QueryRequest,
  columns: readonly ResultColumn[],
  bound: Bound,
  context: CallContext,
  scratch: string,
): Promise<QueryResult> {
  const path = join(scratch, `result-${process.pid}-${counter++}`);
  const names = columns.map(
    ({ name }, index) =>
      `${request.format === 'csv' ? csvValue(columns[index] as ResultColumn, `c${index}`) : `c${index}`} AS "${name.replaceAll('"', '""')}"`,
  );
  const options =
    request.format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd';
  try {
    const before = `COPY (SELECT ${names.join(', ')} FROM `;
    const after = ` LIMIT ${request.rowsMax + 1}) TO ${quoteText(path)} (${options})`;
    const copied = await placed(before, request.sql, () =>
      connection.run(`${before}${inner(request.sql, columns)}${after}`, bound.values, bound.types),
    );
    if (copied.rowsChanged > request.rowsMax) throw tooMany(request.rowsMax);
    const sink = new Sink(request, context);
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }))
      await sink.send(chunk as Buffer);
    return { rows: copied.rowsChanged };
  } finally {
    rmSync(path, { force: true });
  }
}

/** As in JSON, so that a value reads the same in every format. */
function csvValue({ type }: ResultColumn, value: string): string {
  const name = String(type);
  return name.startsWith('TIMESTAMP') || name === 'BLOB' ? jsonValue(type, value) : value;
}

const tooMany = (rows: number): MillraceError =>
  new MillraceError(
    'MR_QUERY_LIMIT',
    `The result has more than ${rows} rows. Add a LIMIT, or aggregate.`,
  );

/** Gathers text and sends it on, within the limit of bytes. */
class Sink {
  readonly #request: QueryRequest;
  readonly #context: CallContext;
  #parts: string[] = [];
  #length = 0;
  #sent = 0;

  constructor(request: QueryRequest, context: CallContext) {
    this.#request = request;
    this.#context = context;
  }

  text(part: string): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  async flush(atLeast: number): Promise<void> {
    if (this.#length === 0 || this.#length < atLeast) return;
    const chunk = Buffer.from(this.#parts.join(''));
    this.#parts = [];
    this.#length = 0;
    await this.send(chunk);
  }

  async send(chunk: Buffer): Promise<void> {
    this.#sent += chunk.length;
    if (this.#sent > this.#request.bytesMax)
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `The result has more than ${this.#request.bytesMax} bytes. Ask for fewer rows or columns.`,
      );
    if (this.#context.signal.aborted)
      throw new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.');
    await this.#context.emit(chunk);
  }
}

import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  type DuckDBType,
  INTEGER,
  VARCHAR,
} from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import type { Parameters, ParameterValue } from '../query/statement-parameters.ts';
import { queryError } from './database.ts';
import { HeldResult, type ResultFrame } from './held-result.ts';
import type { QueryRequest, QueryResult, ResultFormat } from './protocol.ts';
import { csvValue, distinctNames, jsonValue, LINES, typeName } from './result-json.ts';
import type { ScratchSpace } from './scratch-space.ts';

type Value = string | number | bigint | boolean | null;
interface Bound {
  readonly values: Value[] | Record<string, Value>;
  readonly types: DuckDBType[] | Record<string, DuckDBType>;
}

export interface QueryContext {
  readonly signal: AbortSignal;
  readonly scratch: ScratchSpace;
  /** False where it reads views of the user's: places in errors may then be places in those. */
  readonly hasPlaces: boolean;
}

/**
 * Runs a statement that passed the gate; the result is whole, in the format asked for. The engine writes
 * it to a file: its streams end without an error where a query fails on its way, and cost eight times more.
 */
export async function runQuery(
  connection: DuckDBConnection,
  request: QueryRequest,
  { signal, scratch, hasPlaces }: QueryContext,
): Promise<QueryResult> {
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt);
  const held = new HeldResult(scratch, request.bytesMax);
  try {
    const query = new Query(connection, request, hasPlaces);
    const columns = await query.describe();
    const { select, options, ...form } = FORMS[request.format](columns);
    const { rowsChanged } = await held.write(
      () => query.copy(select, columns, `TO ${quoteText(held.path)} (${options})`),
      interrupt,
    );
    if (rowsChanged > request.rowsMax)
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `The result has more than ${request.rowsMax} rows. Add a LIMIT, or aggregate.`,
      );
    return { rows: rowsChanged, ...held.finish(form.frame(rowsChanged)) };
  } catch (error) {
    held.discard();
    if (signal.aborted)
      throw new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.', { cause: error });
    throw queryError(error);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

interface ResultColumn {
  readonly name: string;
  readonly type: DuckDBType;
}

/** A statement with its parameters, and queries around it. */
class Query {
  readonly #rowsMax: number;
  readonly #connection: DuckDBConnection;
  readonly #sql: string;
  readonly #hasPlaces: boolean;
  readonly #bound: Bound;

  constructor(
    connection: DuckDBConnection,
    { sql, params, rowsMax }: Pick<QueryRequest, 'sql' | 'params' | 'rowsMax'>,
    hasPlaces: boolean,
  ) {
    this.#rowsMax = rowsMax;
    this.#connection = connection;
    this.#sql = sql.replace(/;\s*$/, '');
    this.#hasPlaces = hasPlaces;
    this.#bound = bind(params);
  }

  async describe(): Promise<ResultColumn[]> {
    if (Object.keys(this.#bound.values).length > 0) return this.#describeBound();
    return this.#places('', async () => {
      const statement = await this.#connection.prepare(this.#sql);
      try {
        return Array.from({ length: statement.columnCount }, (_, index) => ({
          name: statement.columnName(index),
          type: statement.columnType(index),
        }));
      } finally {
        statement.destroySync();
      }
    });
  }

  /** Types can depend on those of parameters, which a statement has only once they are bound. */
  async #describeBound(): Promise<ResultColumn[]> {
    const result = await this.#around('SELECT * FROM (', '\n) LIMIT 0', (sql) =>
      this.#connection.run(sql, this.#bound.values, this.#bound.types),
    );
    return Array.from({ length: result.columnCount }, (_, index) => ({
      name: result.columnName(index),
      type: result.columnType(index),
    }));
  }

  /** Copies `select` over the result, whose columns are c0, c1, … there: its own names may repeat or be empty. */
  copy(select: string, columns: readonly ResultColumn[], target: string) {
    const after = `${renamed(columns)} LIMIT ${this.#rowsMax + 1}) ${target}`;
    return this.#around(`COPY (${select} FROM (`, after, (sql) =>
      this.#connection.run(sql, this.#bound.values, this.#bound.types),
    );
  }

  #around<T>(before: string, after: string, run: (sql: string) => Promise<T>): Promise<T> {
    return this.#places(before, () => run(`${before}${this.#sql}${after}`));
  }

  /** The engine tells places in what it was given; people are told places in what they wrote. */
  async #places<T>(before: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const asked = { sql: this.#sql, before: Buffer.byteLength(before) };
      throw queryError(error, this.#hasPlaces ? asked : undefined);
    }
  }
}

const renamed = (columns: readonly ResultColumn[]): string =>
  `\n) AS result(${columns.map((_, index) => `c${index}`).join(', ')})`;

/** Array.isArray does not know lists that are readonly. */
const isList = (params: Parameters): params is readonly ParameterValue[] => Array.isArray(params);

function typed(value: ParameterValue): [Value, DuckDBType] {
  if (value === null || typeof value === 'string') return [value, VARCHAR];
  if (typeof value === 'boolean') return [value, BOOLEAN];
  if (!Number.isSafeInteger(value)) return [value, DOUBLE];
  return Math.abs(value) < 2 ** 31 ? [value, INTEGER] : [BigInt(value), BIGINT];
}

export function bind(params: Parameters): Bound {
  if (isList(params)) {
    const pairs = params.map(typed);
    return { values: pairs.map(([value]) => value), types: pairs.map(([, type]) => type) };
  }
  const pairs = Object.entries(params).map(([name, value]) => [name, typed(value)] as const);
  return {
    values: Object.fromEntries(pairs.map(([name, [value]]) => [name, value])),
    types: Object.fromEntries(pairs.map(([name, [, type]]) => [name, type])),
  };
}

interface ResultForm {
  /** Over the columns c0, c1, … */
  readonly select: string;
  /** Of COPY. */
  readonly options: string;
  frame(rows: number): ResultFrame;
}

const bare = (): ResultFrame => ({ head: '', from: 0, tail: '' });
const FORMS: { readonly [F in ResultFormat]: (columns: readonly ResultColumn[]) => ResultForm } = {
  json: (columns) => {
    const names = columns.map(({ name, type }) => ({ name, type: typeName(type) }));
    return {
      select: `SELECT ',' || json_array(${jsonValues(columns).join(', ')})::VARCHAR`,
      options: LINES,
      // The first row's comma is left out.
      frame: (rows) => ({
        head: `{"columns":${JSON.stringify(names)},"rows":[\n`,
        from: 1,
        tail: `],"rowCount":${rows}}\n`,
      }),
    };
  },
  objects: (columns) => ({
    select: `SELECT ',' || ${rowObject(columns)}::VARCHAR`,
    options: LINES,
    frame: (rows) => ({ head: '{"rows":[\n', from: 1, tail: `],"rowCount":${rows}}\n` }),
  }),
  ndjson: (columns) => ({
    select: `SELECT ${rowObject(columns)}::VARCHAR`,
    options: LINES,
    frame: bare,
  }),
  csv: (columns) => ({
    select: selectNamed(columns, ({ type }, value) => csvValue(type, value)),
    options: 'FORMAT csv, HEADER',
    frame: bare,
  }),
  parquet: (columns) => ({
    select: selectNamed(columns, (_column, value) => value),
    options: 'FORMAT parquet, COMPRESSION zstd',
    frame: bare,
  }),
};

function rowObject(columns: readonly ResultColumn[]): string {
  const names = distinctNames(columns.map(({ name }) => name));
  const members = jsonValues(columns).map(
    (value, index) => `${quoteText(names[index] as string)}, ${value}`,
  );
  return `json_object(${members.join(', ')})`;
}

const jsonValues = (columns: readonly ResultColumn[]): string[] =>
  columns.map(({ type }, index) => jsonValue(type, `c${index}`));

function selectNamed(
  columns: readonly ResultColumn[],
  shown: (column: ResultColumn, value: string) => string,
): string {
  const names = distinctNames(columns.map(({ name }) => name));
  const values = columns.map(
    (column, index) =>
      `${shown(column, `c${index}`)} AS ${quoteIdentifier(names[index] as string)}`,
  );
  return `SELECT ${values.join(', ')}`;
}

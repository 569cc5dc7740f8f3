import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  type DuckDBResult,
  type DuckDBType,
  INTEGER,
  VARCHAR,
} from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import type { Parameters, ParameterValue } from '../query/statement-parameters.ts';
import { type ArrowField, type ArrowFile, writeArrow } from './arrow-result.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { type BoundValues, interruptible, queryError, runBound, type Value } from './database.ts';
import {
  ARROW_TYPES,
  type ExactTypes,
  exactValue,
  PARQUET_TYPES,
  WHOLE,
  widest,
} from './exact-columns.ts';
import { HeldResult, type ResultFrame } from './held-result.ts';
import type { QueryRequest, QueryResult, ResultFormat } from './protocol.ts';
import { csvValue, distinctNames, jsonMembers, jsonValue, LINES, typeName } from './result-json.ts';
import type { ScratchSpace } from './scratch-space.ts';
import { type StatementColumn, statementColumns } from './statement-columns.ts';

export interface QueryContext {
  readonly signal: AbortSignal;
  readonly scratch: ScratchSpace;
  /** False where it reads views of the user's: places in errors may then be places in those. */
  readonly hasPlaces: boolean;
  /** Where its columns are found out sooner than over its files, if there is such a place. */
  readonly shapes: ConnectionPool | undefined;
}

/**
 * Runs a statement that passed the gate; the result is whole, in the format asked for. The engine writes
 * it to a file: its streams end without an error where a query fails on its way, and cost eight times more.
 */
export async function runQuery(
  connection: DuckDBConnection,
  request: QueryRequest,
  { signal, scratch, hasPlaces, shapes }: QueryContext,
): Promise<QueryResult> {
  const held = new HeldResult(scratch, request.bytesMax);
  try {
    const query = new Query(connection, request, hasPlaces);
    const columns =
      (await query.describeTwin(shapes, signal)) ??
      (await interruptible(connection, signal, () => query.describe(connection)));
    const form = FORMS[request.format](columns);
    const rows = await held.write(
      () => interruptible(connection, signal, () => query.writeExact(form, columns, held.path)),
      () => connection.interrupt(),
    );
    return { rows, ...held.finish(form.frame?.(rows) ?? BARE) };
  } catch (error) {
    held.discard();
    if (signal.aborted)
      throw new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.', { cause: error });
    throw queryError(error);
  }
}

/** A statement with its parameters, and queries around it. */
class Query {
  readonly #rowsMax: number;
  readonly #bytesMax: number;
  readonly #connection: DuckDBConnection;
  readonly #sql: string;
  readonly #hasPlaces: boolean;
  readonly #bound: BoundValues;

  constructor(
    connection: DuckDBConnection,
    { sql, params, rowsMax, bytesMax }: Omit<QueryRequest, 'format' | 'waitMs'>,
    hasPlaces: boolean,
  ) {
    this.#rowsMax = rowsMax;
    this.#bytesMax = bytesMax;
    this.#connection = connection;
    this.#sql = sql.replace(/;\s*$/, '');
    this.#hasPlaces = hasPlaces;
    this.#bound = bind(params);
  }

  /** Undefined where it cannot be told there: names in full are not known to twins, and errors are to be of the relations. */
  async describeTwin(
    shapes: ConnectionPool | undefined,
    signal: AbortSignal,
  ): Promise<StatementColumn[] | undefined> {
    try {
      return await shapes?.with((twin) => interruptible(twin, signal, () => this.describe(twin)));
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }

  async describe(connection: DuckDBConnection): Promise<StatementColumn[]> {
    if (Object.keys(this.#bound.values).length > 0) return this.#describeBound(connection);
    return this.#places('', () => statementColumns(connection, this.#sql));
  }

  /** Types can depend on those of parameters, which a statement has only once they are bound. */
  async #describeBound(connection: DuckDBConnection): Promise<StatementColumn[]> {
    const result = await this.#around('SELECT * FROM (', '\n) LIMIT 0', (sql) =>
      runBound(connection, sql, this.#bound),
    );
    return Array.from({ length: result.columnCount }, (_, index) => ({
      name: result.columnName(index),
      type: result.columnType(index),
    }));
  }

  /** @returns how many rows the file has */
  async writeExact(
    form: ResultForm,
    columns: readonly StatementColumn[],
    path: string,
  ): Promise<number> {
    try {
      return await this.#write(form, columns, path);
    } catch (error) {
      const isTooWide = error instanceof MillraceError && error.message.includes(WHOLE);
      if (form.widest === undefined || !isTooWide) throw error;
      return this.#write({ ...form, select: form.widest }, columns, path);
    }
  }

  async #write(
    { select, copy, stream }: ResultForm,
    columns: readonly StatementColumn[],
    path: string,
  ): Promise<number> {
    // The columns are c0, c1, … there: the result's own names may repeat or be empty.
    const after = `${renamed(columns)} LIMIT ${this.#rowsMax + 1}`;
    const begin = copy ? 'COPY' : `CREATE TEMP TABLE ${HELD} AS`;
    const end = copy ? ` TO ${quoteText(path)} (${copy})` : '';
    const done = await this.#around(`${begin} (${select} FROM (`, `${after})${end}`, (sql) =>
      runBound(this.#connection, sql, this.#bound),
    );
    // A table that was made says how many rows it has as its result.
    const rows = copy ? done.rowsChanged : Number((await done.getRows())[0]?.[0]);
    if (rows > this.#rowsMax)
      throw new MillraceError(
        'MR_QUERY_LIMIT',
        `The result has more than ${this.#rowsMax} rows. Add a LIMIT, or aggregate.`,
      );
    if (stream) await this.#stream(stream, path, rows);
    return rows;
  }

  /** A stream of the engine's that fails ends early, without an error; of rows that are there already it has no reason to. */
  async #stream(
    write: NonNullable<ResultForm['stream']>,
    path: string,
    rows: number,
  ): Promise<void> {
    const file = { path, bytesMax: this.#bytesMax };
    const written = await write(await this.#connection.stream(`FROM ${HELD}`), file);
    await this.#connection.run(`DROP TABLE ${HELD}`);
    if (written !== rows)
      throw new MillraceError(
        'MR_QUERY_FAILED',
        `The engine gave ${written} of the ${rows} rows of the result. Ask again.`,
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

const renamed = (columns: readonly StatementColumn[]): string =>
  `\n) AS result(${columns.map((_, index) => `c${index}`).join(', ')})`;

/** Array.isArray does not know lists that are readonly. */
const isList = (params: Parameters): params is readonly ParameterValue[] => Array.isArray(params);

function typed(value: ParameterValue): [Value, DuckDBType] {
  if (value === null || typeof value === 'string') return [value, VARCHAR];
  if (typeof value === 'boolean') return [value, BOOLEAN];
  if (!Number.isSafeInteger(value)) return [value, DOUBLE];
  return Math.abs(value) < 2 ** 31 ? [value, INTEGER] : [BigInt(value), BIGINT];
}

export function bind(params: Parameters): BoundValues {
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

/** What a result is kept as where the engine cannot write the format itself: of its connection alone. */
const HELD = 'temp.main.result';

/** How a result is written: by COPY, or from a stream of its rows. */
interface ResultForm {
  /** Over the columns c0, c1, … */
  readonly select: string;
  /** The same where a whole number has more digits than `select` has room for. */
  readonly widest?: string;
  /** Options of COPY. */
  readonly copy?: string;
  readonly stream?: (result: DuckDBResult, file: ArrowFile) => Promise<number>;
  /** What stands around the file's bytes. */
  frame?(rows: number): ResultFrame;
}

const BARE: ResultFrame = { head: '', from: 0, tail: '' };
const FORMS: { readonly [F in ResultFormat]: (columns: readonly StatementColumn[]) => ResultForm } =
  {
    json: (columns) => {
      const names = columns.map(({ name, type }) => ({ name, type: typeName(type) }));
      return {
        select: `SELECT ',' || json_array(${jsonValues(columns).join(', ')})::VARCHAR`,
        copy: LINES,
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
      copy: LINES,
      frame: (rows) => ({ head: '{"rows":[\n', from: 1, tail: `],"rowCount":${rows}}\n` }),
    }),
    ndjson: (columns) => ({ select: `SELECT ${rowObject(columns)}::VARCHAR`, copy: LINES }),
    csv: (columns) => ({
      select: selectNamed(columns, ({ type }, value) => csvValue(type, value)),
      copy: 'FORMAT csv, HEADER',
    }),
    parquet: (columns) => ({
      select: selectExact(columns, PARQUET_TYPES),
      widest: selectExact(columns, widest(PARQUET_TYPES)),
      copy: 'FORMAT parquet, COMPRESSION zstd',
    }),
    arrow: (columns) => ({
      select: selectExact(columns, ARROW_TYPES),
      widest: selectExact(columns, widest(ARROW_TYPES)),
      stream: (result, file) => writeArrow(result, arrowFields(columns), file),
    }),
  };

function arrowFields(columns: readonly StatementColumn[]): ArrowField[] {
  const names = distinctNames(columns.map(({ name }) => name));
  return columns.map(({ type }, index) => ({
    name: names[index] as string,
    sqlType: typeName(type),
  }));
}

function rowObject(columns: readonly StatementColumn[]): string {
  const names = distinctNames(columns.map(({ name }) => name));
  const members = columns.map(({ type }, index) => ({
    name: names[index] as string,
    type,
    value: `c${index}`,
  }));
  return `json_object(${jsonMembers(members)})`;
}

const jsonValues = (columns: readonly StatementColumn[]): string[] =>
  columns.map(({ type }, index) => jsonValue(type, `c${index}`));

const selectExact = (columns: readonly StatementColumn[], types: ExactTypes): string =>
  selectNamed(columns, ({ type }, value) => exactValue(type, value, types));

function selectNamed(
  columns: readonly StatementColumn[],
  shown: (column: StatementColumn, value: string) => string,
): string {
  const names = distinctNames(columns.map(({ name }) => name));
  const values = columns.map(
    (column, index) =>
      `${shown(column, `c${index}`)} AS ${quoteIdentifier(names[index] as string)}`,
  );
  return `SELECT ${values.join(', ')}`;
}

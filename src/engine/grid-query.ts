import type { DuckDBConnection } from '@duckdb/node-api';
import type { NamedField } from '../core/field-types.ts';
import type { GridAnswer } from '../dashboard/answer.ts';
import type { Chart } from '../definition/chart.ts';
import type { Constraint } from '../live/constraint.ts';
import type { CubeNeed } from '../live/cube-spec.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { duckdbType } from '../plan/type-mapping.ts';
import type { ChartContext } from './chart-query.ts';
import { textRows } from './database.ts';
import type { LiveSourceState } from './live-source.ts';
import type { Measure } from './measure-parts.ts';
import { jsonValue } from './result-json.ts';
import type { Read } from './shared-reads.ts';
import { statementColumns } from './statement-columns.ts';

const ROWS_DEFAULT = 50;

/** How many rows match: every cube can tell. */
export const ROW_COUNT = 'count(*)';

/** Where the newest that matches is: every cube of a stream can tell. */
export const NEWEST_PLACE = 'max(_sequence_number)';

/** The first rows of a source in an order; of a stream by default the newest by its time, else by arrival. */
export async function gridQuery(
  chart: Chart,
  { state, active, reads }: ChartContext,
  constraints: readonly Constraint[],
): Promise<(connection: DuckDBConnection) => Promise<GridAnswer>> {
  const columns = chart.columns ?? [];
  const need = { dims: [], constraints };
  const limit = chart.limit ?? ROWS_DEFAULT;
  const rows = state.cubes.full(need);
  const isNewest = chart.sort === undefined && state.source.kind === 'stream';
  const time = isNewest ? state.eventTime : undefined;
  const read: RowsRead = {
    state,
    list: columns.map(quoteIdentifier).join(', '),
    where: rows.where,
    order: orderOf(chart, { isNewest, time: time?.name }),
    limit,
  };
  const measureOf = (sql: string) => state.measures.get(sql) as Measure;
  const count = measureOf(ROW_COUNT);
  const newest = isNewest ? [measureOf(NEWEST_PLACE)] : [];
  const scope = await state.scope(need, [count, ...newest], active);
  const [total, last] = [count, ...newest].map((measure) =>
    reads.add(scope, `CAST(${scope.value(measure)} AS VARCHAR)`),
  );
  const byTime = time && (await rowsByTime(read, time, { need, count, active }));
  const types = new Map(state.source.columns.map(({ name, type }) => [name, type.kind]));
  return async (connection) => {
    const number = async (one: Read | undefined) =>
      Number((await one?.(connection))?.[0]?.[0] ?? 0);
    const matching = await number(total);
    const found = { last: await number(last), matching, wanted: Math.min(limit, matching) };
    return {
      kind: 'grid',
      columns: columns.map((name) => ({ name, type: types.get(name) ?? 'string' })),
      rows: isNewest
        ? await keptRows(read, found, () =>
            byTime ? byTime(connection, found.wanted) : newestRows(connection, read, found),
          )
        : await readRows(connection, read, { from: rows.from, where: rows.where }),
      rowCount: matching,
    };
  };
}

interface RowsRead {
  readonly state: LiveSourceState;
  /** The columns. */
  readonly list: string;
  readonly where: string;
  readonly order: string;
  readonly limit: number;
}

interface Matching {
  /** The place of the newest. */
  readonly last: number;
  readonly matching: number;
  readonly wanted: number;
}

/** As long as none has come and none has gone these are the same rows: a screen of the past is not read anew with each record. */
async function keptRows(
  { state, list, where, limit }: RowsRead,
  { last, matching }: Matching,
  read: () => Promise<unknown[][]>,
): Promise<readonly unknown[][]> {
  const key = JSON.stringify([list, where, limit]);
  const known = state.shownRows.get(key);
  const rows = known?.last === last && known.matching === matching ? known.rows : await read();
  // The oldest goes first.
  state.shownRows.delete(key);
  state.shownRows.set(key, { last, matching, rows });
  const [oldest] = state.shownRows.keys();
  if (state.shownRows.size > KEPT_MAX && oldest !== undefined) state.shownRows.delete(oldest);
  return rows;
}

const KEPT_MAX = 16;
const WINDOW_GROWTH = 16;

/**
 * The newest rows that match. Aggregates tell where the newest is, and rows between it and the next ones
 * are mostly few: it looks back from there, further each time. Beyond the first look it reads nothing but
 * what it looks for, and the rows themselves once.
 */
async function newestRows(
  connection: DuckDBConnection,
  read: RowsRead,
  { last, matching, wanted }: Matching,
): Promise<unknown[][]> {
  const { state, where } = read;
  const { relation, tail, tailFrom } = state;
  if (wanted === 0) return [];
  const since = (first: number) =>
    `${where === '' ? 'WHERE' : `${where} AND`} _sequence_number BETWEEN ${first} AND ${last}`;
  const likely = Math.ceil((2 * wanted * state.next) / matching);
  let window = Math.max(state.limits.windowRecords, likely);
  let first = Math.max(0, last + 1 - window);
  const [from, start] = last >= tailFrom ? [tail, Math.max(first, tailFrom)] : [relation, first];
  const rows = await readRows(connection, read, { from, where: since(start) });
  if (rows.length >= wanted) return rows;
  for (let isSeen = start === first; first > 0 || !isSeen; isSeen = true) {
    if (isSeen) window *= WINDOW_GROWTH;
    first = Math.max(0, last + 1 - window);
    const places = await textRows(
      connection,
      `SELECT _sequence_number FROM ${relation} ${since(first)} ORDER BY _sequence_number DESC LIMIT ${wanted}`,
    );
    if (places.length >= wanted) first = Number(places.at(-1)?.[0]);
    if (places.length >= wanted || first === 0)
      return readRows(connection, read, { from: relation, where: since(first) });
  }
  return rows;
}

/**
 * The newest rows by the time in them. Records come mostly in the order of their time: those in memory are enough
 * where as many of them as are wanted are not older than every record before them. Else aggregates tell from
 * which day on there are enough, and only rows since then are read.
 */
async function rowsByTime(
  read: RowsRead,
  time: NamedField,
  {
    need,
    count,
    active,
  }: {
    readonly need: CubeNeed;
    readonly count: Measure;
    readonly active: string | undefined;
  },
): Promise<(connection: DuckDBConnection, wanted: number) => Promise<unknown[][]>> {
  const { state, where } = read;
  const { tail, relation, olderThanTail } = state;
  const at = quoteIdentifier(time.name);
  const since = (text: string) => `${at} >= CAST(${quoteText(text)} AS ${duckdbType(time.type)})`;
  const also = (condition: string) => `${where === '' ? 'WHERE' : `${where} AND`} ${condition}`;
  const day = { field: time.name, grain: 'day' as const };
  const scope = await state.scope({ ...need, dims: [day] }, [count], active);
  const days = `SELECT ${scope.column(day)} AS day, ${scope.value(count)} AS n FROM ${scope.from} ${scope.where} GROUP BY ALL`;
  return async (connection, wanted) => {
    if (wanted === 0) return [];
    if (olderThanTail === 'nothing') return readRows(connection, read, { from: tail, where });
    const isNewer = olderThanTail === null ? `${at} IS NOT NULL` : since(olderThanTail);
    const rows = await readRows(connection, read, { from: tail, where: also(isNewer) });
    if (rows.length >= wanted) return rows;
    const [[first] = []] = await textRows(
      connection,
      `SELECT CAST(day AS VARCHAR) FROM (SELECT day, sum(n) OVER (ORDER BY day DESC NULLS LAST) AS reached FROM (${days})) WHERE reached >= ${wanted} ORDER BY day DESC NULLS LAST LIMIT 1`,
    );
    // Rows without a time are the last of all.
    const enough = first == null ? where : also(since(first));
    return readRows(connection, read, { from: relation, where: enough });
  };
}

function orderOf(
  { sort, order }: Chart,
  { isNewest, time }: { readonly isNewest: boolean; readonly time: string | undefined },
): string {
  const byTime = time === undefined ? '' : `${quoteIdentifier(time)} DESC NULLS LAST, `;
  if (isNewest) return `ORDER BY ${byTime}_sequence_number DESC`;
  const direction = (order ?? 'desc') === 'desc' ? 'DESC' : 'ASC';
  return sort === undefined ? '' : `ORDER BY ${quoteIdentifier(sort)} ${direction} NULLS LAST`;
}

async function readRows(
  connection: DuckDBConnection,
  { state, list, order, limit }: RowsRead,
  { from, where }: { readonly from: string; readonly where: string },
): Promise<unknown[][]> {
  const sql = `SELECT ${list} FROM ${from} ${where} ${order} LIMIT ${limit}`;
  const values = state.cells.get(list) ?? (await cellValues(connection, sql));
  state.cells.set(list, values);
  const names = values.map((_, index) => `c${index}`).join(', ');
  const rows = await textRows(
    connection,
    `SELECT CAST(json_array(${values.join(', ')}) AS VARCHAR) FROM (${sql}) AS result(${names})`,
  );
  return rows.map(([row]) => JSON.parse(row as string) as unknown[]);
}

/** How each column of a result is written. */
async function cellValues(connection: DuckDBConnection, sql: string): Promise<string[]> {
  const columns = await statementColumns(connection, sql);
  return columns.map(({ type }, index) => jsonValue(type, `c${index}`));
}

import type { DuckDBConnection } from '@duckdb/node-api';
import type { GridAnswer } from '../dashboard/answer.ts';
import type { Chart } from '../definition/chart.ts';
import type { Constraint } from '../live/constraint.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import type { ChartContext } from './chart-query.ts';
import { textRows } from './database.ts';
import type { Measure } from './measure-parts.ts';
import { jsonValue } from './result-json.ts';

const ROWS_DEFAULT = 50;

/** How many rows match: every cube can tell. */
export const ROW_COUNT = 'count(*)';

/** The first rows of a source in an order; of a stream by default the newest. */
export async function gridQuery(
  chart: Chart,
  { state, active }: ChartContext,
  constraints: readonly Constraint[],
): Promise<(connection: DuckDBConnection) => Promise<GridAnswer>> {
  const columns = chart.columns ?? [];
  const need = { dims: [], constraints };
  const end = state.next;
  const limit = chart.limit ?? ROWS_DEFAULT;
  const rows = state.cubes.full(need);
  const isNewest = chart.sort === undefined && state.source.kind === 'stream';
  const list = columns.map(quoteIdentifier).join(', ');
  const select = (from: string, where: string) =>
    `SELECT ${list} FROM ${from} ${where} ${orderOf(chart, isNewest)} LIMIT ${limit}`;
  const since = (first: number) =>
    `${rows.where === '' ? 'WHERE' : `${rows.where} AND`} _sequence_number >= ${first}`;
  const readNewest = async (connection: DuckDBConnection, wanted: number) => {
    const near = await jsonRows(connection, select(state.tail, rows.where));
    if (near.length >= wanted) return near;
    const place = (first: number) =>
      `SELECT _sequence_number FROM ${rows.from} ${since(first)} ORDER BY _sequence_number DESC LIMIT ${limit}`;
    const from = await newestFrom((first) => textRows(connection, place(first)), {
      end,
      wanted,
      nearest: state.limits.windowRecords,
    });
    return jsonRows(connection, select(rows.from, since(from)));
  };
  const count = state.measures.get(ROW_COUNT) as Measure;
  const scope = await state.scope(need, [count], active);
  const counted = `SELECT CAST(${scope.value(count)} AS VARCHAR) FROM ${scope.from} ${scope.where}`;
  const types = new Map(state.source.columns.map(({ name, type }) => [name, type.kind]));
  return async (connection) => {
    const [[total] = []] = await textRows(connection, counted);
    return {
      kind: 'grid',
      columns: columns.map((name) => ({ name, type: types.get(name) ?? 'string' })),
      rows: isNewest
        ? await readNewest(connection, Math.min(limit, Number(total ?? 0)))
        : await jsonRows(connection, select(rows.from, rows.where)),
      rowCount: Number(total ?? 0),
    };
  };
}

const WINDOW_GROWTH = 16;

/**
 * The sequence number of the last row wanted. It looks back from the end, further each time, as the newest
 * rows are mostly near, and reads nothing but what it looks for: the rows themselves are read once.
 */
async function newestFrom(
  placesSince: (first: number) => Promise<string[][]>,
  { end, wanted, nearest }: { end: number; wanted: number; nearest: number },
): Promise<number> {
  if (wanted === 0) return end;
  for (let window = nearest; ; window *= WINDOW_GROWTH) {
    const first = Math.max(0, end - window);
    const places = await placesSince(first);
    if (places.length >= wanted || first === 0) return Number(places.at(-1)?.[0] ?? end);
  }
}

function orderOf({ sort, order }: Chart, isNewest: boolean): string {
  if (isNewest) return 'ORDER BY _sequence_number DESC';
  const direction = (order ?? 'desc') === 'desc' ? 'DESC' : 'ASC';
  return sort === undefined ? '' : `ORDER BY ${quoteIdentifier(sort)} ${direction} NULLS LAST`;
}

async function jsonRows(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  const statement = await connection.prepare(sql);
  const values: string[] = [];
  try {
    for (let index = 0; index < statement.columnCount; index++)
      values.push(jsonValue(statement.columnType(index), `c${index}`));
  } finally {
    statement.destroySync();
  }
  const names = values.map((_, index) => `c${index}`).join(', ');
  const rows = await textRows(
    connection,
    `SELECT CAST(json_array(${values.join(', ')}) AS VARCHAR) FROM (${sql}) AS result(${names})`,
  );
  return rows.map(([row]) => JSON.parse(row as string) as unknown[]);
}

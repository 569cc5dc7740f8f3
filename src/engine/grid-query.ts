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
  const rows = state.cubes.full(need);
  const order = orderOf(chart, state.source.kind === 'stream');
  const list = columns.map(quoteIdentifier).join(', ');
  const sql = `SELECT ${list} FROM ${rows.from} ${rows.where} ${order} LIMIT ${chart.limit ?? ROWS_DEFAULT}`;
  const count = state.measures.get(ROW_COUNT) as Measure;
  const scope = await state.scope(need, [count], active);
  const counted = `SELECT CAST(${scope.value(count)} AS VARCHAR) FROM ${scope.from} ${scope.where}`;
  const types = new Map(state.source.columns.map(({ name, type }) => [name, type.kind]));
  return async (connection) => {
    const [[total] = []] = await textRows(connection, counted);
    return {
      kind: 'grid',
      columns: columns.map((name) => ({ name, type: types.get(name) ?? 'string' })),
      rows: await jsonRows(connection, sql),
      rowCount: Number(total ?? 0),
    };
  };
}

function orderOf({ sort, order }: Chart, isStream: boolean): string {
  const direction = (order ?? 'desc') === 'desc' ? 'DESC' : 'ASC';
  const newest = isStream ? ['_sequence_number DESC'] : [];
  const by =
    sort === undefined ? newest : [`${quoteIdentifier(sort)} ${direction} NULLS LAST`, ...newest];
  return by.length > 0 ? `ORDER BY ${by.join(', ')}` : '';
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

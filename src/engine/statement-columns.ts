import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';

export interface StatementColumn {
  readonly name: string;
  readonly type: DuckDBType;
}

/** The columns that the result of a statement would have; it is not run. */
export async function statementColumns(
  connection: DuckDBConnection,
  sql: string,
): Promise<StatementColumn[]> {
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

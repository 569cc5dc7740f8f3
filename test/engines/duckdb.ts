import { DuckDBInstance } from '@duckdb/node-api';
import { lakeEnvironment } from './environment.ts';

export interface Duckdb {
  /** Rows of one statement, or of the last one of several. */
  sql(statement: string): Promise<readonly (readonly unknown[])[]>;
  stop(): void;
}

/** A DuckDB of its own, with its Iceberg extension. */
export async function startDuckdb(): Promise<Duckdb> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GB', threads: '2' });
  const connection = await instance.connect();
  for (const path of lakeEnvironment().duckdbExtensions) await connection.run(`load '${path}'`);
  return {
    sql: async (statement) => {
      const reader = await connection.runAndReadAll(statement);
      return reader.getRowsJson();
    },
    stop: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { connect } from './database.ts';

export interface PoolOptions {
  readonly idleMax: number;
  readonly searchPath: string;
}

/**
 * Connections of an instance that are ready for the next statement: to make one takes three. The gate lets through nothing
 * that a statement could leave behind for it: no setting, variable or table.
 */
export class ConnectionPool {
  readonly #instance: DuckDBInstance;
  readonly #idle: DuckDBConnection[] = [];
  readonly #options: PoolOptions;

  constructor(instance: DuckDBInstance, options: PoolOptions) {
    this.#instance = instance;
    this.#options = options;
  }

  /** Its connection is `use`'s alone; after an error it is not used again. */
  async with<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const { idleMax, searchPath } = this.#options;
    const connection = this.#idle.pop() ?? (await connect(this.#instance, searchPath));
    let isGood = false;
    try {
      const result = await use(connection);
      isGood = true;
      return result;
    } finally {
      if (isGood && this.#idle.length < idleMax) this.#idle.push(connection);
      else connection.closeSync();
    }
  }
}

import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { connect } from './database.ts';
import { SEARCH_PATH } from './relations.ts';

/**
 * Connections of an instance that are ready for the next statement: to make one takes three. The gate lets through nothing
 * that a statement could leave behind for it: no setting, variable or table.
 */
export class ConnectionPool {
  readonly #instance: DuckDBInstance;
  readonly #idle: DuckDBConnection[] = [];
  readonly #idleMax: number;

  constructor(instance: DuckDBInstance, idleMax: number) {
    this.#instance = instance;
    this.#idleMax = idleMax;
  }

  /** Its connection is `use`'s alone; after an error it is not used again. */
  async with<T>(use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = this.#idle.pop() ?? (await connect(this.#instance, SEARCH_PATH));
    let isGood = false;
    try {
      const result = await use(connection);
      isGood = true;
      return result;
    } finally {
      if (isGood && this.#idle.length < this.#idleMax) this.#idle.push(connection);
      else connection.closeSync();
    }
  }
}

import type { DuckDBConnection } from '@duckdb/node-api';

export type Rows = readonly (readonly unknown[])[];

export type Read = (connection: DuckDBConnection) => Promise<Rows>;

/** Rows that aggregates are taken over: of all of them, or of each group, in the order of its key. */
export interface Grouped {
  readonly from: string;
  readonly where: string;
  readonly key?: string;
}

/**
 * The queries of one screen, put together: those that differ in nothing but the aggregate are one, as a
 * query over a small table costs more to plan than to run. A mistake in one aggregate fails all that
 * share its query; read again without sharing, each shows its own.
 */
export class SharedReads {
  readonly #isSharing: boolean;
  readonly #queries = new Map<string, SharedQuery>();

  constructor({ isSharing }: { readonly isSharing: boolean }) {
    this.#isSharing = isSharing;
  }

  /** Rows of the key, where there is one, and the value. */
  add(rows: Grouped, value: string): Read {
    const name = JSON.stringify([rows.from, rows.where, rows.key, this.#isSharing ? '' : value]);
    const query = this.#queries.get(name) ?? new SharedQuery(rows);
    this.#queries.set(name, query);
    return query.add(value);
  }
}

class SharedQuery {
  readonly #rows: Grouped;
  readonly #values: string[] = [];
  #result: Promise<Rows> | undefined;

  constructor(rows: Grouped) {
    this.#rows = rows;
  }

  add(value: string): Read {
    const known = this.#values.indexOf(value);
    const place = known < 0 ? this.#values.push(value) - 1 : known;
    const isKeyed = this.#rows.key !== undefined;
    return async (connection) => {
      this.#result ??= rowsOf(connection, this.#sql);
      const rows = await this.#result;
      return rows.map((row) => (isKeyed ? [row[0], row[place + 1]] : [row[place]]));
    };
  }

  get #sql(): string {
    const { from, where, key } = this.#rows;
    const values = this.#values.join(', ');
    if (key === undefined) return `SELECT ${values} FROM ${from} ${where}`;
    return `SELECT ${key} AS x, ${values} FROM ${from} ${where} GROUP BY ALL ORDER BY x`;
  }
}

export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Rows> {
  return (await connection.runAndReadAll(sql)).getRowsJS() as Rows;
}

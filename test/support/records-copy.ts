import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/**
 * What `/v1/sql` says the records of a pipeline are, in a database of the test's own: hundreds of full scans
 * a second, of the same rows.
 */
export class RecordsCopy {
  readonly #address: string;
  readonly #folder: string;
  readonly #connection: DuckDBConnection;
  readonly #next = new Map<string, number>();

  private constructor(address: string, folder: string, connection: DuckDBConnection) {
    this.#address = address;
    this.#folder = folder;
    this.#connection = connection;
  }

  static async open(address: string, folder: string): Promise<RecordsCopy> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    await connection.run('CREATE SCHEMA records');
    await connection.run('CREATE SCHEMA warehouse');
    return new RecordsCopy(address, folder, connection);
  }

  /** Reads the records that came since. */
  async readStream(name: string): Promise<void> {
    const from = this.#next.get(name) ?? 0;
    const file = await this.#fetch(
      `select * from records."${name}" where _sequence_number >= ${from}`,
    );
    const verb =
      from === 0 ? `CREATE OR REPLACE TABLE records."${name}" AS` : `INSERT INTO records."${name}"`;
    await this.#connection.run(`${verb} SELECT * FROM read_parquet('${file}')`);
    const [[next] = []] = await this.sql(
      `SELECT coalesce(max(_sequence_number) + 1, 0) FROM records."${name}"`,
    );
    this.#next.set(name, Number(next));
  }

  async readTable(name: string): Promise<void> {
    const file = await this.#fetch(`select * from warehouse."${name}"`);
    await this.#connection.run(
      `CREATE OR REPLACE TABLE warehouse."${name}" AS SELECT * FROM read_parquet('${file}')`,
    );
  }

  async #fetch(sql: string): Promise<string> {
    const response = await fetch(`${this.#address}/v1/sql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql, format: 'parquet' }),
    });
    if (!response.ok) throw new Error(await response.text());
    // DuckDB keeps what it read of a path: a path is written once.
    const file = join(this.#folder, `${randomUUID()}.parquet`);
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    return file;
  }

  async sql(query: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(query)).getRowsJson() as unknown[][];
  }

  close(): void {
    this.#connection.closeSync();
  }
}

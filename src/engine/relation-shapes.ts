import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { quoteIdentifier } from '../plan/render-sql.ts';
import type { Relation } from '../query/statement-gate.ts';
import { ConnectionPool } from './connection-pool.ts';
import { textRows } from './database.ts';
import { SCHEMAS, searchPathOf } from './relations.ts';

/** Schemas of that name are not shown (`app/lake-tables.ts`). */
const DATABASE = 'millrace_shapes';

/**
 * A twin of each relation, with its columns and without rows, in a database beside. Which columns a statement returns is
 * found out there in a quarter of the time that it takes to plan it over files.
 */
export class RelationShapes {
  readonly #loader: DuckDBConnection;
  readonly #connections: ConnectionPool;
  /** By name; false where one cannot be made. */
  readonly #twins = new Map<string, boolean>();
  #changes = 0;

  private constructor(loader: DuckDBConnection, connections: ConnectionPool) {
    this.#loader = loader;
    this.#connections = connections;
  }

  static async create(
    instance: DuckDBInstance,
    loader: DuckDBConnection,
    idleMax: number,
  ): Promise<RelationShapes> {
    await loader.run(`ATTACH ':memory:' AS ${DATABASE}`);
    const connections = new ConnectionPool(instance, {
      idleMax,
      searchPath: searchPathOf(DATABASE),
    });
    const shapes = new RelationShapes(loader, connections);
    await shapes.clear();
    return shapes;
  }

  /** How often columns have changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Where statements over these relations have the columns that they have here; undefined where one has no twin. */
  of(relations: readonly Relation[]): ConnectionPool | undefined {
    const hasTwins = relations.every((relation) => this.#twins.get(nameOf(relation)));
    return hasTwins ? this.#connections : undefined;
  }

  /** Whether `make` would find nothing to do. */
  has(relations: readonly Relation[]): boolean {
    return relations.every((relation) => this.#twins.has(nameOf(relation)));
  }

  /** Columns of a relation are others now; what reads it may have others too. */
  forget(): void {
    this.#changes += 1;
    this.#twins.clear();
  }

  /** There are other relations now. */
  async clear(): Promise<void> {
    this.forget();
    const schemas = await textRows(
      this.#loader,
      `SELECT schema_name FROM duckdb_schemas() WHERE database_name = '${DATABASE}' AND NOT internal`,
    );
    for (const [schema = ''] of schemas)
      await this.#loader.run(`DROP SCHEMA ${DATABASE}.${quoteIdentifier(schema)} CASCADE`);
    // The search path has to be there.
    for (const schema of SCHEMAS) await this.#loader.run(`CREATE SCHEMA ${DATABASE}.${schema}`);
  }

  /** Those that are missing. Nothing else may change relations meanwhile. */
  async make(relations: readonly Relation[]): Promise<void> {
    for (const relation of relations) {
      const name = nameOf(relation);
      if (!this.#twins.has(name)) this.#twins.set(name, await this.#makeOne(relation));
    }
  }

  /** What is NULL and nothing else becomes INTEGER in a result, and whatever is wanted within a statement. */
  async #hasNullType({ schema, name }: Relation): Promise<boolean> {
    const found = await textRows(
      this.#loader,
      `SELECT 1 FROM duckdb_columns() WHERE database_name = 'millrace' AND schema_name = $1 AND table_name = $2 AND contains(data_type, '"NULL"')`,
      [schema, name],
    );
    return found.length > 0;
  }

  async #makeOne(relation: Relation): Promise<boolean> {
    const name = nameOf(relation);
    try {
      if (await this.#hasNullType(relation)) return false;
      const described = await textRows(this.#loader, `DESCRIBE FROM millrace.${name}`);
      const nulls = described.map(
        ([column, type]) => `NULL::${type} AS ${quoteIdentifier(String(column))}`,
      );
      await this.#loader.run(
        `CREATE SCHEMA IF NOT EXISTS ${DATABASE}.${quoteIdentifier(relation.schema)}`,
      );
      await this.#loader.run(
        `CREATE OR REPLACE VIEW ${DATABASE}.${name} AS SELECT ${nulls.join(', ')} WHERE false`,
      );
      return true;
    } catch {
      // A view that cannot be read, for one: its statement is refused where it is planned, and there the reason is told.
      return false;
    }
  }
}

const nameOf = ({ schema, name }: Relation): string =>
  `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

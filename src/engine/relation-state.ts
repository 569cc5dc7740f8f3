import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileSystem } from '../core/file-system.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { isRepeatable } from '../query/repeatable.ts';
import type { Relation, StatementParts } from '../query/statement-gate.ts';
import { checkText } from './describe.ts';
import { HotRows, type OnRows } from './hot-rows.ts';
import { createPastView } from './past-tables.ts';
import type {
  CatalogState,
  EngineModel,
  PastTable,
  QueryMoment,
  ResultBasis,
  StoredColumn,
  SyncAnswer,
  SyncRequest,
  SystemTable,
  TableNews,
} from './protocol.ts';
import {
  createForeignView,
  createLookupView,
  createModelRelation,
  createSchemas,
  relationNames,
} from './relations.ts';
import type { ScratchSpace } from './scratch-space.ts';

type Sync = (request: SyncRequest) => Promise<SyncAnswer>;

interface Needs {
  readonly hot: readonly HotRows[];
  /** Tables of models, and of other programs. */
  readonly tables: readonly Relation[];
  readonly system: readonly string[];
  /** False where a view behind them shows something else as time goes by. */
  readonly isRepeatable: boolean;
}

export interface RelationContext {
  readonly files: FileSystem;
  readonly scratch: ScratchSpace;
  /** Told of new rows of a stream, in the transaction that adds them. */
  readonly onRows?: (stream: string, ...end: Parameters<OnRows>) => Promise<void>;
  /** Told before relations get other columns. */
  readonly onColumns?: () => void;
  /** Told when a model's table was replaced. */
  readonly onTable?: (model: string) => Promise<void>;
}

const keyOf = ({ schema, name }: Relation): string => `${schema}.${name}`;

/** Schemas whose relations are made of a stream's rows. */
const OF_STREAMS: ReadonlySet<string> = new Set(['lake', 'records', 'lookups', 'deadletters']);

/** What the relations of a catalog show at this moment, and how they are brought up to date. */
export class RelationState {
  readonly #connection: DuckDBConnection;
  readonly #catalog: CatalogState;
  readonly #context: RelationContext;
  readonly #hot = new Map<string, HotRows>();
  readonly #tableVersions = new Map<string, number>();
  /** Tables without a file. */
  readonly #emptyTables = new Set<string>();
  /** By table, as text. */
  readonly #columns = new Map<string, string>();
  /** The stored relations behind a view, found once. */
  readonly #behindViews = new Map<string, StatementParts>();

  private constructor(
    connection: DuckDBConnection,
    catalog: CatalogState,
    context: RelationContext,
  ) {
    this.#connection = connection;
    this.#catalog = catalog;
    this.#context = context;
  }

  /** Makes the relations anew; rows are loaded when a query first asks for them. */
  static async create(
    connection: DuckDBConnection,
    catalog: CatalogState,
    context: RelationContext,
  ): Promise<RelationState> {
    const state = new RelationState(connection, catalog, context);
    // In one step: queries that run meanwhile see the relations before.
    await connection.run('BEGIN TRANSACTION');
    try {
      await state.#create();
      await connection.run('COMMIT');
    } catch (error) {
      await connection.run('ROLLBACK');
      throw error;
    }
    return state;
  }

  async #create(): Promise<void> {
    const [connection, catalog, context] = [this.#connection, this.#catalog, this.#context];
    for (const schema of ['warehouse', 'lookups', 'lake', 'records', 'deadletters', 'hot', 'sys'])
      await connection.run(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await createSchemas(connection);
    // The search path is global: a query's own connection has it without being asked.
    for (const stream of catalog.streams) {
      const hot = new HotRows(stream, context.files, context.scratch);
      await hot.create(connection);
      this.#hot.set(`${stream.schema}.${stream.name}`, hot);
    }
    for (const lookup of catalog.lookups) await createLookupView(connection, lookup, catalog);
    for (const model of catalog.models) await createModelRelation(connection, model, undefined);
  }

  /** Brings everything that the relations are made of up to what was acknowledged when this began. */
  async catchUp(
    relations: readonly Relation[],
    sync: Sync,
    past: readonly PastTable[] = [],
  ): Promise<void> {
    const needs = await this.#needs(relations);
    const asked = needs.hot.length + needs.tables.length + needs.system.length + past.length;
    if (asked === 0) return;
    let pending: readonly HotRows[] = needs.hot;
    let first = true;
    const ends = new Map<HotRows, number>();
    while (first || pending.length > 0) {
      const answer = await sync({
        streams: pending.map((hot) => hot.known),
        tables: first
          ? needs.tables.map((table) => ({
              ...table,
              version: this.#tableVersions.get(keyOf(table)) ?? -1,
            }))
          : [],
        past: first ? past : [],
        system: first ? needs.system : [],
      });
      for (const [index, news] of answer.streams.entries()) {
        const hot = pending[index] as HotRows;
        if (!ends.has(hot)) ends.set(hot, news.end);
        const shown = this.#willShow(news, news.table?.columns);
        const { onRows } = this.#context;
        const isLake = news.schema === 'lake';
        await hot.apply(
          this.#connection,
          news,
          onRows && isLake ? (end) => onRows(news.name, end) : undefined,
        );
        shown();
      }
      for (const table of answer.tables) await this.#switchTable(table);
      for (const [index, state] of answer.past.entries())
        await createPastView(this.#connection, past[index] as PastTable, state);
      for (const table of answer.system) await this.#loadSystem(table);
      pending = pending.filter((hot) => hot.known.next < (ends.get(hot) ?? 0));
      first = false;
    }
  }

  /** Whether a query of that moment has no need to ask for news. */
  async has(relations: readonly Relation[], moment: QueryMoment): Promise<boolean> {
    const { hot, tables, system } = await this.#needs(relations);
    return (
      system.length === 0 &&
      hot.every((rows) => moment.streams.some((stand) => rows.has(stand))) &&
      tables.every((table) => moment.tables.some((one) => this.#isShown(table, one)))
    );
  }

  #isShown(table: Relation, { version, ...one }: QueryMoment['tables'][number]): boolean {
    return keyOf(one) === keyOf(table) && this.#tableVersions.get(keyOf(table)) === version;
  }

  /**
   * What results over these relations are made of from here on: all of this at least. Undefined where that is not told by
   * positions and versions.
   */
  async basis(relations: readonly Relation[]): Promise<Omit<ResultBasis, 'catalog'> | undefined> {
    const { hot, tables, system, ...needs } = await this.#needs(relations);
    if (system.length > 0 || !needs.isRepeatable) return undefined;
    return {
      streams: hot.map(({ known }) => known),
      tables: tables.map((table) => ({
        ...table,
        version: this.#tableVersions.get(keyOf(table)) ?? -1,
      })),
    };
  }

  /** The position up to which a stream is shown, or the version of a model's table; 0 where it has no row. */
  version(kind: 'stream' | 'table', name: string): number {
    const key = keyOf({ schema: 'warehouse', name });
    if (kind === 'table')
      return this.#emptyTables.has(key) ? 0 : (this.#tableVersions.get(key) ?? 0);
    return this.#hot.get(`lake.${name}`)?.known.next ?? 0;
  }

  async #needs(relations: readonly Relation[]): Promise<Needs> {
    const hot = new Set<HotRows>();
    const tables = new Map<string, Relation>();
    const system = new Set<string>();
    let repeatable = true;
    const visit = async ({ schema, name }: Relation): Promise<void> => {
      const lookup =
        schema === 'lookups'
          ? this.#catalog.lookups.find((candidate) => candidate.name === name)
          : undefined;
      const streamName = lookup ? lookup.from : name;
      const rows = this.#hot.get(
        `${schema === 'deadletters' ? 'deadletters' : 'lake'}.${streamName}`,
      );
      const model =
        schema === 'warehouse'
          ? this.#catalog.models.find((candidate) => candidate.name === name)
          : undefined;
      if (schema === 'sys') system.add(name);
      else if (rows && OF_STREAMS.has(schema)) hot.add(rows);
      else if (model?.materialize === 'view') {
        const { reads, uses } = await this.#behind(model);
        repeatable &&= isRepeatable({ uses });
        for (const behind of reads) await visit(behind);
      } else tables.set(keyOf({ schema, name }), { schema, name });
    };
    for (const relation of relations) await visit(relation);
    return {
      hot: [...hot],
      tables: [...tables.values()],
      system: [...system],
      isRepeatable: repeatable,
    };
  }

  async #behind(view: EngineModel): Promise<StatementParts> {
    const known = this.#behindViews.get(view.name);
    if (known) return known;
    const parts = await checkText(this.#connection, view.sql, relationNames(this.#catalog));
    this.#behindViews.set(view.name, parts);
    return parts;
  }

  async #switchTable(news: TableNews): Promise<void> {
    if (this.#tableVersions.get(keyOf(news)) === news.version) return;
    const model =
      news.schema === 'warehouse'
        ? this.#catalog.models.find((candidate) => candidate.name === news.name)
        : undefined;
    const shown = this.#willShow(news, news.columns);
    if (model)
      await createModelRelation(this.#connection, { ...model, columns: news.columns }, news.scan);
    else await createForeignView(this.#connection, news, news);
    shown();
    this.#tableVersions.set(keyOf(news), news.version);
    if (news.scan.files.length === 0) this.#emptyTables.add(keyOf(news));
    else this.#emptyTables.delete(keyOf(news));
    if (model) await this.#context.onTable?.(news.name);
  }

  /** Returns what to call once a table is shown with these columns; without any, they are as they were. */
  #willShow(table: Relation, columns: readonly StoredColumn[] | undefined): () => void {
    const text = columns && JSON.stringify(columns);
    if (text === undefined || this.#columns.get(keyOf(table)) === text) return () => {};
    this.#context.onColumns?.();
    return () => this.#columns.set(keyOf(table), text);
  }

  async #loadSystem(table: SystemTable): Promise<void> {
    const lines = table.rows.map((row) =>
      JSON.stringify(
        Object.fromEntries(table.columns.map(({ name }, index) => [name, row[index] ?? null])),
      ),
    );
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const folder = this.#context.scratch.folderFor(bytes.length);
    const path = join(folder, `sys-${process.pid}-${table.name}.ndjson`);
    try {
      writeFileSync(path, bytes, { mode: 0o600 });
      const columns = table.columns.map(
        ({ name, type }) => `${quoteText(name)}: ${quoteText(type)}`,
      );
      await this.#connection.run(
        `CREATE OR REPLACE TABLE sys.${quoteIdentifier(table.name)} AS SELECT * FROM read_json(${quoteText(path)}, format = 'newline_delimited', columns = {${columns.join(', ')}})`,
      );
    } finally {
      rmSync(path, { force: true });
    }
  }
}

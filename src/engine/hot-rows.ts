import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileSystem } from '../core/file-system.ts';
import { endOfSlices } from '../stream/run-columns.ts';
import type { EngineStream, StreamKnown, StreamNews, StreamStand } from './protocol.ts';
import { scratchRelation, selectColumns } from './record-columns.ts';
import { createStreamViews, hotTable, hotTableColumns } from './relations.ts';
import { scratchBytes, writeScratch } from './scratch.ts';
import type { ScratchSpace } from './scratch-space.ts';

export interface RowsNews {
  /** Every row below is there. */
  readonly until: number;
  /** Rows below are in files. */
  readonly delivered: number;
  /** Rows that were shown are gone: by retention of a stream without a table, or by a change of the table. */
  readonly isChanged: boolean;
}

/** What the views of a stream are made of. */
interface ShownRows {
  readonly table: StreamNews['table'];
  /** Whether there are rows in memory: beside none, the engine reads files in shorter ways. */
  readonly isHot: boolean;
}
export type OnRows = (news: RowsNews) => Promise<void>;

/**
 * The rows of a stream that are not in its table yet, kept in memory beside the files that are.
 *
 * H1  After `apply(news)` a query sees every record below `news.end`, each once.
 * H2  A table that was set back, or changed by other programs, is shown as it is from then on.
 * H3  Files and hot rows switch in one transaction: a query that runs meanwhile sees the state before.
 */
export class HotRows {
  readonly #stream: EngineStream;
  readonly #files: FileSystem;
  readonly #scratch: ScratchSpace;
  #filesVersion = -1;
  #rowsVersion = -1;
  #next = 0;
  /** No row below is hot. */
  #first = 0;
  #shown: ShownRows = { table: undefined, isHot: true };

  constructor(stream: EngineStream, files: FileSystem, scratch: ScratchSpace) {
    this.#stream = stream;
    this.#files = files;
    this.#scratch = scratch;
  }

  get known(): StreamKnown {
    return {
      schema: this.#stream.schema,
      name: this.#stream.name,
      filesVersion: this.#filesVersion,
      rowsVersion: this.#rowsVersion,
      first: this.#first,
      next: this.#next,
    };
  }

  async create(connection: DuckDBConnection): Promise<void> {
    await connection.run(
      `CREATE TABLE ${hotTable(this.#stream)} (${hotTableColumns(this.#stream)})`,
    );
    await createStreamViews(connection, this.#stream, undefined, true);
  }

  /**
   * Returns the damage that was met, as text for people. `onRows` is told, in the same transaction, up to
   * which sequence number there are rows now and below which all are in files.
   */
  async apply(
    connection: DuckDBConnection,
    news: StreamNews,
    onRows?: OnRows,
  ): Promise<readonly string[]> {
    if (this.has(news)) return [];
    const isSetBack = news.rowsVersion !== this.#rowsVersion;
    const from = isSetBack ? news.delivered : Math.max(this.#next, news.delivered);
    const until = Math.min(news.end, endOfSlices(news.slices) ?? news.end);
    const scratch = await writeScratch(
      this.#files,
      this.#scratch.folderFor(scratchBytes(news.slices)),
      news.slices,
      { from, until },
      this.#stream.schemas,
    );
    const next = Math.max(from, until);
    const shown = { table: news.table ?? this.#shown.table, isHot: next > news.delivered };
    try {
      await connection.run('BEGIN TRANSACTION');
      try {
        if (news.table || shown.isHot !== this.#shown.isHot) await this.#show(connection, shown);
        if (isSetBack) await this.#forget(connection, Number.MAX_SAFE_INTEGER);
        else if (news.delivered > this.#first) await this.#forget(connection, news.delivered);
        for (const { path, schemaVersion } of scratch.files)
          await this.#load(connection, path, schemaVersion);
        await onRows?.({
          until: next,
          delivered: news.delivered,
          isChanged:
            isSetBack || (news.delivered > this.#first && this.#stream.columns.length === 0),
        });
        await connection.run('COMMIT');
      } catch (error) {
        await connection.run('ROLLBACK');
        throw error;
      }
      this.#filesVersion = news.filesVersion;
      this.#rowsVersion = news.rowsVersion;
      this.#first = isSetBack ? news.delivered : Math.max(this.#first, news.delivered);
      this.#next = next;
      this.#shown = shown;
      return scratch.damage;
    } finally {
      scratch.remove();
    }
  }

  /** Whether all that the stream is by then is shown. */
  has({ schema, name, filesVersion, rowsVersion, delivered, end }: StreamStand): boolean {
    const isIt = schema === this.#stream.schema && name === this.#stream.name;
    const isSame = filesVersion === this.#filesVersion && rowsVersion === this.#rowsVersion;
    return isIt && isSame && delivered <= this.#first && end <= this.#next;
  }

  async #show(connection: DuckDBConnection, { table, isHot }: ShownRows): Promise<void> {
    const stream = table ? { ...this.#stream, columns: table.columns } : this.#stream;
    await createStreamViews(connection, stream, table?.scan, isHot);
  }

  /** Rows below are in files now, or gone. */
  async #forget(connection: DuckDBConnection, delivered: number): Promise<void> {
    await connection.run(
      `DELETE FROM ${hotTable(this.#stream)} WHERE _sequence_number < ${delivered}`,
    );
  }

  async #load(connection: DuckDBConnection, path: string, schemaVersion: number): Promise<void> {
    const schema = this.#stream.schemas.find((candidate) => candidate.version === schemaVersion);
    if (!schema) return;
    const select = selectColumns(this.#stream, schema);
    await connection.run(
      `INSERT INTO ${hotTable(this.#stream)} SELECT ${select} FROM ${scratchRelation(path, schema)}`,
    );
  }
}

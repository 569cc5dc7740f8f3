import { rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { FileSystem } from '../core/file-system.ts';
import { quoteText } from '../plan/render-sql.ts';
import { RUN, RUN_COLUMNS } from '../stream/run-columns.ts';
import { readSpans, runOfSpan } from '../stream/run-reader.ts';
import type { SchemaVersion } from '../stream/stream-store.ts';
import { queryError, textRows } from './database.ts';
import { mergeChanges } from './merge-changes.ts';
import type { DeliverRequest, DeliverResult } from './protocol.ts';
import { readColumns, scratchRelation, selectColumns } from './record-columns.ts';
import { RecordPipe } from './record-pipe.ts';
import { writeScratch } from './scratch.ts';
import { writeTableFiles } from './table-files.ts';

export interface DeliverContext {
  readonly connection: DuckDBConnection;
  readonly files: FileSystem;
  /** A private folder. */
  readonly scratch: string;
}

/** Below this making a pipe costs more than it saves. */
const PIPE_BYTES_MIN = 1024 * 1024;

/** Records of the log. */
export type RecordsRequest = Pick<DeliverRequest, 'stream' | 'slices' | 'from' | 'until'>;

/** What is made of the rows of a SELECT, which can be read once. */
interface RowsWriter<W> {
  /** `rows`: how many the source had; undefined is one without any. */
  write(source: string | undefined): Promise<W & { readonly rows: number }>;
  /** What was written is not wanted. */
  discard(written: W): Promise<void>;
}

export type FromLog<W> = W & { readonly damage: readonly string[]; readonly detour?: string };

/** Records straight from the log to Parquet, past the hot rows: bulk loads need no second copy in memory. */
export function deliver(request: DeliverRequest, context: DeliverContext): Promise<DeliverResult> {
  return writeRecords(request, context, tableWriter(request, context));
}

/** The quick way is a pipe. Whatever it cannot do, or fails at, goes the sure way through a scratch file. */
export async function writeRecords<W>(
  request: RecordsRequest,
  context: DeliverContext,
  writer: RowsWriter<W>,
): Promise<FromLog<W>> {
  let detour: string | undefined;
  if (bytesOf(request) >= PIPE_BYTES_MIN) {
    try {
      const written = await writeByPipe(request, context, writer);
      if (written) return { ...written, damage: [] };
    } catch (error) {
      detour = queryError(error).message;
    }
  }
  try {
    const result = await writeByScratch(request, context, writer);
    return detour === undefined ? result : { ...result, detour };
  } catch (error) {
    throw queryError(error);
  }
}

export function deliverByPipe(
  request: DeliverRequest,
  context: DeliverContext,
): Promise<Omit<DeliverResult, 'damage'> | undefined> {
  return writeByPipe(request, context, tableWriter(request, context));
}

/**
 * Lines go through a pipe as they are; beside them DuckDB counts through the places that the log's index
 * names (decision 0010). Undefined for what has no such lines: parts of runs, several schemas, members to
 * be kept in `_rest`; and where there are no pipes.
 */
async function writeByPipe<W>(
  request: RecordsRequest,
  { connection, files, scratch }: DeliverContext,
  { write, discard }: RowsWriter<W>,
): Promise<W | undefined> {
  const schema = plainSchema(request);
  const pipe = schema && (await RecordPipe.create(scratch));
  if (!schema || !pipe) return undefined;
  let written: (W & { readonly rows: number }) | undefined;
  try {
    const records = await pipe.pump(soundLines(files, request), async () => {
      const places = await createPlaces(connection, request);
      written = await write(linesBesidePlaces(pipe, schema, request));
      return places;
    });
    const rows = written?.rows;
    if (rows !== records)
      throw new Error(`${rows} rows came out of a pipe that ${records} records went into`);
    return written;
  } catch (error) {
    if (written) await discard(written);
    throw error;
  }
}

type TableWritten = Omit<DeliverResult, 'damage'>;

function tableWriter(
  request: DeliverRequest,
  { connection }: DeliverContext,
): RowsWriter<TableWritten> {
  return {
    write: async (source) =>
      source === undefined ? { files: [], rows: 0 } : write(connection, source, request),
    discard: async ({ files, deletes = [] }) => {
      for (const { path } of [...files, ...deletes]) await rm(path);
    },
  };
}

/** `rows`: how many the source had; of changes not each is written. */
interface Written extends Omit<DeliverResult, 'damage'> {
  readonly rows: number;
}

async function write(
  connection: DuckDBConnection,
  source: string,
  request: DeliverRequest,
): Promise<Written> {
  const { merge, stream } = request;
  if (!merge || !stream.upsert) {
    const files = await writeTableFiles(connection, source, request);
    return { files, rows: files.reduce((total, file) => total + file.rows, 0) };
  }
  // A pipe can be read once.
  await connection.run(`CREATE OR REPLACE TEMP TABLE batch AS ${source}`);
  try {
    const [[count = '0'] = []] = await textRows(connection, 'SELECT count(*)::VARCHAR FROM batch');
    const changes = { ...request, merge };
    const merged = await mergeChanges(connection, 'FROM batch', changes, stream.upsert);
    return { ...merged, rows: Number(count) };
  } finally {
    await connection.run('DROP TABLE temp.batch');
  }
}

/** The one schema of all runs, where each run is delivered whole and as it is. */
function plainSchema({ stream, slices, from, until }: RecordsRequest): SchemaVersion | undefined {
  const versions = new Set<number>();
  for (const { runs } of slices) {
    for (let at = 0; at < runs.length; at += RUN_COLUMNS) {
      const first = runs[at + RUN.firstSequence] as number;
      if (first < from || first + (runs[at + RUN.count] as number) > until) return undefined;
      versions.add(runs[at + RUN.schemaVersion] as number);
    }
  }
  const schema = stream.schemas.find((candidate) => versions.has(candidate.version));
  return versions.size === 1 && schema?.unknown !== 'keep' ? schema : undefined;
}

/** The bytes of the runs, newlines between them. @throws at damage: the sure way leaves out what is damaged. */
async function* soundLines(files: FileSystem, { slices }: RecordsRequest): AsyncGenerator<Buffer> {
  for await (const span of readSpans(files, slices, 'scan')) {
    const start = span.runs[RUN.position] as number;
    let end = 0;
    for (let run = 0; run < span.runs.length / RUN_COLUMNS; run++) {
      const { damage } = runOfSpan(span, run);
      if (damage !== undefined) throw new Error(`damaged: ${damage}`);
      const position = (span.runs[run * RUN_COLUMNS + RUN.position] as number) - start;
      // What lies between runs has no checksum.
      span.bytes.fill(10, end, position);
      end = position + (span.runs[run * RUN_COLUMNS + RUN.length] as number);
    }
    yield span.bytes;
  }
}

/** Makes the table of runs; returns the number of their records. */
async function createPlaces(
  connection: DuckDBConnection,
  { slices }: RecordsRequest,
): Promise<number> {
  await connection.run(
    'CREATE TEMP TABLE runs (first BIGINT, count BIGINT, shard INTEGER, time BIGINT)',
  );
  const appender = await connection.createAppender('runs', 'main', 'temp');
  let records = 0;
  for (const { runs } of slices) {
    for (let at = 0; at < runs.length; at += RUN_COLUMNS) {
      appender.appendBigInt(BigInt(runs[at + RUN.firstSequence] as number));
      appender.appendBigInt(BigInt(runs[at + RUN.count] as number));
      appender.appendInteger(runs[at + RUN.shard] as number);
      appender.appendBigInt(BigInt(runs[at + RUN.timeMs] as number));
      appender.endRow();
      records += runs[at + RUN.count] as number;
    }
  }
  appender.closeSync();
  return records;
}

/** A line too few has no "+" and its row is left out; a line too many adds a row: the count tells. */
function linesBesidePlaces(
  pipe: RecordPipe,
  schema: SchemaVersion,
  { stream }: RecordsRequest,
): string {
  const lines = `SELECT *, true AS "+" FROM read_json(${quoteText(pipe.path)}, format = 'newline_delimited', columns = ${readColumns(schema)})`;
  const places =
    'SELECT unnest(range(first, first + count)) AS ".", shard AS ":", time AS "/" FROM runs';
  return `SELECT ${selectColumns(stream, schema)} FROM (${lines}) POSITIONAL JOIN (${places}) WHERE "+"`;
}

export function deliverByScratch(
  request: DeliverRequest,
  context: DeliverContext,
): Promise<DeliverResult> {
  return writeByScratch(request, context, tableWriter(request, context));
}

/** Each record beside its place, in a file, damage left out. */
async function writeByScratch<W>(
  request: RecordsRequest,
  { files, scratch }: DeliverContext,
  { write }: RowsWriter<W>,
): Promise<W & { readonly damage: readonly string[] }> {
  const { stream, slices, from, until } = request;
  const records = await writeScratch(files, scratch, slices, { from, until }, stream.schemas);
  try {
    const parts = records.files.map(({ path, schemaVersion }) => {
      const schema = stream.schemas.find((candidate) => candidate.version === schemaVersion);
      if (!schema) throw new Error(`stream ${stream.name} has no schema ${schemaVersion}`);
      return `SELECT ${selectColumns(stream, schema)} FROM ${scratchRelation(path, schema)}`;
    });
    const source = parts.length > 0 ? parts.join(' UNION ALL ') : undefined;
    return { ...(await write(source)), damage: records.damage };
  } finally {
    records.remove();
  }
}

function bytesOf({ slices }: RecordsRequest): number {
  let bytes = 0;
  for (const { runs } of slices)
    for (let at = RUN.length; at < runs.length; at += RUN_COLUMNS) bytes += runs[at] as number;
  return bytes;
}

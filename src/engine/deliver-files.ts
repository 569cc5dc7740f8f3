import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type PrefixValues, prefixProblem, renderPrefix } from '../definition/file-prefix.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import { queryError, textRows } from './database.ts';
import { type DeliverContext, writeRecords } from './deliver.ts';
import { FILE_ENDINGS, writeRows } from './file-formats.ts';
import type { DeliverFilesRequest, DeliverFilesResult, StagedFile } from './protocol.ts';
import { syncFiles } from './table-files.ts';
import { writeUnplaced } from './unplaced-records.ts';

/**
 * Records of the log as files of a plain format, in the folder of unfinished files: durable, and each with the name that
 * it is to have. Rows are grouped by what their prefix is, so that values which are one in a path are one file.
 */
export async function deliverFiles(
  request: DeliverFilesRequest,
  context: DeliverContext,
): Promise<DeliverFilesResult> {
  return writeRecords(request, context, {
    write: async (source) => {
      if (source === undefined) return { files: [], rows: 0 };
      try {
        return await writeGroups(request, context, source);
      } finally {
        for (const table of ['batch', 'places', 'placed'])
          await context.connection.run(`DROP TABLE IF EXISTS temp.${table}`);
      }
    },
    // The next try begins with an empty folder.
    discard: async () => {},
  });
}

interface Group {
  readonly number: number;
  readonly prefix: string;
  rows: number;
}

/** Rows without a place: of them `number` is that of the group. */
interface Misfit {
  readonly number: number;
  readonly reason: string;
}

interface Grouping {
  readonly groups: readonly Group[];
  readonly misfits: readonly Misfit[];
}

async function writeGroups(
  request: DeliverFilesRequest,
  context: DeliverContext,
  source: string,
): Promise<{ files: StagedFile[]; rows: number }> {
  const { connection } = context;
  const keys = request.partitionKeys.map(
    ({ expression }, index) => `TRY(CAST((${expression}) AS VARCHAR)) AS "+${index}"`,
  );
  // A pipe can be read once.
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE batch AS SELECT ${['*', ...keys].join(', ')} FROM (${source})`,
  );
  const [[rows = '0'] = []] = await textRows(connection, 'SELECT count(*)::VARCHAR FROM batch');
  const { groups, misfits } = await groupRows(connection, request);
  const written: StagedFile[] = [];
  for (const group of groups) written.push(await writeGroup(connection, request, group));
  if (misfits.length > 0) written.push(...(await writeMisfits(request, context, misfits)));
  await syncFiles(
    written.map(({ path }) => path),
    request.folder,
  );
  return { files: written, rows: Number(rows) };
}

/** Each time and each combination of keys has one prefix: it is made once, and joined to the rows. */
async function groupRows(
  connection: DuckDBConnection,
  request: DeliverFilesRequest,
): Promise<Grouping> {
  const names = request.partitionKeys.map((_, index) => `"+${index}"`);
  const columns = ['epoch_ms(_arrived_at)', ...names];
  const combinations = await connection.runAndReadAll(
    `SELECT ${[...columns, 'count(*)'].join(', ')} FROM batch GROUP BY ALL ORDER BY ALL`,
  );
  const groups = new Map<string, Group>();
  const misfits = new Map<string, Misfit>();
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE places ("+at" BIGINT, ${names.map((name) => `${name} VARCHAR, `).join('')}"+group" INTEGER)`,
  );
  const appender = await connection.createAppender('places', 'main', 'temp');
  for (const row of combinations.getRows()) {
    const [atMs, ...rest] = row as [bigint, ...(string | null | bigint)[]];
    const rows = Number(rest.pop());
    const keys = rest as (string | null)[];
    const place = placeOf(request, Number(atMs), keys, { groups, misfits });
    if ('rows' in place) place.rows += rows;
    appender.appendBigInt(atMs);
    for (const key of keys) key === null ? appender.appendNull() : appender.appendVarchar(key);
    appender.appendInteger(place.number);
    appender.endRow();
  }
  appender.closeSync();
  const same = names.map((name) => ` AND batch.${name} IS NOT DISTINCT FROM places.${name}`);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE placed AS SELECT batch.*, "+group" FROM batch JOIN places ON epoch_ms(_arrived_at) = "+at"${same.join('')} ORDER BY "+group", _sequence_number`,
  );
  return {
    groups: [...groups.values()],
    misfits: await explained(connection, request, [...misfits.values()]),
  };
}

interface Places {
  readonly groups: Map<string, Group>;
  readonly misfits: Map<string, Misfit>;
}

/** Numbers of groups rise from 0, those of misfits fall from -1. */
function placeOf(
  { prefix, partitionKeys, name }: DeliverFilesRequest,
  atMs: number,
  values: readonly (string | null)[],
  { groups, misfits }: Places,
): Group | Misfit {
  const misfit = (reason: string): Misfit => {
    const found = misfits.get(reason) ?? { number: -1 - misfits.size, reason };
    misfits.set(reason, found);
    return found;
  };
  const missing = partitionKeys.find((_, index) => !values[index]);
  if (missing) {
    const isEmpty = values[partitionKeys.indexOf(missing)] === '';
    return misfit(`partition key '${missing.name}' is ${isEmpty ? 'empty' : 'null'}`);
  }
  const keys = Object.fromEntries(
    partitionKeys.map((key, index) => [key.name, values[index] as string]),
  );
  const rendered = renderPrefix(prefix, valuesOf(name, atMs, keys));
  const problem = prefixProblem(rendered);
  if (problem !== undefined) return misfit(problem);
  const found = groups.get(rendered) ?? { number: groups.size, prefix: rendered, rows: 0 };
  groups.set(rendered, found);
  return found;
}

/** A repeat of the batch has the same random text, and so the same names. */
const valuesOf = (name: string, atMs: number, keys: PrefixValues['keys'] = {}): PrefixValues => ({
  atMs,
  keys,
  random: hashText(name, 11),
});

const hashText = (text: string, length: number): string =>
  BigInt(`0x${createHash('sha256').update(text).digest('hex')}`)
    .toString(36)
    .slice(0, length);

/** A key is null where its expression fails: the engine says why when it is asked without TRY. */
async function explained(
  connection: DuckDBConnection,
  { partitionKeys }: DeliverFilesRequest,
  misfits: readonly Misfit[],
): Promise<Misfit[]> {
  const all: Misfit[] = [];
  for (const { number, reason } of misfits) {
    const key = partitionKeys.find(({ name }) => reason === `partition key '${name}' is null`);
    const error = key && (await failureOf(connection, key.expression, number));
    all.push({
      number,
      reason: error === undefined ? reason : `${reason}, or cannot be made: ${error}`,
    });
  }
  return all;
}

async function failureOf(
  connection: DuckDBConnection,
  expression: string,
  group: number,
): Promise<string | undefined> {
  try {
    await connection.run(
      `SELECT max(CAST((${expression}) AS VARCHAR)) FROM placed WHERE "+group" = ${group}`,
    );
    return undefined;
  } catch (error) {
    return queryError(error).message;
  }
}

async function writeGroup(
  connection: DuckDBConnection,
  request: DeliverFilesRequest,
  { number, prefix, rows }: Group,
): Promise<StagedFile> {
  const { stream, format, compression, folder, name } = request;
  const path = join(folder, `${number}.unfinished`);
  const columns = stream.fields.map((field) => field.name);
  if (stream.rest) columns.push('_rest');
  const written = await writeRows({
    connection,
    path,
    // A field may be called as a table is.
    source: `SELECT ${columns.map((column) => `placed.${quoteIdentifier(column)}`).join(', ')} FROM placed WHERE "+group" = ${number}`,
    fields: stream.rest ? [...stream.fields, REST_FIELD] : stream.fields,
    format,
    compression,
  });
  if (written !== rows) throw new Error(`${written} of ${rows} rows were written to a file`);
  // Of the prefix too: there are disks on which two of them are one folder.
  const file = `${prefix}${name}-${hashText(prefix, 8)}${FILE_ENDINGS[format][compression]}`;
  return { path, name: file, rows, isError: false };
}

const REST_FIELD = { name: '_rest', type: { kind: 'string' }, optional: true } as const;

/** As Firehose calls records whose partition keys it cannot make. */
const ERROR_TYPE = 'metadata-extraction-failed';

async function writeMisfits(
  request: DeliverFilesRequest,
  { connection, files }: DeliverContext,
  misfits: readonly Misfit[],
): Promise<StagedFile[]> {
  const reasons = new Map(misfits.map(({ number, reason }) => [number, reason]));
  const reader = await connection.runAndReadAll(
    'SELECT _sequence_number, "+group" FROM placed WHERE "+group" < 0 ORDER BY _sequence_number',
  );
  const numbers = reader.getRows() as [bigint, number][];
  const unplaced = new Map(
    numbers.map(([sequence, group]) => [Number(sequence), reasons.get(group) ?? '']),
  );
  const { errorPrefix, name, folder, slices } = request;
  return writeUnplaced({
    files,
    slices,
    unplaced,
    folder,
    nameOf: (atMs) => {
      const prefix = renderPrefix(errorPrefix, { ...valuesOf(name, atMs), errorType: ERROR_TYPE });
      return `${prefix}${name}-${hashText(prefix, 8)}.ndjson`;
    },
  });
}

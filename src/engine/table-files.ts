import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { duckdbTypeOf, fieldIds } from '../lake/iceberg/schema.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import type { WriteTarget, WrittenFile } from './protocol.ts';

const ROW_GROUP_ROWS = 122_880;

interface CopyRow {
  readonly filename: string;
  readonly count: string;
  readonly file_size_bytes: string;
  readonly column_statistics:
    | readonly {
        readonly key: string;
        readonly value: readonly { readonly key: string; readonly value: string }[];
      }[]
    | null;
  readonly partition_keys:
    | readonly { readonly key: string; readonly value: string | null }[]
    | null;
}

/**
 * Writes the rows of `source` (a SELECT) as Parquet files into the target's folder, with the field ids
 * of the table, and makes them durable. Every column is cast to its own type first: DuckDB would write
 * a HUGEINT as a double.
 */
export async function writeTableFiles(
  connection: DuckDBConnection,
  source: string,
  target: WriteTarget,
): Promise<WrittenFile[]> {
  const columns = target.columns.map(
    ({ name, type }) =>
      `CAST(${quoteIdentifier(name)} AS ${duckdbTypeOf(type)}) AS ${quoteIdentifier(name)}`,
  );
  const rows = `SELECT ${columns.join(', ')} FROM (${source})`;
  if (target.partitions.length === 0)
    return keep([await writeFile(connection, rows, target)], target);
  // The engine names folders after partition values, whose characters not every reader takes in a path.
  const folder = join(target.folder, `.${randomUUID()}`);
  try {
    const written = await writePartitions(connection, rows, folder, target);
    return await keep(
      target.sortBy === ''
        ? await takeOut(written, target)
        : await sortEach(connection, written, target),
      target,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One file, in the target's order. */
async function writeFile(
  connection: DuckDBConnection,
  rows: string,
  target: WriteTarget,
): Promise<CopyRow> {
  const path = join(target.folder, `${randomUUID()}.parquet`);
  const order = target.sortBy === '' ? '' : ` ORDER BY ${target.sortBy}`;
  const [row] = await copy(connection, `${rows}${order}`, path, fileOptions(target));
  return row as CopyRow;
}

async function writePartitions(
  connection: DuckDBConnection,
  rows: string,
  folder: string,
  target: WriteTarget,
): Promise<CopyRow[]> {
  // The engine names folders after the values: a long text would be no name.
  const keys = target.partitions.map(
    ({ expression, isText }, index) =>
      `${isText ? `sha256(${expression})` : expression} AS __p_${index}`,
  );
  const written = await copy(connection, `SELECT *, ${keys.join(', ')} FROM (${rows})`, folder, [
    ...fileOptions(target),
    // Without {uuid} two partition values can get one path and a file is lost (iceberg.md §4.11).
    "FILENAME_PATTERN '{uuid}'",
    `PARTITION_BY (${keys.map((_, index) => `__p_${index}`).join(', ')})`,
  ]);
  const named: CopyRow[] = [];
  for (const row of written) named.push(await withTexts(connection, row, target));
  return named;
}

/** A file with the texts of its partition, which all of its rows have. */
async function withTexts(
  connection: DuckDBConnection,
  row: CopyRow,
  { partitions }: WriteTarget,
): Promise<CopyRow> {
  const texts = partitions.flatMap(({ expression, isText }, index) =>
    isText ? [`${expression} AS __p_${index}`] : [],
  );
  if (texts.length === 0) return row;
  const reader = await connection.runAndReadAll(
    `SELECT ${texts.join(', ')} FROM read_parquet(${quoteText(row.filename)}, hive_partitioning = false) LIMIT 1`,
  );
  const [values = {}] = reader.getRowObjectsJson() as { readonly [key: string]: string | null }[];
  const keys = (row.partition_keys ?? []).map(({ key, value }) => ({
    key,
    value: key in values ? (values[key] as string | null) : value,
  }));
  return { ...row, partition_keys: keys };
}

function fileOptions({ columns }: WriteTarget): string[] {
  const ids = columns.map(
    ({ name, id, type }) => `${quoteIdentifier(name)}: ${fieldIds(id, type)}`,
  );
  return [
    'FORMAT parquet',
    'COMPRESSION zstd',
    `ROW_GROUP_SIZE ${ROW_GROUP_ROWS}`,
    'RETURN_STATS',
    `FIELD_IDS {${ids.join(', ')}}`,
  ];
}

async function copy(
  connection: DuckDBConnection,
  rows: string,
  path: string,
  options: readonly string[],
): Promise<CopyRow[]> {
  const reader = await connection.runAndReadAll(
    `COPY (${rows}) TO ${quoteText(path)} (${options.join(', ')})`,
  );
  return reader.getRowObjectsJson() as unknown as CopyRow[];
}

/** The engine keeps no order of rows within a partition, with one thread neither: each file is sorted by itself. */
async function sortEach(
  connection: DuckDBConnection,
  written: readonly CopyRow[],
  target: WriteTarget,
): Promise<CopyRow[]> {
  const sorted: CopyRow[] = [];
  for (const { filename, partition_keys } of written) {
    const rows = `SELECT * FROM read_parquet(${quoteText(filename)}, hive_partitioning = false)`;
    sorted.push({ ...(await writeFile(connection, rows, target)), partition_keys });
  }
  return sorted;
}

/** Out of the folders of partitions; the names are unique without them. */
async function takeOut(rows: readonly CopyRow[], target: WriteTarget): Promise<CopyRow[]> {
  const moved: CopyRow[] = [];
  for (const row of rows) {
    const filename = join(target.folder, basename(row.filename));
    await rename(row.filename, filename);
    moved.push({ ...row, filename });
  }
  return moved;
}

async function keep(rows: readonly CopyRow[], target: WriteTarget): Promise<WrittenFile[]> {
  // A COPY of no rows still writes a file.
  for (const { count, filename } of rows) if (Number(count) === 0) await rm(filename);
  const files = rows.filter((row) => Number(row.count) > 0).map((row) => writtenFile(row, target));
  await syncFiles(
    files.map((file) => file.path),
    target.folder,
  );
  return files;
}

function writtenFile(row: CopyRow, { partitions, specId, sortOrderId }: WriteTarget): WrittenFile {
  const statistics = (row.column_statistics ?? []).map(({ key, value }) => [
    key,
    Object.fromEntries(value.map((entry) => [entry.key, entry.value])),
  ]);
  const keys = new Map((row.partition_keys ?? []).map(({ key, value }) => [key, value]));
  return {
    path: row.filename,
    rows: Number(row.count),
    bytes: Number(row.file_size_bytes),
    statistics: Object.fromEntries(statistics) as WrittenFile['statistics'],
    partition: partitions.map((_, index) => keys.get(`__p_${index}`) ?? null),
    specId,
    sortOrderId,
  };
}

/** A file survives a power cut only with its name, and that with the folder it is in. */
export async function syncFiles(paths: readonly string[], folder: string): Promise<void> {
  for (const path of [...paths, folder]) await sync(path);
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

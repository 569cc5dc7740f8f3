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
  const partitions = target.partitions.map(
    ({ expression }, index) => `${expression} AS __p_${index}`,
  );
  const ids = target.columns.map(
    ({ name, id, type }) => `${quoteIdentifier(name)}: ${fieldIds(id, type)}`,
  );
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    `ROW_GROUP_SIZE ${ROW_GROUP_ROWS}`,
    'RETURN_STATS',
    `FIELD_IDS {${ids.join(', ')}}`,
    // Without {uuid} two partition values can get one path and a file is lost (iceberg.md §4.11).
    ...(partitions.length > 0
      ? [
          "FILENAME_PATTERN '{uuid}'",
          `PARTITION_BY (${partitions.map((_, index) => `__p_${index}`).join(', ')})`,
        ]
      : []),
  ];
  // The engine names folders after partition values, whose characters not every reader takes in a path.
  const isPartitioned = partitions.length > 0;
  const path = join(target.folder, isPartitioned ? `.${randomUUID()}` : `${randomUUID()}.parquet`);
  const order = target.sortBy === '' ? '' : ` ORDER BY ${target.sortBy}`;
  const reader = await connection.runAndReadAll(
    `COPY (SELECT ${[...columns, ...partitions].join(', ')} FROM (${source})${order}) TO ${quoteText(path)} (${options.join(', ')})`,
  );
  const rows = reader.getRowObjectsJson() as unknown as CopyRow[];
  return isPartitioned ? takeOut(rows, path, target) : keep(rows, target);
}

/** Out of the folders of partitions; the names are unique without them. */
async function takeOut(
  rows: readonly CopyRow[],
  folder: string,
  target: WriteTarget,
): Promise<WrittenFile[]> {
  const moved: CopyRow[] = [];
  for (const row of rows) {
    const filename = join(target.folder, basename(row.filename));
    await rename(row.filename, filename);
    moved.push({ ...row, filename });
  }
  await rm(folder, { recursive: true, force: true });
  return keep(moved, target);
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

import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { duckdbType } from '../plan/type-mapping.ts';
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
  orderBy?: string,
): Promise<WrittenFile[]> {
  const columns = target.columns.map(
    (column) =>
      `CAST(${quoteIdentifier(column.name)} AS ${duckdbType(column.type)}) AS ${quoteIdentifier(column.name)}`,
  );
  const partitions = target.partitions.map(
    ({ expression }, index) => `${expression} AS __p_${index}`,
  );
  const ids = target.columns.map((column) => `${quoteIdentifier(column.name)}: ${column.fieldIds}`);
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    `ROW_GROUP_SIZE ${ROW_GROUP_ROWS}`,
    'RETURN_STATS',
    ...(target.partitions.length > 0 ? ['OVERWRITE_OR_IGNORE'] : []),
    `FIELD_IDS {${ids.join(', ')}}`,
    // Without {uuid} two partition values can get one path and a file is lost (iceberg.md §4.11).
    ...(partitions.length > 0
      ? [
          "FILENAME_PATTERN '{uuid}'",
          `PARTITION_BY (${partitions.map((_, index) => `__p_${index}`).join(', ')})`,
        ]
      : []),
  ];
  const path =
    partitions.length > 0 ? target.folder : join(target.folder, `${randomUUID()}.parquet`);
  const order = orderBy === undefined ? '' : ` ORDER BY ${orderBy}`;
  const reader = await connection.runAndReadAll(
    `COPY (SELECT ${[...columns, ...partitions].join(', ')} FROM (${source})${order}) TO ${quoteText(path)} (${options.join(', ')})`,
  );
  const rows = reader.getRowObjectsJson() as unknown as CopyRow[];
  // A COPY of no rows still writes a file.
  for (const { count, filename } of rows) if (Number(count) === 0) await rm(filename);
  const files = rows
    .filter((row) => Number(row.count) > 0)
    .map((row) => writtenFile(row, partitions.length));
  // A file survives a power cut only with its name, and that with the folder it is in.
  const paths = files.map((file) => file.path);
  for (const path of new Set([...paths, ...paths.map(dirname), target.folder])) await sync(path);
  return files;
}

function writtenFile(row: CopyRow, partitions: number): WrittenFile {
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
    partition: Array.from({ length: partitions }, (_, index) => keys.get(`__p_${index}`) ?? null),
  };
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { textRows } from './database.ts';
import type {
  DeliverRequest,
  MergeInput,
  UpsertKey,
  WrittenDeletes,
  WrittenFile,
} from './protocol.ts';
import { syncFiles, writeTableFiles } from './table-files.ts';
import { locationOf, scanSql } from './table-scan.ts';

export interface Merged {
  readonly files: readonly WrittenFile[];
  readonly deletes: readonly WrittenDeletes[];
}

/** Reserved for the columns of position deletes (Iceberg specification, "Reserved Field IDs"). */
const PATH_ID = 2147483546;
const PLACE_ID = 2147483545;

/**
 * One row for each key, of a stream of changes. Of each key the newest record of the batch counts, by sequence
 * number; the row that the table has of it is deleted by its place, unless that row is as new: what is delivered
 * again changes nothing. A tombstone leaves no row.
 *
 * @param source a SELECT of the batch, as columns of the table
 */
export async function mergeChanges(
  connection: DuckDBConnection,
  source: string,
  request: DeliverRequest & { readonly merge: MergeInput },
  upsert: UpsertKey,
): Promise<Merged> {
  const keys = upsert.key.map(quoteIdentifier);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE latest AS SELECT * FROM (${source}) QUALIFY row_number() OVER (PARTITION BY ${keys.join(', ')} ORDER BY _sequence_number DESC) = 1`,
  );
  try {
    await findRows(connection, request, keys);
    const deletes = await writeDeletes(connection, request);
    const kept =
      upsert.tombstone === undefined
        ? ''
        : ` WHERE ${quoteIdentifier(upsert.tombstone)} IS DISTINCT FROM true`;
    const files = await writeTableFiles(connection, `SELECT * FROM latest${kept}`, request);
    return { files, deletes };
  } finally {
    for (const table of ['latest', 'found', 'grouped'])
      await connection.run(`DROP TABLE IF EXISTS temp.${table}`);
  }
}

/** `found`: the rows of the table that the batch replaces; what the table has newer leaves the batch. */
async function findRows(
  connection: DuckDBConnection,
  { merge: { scan }, columns }: DeliverRequest & { readonly merge: MergeInput },
  keys: readonly string[],
): Promise<void> {
  const names = keys.map((key) => key.slice(1, -1).replaceAll('""', '"'));
  const read = columns.filter(({ name }) => names.includes(name) || name === '_sequence_number');
  const rows = await scanSql(connection, scan, read, { places: true });
  const same = keys.map((key) => `r.${key} = latest.${key}`).join(' AND ');
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE found AS SELECT ${keys.map((key) => `r.${key}`).join(', ')}, r._sequence_number AS seq, r."+file" AS f, r."+row" AS n FROM (${rows}) AS r JOIN latest ON ${same}`,
  );
  const isNewer = keys.map((key) => `found.${key} = latest.${key}`).join(' AND ');
  await connection.run(
    `DELETE FROM latest USING found WHERE ${isNewer} AND found.seq >= latest._sequence_number`,
  );
  await connection.run(
    `DELETE FROM found WHERE NOT EXISTS (SELECT 1 FROM latest WHERE ${isNewer})`,
  );
}

/** One file a partition, its rows sorted as the specification asks ("Position Delete Files"). */
async function writeDeletes(
  connection: DuckDBConnection,
  { merge, folder }: DeliverRequest & { readonly merge: MergeInput },
): Promise<WrittenDeletes[]> {
  const groups = merge.scan.files.map(
    ({ path }, index) =>
      `(${quoteText(path)}, ${merge.groups[index]}, ${quoteText(locationOf(merge.scan, path))})`,
  );
  if (groups.length === 0) return [];
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE grouped AS SELECT g, location, n FROM found JOIN (VALUES ${groups.join(', ')}) AS file(path, g, location) ON found.f = file.path`,
  );
  const touched = await textRows(
    connection,
    'SELECT g::VARCHAR, to_json(list(DISTINCT location))::VARCHAR FROM grouped GROUP BY g ORDER BY g',
  );
  const written: WrittenDeletes[] = [];
  for (const [group, locations] of touched as [string, string][]) {
    const path = join(folder, `${randomUUID()}-deletes.parquet`);
    const reader = await connection.runAndReadAll(
      `COPY (SELECT location AS file_path, n AS pos FROM grouped WHERE g = ${group} ORDER BY 1, 2) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd, RETURN_STATS, FIELD_IDS {file_path: ${PATH_ID}, pos: ${PLACE_ID}})`,
    );
    const [row] = reader.getRowObjectsJson() as unknown as {
      count: string;
      file_size_bytes: string;
    }[];
    written.push({
      path,
      rows: Number(row?.count),
      bytes: Number(row?.file_size_bytes),
      group: Number(group),
      of: JSON.parse(locations) as string[],
    });
  }
  await syncFiles(
    written.map((file) => file.path),
    folder,
  );
  return written;
}

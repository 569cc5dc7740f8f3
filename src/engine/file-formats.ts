import { randomBytes } from 'node:crypto';
import { type DuckDBConnection, type DuckDBType, DuckDBTypeId } from '@duckdb/node-api';
import type { NamedField } from '../core/field-types.ts';
import type { DeliveredFormat, FileCompression } from '../definition/files.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { AvroWriter } from '../wire/avro/writer.ts';
import { OrcWriter } from '../wire/orc/writer.ts';
import { csvValue, jsonValue, LINES } from './result-json.ts';
import { writeRowFile } from './row-file.ts';

export interface RowsToWrite {
  readonly connection: DuckDBConnection;
  readonly path: string;
  /** A SELECT of the fields. */
  readonly source: string;
  readonly fields: readonly NamedField[];
  readonly rows: number;
  readonly format: DeliveredFormat;
  readonly compression: FileCompression;
}

type Endings = { readonly [C in FileCompression]: string };

const packed = (ending: string): Endings => ({
  none: ending,
  gzip: `${ending}.gz`,
  zstd: `${ending}.zst`,
  snappy: `${ending}.snappy`,
});
const inside = (ending: string): Endings => ({
  none: ending,
  gzip: ending,
  zstd: ending,
  snappy: ending,
});

export const FILE_ENDINGS: { readonly [F in DeliveredFormat]: Endings } = {
  parquet: inside('.parquet'),
  ndjson: packed('.ndjson'),
  csv: packed('.csv'),
  avro: inside('.avro'),
  orc: inside('.orc'),
};

/** @returns how many rows are in the file */
export async function writeRows(to: RowsToWrite): Promise<number> {
  switch (to.format) {
    case 'parquet':
      return copy(to, to.source, `FORMAT parquet, COMPRESSION ${codecOf(to.compression)}`);
    case 'ndjson':
      return copyAs(to, LINES, (columns) => {
        const members = columns.map(
          ({ name, type }) => `${quoteText(name)}, ${jsonValue(type, quoteIdentifier(name))}`,
        );
        return `json_object(${members.join(', ')})::VARCHAR`;
      });
    case 'csv':
      return copyAs(to, 'FORMAT csv, HEADER', (columns) =>
        columns
          .map(({ name, type }) => {
            const column = quoteIdentifier(name);
            return `${csvText(type, column)} AS ${column}`;
          })
          .join(', '),
      );
    case 'avro':
      return writeRowFile(
        to,
        new AvroWriter({
          fields: to.fields,
          name: 'record',
          codec: to.compression === 'none' ? 'null' : 'deflate',
          sync: randomBytes(16),
        }),
      );
    case 'orc':
      return writeRowFile(
        to,
        new OrcWriter({
          fields: to.fields,
          codec: to.compression === 'none' ? 'none' : 'zlib',
        }),
      );
  }
}

const codecOf = (compression: FileCompression): string =>
  compression === 'none' ? 'uncompressed' : compression;

interface Column {
  readonly name: string;
  readonly type: DuckDBType;
}

async function copyAs(
  to: RowsToWrite,
  options: string,
  select: (columns: readonly Column[]) => string,
): Promise<number> {
  const columns = await columnsOf(to);
  return copy(
    to,
    `SELECT ${select(columns)} FROM (${to.source})`,
    `${options}, COMPRESSION ${to.compression}`,
  );
}

async function copy(
  { connection, path }: RowsToWrite,
  select: string,
  options: string,
): Promise<number> {
  const reader = await connection.runAndReadAll(
    `COPY (${select}) TO ${quoteText(path)} (${options})`,
  );
  return Number(reader.getRows()[0]?.[0]);
}

async function columnsOf({ connection, source }: RowsToWrite): Promise<Column[]> {
  const statement = await connection.prepare(source);
  try {
    return Array.from({ length: statement.columnCount }, (_, index) => ({
      name: statement.columnName(index),
      type: statement.columnType(index),
    }));
  } finally {
    statement.destroySync();
  }
}

const NESTED: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.LIST,
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.MAP,
]);

/** What has parts is JSON: a cell has one text. */
function csvText(type: DuckDBType, value: string): string {
  if (NESTED.has(type.typeId))
    return `CASE WHEN ${value} IS NOT NULL THEN to_json(${jsonValue(type, value)})::VARCHAR END`;
  if (type.typeId === DuckDBTypeId.FLOAT || type.typeId === DuckDBTypeId.DOUBLE)
    return `CASE WHEN isfinite(${value}) THEN ${value}::VARCHAR WHEN isnan(${value}) THEN 'NaN' WHEN ${value} > 0 THEN 'Infinity' WHEN ${value} < 0 THEN '-Infinity' END`;
  return csvValue(type, value);
}

import { randomBytes } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { NamedField } from '../core/field-types.ts';
import type { DeliveredFormat, FileCompression } from '../definition/files.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { AvroWriter } from '../wire/avro/writer.ts';
import { OrcWriter } from '../wire/orc/writer.ts';
import { csvValue, jsonMembers, LINES } from './result-json.ts';
import { writeRowFile } from './row-file.ts';
import { type StatementColumn, statementColumns } from './statement-columns.ts';

export interface RowsToWrite {
  readonly connection: DuckDBConnection;
  readonly path: string;
  /** A SELECT of the fields. */
  readonly source: string;
  readonly fields: readonly NamedField[];
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
        const members = columns.map(({ name, type }) => ({
          name,
          type,
          value: quoteIdentifier(name),
        }));
        return `json_object(${jsonMembers(members)})::VARCHAR`;
      });
    case 'csv':
      return copyAs(to, 'FORMAT csv, HEADER', (columns) =>
        columns
          .map(({ name, type }) => {
            const column = quoteIdentifier(name);
            return `${csvValue(type, column)} AS ${column}`;
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

async function copyAs(
  to: RowsToWrite,
  options: string,
  select: (columns: readonly StatementColumn[]) => string,
): Promise<number> {
  const columns = await statementColumns(to.connection, to.source);
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

import { resolve } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { StreamPlan } from '../plan/plan.ts';
import { openCsv } from '../source/embedded/csv-source.ts';
import { fingerprint, plainName } from '../source/embedded/file-bytes.ts';
import { openJson, rows } from '../source/embedded/json-source.ts';
import type { FileSource } from '../source/source.ts';

/** What the user says of files; what is left out is found. */
export interface FileDialect {
  readonly delimiter: string | undefined;
  readonly quote: string | undefined;
  readonly encoding: string | undefined;
  readonly header: boolean;
  readonly format: string | undefined;
}

/** A Parquet file as NDJSON text; the engine reads it, in a child. */
export type ReadParquet = (path: string) => AsyncIterable<string>;

/** Opens a file by its ending. `id` is the checksum of its content. */
export async function openFile(
  path: string,
  stream: StreamPlan,
  dialect: FileDialect,
  readParquet: ReadParquet,
): Promise<{ source: FileSource; id: string; bytes: number }> {
  const format = dialect.format ?? formatOf(path);
  const { sha256, encoding, bytes } = await fingerprint(path);
  if (format === 'parquet') return { source: parquetSource(path, readParquet), id: sha256, bytes };
  const used = dialect.encoding ?? encoding;
  if (format === 'json') return { source: openJson(path, used), id: sha256, bytes };
  const columns = stream.fields.map((field) => field.name);
  const delimiter =
    dialect.delimiter ?? (plainName(path).toLowerCase().endsWith('.tsv') ? '\t' : undefined);
  return {
    source: await openCsv(path, {
      encoding: used,
      delimiter,
      quote: dialect.quote,
      header: dialect.header,
      columns,
    }),
    id: sha256,
    bytes,
  };
}

function formatOf(path: string): 'csv' | 'json' | 'parquet' {
  const ending = /\.([a-z]+)$/i.exec(plainName(path))?.[1]?.toLowerCase() ?? '';
  if (['csv', 'tsv', 'txt'].includes(ending)) return 'csv';
  if (['json', 'ndjson', 'jsonl'].includes(ending)) return 'json';
  if (ending === 'parquet') return 'parquet';
  throw new MillraceError(
    'MR_IMPORT_FILE',
    `${path}: the ending does not tell the format. Say it with --format csv, json or parquet.`,
  );
}

function parquetSource(path: string, readParquet: ReadParquet): FileSource {
  if (/\.(gz|zst)$/i.test(path))
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path}: Parquet is compressed inside; unpack the file first.`,
    );
  const dialect = {
    format: 'parquet' as const,
    encoding: 'utf-8',
    delimiter: '',
    quote: '',
    header: false,
  };
  return { path, dialect, columns: [], rows: () => rows(readParquet(resolve(path))) };
}

import { resolve } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { StreamPlan } from '../plan/plan.ts';
import { openAvro } from '../source/embedded/avro-source.ts';
import { openCsv } from '../source/embedded/csv-source.ts';
import {
  type Fingerprint,
  fingerprint,
  plainName,
  requireMark,
} from '../source/embedded/file-bytes.ts';
import { batches, openJson } from '../source/embedded/json-source.ts';
import { openOrc } from '../source/embedded/orc-source.ts';
import { encodingOf } from '../source/encoding.ts';
import {
  FILE_FORMATS,
  type FileFormat,
  type FileSource,
  isTyped,
  typedDialect,
} from '../source/source.ts';

/** What the user says of files; what is left out is found. */
export interface FileDialect {
  readonly delimiter: string | undefined;
  readonly quote: string | undefined;
  readonly encoding: string | undefined;
  readonly header: boolean;
  readonly format: FileFormat | undefined;
}

/** A Parquet file as NDJSON in UTF-8; the engine reads it, in a child. */
export type ReadParquet = (path: string) => AsyncIterable<Buffer>;

export interface OpenedFile {
  readonly source: FileSource;
  /** Checksum of the content. */
  readonly id: string;
  readonly bytes: number;
  /** Bytes that are not of its encoding; their rows are rejected. */
  readonly brokenBytes: number;
}

/** Opens a file by its ending. */
export async function openFile(
  path: string,
  stream: StreamPlan,
  dialect: FileDialect,
  readParquet: ReadParquet,
): Promise<OpenedFile> {
  const format = dialect.format ?? formatOf(path);
  const said = dialect.encoding === undefined ? undefined : encodingNamed(dialect.encoding);
  if (format !== 'csv' && format !== 'json') await requireMark(path, format);
  const print = await fingerprint(path, { isText: !isTyped(format) });
  const opened = (source: FileSource): OpenedFile => ({
    source,
    id: print.sha256,
    bytes: print.bytes,
    brokenBytes: source.dialect.encoding === 'utf-8' ? print.evidence.broken : 0,
  });
  if (format === 'parquet') return opened(parquetSource(path, readParquet));
  if (format === 'avro') return opened(openAvro(path));
  if (format === 'orc') return opened(openOrc(path));
  // JSON is UTF-8 (RFC 8259): bytes that are not are damage, and no other encoding is guessed from them.
  if (format === 'json') return opened(openJson(path, said ?? print.marked ?? 'utf-8'));
  const delimiter =
    dialect.delimiter ?? (plainName(path).toLowerCase().endsWith('.tsv') ? '\t' : undefined);
  return opened(
    await openCsv(path, {
      encoding: said ?? csvEncoding(path, print),
      delimiter,
      quote: dialect.quote,
      header: dialect.header,
      columns: stream.fields.map((field) => field.name),
    }),
  );
}

function encodingNamed(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch (error) {
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      `--encoding ${label} is not known; say for example utf-8, windows-1252, utf-16le or shift_jis.`,
      { cause: error },
    );
  }
}

function csvEncoding(path: string, { marked, evidence }: Fingerprint): string {
  const encoding = marked ?? encodingOf(evidence);
  if (encoding !== undefined) return encoding;
  throw new MillraceError(
    'MR_IMPORT_FILE',
    `${path}: its encoding cannot be told: ${evidence.characters} of its characters are UTF-8, ${evidence.broken} of its bytes are not. Say it with --encoding, for example utf-8 (rows that are not are rejected) or windows-1252.`,
  );
}

const ENDINGS: { readonly [ending: string]: FileFormat } = {
  csv: 'csv',
  tsv: 'csv',
  txt: 'csv',
  json: 'json',
  ndjson: 'json',
  jsonl: 'json',
  parquet: 'parquet',
  avro: 'avro',
  orc: 'orc',
};

function formatOf(path: string): FileFormat {
  const ending = /\.([a-z]+)$/i.exec(plainName(path))?.[1]?.toLowerCase() ?? '';
  const format = ENDINGS[ending];
  if (format !== undefined) return format;
  throw new MillraceError(
    'MR_IMPORT_FILE',
    `${path}: the ending does not tell the format. Say it with --format: ${FILE_FORMATS.join(', ')}.`,
  );
}

function parquetSource(path: string, readParquet: ReadParquet): FileSource {
  return {
    path,
    dialect: typedDialect('parquet'),
    columns: [],
    batches: () => batches(parquetLines(path, readParquet)),
  };
}

async function* parquetLines(path: string, readParquet: ReadParquet): AsyncGenerator<Buffer> {
  try {
    yield* readParquet(resolve(path));
  } catch (error) {
    throw new MillraceError(
      'MR_IMPORT_FILE',
      `${path} could not be read as Parquet: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

import { Readable } from 'node:stream';
import { type CsvError, type Options, parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import type { FileSource, SourceDialect, SourceRow } from '../source.ts';
import { fileText } from './file-bytes.ts';

export interface CsvOptions {
  readonly encoding: string;
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  /** False where the first row is data; then columns are named by the stream's fields in order. */
  readonly header: boolean;
  readonly columns: readonly string[];
}

const SAMPLE_CHARACTERS = 64 * 1024;
const SAMPLE_CHARACTERS_MAX = 16 * 1024 * 1024;
const DELIMITERS = [',', ';', '\t', '|'];

/** CSV and TSV (RFC 4180, with what people's files do beside it), read row by row. */
export async function openCsv(path: string, options: CsvOptions): Promise<FileSource> {
  const sample = await sampleOf(path, options.encoding);
  const delimiter = options.delimiter ?? findDelimiter(path, sample);
  const dialect: SourceDialect = {
    format: 'csv',
    encoding: options.encoding,
    delimiter,
    quote: options.quote ?? '"',
    header: options.header,
  };
  const first = firstRow(path, sample, dialect);
  const columns = options.header ? uniqueNames(path, first) : options.columns;
  return { path, dialect, columns, rows: () => rows(path, dialect, columns) };
}

/** The front of the file; more of it where its first rows are long. */
async function sampleOf(path: string, encoding: string): Promise<string> {
  let sample = '';
  let enough = SAMPLE_CHARACTERS;
  for await (const text of fileText(path, encoding)) {
    sample += text;
    if (sample.length < enough) continue;
    const isTold = DELIMITERS.some(
      (delimiter) => sampleRows(sample, { delimiter, quote: '"' }).length > 1,
    );
    if (isTold || sample.length >= SAMPLE_CHARACTERS_MAX) break;
    enough = sample.length * 4;
  }
  return sample;
}

function parserOptions({ delimiter, quote }: Pick<SourceDialect, 'delimiter' | 'quote'>): Options {
  return {
    delimiter,
    quote: quote === '' ? false : quote,
    escape: quote === '' ? null : quote,
    bom: true,
    // All three, or values of files that mix them would keep or swallow line ends.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  };
}

/** The delimiter that splits the first rows into the most columns of an equal number. */
function findDelimiter(path: string, sample: string): string {
  const scored = DELIMITERS.map((delimiter) => ({ delimiter, score: score(sample, delimiter) }));
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
  if (best.score > 0) return best.delimiter;
  return path.includes('.tsv') ? '\t' : ',';
}

function score(sample: string, delimiter: string): number {
  const widths = sampleRows(sample, { delimiter, quote: '"' }).map((row) => row.length);
  const width = widths[0] ?? 1;
  const equal = widths.filter((other) => other === width).length;
  return width > 1 ? (equal / widths.length) * width : 0;
}

function sampleRows(
  sample: string,
  dialect: Pick<SourceDialect, 'delimiter' | 'quote'>,
): string[][] {
  const rows: string[][] = [];
  const gather = (row: string[]) => {
    rows.push(row);
    return row;
  };
  try {
    parseSync(sample, { ...parserOptions(dialect), to: 50, on_record: gather });
  } catch {
    // The sample may end inside quotes; the rows before that end tell enough.
  }
  return rows;
}

function firstRow(path: string, sample: string, dialect: SourceDialect): string[] {
  const [first] = sampleRows(sample, dialect);
  if (first) return first;
  if (sample.trim() === '') return [];
  throw new MillraceError(
    'MR_IMPORT_FILE',
    `${path}: the first row cannot be read; a quote in it is not closed. Correct the file, or read it without quotes: --quote ""`,
  );
}

function uniqueNames(path: string, names: readonly string[]): string[] {
  if (names.length === 0)
    throw new MillraceError('MR_IMPORT_FILE', `${path} is empty: it has no header.`);
  const seen = new Set<string>();
  return names.map((name) => {
    const trimmed = name.trim();
    if (seen.has(trimmed))
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `${path}: two columns are named ${JSON.stringify(trimmed)}. Give one another name in the file, or read it with --no-header.`,
      );
    seen.add(trimmed);
    return trimmed;
  });
}

interface Parsed {
  readonly record: string[];
  readonly raw: string;
  readonly info: { readonly lines: number };
}

/** A quote that is never closed would gather the rest of the file; this bounds the memory for it. */
const QUOTED_BYTES_MAX = 64 * 1024 * 1024;

async function* rows(
  path: string,
  dialect: SourceDialect,
  columns: readonly string[],
): AsyncGenerator<SourceRow> {
  const broken: CsvError[] = [];
  const parser = parse({
    ...parserOptions(dialect),
    info: true,
    raw: true,
    max_record_size: QUOTED_BYTES_MAX,
    skip_records_with_error: true,
    from: dialect.header ? 2 : 1,
  });
  parser.on('skip', (error: CsvError) => broken.push(error));
  const text = Readable.from(fileText(path, dialect.encoding));
  text.on('error', (error) => parser.destroy(error));
  text.pipe(parser);
  let row = 0;
  const problems = function* (): Generator<SourceRow> {
    for (let error = broken.shift(); error; error = broken.shift()) {
      if (error.code === 'CSV_MAX_RECORD_SIZE') throw unclosedQuote(path, row + 1);
      yield { row: ++row, values: [], problem: error.message, text: String(error['raw'] ?? '') };
    }
  };
  for await (const parsed of parser as AsyncIterable<Parsed>) {
    yield* problems();
    row += 1;
    yield rowOf(row, parsed, columns);
  }
  yield* problems();
}

function rowOf(row: number, { record, raw, info }: Parsed, columns: readonly string[]): SourceRow {
  const place = { row, line: info.lines, text: raw.replace(/\r?\n$/, '') };
  if (raw.length > LIMITS.recordBytesMax)
    return {
      ...place,
      values: [],
      problem: `The row has more than ${LIMITS.recordBytesMax} bytes.`,
    };
  if (record.length !== columns.length) {
    const problem = `The row has ${record.length} columns, the header ${columns.length}.`;
    return { ...place, values: [], problem };
  }
  const values = record.map((cell, index) => [columns[index] as string, { text: cell }] as const);
  return { ...place, values };
}

function unclosedQuote(path: string, row: number): MillraceError {
  return new MillraceError(
    'MR_IMPORT_FILE',
    `${path}: a quote that opens in row ${row} is not closed. Correct the file, or read it without quotes: --quote ""`,
  );
}

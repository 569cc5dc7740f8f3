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
  const first = firstRow(sample, dialect);
  const columns = options.header ? uniqueNames(path, first) : options.columns;
  return { path, dialect, columns, rows: () => rows(path, dialect, columns) };
}

async function sampleOf(path: string, encoding: string): Promise<string> {
  let sample = '';
  for await (const text of fileText(path, encoding)) {
    sample += text;
    if (sample.length >= SAMPLE_CHARACTERS) break;
  }
  return sample.slice(0, SAMPLE_CHARACTERS);
}

function parserOptions({ delimiter, quote }: Pick<SourceDialect, 'delimiter' | 'quote'>): Options {
  return {
    delimiter,
    quote: quote === '' ? false : quote,
    escape: quote === '' ? null : quote,
    bom: true,
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
  try {
    return parseSync(sample, { ...parserOptions(dialect), to: 50 }) as string[][];
  } catch {
    // The sample may end inside quotes: its first rows are read without that end.
    return [];
  }
}

function firstRow(sample: string, dialect: SourceDialect): string[] {
  const parsed = parseSync(sample, {
    ...parserOptions(dialect),
    to: 1,
    relax_quotes: true,
  }) as string[][];
  return parsed[0] ?? [];
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
  readonly info: { readonly lines: number };
}

async function* rows(
  path: string,
  dialect: SourceDialect,
  columns: readonly string[],
): AsyncGenerator<SourceRow> {
  const broken: CsvError[] = [];
  const parser = parse({
    ...parserOptions(dialect),
    info: true,
    max_record_size: LIMITS.recordBytesMax,
    skip_records_with_error: true,
    from: dialect.header ? 2 : 1,
  });
  parser.on('skip', (error: CsvError) => broken.push(error));
  const text = Readable.from(fileText(path, dialect.encoding));
  text.on('error', (error) => parser.destroy(error));
  text.pipe(parser);
  let row = 0;
  const problems = function* (): Generator<SourceRow> {
    for (let error = broken.shift(); error; error = broken.shift())
      yield { row: ++row, values: [], problem: error.message, text: '' };
  };
  for await (const { record, info } of parser as AsyncIterable<Parsed>) {
    yield* problems();
    row += 1;
    if (record.length !== columns.length)
      yield {
        row,
        line: info.lines,
        values: [],
        problem: `The row has ${record.length} columns, the header ${columns.length}.`,
        text: record.join(dialect.delimiter),
      };
    else
      yield {
        row,
        line: info.lines,
        values: record.map((cell, index) => [columns[index] as string, { text: cell }] as const),
        text: record.join(dialect.delimiter),
      };
  }
  yield* problems();
}

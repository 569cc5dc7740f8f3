import { MillraceError } from '../../core/errors.ts';
import { LIMITS } from '../../core/limits.ts';
import { bytesOfText } from '../../wire/utf8.ts';
import { CsvReader, type CsvRow, type CsvSyntax } from '../csv-reader.ts';
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
const SAMPLE_ROWS = 50;
const DELIMITERS = [',', ';', '\t', '|'];

/** CSV and TSV, read row by row. */
export async function openCsv(path: string, options: CsvOptions): Promise<FileSource> {
  const { encoding, header, quote = '"' } = options;
  const sample = await sampleOf(path, encoding, quote);
  const delimiter = options.delimiter ?? findDelimiter(path, sample, quote);
  const dialect: SourceDialect = { format: 'csv', encoding, delimiter, quote, header };
  const first = firstRow(path, sampleRows(sample, dialect)[0]);
  const columns = header ? uniqueNames(path, first) : options.columns;
  return { path, dialect, columns, batches: () => batches(path, dialect, columns) };
}

interface Sample {
  readonly text: string;
  /** Whether it is the whole file. */
  readonly isWhole: boolean;
}

/** The front of the file; more of it where its first rows are long. */
async function sampleOf(path: string, encoding: string, quote: string): Promise<Sample> {
  let text = '';
  let enough = SAMPLE_CHARACTERS;
  for await (const part of fileText(path, encoding)) {
    text += part;
    if (text.length < enough) continue;
    const sample = { text, isWhole: false };
    const isTold = DELIMITERS.some(
      (delimiter) => sampleRows(sample, { delimiter, quote }).length > 1,
    );
    if (isTold) return sample;
    enough = text.length * 4;
  }
  return { text, isWhole: true };
}

/** The delimiter that splits the first rows into the most columns of an equal number. */
function findDelimiter(path: string, sample: Sample, quote: string): string {
  const scored = DELIMITERS.map((delimiter) => ({
    delimiter,
    score: score(sampleRows(sample, { delimiter, quote })),
  }));
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
  if (best.score > 0) return best.delimiter;
  return path.includes('.tsv') ? '\t' : ',';
}

function score(rows: readonly CsvRow[]): number {
  const widths = rows.filter((row) => row.problem === undefined).map((row) => row.cells.length);
  const width = widths[0] ?? 1;
  const equal = widths.filter((other) => other === width).length;
  return width > 1 ? (equal / widths.length) * width : 0;
}

function sampleRows({ text, isWhole }: Sample, syntax: CsvSyntax): readonly CsvRow[] {
  const reader = new CsvReader(syntax, LIMITS.recordBytesMax);
  const rows = [...reader.push(text)];
  return (isWhole ? [...rows, ...reader.end()] : rows).slice(0, SAMPLE_ROWS);
}

function firstRow(path: string, row: CsvRow | undefined): readonly string[] {
  if (row?.problem === undefined) return row?.cells ?? [];
  throw new MillraceError(
    'MR_IMPORT_FILE',
    `${path}: the first row cannot be read: ${row.problem} Correct the file, or read it without quotes: --quote ""`,
  );
}

function uniqueNames(path: string, names: readonly string[]): string[] {
  if (names.length === 0)
    throw new MillraceError('MR_IMPORT_FILE', `${path} is empty: it has no header.`);
  const seen = new Set<string>();
  return names.map((name) => {
    const trimmed = name.trim();
    if (!trimmed.isWellFormed())
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `${path}: the name of a column, ${JSON.stringify(trimmed)}, is not UTF-8. Name the file's encoding with --encoding, for example windows-1252.`,
      );
    if (seen.has(trimmed))
      throw new MillraceError(
        'MR_IMPORT_FILE',
        `${path}: two columns are named ${JSON.stringify(trimmed)}. Give one another name in the file, or read it with --no-header.`,
      );
    seen.add(trimmed);
    return trimmed;
  });
}

async function* batches(
  path: string,
  dialect: SourceDialect,
  columns: readonly string[],
): AsyncGenerator<Iterable<SourceRow>> {
  const reader = new CsvReader(dialect, LIMITS.recordBytesMax);
  let row = dialect.header ? -1 : 0;
  const numbered = function* (found: Iterable<CsvRow>): Generator<SourceRow> {
    for (const one of found) {
      row += 1;
      // The header has the number 0.
      if (row > 0) yield rowOf(row, one, columns);
    }
  };
  for await (const text of fileText(path, dialect.encoding)) yield numbered(reader.push(text));
  yield numbered(reader.end());
}

function rowOf(row: number, found: CsvRow, columns: readonly string[]): SourceRow {
  const { line, cells, text, problem } = found;
  const isText = text.isWellFormed();
  if (problem === undefined && cells.length === columns.length && isText)
    return { row, line, columns, values: cells, text };
  const broken = { row, line, columns, values: [] };
  if (!isText)
    return {
      ...broken,
      text: text.toWellFormed(),
      bytes: bytesOfText(text),
      problem: { code: 'MR_RECORD_ENCODING', message: 'The row is not valid UTF-8.' },
    };
  const message = problem ?? `The row has ${cells.length} columns, the header ${columns.length}.`;
  return { ...broken, text, problem: { code: 'MR_IMPORT_ROW', message } };
}

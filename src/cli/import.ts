import type { Command } from 'commander';
import { findFiles } from '../app/find-files.ts';
import { type ImportedFile, type ImportResult, importFiles } from '../app/import-files.ts';
import { systemClock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { Plan } from '../plan/plan.ts';
import type { DateOrder } from '../source/date-forms.ts';
import { FILE_FORMATS, type FileFormat } from '../source/source.ts';
import type { FileDialect } from '../target/file-sources.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatBytes, formatCount, type Output } from './output.ts';
import { folderVerb } from './verb.ts';

interface ImportOptions extends FolderOptions {
  readonly json?: boolean;
  readonly map: string[];
  readonly ignore: string[];
  readonly null: string[];
  readonly dates?: string;
  readonly delimiter?: string;
  readonly quote?: string;
  readonly encoding?: string;
  readonly header: boolean;
  readonly format?: string;
  readonly again?: boolean;
  readonly decimalComma?: boolean;
  readonly allowRejected?: boolean;
}

const repeated = (value: string, values: string[]): string[] => [...values, value];

export const importCommand = (): Command =>
  folderVerb(
    'import',
    'Load CSV, TSV, JSON, NDJSON (plain, .gz, .zst), Parquet, Avro or ORC files into a stream',
    'millrace import sales data/*.csv.gz --map CustomerID=customer_id',
  )
    .argument('<stream>', 'name of the stream')
    .argument('<files...>', 'files, folders, or patterns such as "data/**/*.csv.gz"')
    .option(
      '--map <column=field>',
      'the field of a column whose name differs; may be repeated',
      repeated,
      [],
    )
    .option('--ignore <column>', 'leave a column out; may be repeated', repeated, [])
    .option(
      '--null <text>',
      'a text that stands for no value, such as NULL; may be repeated',
      repeated,
      [],
    )
    .option('--dates <order>', 'order of dates such as 12/1/2010: MDY, DMY or YMD (default: found)')
    .option('--delimiter <character>', 'between columns; \\t for a tab (default: found)')
    .option('--quote <character>', 'around values; empty for none (default: ")')
    .option(
      '--encoding <name>',
      'for example windows-1252 or shift_jis (default: found in CSV, utf-8 in JSON)',
    )
    .option('--no-header', 'the first row is data; columns are the fields of the stream in order')
    .option(
      '--decimal-comma',
      'numbers in CSV are written as 12,50 and 1.234,56, not as 12.50 and 1234.56',
    )
    .option('--format <format>', `${FILE_FORMATS.join(', ')} (default: by the ending)`)
    .option('--again', 'import files that were imported within the last 24 hours once more')
    .option('--allow-rejected', 'exit with 0 although rows were rejected, if any row was stored')
    .addHelpText(
      'after',
      '\nThe exit code is 1 where any row was rejected: the others are stored, and the rejected ones are in a file.\n',
    )
    .action((stream: string, files: string[], options: ImportOptions) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const plan = await connection.json<Plan>('GET', '/v1/plan');
        const target = plan.streams.find((candidate) => candidate.name === stream);
        if (!target)
          throw new MillraceError(
            'MR_PLAN_UNKNOWN',
            `There is no stream '${stream}'. Streams are: ${plan.streams.map(({ name }) => name).join(', ')}.`,
          );
        const result = await importFiles({
          connection,
          stream: target,
          files: await findFiles(files),
          mapping: {
            map: pairs(options.map),
            ignore: new Set(options.ignore),
            nulls: new Set(options.null),
            dates: dateOrder(options.dates),
            decimalComma: options.decimalComma ?? false,
          },
          dialect: {
            ...syntaxOf(options),
            encoding: options.encoding,
            header: options.header,
            format: formatOf(options.format),
          },
          again: options.again ?? false,
          clock: systemClock,
          onFile: (file) => {
            output.event({ event: 'file', ...file });
            output.say(fileText(file));
          },
          onProgress: ({ read, accepted, rejected, rowsPerSecond }) =>
            output.progress(
              `  ${formatCount(read)} rows read, ${formatCount(accepted)} stored, ${formatCount(rejected)} rejected (${formatCount(rowsPerSecond)} rows/s)`,
              { read, accepted, rejected },
            ),
        });
        output.event({ event: 'done', ...result });
        sayResult(output, result);
        endWith(result, options.allowRejected ?? false, output);
      }),
    );

/** Each thing that was found is said: a wrong guess must be seen before anyone trusts the numbers. */
function fileText(file: ImportedFile): string {
  const { path, bytes, format, encoding, brokenBytes, delimiter, dates } = file;
  const broken =
    brokenBytes === undefined
      ? ''
      : ` but for ${formatCount(brokenBytes)} ${brokenBytes === 1 ? 'byte' : 'bytes'} (rows with them are rejected)`;
  const found = [
    formatBytes(bytes),
    FORMATS[format],
    ...(encoding === undefined ? [] : [`${encoding}${broken}`]),
    ...(delimiter === undefined ? [] : [`delimiter ${JSON.stringify(delimiter)}`]),
    ...Object.entries(dates ?? {}).map(([field, order]) => `${field} ${ORDERS[order]}`),
  ];
  return `${path} (${found.join(', ')})`;
}

const FORMATS: { readonly [format in FileFormat]: string } = {
  csv: 'CSV',
  json: 'JSON',
  parquet: 'Parquet',
  avro: 'Avro',
  orc: 'ORC',
};

const ORDERS: { readonly [order in DateOrder]: string } = {
  MDY: 'month/day/year',
  DMY: 'day/month/year',
  YMD: 'year/month/day',
};

function sayResult(output: Output, result: ImportResult): void {
  const { read, accepted, rejected, duplicate, replayed, reasons, rejectedFile } = result;
  const there = duplicate > 0 ? `, ${formatCount(duplicate)} there already` : '';
  const before =
    replayed > 0
      ? `; ${formatCount(replayed)} of them were stored by an import before (--again imports them once more)`
      : '';
  output.say(
    `${formatCount(read)} rows read, ${formatCount(accepted)} stored, ${formatCount(rejected)} rejected${there}${before}`,
  );
  for (const [reason, count] of Object.entries(reasons))
    output.say(`  ${formatCount(count)} × ${reason}`);
  if (rejectedFile !== null) output.say(`The rejected rows, with reasons: ${rejectedFile}`);
}

/** What was asked for was not all done: programs that look at the exit code alone must see it. */
function endWith({ accepted, rejected }: ImportResult, allowed: boolean, output: Output): void {
  if (rejected === 0 || (allowed && accepted > 0)) return;
  process.exitCode = 1;
  const rows = `${formatCount(rejected)} ${rejected === 1 ? 'row was' : 'rows were'} rejected`;
  output.complain(
    accepted === 0
      ? `${rows}, and none was stored.`
      : `${rows}; the others are stored. Import the file of the rejected rows once they are corrected, or accept this with --allow-rejected.`,
  );
}

function pairs(texts: readonly string[]): Map<string, string> {
  return new Map(
    texts.map((text) => {
      const at = text.lastIndexOf('=');
      if (at < 1)
        throw new MillraceError(
          'MR_COMMAND_USAGE',
          `--map takes column=field, for example --map CustomerID=customer_id, not ${JSON.stringify(text)}.`,
        );
      return [text.slice(0, at), text.slice(at + 1)] as const;
    }),
  );
}

function syntaxOf(options: ImportOptions): Pick<FileDialect, 'delimiter' | 'quote'> {
  const delimiter = options.delimiter === '\\t' ? '\t' : options.delimiter;
  const { quote } = options;
  if (quote !== undefined && (quote.length > 1 || /[\r\n]/.test(quote)))
    throw new MillraceError('MR_COMMAND_USAGE', '--quote must be one character, or "" for none.');
  if (
    (delimiter !== undefined && [...delimiter].length !== 1) ||
    /[\r\n]/.test(delimiter ?? '') ||
    delimiter === (quote ?? '"')
  )
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      '--delimiter must be the one character that stands between columns (\\t for a tab), not a line end and not the quote.',
    );
  return { delimiter, quote };
}

function formatOf(text: string | undefined): FileDialect['format'] {
  const format = FILE_FORMATS.find((name) => name === text);
  if (text === undefined || format) return format;
  throw new MillraceError(
    'MR_COMMAND_USAGE',
    `--format must be one of ${FILE_FORMATS.join(', ')}, not ${JSON.stringify(text)}. Save other files, such as spreadsheets, as CSV first.`,
  );
}

function dateOrder(text: string | undefined): DateOrder | undefined {
  if (text === undefined || text === 'MDY' || text === 'DMY' || text === 'YMD') return text;
  throw new MillraceError('MR_COMMAND_USAGE', '--dates must be MDY, DMY or YMD.');
}

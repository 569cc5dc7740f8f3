import type { Command } from 'commander';
import { MillraceError } from '../core/errors.ts';
import { type Connection, errorOf, type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatCount, textTable } from './output.ts';
import { folderVerb } from './verb.ts';

interface QueryOptions extends FolderOptions {
  readonly json?: boolean;
  readonly format?: string;
}

const FORMATS = ['table', 'csv', 'json', 'ndjson', 'parquet'];
const CELL_CHARACTERS_MAX = 60;

export const queryCommand = (): Command =>
  folderVerb(
    'query',
    'Ask with SQL: the running process, or the data folder where none runs',
    `millrace query "select country, count(*) from lake.sales group by all"`,
  )
    .argument('<sql>', 'one SELECT')
    .option('--format <format>', FORMATS.join(', '), 'table')
    .action((sql: string, options: QueryOptions) =>
      withConnection(options, (connection) => query(connection, sql, options)),
    );

async function query(connection: Connection, sql: string, options: QueryOptions): Promise<void> {
  const format = options.json ? 'json' : (options.format ?? 'table');
  if (!FORMATS.includes(format))
    throw new MillraceError('MR_COMMAND_USAGE', `--format must be one of ${FORMATS.join(', ')}.`);
  if (format === 'parquet' && process.stdout.isTTY)
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      'Parquet is not for a terminal; write it to a file: … --format parquet > result.parquet',
    );
  const response = await connection.request('POST', '/v1/sql', {
    sql,
    format: format === 'table' ? 'json' : format,
  });
  if (!response.ok) throw pointedAt(sql, await errorOf(response));
  if (format === 'table') {
    printTable((await response.json()) as TableResult);
    return;
  }
  for await (const chunk of response.body ?? []) {
    if (!process.stdout.write(chunk))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

interface TableResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number;
}

function printTable({ columns, rows, rowCount }: TableResult): void {
  const isNumber = columns.map(({ type }) => /INT|DECIMAL|DOUBLE|FLOAT/.test(type));
  const output = createOutput(false);
  output.say(
    textTable(
      columns.map(({ name }) => name),
      rows.map((row) => row.map(cell)),
      isNumber,
    ),
  );
  output.say(`(${formatCount(rowCount)} row${rowCount === 1 ? '' : 's'})`);
}

function cell(value: unknown): string {
  const text =
    value === null ? 'NULL' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  const line = text.replace(/[\r\n\t]/g, ' ');
  return line.length > CELL_CHARACTERS_MAX ? `${line.slice(0, CELL_CHARACTERS_MAX - 1)}…` : line;
}

/** Shows the place under the text. */
function pointedAt(sql: string, error: MillraceError): MillraceError {
  const { position } = error.details;
  if (typeof position !== 'number' || position > sql.length) return error;
  const start = sql.lastIndexOf('\n', position - 1) + 1;
  const line = sql.slice(start).split('\n')[0] ?? '';
  return new MillraceError(
    error.code,
    `${error.message}\n  ${line}\n  ${' '.repeat(position - start)}^`,
    { details: error.details },
  );
}

import type { Command } from 'commander';
import { MillraceError } from '../core/errors.ts';
import { parameterValue } from '../query/parameter-text.ts';
import type { ParameterValue } from '../query/statement-parameters.ts';
import { type Connection, errorOf, type FolderOptions, withConnection } from './connection.ts';
import { createOutput, formatCount, textTable } from './output.ts';
import { folderVerb } from './verb.ts';

interface QueryOptions extends FolderOptions {
  readonly json?: boolean;
  readonly format?: string;
  readonly param?: readonly string[];
}

const FORMATS = ['table', 'csv', 'json', 'ndjson', 'parquet', 'arrow'];
const BINARY: readonly (string | undefined)[] = ['parquet', 'arrow'];
const CELL_CHARACTERS_MAX = 60;

export const queryCommand = (): Command =>
  folderVerb(
    'query',
    'Ask with SQL: the running process, or the data folder where none runs',
    `millrace query "select country, count(*) from lake.sales group by all"`,
  )
    .argument('<sql>', 'one SELECT')
    .option('--format <format>', `${FORMATS.join(', ')} (default: table)`)
    .option(
      '--param <name=value>',
      'what stands for $name in it; once for each',
      (one, before: readonly string[] = []) => [...before, one],
    )
    .addHelpText(
      'after',
      `\nA value of --param is a number, true, false or null where it reads as one, else a text; "id='5'" is a text.\n` +
        'With --json the result is one event: {"event":"done","columns":[…],"rows":[[…]],"rowCount":…}.\n',
    )
    .action((sql: string, options: QueryOptions) =>
      withConnection(options, (connection) => query(connection, sql, options)),
    );

async function query(connection: Connection, sql: string, options: QueryOptions): Promise<void> {
  const { format } = options;
  if (format !== undefined && !FORMATS.includes(format))
    throw new MillraceError('MR_COMMAND_USAGE', `--format must be one of ${FORMATS.join(', ')}.`);
  if (BINARY.includes(format) && process.stdout.isTTY)
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      `Its bytes are not for a terminal; write them to a file: … --format ${format} > result.${format}`,
    );
  const response = await connection.request('POST', '/v1/sql', {
    sql,
    params: parametersOf(options.param ?? []),
    format: format === undefined || format === 'table' ? 'json' : format,
  });
  if (!response.ok) throw pointedAt(sql, await errorOf(response));
  try {
    if (format !== undefined && format !== 'table') await passOn(response);
    else if (options.json) printEvent(await response.text());
    else printTable((await response.json()) as TableResult);
  } catch (error) {
    if (error instanceof TypeError) throw cutOff(error);
    throw error;
  }
}

/** @throws MillraceError MR_COMMAND_USAGE */
function parametersOf(given: readonly string[]): { readonly [name: string]: ParameterValue } {
  const pairs = given.map((one) => {
    const [, name, text] = /^\$?([\p{L}\p{N}_]+)=(.*)$/su.exec(one) ?? [];
    if (name === undefined || text === undefined)
      throw new MillraceError(
        'MR_COMMAND_USAGE',
        `--param ${one}: write the name and the value, as in --param country=France.`,
      );
    return [name, parameterValue(text)] as const;
  });
  return Object.fromEntries(pairs);
}

async function passOn(response: Response): Promise<void> {
  for await (const chunk of response.body ?? []) {
    if (!process.stdout.write(chunk))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

/** The server's JSON as it is, on one line: no number is read and written again. */
function printEvent(result: string): void {
  process.stdout.write(`{"event":"done",${result.slice(1).replaceAll('\n', '')}\n`);
}

/** `fetch` rejects with a TypeError where the connection ends before the answer does. */
function cutOff(error: TypeError): MillraceError {
  return new MillraceError(
    'MR_QUERY_FAILED',
    `The answer ended before it was whole (${error.message}); the server may have stopped. What was printed is not all of it. Ask again.`,
    { cause: error },
  );
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

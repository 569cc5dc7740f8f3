import type { DuckDBConnection } from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import { closest, LIST_TABLES } from '../query/statement-gate.ts';
import { textRows } from './database.ts';
import { withKeywordHint, wordsAround } from './keyword-hint.ts';

/** An error of a text that the parser or the gate refused, with what to do about it. */
export async function withHint(
  connection: DuckDBConnection,
  sql: string,
  found: unknown,
): Promise<unknown> {
  const error = await withKeywordHint(connection, sql, found);
  if (!(error instanceof MillraceError) || error.details['hint'] !== undefined) return error;
  const hint =
    error.code === 'MR_QUERY_SYNTAX'
      ? await syntaxHint(connection, sql, error)
      : error.code === 'MR_QUERY_REFUSED'
        ? statementHint(sql)
        : undefined;
  if (hint === undefined) return error;
  const end = error.message.endsWith('.') ? '' : '.';
  return new MillraceError(error.code, `${error.message}${end} ${hint}`, {
    cause: error,
    details: { ...error.details, hint },
  });
}

const FORM = 'A statement reads SELECT … FROM … WHERE … GROUP BY … ORDER BY … LIMIT ….';

/** Words that people misspell; each alone would be taken for a name. */
const WORDS: readonly string[] = [
  ...['select', 'distinct', 'from', 'where', 'group', 'by', 'having', 'order', 'limit', 'offset'],
  ...['join', 'inner', 'left', 'right', 'full', 'outer', 'cross', 'on', 'using', 'with', 'union'],
  ...['intersect', 'except', 'values', 'case', 'when', 'then', 'else', 'between', 'qualify'],
];

/** Names of columns, tables and schemas: near to a word of SQL or not, they are meant. */
const NAMES = `
  SELECT lower(column_name) FROM duckdb_columns() UNION SELECT lower(view_name) FROM duckdb_views()
  UNION SELECT lower(schema_name) FROM duckdb_schemas()`;

async function syntaxHint(
  connection: DuckDBConnection,
  sql: string,
  { message, details }: MillraceError,
): Promise<string> {
  const { position } = details;
  if (/^unterminated quoted string/.test(message)) return "A text ends with a single quote: '…'.";
  if (/^unterminated quoted identifier/.test(message))
    return 'A name in quotes ends with a double quote; a text stands in single quotes.';
  if (/at end of input/.test(message))
    return 'Something is missing at the end: a closing bracket, or the rest of the last part.';
  if (typeof position !== 'number') return FORM;
  const around = wordsAround(sql, position);
  if (around[1].toLowerCase() === 'top')
    return `Write LIMIT ${around[0] || 'n'} at the end instead of TOP.`;
  const names = new Set((await textRows(connection, NAMES)).map(([name]) => name));
  for (const word of around) {
    const meant = wordMeant(word.toLowerCase());
    if (meant !== undefined && !names.has(word.toLowerCase()))
      return `Did you mean ${meant.toUpperCase()} instead of ${word}?`;
  }
  return `The mistake stands here or just before. ${FORM}`;
}

/** The first letter is seldom wrong, and a short word is near to too many others without it. */
function wordMeant(word: string): string | undefined {
  if (word.length < 3 || WORDS.includes(word)) return undefined;
  return closest(
    word,
    WORDS.filter((one) => one[0] === word[0]),
  );
}

const ONLY_READING = 'Records come in through streams, and tables are made by streams and models.';

function statementHint(sql: string): string | undefined {
  const verb = /^\s*\(?\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? '';
  switch (verb) {
    case 'SHOW':
    case 'DESC':
    case 'DESCRIBE':
    case 'PRAGMA':
    case 'USE':
      return `Tables are listed by: ${LIST_TABLES}.`;
    case 'EXPLAIN':
      return 'Write EXPLAIN or EXPLAIN ANALYZE, then a SELECT.';
    case 'INSERT':
    case 'UPDATE':
    case 'DELETE':
    case 'CREATE':
    case 'DROP':
    case 'ALTER':
    case 'COPY':
    case 'MERGE':
    case 'TRUNCATE':
      return ONLY_READING;
    default:
      return /\bpivot\b/i.test(sql)
        ? "PIVOT works with the values named: select * from lake.sales pivot (sum(quantity) for country in ('GB', 'FR'))."
        : undefined;
  }
}

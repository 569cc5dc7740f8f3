import type { DuckDBConnection } from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import { textRows } from './database.ts';

/** The column with this name, if it must be quoted: words of these categories are no names of their own. */
const COLUMN_MEANT = `
  SELECT column_name FROM duckdb_columns() JOIN duckdb_keywords() ON keyword_name = lower(column_name)
  WHERE keyword_category IN ('reserved', 'type_function') AND lower(column_name) IN (lower($1), lower($2))
  ORDER BY lower(column_name) = lower($1) DESC LIMIT 1`;

/**
 * A syntax error beside a word of SQL that a column has for its name says how to write the column: the
 * parser takes `at` in `SELECT at FROM …` for the beginning of something else, and complains of what follows.
 */
export async function withKeywordHint(
  connection: DuckDBConnection,
  sql: string,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof MillraceError) || error.code !== 'MR_QUERY_SYNTAX') return error;
  const { position } = error.details;
  if (typeof position !== 'number') return error;
  const rows = await textRows(connection, COLUMN_MEANT, wordsAround(sql, position));
  const column = rows[0]?.[0];
  if (column === undefined) return error;
  const hint = `If the column ${column} is meant: it is a word of SQL too, so write it in quotes, ${quoteIdentifier(column)}.`;
  return new MillraceError(error.code, `${error.message}. ${hint}`, {
    cause: error,
    details: { ...error.details, hint },
  });
}

/** The word that begins at the place of an error, and the one that ends before it; empty for none. */
export function wordsAround(sql: string, position: number): [string, string] {
  // The parser counts characters, not the halves of pairs that JavaScript counts.
  const characters = [...sql];
  const after = /^\w+/.exec(characters.slice(position).join(''));
  const before = /(\w+)\s*$/.exec(characters.slice(0, position).join(''));
  return [after?.[0] ?? '', before?.[1] ?? ''];
}

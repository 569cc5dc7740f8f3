const SQL_NAMES: { readonly [engineName: string]: string } = {
  INT8: 'TINYINT',
  INT16: 'SMALLINT',
  INT32: 'INTEGER',
  INT64: 'BIGINT',
  INT128: 'HUGEINT',
};
const INTEGERS = /'[^']*'|"[^"]*"|\b(U?)(INT(?:8|16|32|64|128))\b/g;

/** The engine's message with SQL's names of types. Where values do not fit it has those of its code; what is quoted is the user's, but that nobody writes `INTEGER_LITERAL`. */
export const inSqlWords = (message: string): string =>
  message
    .replace(INTEGERS, (found, unsigned: string | undefined, name: string | undefined) =>
      name === undefined ? found : `${unsigned}${SQL_NAMES[name]}`,
    )
    .replaceAll('INTEGER_LITERAL', 'INTEGER')
    .replaceAll('STRING_LITERAL', 'VARCHAR');

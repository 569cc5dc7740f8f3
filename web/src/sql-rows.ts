import { querySql, type SqlResult } from './api.ts';

/** A row by column name; BIGINT and DECIMAL come as text, instants as ISO 8601. */
export class Row {
  readonly #values: { readonly [column: string]: unknown };

  constructor(values: { readonly [column: string]: unknown }) {
    this.#values = values;
  }

  text(column: string): string {
    return String(this.#values[column] ?? '');
  }

  textOrNull(column: string): string | null {
    const value = this.#values[column];
    return value === null || value === undefined ? null : String(value);
  }

  number(column: string): number {
    return Number(this.#values[column] ?? 0);
  }

  numberOrNull(column: string): number | null {
    const value = this.#values[column];
    return value === null || value === undefined ? null : Number(value);
  }

  /** Epoch ms. */
  instant(column: string): number | null {
    const value = this.#values[column];
    return typeof value === 'string' ? Date.parse(value) : null;
  }

  list(column: string): unknown[] {
    const value = this.#values[column];
    return Array.isArray(value) ? value : [];
  }

  /** A list of structs. */
  rows(column: string): Row[] {
    return this.list(column).map((value) => new Row(value as { [column: string]: unknown }));
  }
}

export async function queryRows(sql: string, signal?: AbortSignal): Promise<Row[]> {
  return rowsOf(await querySql(sql, signal));
}

function rowsOf({ columns, rows }: SqlResult): Row[] {
  return rows.map(
    (row) => new Row(Object.fromEntries(columns.map(({ name }, index) => [name, row[index]]))),
  );
}

/** `"name"` as SQL writes a name. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

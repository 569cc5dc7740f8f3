import type { JsonValue } from '../core/field-types.ts';
import type { Check } from '../definition/check.ts';
import type { Sql, SqlPart } from '../definition/sql.ts';

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A plain value as a DuckDB literal. */
export function literal(value: JsonValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return quoteText(value);
  if (typeof value === 'number') return numberLiteral(value);
  if (typeof value === 'boolean') return String(value);
  return `${quoteText(JSON.stringify(value))}::JSON`;
}

/** A short number is a decimal, exact beside decimals; a long one as a decimal would be off by a last digit. */
function numberLiteral(value: number): string {
  const text = String(value);
  const isShort = /^-?[\d.]+$/.test(text) && text.replace(/\D/g, '').length <= 15;
  return isShort ? text : `CAST(${quoteText(text)} AS DOUBLE)`;
}

const SCHEMA = { stream: 'lake', model: 'warehouse', lookup: 'lookups' } as const;

/** The SQL of a template for DuckDB. Parameters become literals, as a view's definition has no parameters. */
export function renderSql(query: Sql): string {
  return query.parts.map(renderPart).join('');
}

/** A check as the engine is given it: with the text of its query, where it has one. */
export type RenderedCheck = Check & { readonly sql?: string };

export function renderCheck(check: Check): RenderedCheck {
  return check.rule === 'sql' ? { ...check, sql: renderSql(check.query) } : check;
}

function renderPart(part: SqlPart): string {
  if ('text' in part) return part.text;
  if ('table' in part) return `${SCHEMA[part.kind]}.${quoteIdentifier(part.table)}`;
  if ('column' in part) return quoteIdentifier(part.column);
  if ('argument' in part) return `$${part.argument}`;
  return literal(part.parameter);
}

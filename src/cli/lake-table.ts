import { MillraceError } from '../core/errors.ts';
import type { Connection } from './connection.ts';

interface TableName {
  readonly namespace: string;
  readonly name: string;
}

export const tableText = ({ namespace, name }: TableName): string => `${namespace}.${name}`;

export const tablePath = ({ namespace, name }: TableName, action: string): string =>
  `/v1/tables/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${action}`;

/**
 * The tables that were asked for: `sales`, `lake.sales`, or all of the pipeline's where none was named.
 * @throws MillraceError MR_TABLE_NOT_FOUND listing those there are
 */
export async function tablesAsked(
  connection: Connection,
  asked: string | undefined,
): Promise<TableName[]> {
  const { tables } = await connection.json<{ tables: (TableName & { isDefined: boolean })[] }>(
    'GET',
    '/v1/tables',
  );
  if (asked === undefined) return tables.filter(({ isDefined }) => isDefined);
  const found =
    tables.find((table) => tableText(table) === asked) ??
    tables.find((table) => table.name === asked && table.namespace === 'lake') ??
    tables.find((table) => table.name === asked);
  if (found) return [found];
  throw new MillraceError(
    'MR_TABLE_NOT_FOUND',
    `There is no table '${asked}'. Tables are: ${tables.map(tableText).join(', ') || 'none'}.`,
  );
}

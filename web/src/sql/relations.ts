import { queryRows } from '../sql-rows.ts';

/** A table or view that SQL can name. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly RelationColumn[];
}

export interface RelationColumn {
  readonly name: string;
  readonly type: string;
  readonly description: string | null;
}

/** Schemas in the order people ask for them; the first two need not be written. */
export const SCHEMAS: readonly (readonly [schema: string, what: string])[] = [
  ['warehouse', 'results of models'],
  ['lake', 'streams, to the last record'],
  ['records', 'streams, with shard, sequence number and arrival'],
  ['lookups', 'newest row of each key'],
  ['deadletters', 'refused records'],
  ['sys', 'what the process knows of itself'],
];

export async function loadRelations(signal: AbortSignal): Promise<readonly Relation[]> {
  const rows = await queryRows(
    `select table_schema, table_name, list({name: column_name, type: data_type, description: description} order by ordinal_position) as columns
     from sys.columns group by table_schema, table_name order by table_schema, table_name`,
    signal,
  );
  return rows.map((row) => ({
    schema: row.text('table_schema'),
    name: row.text('table_name'),
    columns: row.rows('columns').map((column) => ({
      name: column.text('name'),
      type: column.text('type'),
      description: column.textOrNull('description'),
    })),
  }));
}

/** Names of the streams that have records. */
export async function loadFilled(signal: AbortSignal): Promise<ReadonlySet<string>> {
  const rows = await queryRows('select name from sys.streams where records > 0', signal);
  return new Set(rows.map((row) => row.text('name')));
}

/** How a statement names it: without its schema where that is looked in anyway. */
export function relationText({ schema, name }: Relation): string {
  return schema === 'lake' || schema === 'warehouse'
    ? nameText(name)
    : `${schema}.${nameText(name)}`;
}

/** Quoted where SQL would not take it as a name. */
export function nameText(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name)
    ? name
    : `"${name.replaceAll('"', '""')}"`;
}

/** Words that a column may be called and that SQL would misread. */
const RESERVED: ReadonlySet<string> = new Set(
  'all and any as asc case cast check column constraint create default desc distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading limit not null offset on only or order primary references returning select some symmetric table then to trailing true union unique using variadic when where window with'.split(
    ' ',
  ),
);

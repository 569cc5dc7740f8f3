import type { DuckDBConnection } from '@duckdb/node-api';
import type { HiddenColumn } from '../lake/iceberg/live-files.ts';
import type { IcebergType } from '../lake/iceberg/metadata.ts';
import { duckdbTypeOf } from '../lake/iceberg/schema.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import type { StoredColumn } from './protocol.ts';

/**
 * Files whose nested parts have other names than the table's of today: the engine finds nested parts by name,
 * Iceberg by id. Files of one shape are read as they are, and each value is put together by the ids.
 */

/** A part of a Parquet schema. */
interface Part {
  readonly name: string;
  /** Null of what Parquet puts in between: the repeated group of a list. */
  readonly id: number | null;
  readonly parts: Part[];
}

interface Wanted {
  readonly columns: readonly StoredColumn[];
  readonly hidden: readonly HiddenColumn[];
  /** Further expressions. */
  readonly place: readonly string[];
}

export async function readReshaped(
  connection: DuckDBConnection,
  paths: readonly string[],
  { columns, hidden, place }: Wanted,
): Promise<string> {
  const shapes = new Map<string, { readonly parts: readonly Part[]; readonly paths: string[] }>();
  for (const [path, parts] of await shapesOf(connection, paths)) {
    const key = JSON.stringify(parts);
    const shape = shapes.get(key);
    if (shape) shape.paths.push(path);
    else shapes.set(key, { parts, paths: [path] });
  }
  const selects = [...shapes.values()].map(({ parts, paths: some }) => {
    const values = columns.map(({ id, name, type }) => {
      const part = parts.find((candidate) => candidate.id === id);
      return `${partValue(type, part, part && quoteIdentifier(part.name), 0)} AS ${quoteIdentifier(name)}`;
    });
    const keys = hidden.map(({ id, type }) => {
      const part = parts.find((candidate) => candidate.id === id);
      return `CAST(${part ? quoteIdentifier(part.name) : 'NULL'} AS ${type}) AS ${quoteIdentifier(`+${id}`)}`;
    });
    return `SELECT ${[...values, ...keys, ...place].join(', ')} FROM read_parquet([${some.map(quoteText).join(', ')}], hive_partitioning = false)`;
  });
  return selects.join(' UNION ALL ');
}

/** The schema of each file as a tree. Parquet lists it in pre-order, with the number of parts of each. */
async function shapesOf(
  connection: DuckDBConnection,
  paths: readonly string[],
): Promise<Map<string, readonly Part[]>> {
  const reader = await connection.runAndReadAll(
    `SELECT file_name, name, field_id::INTEGER, coalesce(num_children, 0)::INTEGER FROM parquet_schema([${paths.map(quoteText).join(', ')}])`,
  );
  const rows = reader.getRowsJson() as [string, string, number | null, number][];
  const shapes = new Map<string, readonly Part[]>();
  let at = 0;
  const read = (): Part => {
    const [, name, id, count] = rows[at] as (typeof rows)[number];
    at += 1;
    return { name, id, parts: Array.from({ length: count }, read) };
  };
  while (at < rows.length) {
    const [file] = rows[at] as (typeof rows)[number];
    shapes.set(file, read().parts);
  }
  return shapes;
}

/** A value of today's type, from the parts that have its ids. */
function partValue(
  type: IcebergType,
  part: Part | undefined,
  value: string | undefined,
  depth: number,
): string {
  const stored = duckdbTypeOf(type);
  if (!part || value === undefined) return `NULL::${stored}`;
  if (typeof type === 'string') return `CAST(${value} AS ${stored})`;
  const item = `x${depth}`;
  if (type.type === 'struct') {
    const parts = type.fields.map((field) => {
      const found = part.parts.find((candidate) => candidate.id === field.id);
      const inside = found && `${value}.${quoteIdentifier(found.name)}`;
      return `${quoteIdentifier(field.name)} := ${partValue(field.type, found, inside, depth)}`;
    });
    return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
  }
  const repeated = part.parts[0];
  if (type.type === 'list') {
    const element = repeated?.parts[0];
    return `list_transform(${value}, lambda ${item}: ${partValue(type.element, element, item, depth + 1)})`;
  }
  const [key, inner] = [repeated?.parts[0], repeated?.parts[1]];
  return `map_from_entries(list_transform(map_entries(${value}), lambda ${item}: {key: ${partValue(type.key, key, `${item}.key`, depth + 1)}, value: ${partValue(type.value, inner, `${item}.value`, depth + 1)}}))`;
}

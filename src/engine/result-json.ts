import {
  type DuckDBArrayType,
  type DuckDBDecimalType,
  type DuckDBListType,
  type DuckDBMapType,
  type DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';

/**
 * Results leave as bytes the engine made: these expressions turn each column into something `to_json`
 * writes exactly. Long and decimal become text, times ISO 8601, bytes base64, NaN and infinities text.
 */
export function jsonValue(type: DuckDBType, value: string, depth = 0): string {
  const item = `x${depth}`;
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.SQLNULL:
      return value;
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
      // A FLOAT has digits enough to be told from others, not those of the double next to it.
      return `CASE WHEN isfinite(${value}) THEN ${value}::VARCHAR::JSON WHEN isnan(${value}) THEN to_json('NaN') WHEN ${value} > 0 THEN to_json('Infinity') WHEN ${value} < 0 THEN to_json('-Infinity') END`;
    case DuckDBTypeId.DECIMAL: {
      const { width, scale } = type as DuckDBDecimalType;
      // The engine writes no zero before the point where all digits are behind it.
      return width === scale
        ? `regexp_replace(${value}::VARCHAR, '^(-?)\\.', '\\10.')`
        : `${value}::VARCHAR`;
    }
    case DuckDBTypeId.BLOB:
      return `to_base64(${value})`;
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return `replace(${value}::VARCHAR, ' ', 'T')`;
    case DuckDBTypeId.TIMESTAMP_TZ:
      // The zone is UTC in every child, so the text ends in +00.
      return `replace(replace(${value}::VARCHAR, ' ', 'T'), '+00', 'Z')`;
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return `list_transform(${value}, lambda ${item}: ${jsonValue((type as DuckDBListType | DuckDBArrayType).valueType, item, depth + 1)})`;
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      if (entryNames.every((name) => name === '')) {
        const items = entryTypes.map((entry, index) =>
          jsonValue(entry, `struct_extract_at(${value}, ${index + 1})`, depth + 1),
        );
        return `CASE WHEN ${value} IS NULL THEN NULL ELSE json_array(${items.join(', ')}) END`;
      }
      const parts = entryNames.map(
        (name, index) =>
          `${quoteIdentifier(name)} := ${jsonValue(entryTypes[index] as DuckDBType, `${value}.${quoteIdentifier(name)}`, depth + 1)}`,
      );
      return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
    }
    case DuckDBTypeId.MAP: {
      const { valueType } = type as DuckDBMapType;
      return `map_from_entries(list_transform(map_entries(${value}), lambda ${item}: {key: ${item}.key::VARCHAR, value: ${jsonValue(valueType, `${item}.value`, depth + 1)}}))`;
    }
    default:
      return `${value}::VARCHAR`;
  }
}

/** What `json_object` makes a row of; `value` is SQL. */
export const jsonMembers = (
  columns: readonly {
    readonly name: string;
    readonly type: DuckDBType;
    readonly value: string;
  }[],
): string =>
  columns
    .map(({ name, type, value }) => `${quoteText(name)}, ${jsonValue(type, value)}`)
    .join(', ');

const NESTED: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.LIST,
  DuckDBTypeId.ARRAY,
  DuckDBTypeId.STRUCT,
  DuckDBTypeId.MAP,
]);

/** The text of a cell: as in JSON, so that a value reads the same in every format. What has parts is JSON. */
export function csvValue(type: DuckDBType, value: string): string {
  if (NESTED.has(type.typeId))
    return `CASE WHEN ${value} IS NOT NULL THEN to_json(${jsonValue(type, value)})::VARCHAR END`;
  if (type.typeId === DuckDBTypeId.FLOAT || type.typeId === DuckDBTypeId.DOUBLE)
    return `CASE WHEN isfinite(${value}) THEN ${value}::VARCHAR WHEN isnan(${value}) THEN 'NaN' WHEN ${value} > 0 THEN 'Infinity' WHEN ${value} < 0 THEN '-Infinity' END`;
  return /^(TIMESTAMP|DECIMAL|BLOB)/.test(String(type)) ? jsonValue(type, value) : value;
}

/** For COPY, texts as they are: JSON has no line ends and no control characters outside its escapes. */
export const LINES = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'";

/** The name of a column's type in answers: SQL's, with JSON by its alias. */
export function typeName(type: DuckDBType): string {
  return type.alias ?? String(type);
}

/**
 * Column names as keys: a name that is there already gets a number behind it, as the engine itself does
 * in tables, CSV and Parquet (`a`, `a_1`). Case does not tell names apart.
 */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let count = 1; taken.has(unique.toLowerCase()); count++) unique = `${name}_${count}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

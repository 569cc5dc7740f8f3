import {
  type DuckDBArrayType,
  type DuckDBDecimalType,
  type DuckDBListType,
  type DuckDBMapType,
  type DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import type { FieldSpec, FieldType } from '../core/field-types.ts';

const PRIMITIVES: { readonly [id: number]: FieldType } = {
  [DuckDBTypeId.BOOLEAN]: { kind: 'boolean' },
  [DuckDBTypeId.TINYINT]: { kind: 'int' },
  [DuckDBTypeId.SMALLINT]: { kind: 'int' },
  [DuckDBTypeId.INTEGER]: { kind: 'int' },
  [DuckDBTypeId.UTINYINT]: { kind: 'int' },
  [DuckDBTypeId.USMALLINT]: { kind: 'int' },
  [DuckDBTypeId.UINTEGER]: { kind: 'long' },
  [DuckDBTypeId.BIGINT]: { kind: 'long' },
  [DuckDBTypeId.UBIGINT]: { kind: 'decimal', precision: 20, scale: 0 },
  [DuckDBTypeId.HUGEINT]: { kind: 'decimal', precision: 38, scale: 0 },
  [DuckDBTypeId.FLOAT]: { kind: 'float' },
  [DuckDBTypeId.DOUBLE]: { kind: 'double' },
  [DuckDBTypeId.VARCHAR]: { kind: 'string' },
  [DuckDBTypeId.ENUM]: { kind: 'string' },
  [DuckDBTypeId.UUID]: { kind: 'uuid' },
  [DuckDBTypeId.BLOB]: { kind: 'binary' },
  [DuckDBTypeId.DATE]: { kind: 'date' },
  [DuckDBTypeId.TIMESTAMP]: { kind: 'timestamp' },
  [DuckDBTypeId.TIMESTAMP_S]: { kind: 'timestamp' },
  [DuckDBTypeId.TIMESTAMP_MS]: { kind: 'timestamp' },
  [DuckDBTypeId.TIMESTAMP_TZ]: { kind: 'timestamptz' },
};

/**
 * The field type that stores a result column without loss; sums of integers are HUGEINT and become decimal(38,0).
 * @throws MillraceError MR_PLAN_QUERY for a type that Iceberg has not, with the cast to write.
 */
export function fieldTypeOf(column: string, type: DuckDBType): FieldType {
  const part = (inner: DuckDBType): FieldSpec => ({
    type: fieldTypeOf(column, inner),
    optional: true,
  });
  switch (type.typeId) {
    case DuckDBTypeId.DECIMAL: {
      const { width, scale } = type as DuckDBDecimalType;
      return { kind: 'decimal', precision: width, scale };
    }
    case DuckDBTypeId.LIST:
      return { kind: 'list', element: part((type as DuckDBListType).valueType) };
    case DuckDBTypeId.ARRAY:
      return { kind: 'list', element: part((type as DuckDBArrayType).valueType) };
    case DuckDBTypeId.MAP:
      return {
        kind: 'map',
        key: { ...part((type as DuckDBMapType).keyType), optional: false },
        value: part((type as DuckDBMapType).valueType),
      };
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      return {
        kind: 'struct',
        fields: entryNames.map((name, index) => ({
          name,
          ...part(entryTypes[index] as DuckDBType),
        })),
      };
    }
  }
  const primitive = PRIMITIVES[type.typeId];
  if (primitive) return primitive;
  throw new MillraceError(
    'MR_PLAN_QUERY',
    `column '${column}' is ${String(type)}, which a table cannot store. Cast it, for example ${column}::VARCHAR.`,
  );
}

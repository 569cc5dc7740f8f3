import {
  type DuckDBArrayType,
  type DuckDBListType,
  type DuckDBMapType,
  type DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import { quoteIdentifier } from '../plan/render-sql.ts';

/**
 * The columns of Parquet and Arrow results: types that their readers have, and that hold every value. The engine itself
 * would write a HUGEINT, which every sum of whole numbers is, as a double.
 */
export type ExactTypes = { readonly [id: number]: string };

/** Of whole numbers beyond 64 bits; a HUGEINT can have a digit more. */
export const WHOLE = 'DECIMAL(38,0)';

export const PARQUET_TYPES: ExactTypes = {
  [DuckDBTypeId.HUGEINT]: WHOLE,
  [DuckDBTypeId.UHUGEINT]: 'VARCHAR',
  [DuckDBTypeId.BIGNUM]: 'VARCHAR',
  [DuckDBTypeId.INTERVAL]: 'VARCHAR',
  [DuckDBTypeId.TIME_TZ]: 'VARCHAR',
  [DuckDBTypeId.TIME_NS]: 'VARCHAR',
  [DuckDBTypeId.BIT]: 'VARCHAR',
  [DuckDBTypeId.ENUM]: 'VARCHAR',
  [DuckDBTypeId.UNION]: 'VARCHAR',
  [DuckDBTypeId.VARIANT]: 'VARCHAR',
  [DuckDBTypeId.GEOMETRY]: 'VARCHAR',
};
export const ARROW_TYPES: ExactTypes = { ...PARQUET_TYPES, [DuckDBTypeId.UUID]: 'VARCHAR' };

/** With whole numbers of any length, as texts. */
export const widest = (types: ExactTypes): ExactTypes => ({
  ...types,
  [DuckDBTypeId.HUGEINT]: 'VARCHAR',
});

/** SQL that gives `value` in a type of `types`. */
export function exactValue(type: DuckDBType, value: string, types: ExactTypes): string {
  const exact = exactType(type, types);
  return exact === undefined ? value : `CAST(${value} AS ${exact})`;
}

/** The type to cast to; undefined where it is exact as it is. */
function exactType(type: DuckDBType, types: ExactTypes): string | undefined {
  switch (type.typeId) {
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY: {
      const { valueType } = type as DuckDBListType | DuckDBArrayType;
      const item = exactType(valueType, types);
      if (item === undefined && type.typeId === DuckDBTypeId.LIST) return undefined;
      return `${item ?? String(valueType)}[]`;
    }
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      const exact = entryTypes.map((entry) => exactType(entry, types));
      const isNamed = entryNames.every((name) => name !== '');
      if (isNamed && exact.every((part) => part === undefined)) return undefined;
      // Parts without names, as of `row(1, 2)`, are `v1`, `v2`.
      const parts = entryNames.map(
        (name, index) =>
          `${quoteIdentifier(isNamed ? name : `v${index + 1}`)} ${exact[index] ?? String(entryTypes[index])}`,
      );
      return `STRUCT(${parts.join(', ')})`;
    }
    case DuckDBTypeId.MAP: {
      const { keyType, valueType } = type as DuckDBMapType;
      const [key, value] = [exactType(keyType, types), exactType(valueType, types)];
      if (key === undefined && value === undefined) return undefined;
      return `MAP(${key ?? String(keyType)}, ${value ?? String(valueType)})`;
    }
    default:
      return types[type.typeId];
  }
}

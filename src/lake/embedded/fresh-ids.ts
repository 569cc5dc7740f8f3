import type { TableRequest } from '../catalog.ts';
import type {
  IcebergField,
  IcebergSchema,
  IcebergType,
  PartitionSpec,
  SortOrder,
} from '../iceberg/metadata.ts';

export interface FreshTable {
  readonly schema: IcebergSchema;
  readonly spec: PartitionSpec;
  readonly sortOrder: SortOrder;
  readonly lastColumnId: number;
}

/**
 * A new table gives its fields ids of its own, whatever the program that asks for it counts them by; each
 * level in order and then what is inside, as other catalogs do.
 */
export function freshIds({ schema, spec, sortOrder }: TableRequest): FreshTable {
  const ids = new Map<number, number>();
  let last = 0;
  const fresh = (old: number): number => {
    last += 1;
    ids.set(old, last);
    return last;
  };
  const fieldsOf = (fields: readonly IcebergField[]): IcebergField[] => {
    const own = fields.map((field) => fresh(field.id));
    return fields.map((field, index) => ({
      ...field,
      id: own[index] as number,
      type: typeOf(field.type),
    }));
  };
  const typeOf = (type: IcebergType): IcebergType => {
    if (typeof type === 'string') return type;
    if (type.type === 'struct') return { ...type, fields: fieldsOf(type.fields) };
    if (type.type === 'list') {
      const id = fresh(type['element-id']);
      return { ...type, 'element-id': id, element: typeOf(type.element) };
    }
    const [key, value] = [fresh(type['key-id']), fresh(type['value-id'])];
    return {
      ...type,
      'key-id': key,
      'value-id': value,
      key: typeOf(type.key),
      value: typeOf(type.value),
    };
  };
  const fields = fieldsOf(schema.fields);
  const now = (old: number): number => ids.get(old) ?? old;
  const identifiers = schema['identifier-field-ids'];
  return {
    lastColumnId: last,
    schema: {
      ...schema,
      'schema-id': 0,
      fields,
      ...(identifiers ? { 'identifier-field-ids': identifiers.map(now) } : {}),
    },
    spec: {
      'spec-id': 0,
      fields: (spec?.fields ?? []).map((field, index) => ({
        ...field,
        'source-id': now(field['source-id']),
        'field-id': 1000 + index,
      })),
    },
    sortOrder: {
      'order-id': (sortOrder?.fields.length ?? 0) > 0 ? 1 : 0,
      fields: (sortOrder?.fields ?? []).map((field) => ({
        ...field,
        'source-id': now(field['source-id']),
      })),
    },
  };
}

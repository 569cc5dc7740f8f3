import { MillraceError } from '../../core/errors.ts';
import type {
  IcebergField,
  IcebergSchema,
  IcebergType,
  PartitionSpec,
  SortOrder,
  TableMetadata,
} from './metadata.ts';
import { partsOf } from './schema.ts';

/** What schemas, partition specs and sort orders of other programs must be (Iceberg specification). */

const wrong = (message: string): MillraceError =>
  new MillraceError('MR_TABLE_COMMIT_INVALID', message);

const PRIMITIVE =
  /^(boolean|int|long|float|double|date|time|timestamp|timestamptz|timestamp_ns|timestamptz_ns|string|uuid|binary|unknown|variant|decimal\(\s*\d{1,2}\s*,\s*\d{1,2}\s*\)|fixed\[\s*\d{1,9}\s*\]|geometry(\(.*\))?|geography(\(.*\))?)$/;
const TRANSFORM = /^(identity|year|month|day|hour|void|(bucket|truncate)\[[1-9]\d{0,8}\])$/;
const ID_MAX = 2 ** 31 - 1;

/** @throws MillraceError MR_TABLE_COMMIT_INVALID naming the field */
export function checkSchema(schema: IcebergSchema): void {
  const ids = new Set<number>();
  const addId = (id: number, what: string): void => {
    if (id < 0 || id > ID_MAX) throw wrong(`Field id ${id} of '${what}' is no id.`);
    if (ids.has(id)) throw wrong(`Field id ${id} of '${what}' is another field's.`);
    ids.add(id);
  };
  const visitFields = (fields: readonly IcebergField[]): void => {
    const names = new Set<string>();
    for (const { id, name, type } of fields) {
      if (name === '') throw wrong(`Field ${id} has no name.`);
      if (names.has(name)) throw wrong(`There are two fields '${name}'.`);
      names.add(name);
      addId(id, name);
      visit(type, name);
    }
  };
  const visit = (type: IcebergType, name: string): void => {
    if (typeof type === 'string') {
      if (!PRIMITIVE.test(type))
        throw wrong(`'${name}' has a type that Iceberg has not: '${type}'.`);
      return;
    }
    if (type.type === 'struct') {
      visitFields(type.fields);
    } else if (type.type === 'list') {
      addId(type['element-id'], name);
      visit(type.element, name);
    } else {
      addId(type['key-id'], name);
      addId(type['value-id'], name);
      visit(type.key, name);
      visit(type.value, name);
    }
  };
  visitFields(schema.fields);
  const missing = schema['identifier-field-ids']?.find((id) => !ids.has(id));
  if (missing !== undefined) throw wrong(`identifier-field-ids: there is no field ${missing}.`);
}

/** @throws MillraceError MR_TABLE_COMMIT_INVALID naming the field */
export function checkSpec(spec: PartitionSpec, schemas: readonly IcebergSchema[]): void {
  const known = knownIds(schemas);
  const names = new Set<string>();
  for (const { name, transform, 'source-id': source } of spec.fields) {
    if (!TRANSFORM.test(transform))
      throw wrong(`Partition '${name}': there is no transform '${transform}'.`);
    if (!known.has(source)) throw wrong(`Partition '${name}': there is no field ${source}.`);
    if (names.has(name)) throw wrong(`There are two partition fields '${name}'.`);
    names.add(name);
  }
}

/** @throws MillraceError MR_TABLE_COMMIT_INVALID naming the field */
export function checkSortOrder(order: SortOrder, schemas: readonly IcebergSchema[]): void {
  const known = knownIds(schemas);
  for (const { transform, 'source-id': source } of order.fields) {
    if (!TRANSFORM.test(transform))
      throw wrong(`Sort order: there is no transform '${transform}'.`);
    if (!known.has(source)) throw wrong(`Sort order: there is no field ${source}.`);
  }
}

function knownIds(schemas: readonly IcebergSchema[]): ReadonlySet<number> {
  return new Set(
    schemas.flatMap((schema) => [...partsOf(schema.fields).values()].map(({ id }) => id)),
  );
}

/** A table has what its metadata says is current. */
export function requireWhole(metadata: TableMetadata): void {
  const has = (all: readonly object[], key: string, id: number): boolean =>
    all.some((one) => (one as { readonly [name: string]: unknown })[key] === id);
  if (!has(metadata.schemas, 'schema-id', metadata['current-schema-id']))
    throw wrong('The table would have no current schema.');
  if (!has(metadata['partition-specs'], 'spec-id', metadata['default-spec-id']))
    throw wrong('The table would have no default partition spec.');
  if (!has(metadata['sort-orders'], 'order-id', metadata['default-sort-order-id']))
    throw wrong('The table would have no default sort order.');
}

import { MillraceError } from '../../core/errors.ts';
import type {
  IcebergField,
  IcebergSchema,
  IcebergType,
  PartitionField,
  PartitionSpec,
  SortField,
  SortOrder,
} from '../../lake/iceberg/metadata.ts';
import { flag, integer, list, maybe, object, text } from './parse.ts';

export function schema(value: unknown, path: string): IcebergSchema {
  const given = object(value, path);
  const identifiers = maybe(
    given['identifier-field-ids'],
    `${path}.identifier-field-ids`,
    (ids, at) => list(ids, at, integer),
  );
  return {
    type: 'struct',
    'schema-id': maybe(given['schema-id'], `${path}.schema-id`, integer) ?? 0,
    ...(identifiers && identifiers.length > 0 ? { 'identifier-field-ids': identifiers } : {}),
    fields: list(given['fields'], `${path}.fields`, field),
  };
}

function field(value: unknown, path: string): IcebergField {
  const given = object(value, path);
  const doc = maybe(given['doc'], `${path}.doc`, text);
  return {
    id: integer(given['id'], `${path}.id`),
    name: text(given['name'], `${path}.name`),
    required: flag(given['required'], `${path}.required`),
    type: type(given['type'], `${path}.type`),
    ...(doc === undefined ? {} : { doc }),
    ...kept(given, 'initial-default'),
    ...kept(given, 'write-default'),
  };
}

/** Defaults are values of any type. */
const kept = (given: { readonly [name: string]: unknown }, name: string): object =>
  given[name] === undefined || given[name] === null ? {} : { [name]: given[name] };

/** More than any schema has, and less than the stack. */
const DEPTH_MAX = 100;

function type(value: unknown, path: string): IcebergType {
  if (typeof value === 'string') return value;
  if (path.split('.').length > 3 * DEPTH_MAX)
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `A field has more than ${DEPTH_MAX} levels of nested types.`,
    );
  const given = object(value, path);
  switch (given['type']) {
    case 'struct':
      return { type: 'struct', fields: list(given['fields'], `${path}.fields`, field) };
    case 'list':
      return {
        type: 'list',
        'element-id': integer(given['element-id'], `${path}.element-id`),
        element: type(given['element'], `${path}.element`),
        'element-required': flag(given['element-required'], `${path}.element-required`),
      };
    case 'map':
      return {
        type: 'map',
        'key-id': integer(given['key-id'], `${path}.key-id`),
        key: type(given['key'], `${path}.key`),
        'value-id': integer(given['value-id'], `${path}.value-id`),
        value: type(given['value'], `${path}.value`),
        'value-required': flag(given['value-required'], `${path}.value-required`),
      };
    default:
      return text(given['type'], `${path}.type`);
  }
}

export function partitionSpec(value: unknown, path: string): PartitionSpec {
  const given = object(value, path);
  return {
    'spec-id': maybe(given['spec-id'], `${path}.spec-id`, integer) ?? 0,
    fields: list(given['fields'], `${path}.fields`, partitionField),
  };
}

function partitionField(value: unknown, path: string): PartitionField {
  const given = object(value, path);
  const id = maybe(given['field-id'], `${path}.field-id`, integer);
  return {
    'source-id': integer(given['source-id'], `${path}.source-id`),
    // Who makes a spec may leave the id to the table.
    ...(id === undefined ? {} : { 'field-id': id }),
    name: text(given['name'], `${path}.name`),
    transform: text(given['transform'], `${path}.transform`),
  } as PartitionField;
}

export function sortOrder(value: unknown, path: string): SortOrder {
  const given = object(value, path);
  return {
    'order-id': maybe(given['order-id'], `${path}.order-id`, integer) ?? 0,
    fields: list(given['fields'], `${path}.fields`, sortField),
  };
}

function sortField(value: unknown, path: string): SortField {
  const given = object(value, path);
  return {
    transform: text(given['transform'], `${path}.transform`),
    'source-id': integer(given['source-id'], `${path}.source-id`),
    direction: text(given['direction'], `${path}.direction`) === 'desc' ? 'desc' : 'asc',
    'null-order':
      text(given['null-order'], `${path}.null-order`) === 'nulls-last'
        ? 'nulls-last'
        : 'nulls-first',
  };
}

import { MillraceError } from '../../core/errors.ts';
import type { TableMetadata } from './metadata.ts';

/** Whether metadata that somebody else wrote has the form that the specification gives it. */
type Check = (value: unknown) => boolean;
interface Checks {
  readonly [name: string]: Check;
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const integer: Check = (value) => Number.isSafeInteger(value);
const id: Check = (value) => integer(value) || typeof value === 'bigint';
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string);
const list =
  (item: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(item);
const map =
  (item: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(item);
const object =
  (required: Checks, optional: Checks = {}): Check =>
  (value) =>
    isObject(value) &&
    Object.entries(required).every(([name, check]) => check(value[name])) &&
    Object.entries(optional).every(
      ([name, check]) => value[name] === undefined || check(value[name]),
    );

const type: Check = (value) => text(value) || nestedType(value);
const field = object({ id: integer, name: text, required: flag, type }, { doc: text });
const nestedType: Check = (value) => {
  if (!isObject(value)) return false;
  if (value['type'] === 'struct') return list(field)(value['fields']);
  if (value['type'] === 'list')
    return object({ 'element-id': integer, element: type, 'element-required': flag })(value);
  return (
    value['type'] === 'map' &&
    object({
      'key-id': integer,
      key: type,
      'value-id': integer,
      value: type,
      'value-required': flag,
    })(value)
  );
};

const statistics = list(object({ 'snapshot-id': id, 'statistics-path': text }));

const REQUIRED: Checks = {
  'format-version': integer,
  'table-uuid': text,
  location: text,
  'last-sequence-number': integer,
  'last-updated-ms': integer,
  'last-column-id': integer,
  'current-schema-id': integer,
  schemas: list(
    object(
      { type: oneOf('struct'), 'schema-id': integer, fields: list(field) },
      { 'identifier-field-ids': list(integer) },
    ),
  ),
  'default-spec-id': integer,
  'partition-specs': list(
    object({
      'spec-id': integer,
      fields: list(
        object({ 'source-id': integer, 'field-id': integer, name: text, transform: text }),
      ),
    }),
  ),
  'last-partition-id': integer,
  'default-sort-order-id': integer,
  'sort-orders': list(
    object({
      'order-id': integer,
      fields: list(
        object({
          'source-id': integer,
          transform: text,
          direction: oneOf('asc', 'desc'),
          'null-order': oneOf('nulls-first', 'nulls-last'),
        }),
      ),
    }),
  ),
  properties: map(text),
  'current-snapshot-id': id,
  refs: map(
    object(
      { 'snapshot-id': id, type: oneOf('branch', 'tag') },
      {
        'min-snapshots-to-keep': integer,
        'max-snapshot-age-ms': integer,
        'max-ref-age-ms': integer,
      },
    ),
  ),
  snapshots: list(
    object(
      {
        'snapshot-id': id,
        'timestamp-ms': integer,
        'manifest-list': text,
        summary: (value) => map(text)(value) && object({ operation: text })(value),
      },
      { 'parent-snapshot-id': id, 'sequence-number': integer, 'schema-id': integer },
    ),
  ),
  'snapshot-log': list(object({ 'snapshot-id': id, 'timestamp-ms': integer })),
  'metadata-log': list(object({ 'metadata-file': text, 'timestamp-ms': integer })),
};

const OPTIONAL: Checks = {
  statistics,
  'partition-statistics': statistics,
  'encryption-keys': list(object({ 'key-id': text })),
  'next-row-id': integer,
};

/** @throws MillraceError MR_TABLE_COMMIT_INVALID naming the part */
export function checkForm(metadata: TableMetadata): void {
  const given = metadata as unknown as { readonly [name: string]: unknown };
  const wrong =
    Object.entries(REQUIRED).find(([name, check]) => !check(given[name])) ??
    Object.entries(OPTIONAL).find(
      ([name, check]) => given[name] !== undefined && !check(given[name]),
    );
  if (!wrong) return;
  throw new MillraceError(
    'MR_TABLE_COMMIT_INVALID',
    `'${wrong[0]}' of the metadata is not as the specification has it.`,
  );
}

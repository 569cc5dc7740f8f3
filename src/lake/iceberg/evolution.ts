import type { NamedField } from '../../core/field-types.ts';
import type { Partition } from '../../definition/partition.ts';
import type { Sort } from '../../definition/sort.ts';
import {
  currentSchema,
  type IcebergField,
  type PartitionSpec,
  type SortOrder,
  type TableMetadata,
} from './metadata.ts';
import {
  definedFields,
  type EvolvedSchema,
  evolveSchema,
  FIELDS_PROPERTY,
  fieldMap,
  fieldNamed,
} from './schema.ts';
import { partitionSpec } from './transform.ts';
import type { TableUpdate } from './updates.ts';

/** What a definition says of a table. */
export interface TableShape {
  readonly fields: readonly NamedField[];
  readonly partitionBy: readonly Partition[];
  readonly sortBy?: readonly Sort[] | undefined;
  readonly versions?: readonly FieldsVersion[] | undefined;
}

/** Fields that the definition had one after the other, the last ones those of today. */
export interface FieldsVersion {
  readonly version: number;
  readonly fields: readonly NamedField[];
}

/** Of the fields that the table has: others may have come and gone while the stream had no table. */
const VERSION_PROPERTY = 'millrace.fields-version';

/** The id of the sort order that the definition asked for: one that another program set stays where there is none. */
const SORT_PROPERTY = 'millrace.sort-order';

/**
 * The steps that bring schema, partitioning and sort order to the definition's; none where nothing changed.
 * What other programs renamed, widened or added stays as it is.
 */
export function evolution(metadata: TableMetadata, shape: TableShape): TableUpdate[] {
  const current = currentSchema(metadata);
  const evolved = evolvedSchema(metadata, shape);
  const fields = definedFields(evolved.schema, evolved.map);
  const names = evolved.schema.fields.map(({ name }) => name);
  const spec = partitionSpec(shape.partitionBy, fields, names, metadata['partition-specs']);
  const updates: TableUpdate[] = [];
  if (JSON.stringify(evolved.schema.fields) !== JSON.stringify(current.fields))
    updates.push(
      { action: 'add-schema', schema: evolved.schema },
      { action: 'set-current-schema', 'schema-id': -1 },
    );
  const properties = fieldProperties(evolved, shape);
  if (Object.entries(properties).some(([name, text]) => metadata.properties[name] !== text))
    updates.push({ action: 'set-properties', updates: properties });
  if (spec['spec-id'] !== metadata['default-spec-id'])
    updates.push({ action: 'add-spec', spec }, { action: 'set-default-spec', 'spec-id': -1 });
  return [
    ...updates,
    ...sortEvolution(metadata, sortOrder(shape.sortBy ?? [], fields, metadata['sort-orders'])),
  ];
}

/** The properties that say what the table has of its definition. */
export function fieldProperties(
  { map }: EvolvedSchema,
  { versions }: Pick<TableShape, 'versions'>,
): { readonly [name: string]: string } {
  const last = versions?.at(-1);
  return {
    [FIELDS_PROPERTY]: JSON.stringify(map),
    ...(last ? { [VERSION_PROPERTY]: String(last.version) } : {}),
  };
}

/** Version by version, so that a field that was renamed in each of them is found. */
function evolvedSchema(metadata: TableMetadata, shape: TableShape): EvolvedSchema {
  const schema = currentSchema(metadata);
  const seen = metadata.properties[VERSION_PROPERTY];
  const missed = (shape.versions ?? [])
    .slice(0, -1)
    .filter(({ version }) => seen !== undefined && version > Number(seen));
  const before: EvolvedSchema = {
    schema,
    map: fieldMap(schema, metadata.properties),
    lastColumnId: metadata['last-column-id'],
  };
  const reserved = partitionNames(metadata['partition-specs']);
  return [...missed, shape].reduce(
    (stored, { fields }) => evolveSchema(fields, stored, reserved),
    before,
  );
}

/** By name, the column that a partition of any spec is made of: readers refuse a column of that name that is another. */
function partitionNames(specs: readonly PartitionSpec[]): ReadonlyMap<string, number> {
  return new Map(
    specs.flatMap((spec) => spec.fields.map((field) => [field.name, field['source-id']] as const)),
  );
}

/** Properties of a new table that is sorted by its definition. */
export function sortProperties({ 'order-id': id }: SortOrder): { readonly [name: string]: string } {
  return id === UNSORTED ? {} : { [SORT_PROPERTY]: String(id) };
}

function sortEvolution(metadata: TableMetadata, wanted: SortOrder): TableUpdate[] {
  const id = wanted['order-id'];
  const own = metadata.properties[SORT_PROPERTY];
  if (id === UNSORTED && own === undefined) return [];
  const current = String(metadata['default-sort-order-id']);
  const isForeign = id === UNSORTED && own !== current;
  const updates: TableUpdate[] = [];
  if (String(id) !== current && !isForeign)
    updates.push(
      { action: 'add-sort-order', 'sort-order': wanted },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    );
  if (id === UNSORTED) updates.push({ action: 'remove-properties', removals: [SORT_PROPERTY] });
  else if (own !== String(id))
    updates.push({ action: 'set-properties', updates: { [SORT_PROPERTY]: String(id) } });
  return updates;
}

/** Of tables that are not sorted (specification, "Sort Orders"). */
const UNSORTED = 0;

/** The order of a definition's `sortBy`: one the table had before keeps its id. */
export function sortOrder(
  sortBy: readonly Sort[],
  fields: readonly IcebergField[],
  earlier: readonly SortOrder[],
): SortOrder {
  const sorts = sortBy.map(({ field, direction }): SortOrder['fields'][number] => ({
    transform: 'identity',
    'source-id': fieldNamed(fields, field).id,
    direction,
    'null-order': direction === 'asc' ? 'nulls-first' : 'nulls-last',
  }));
  if (sorts.length === 0) return { 'order-id': UNSORTED, fields: [] };
  const text = orderText(sorts);
  const same = earlier.find((order) => orderText(order.fields) === text);
  const last = Math.max(UNSORTED, ...earlier.map((order) => order['order-id']));
  return same ?? { 'order-id': last + 1, fields: sorts };
}

const orderText = (fields: SortOrder['fields']): string =>
  JSON.stringify(
    fields.map((field) => [
      field.transform,
      field['source-id'],
      field.direction,
      field['null-order'],
    ]),
  );

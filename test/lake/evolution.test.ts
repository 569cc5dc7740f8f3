import { expect, test } from 'vitest';
import {
  bucket,
  desc,
  type Fields,
  field as f,
  identity,
  stream,
  type TableOptions,
} from '../../src/index.ts';
import { newTable } from '../../src/lake/iceberg/commit.ts';
import {
  evolution,
  sortOrder,
  sortProperties,
  type TableShape,
} from '../../src/lake/iceberg/evolution.ts';
import { currentSchema, currentSpec, type TableMetadata } from '../../src/lake/iceberg/metadata.ts';
import { evolveSchema, FIELDS_PROPERTY, partsOf } from '../../src/lake/iceberg/schema.ts';
import { partitionSpec } from '../../src/lake/iceberg/transform.ts';
import { applyUpdates, type TableUpdate } from '../../src/lake/iceberg/updates.ts';

function shapeOf(fields: Fields, table: TableOptions = {}): TableShape {
  const { settings } = stream('s', { fields, table: table as TableOptions<never> });
  const { partitionBy, sortBy } = settings.table || { partitionBy: [] };
  return { fields: settings.fields, partitionBy, sortBy };
}

function tableOf(fields: Fields, table?: TableOptions): TableMetadata {
  const shape = shapeOf(fields, table);
  const { schema, lastColumnId, map } = evolveSchema(shape.fields, undefined);
  const names = schema.fields.map(({ name }) => name);
  const order = sortOrder(shape.sortBy ?? [], schema.fields, []);
  return newTable({
    uuid: 'b2a1f6b4-3a3c-4b5c-9f5e-0d7a3b1c2d4e',
    location: 'file:///t',
    schema,
    lastColumnId,
    spec: partitionSpec(shape.partitionBy, schema.fields, names, []),
    sortOrder: order,
    properties: { [FIELDS_PROPERTY]: JSON.stringify(map), ...sortProperties(order) },
    nowMs: 0,
  });
}

const commit = (table: TableMetadata, updates: readonly TableUpdate[]): TableMetadata =>
  updates.length === 0 ? table : applyUpdates(table, updates, 1);

/** The table after one definition and the next. */
function evolve(table: TableMetadata, fields: Fields, options?: TableOptions): TableMetadata {
  const next = commit(table, evolution(table, shapeOf(fields, options)));
  expect(evolution(next, shapeOf(fields, options)), 'the next start changes nothing').toEqual([]);
  return next;
}

/** Ids by path, dots between names. */
const ids = (table: TableMetadata) =>
  Object.fromEntries(
    [...partsOf(currentSchema(table).fields)].map(([path, { id }]) => [
      path.replaceAll('\u001f', '.'),
      id,
    ]),
  );

test('a field that is renamed again and again, and what is in it, keep their ids', () => {
  const first = tableOf({ a: f.struct({ x: f.int() }), l: f.list(f.struct({ x: f.int() })) });
  expect(ids(first)).toEqual({ a: 1, l: 2, 'a.x': 3, 'l.element': 4, 'l.element.x': 5 });
  const second = evolve(first, {
    l: f.list(f.struct({ y: f.long().renamedFrom('x') })),
    b: f.struct({ n: f.int().optional(), y: f.int().renamedFrom('x') }).renamedFrom('a'),
  });
  expect(ids(second)).toEqual({ l: 2, b: 1, 'l.element': 4, 'l.element.y': 5, 'b.n': 6, 'b.y': 3 });
  const third = evolve(second, {
    c: f.struct({ x: f.int().renamedFrom('y') }).renamedFrom('b'),
    a: f.int().optional(),
  });
  expect(ids(third)).toEqual({ c: 1, a: 7, 'c.x': 3 });
});

test('a field whose values are of no use becomes another column, with all that is in it', () => {
  const first = tableOf({ l: f.list(f.int()), m: f.map(f.string(), f.int()) });
  const second = evolve(first, { l: f.list(f.string()), m: f.map(f.int(), f.int()) });
  const before = Object.values(ids(first));
  for (const [path, id] of Object.entries(ids(second)))
    expect(before.includes(id), `${path} has an id of its own`).toBe(false);
});

test('names that fields had while the stream had no table are followed, too', () => {
  const fields: Fields[] = [
    { a: f.int() },
    { b: f.int().renamedFrom('a') },
    { c: f.long().renamedFrom('b') },
  ];
  const versions = fields.map((one, index) => ({ version: index + 1, ...shapeOf(one) }));
  const [first, , last] = fields as [Fields, Fields, Fields];
  const before = commit(tableOf(first), [
    { action: 'set-properties', updates: { 'millrace.fields-version': '1' } },
  ]);
  const shape = { ...shapeOf(last), versions };
  const after = commit(before, evolution(before, shape));
  expect(ids(after)).toEqual({ c: 1 });
  expect(evolution(after, shape)).toEqual([]);
});

// Java readers refuse a table with a column that is named like a partition of another one.
test('a new field that is named like an older partition gets a column with a name of its own', () => {
  const table = { partitionBy: [identity('country'), bucket('id', 4)] };
  const first = tableOf({ id: f.int(), country: f.string() }, table);
  const options = { partitionBy: [identity('land'), bucket('id', 4)] };
  const land = f.string();
  const renamed = { id: f.int(), land: land.renamedFrom('country') };
  const added = { country: f.int().optional(), id_bucket_4: f.int().optional() };
  const second = evolve(evolve(first, renamed, options), { id: f.int(), land, ...added }, options);
  expect(currentSpec(second)).toEqual(currentSpec(first));
  expect(ids(second)).toEqual({ id: 1, land: 2, country_3: 3, id_bucket_4_4: 4 });
});

test('files of before keep their partitions; one that comes back is the same again', () => {
  const fields = { id: f.int(), at: f.string() };
  const first = tableOf(fields, { partitionBy: [bucket('id', 4)] });
  const second = evolve(first, fields, { partitionBy: [bucket('id', 8), identity('at')] });
  const third = evolve(second, fields, { partitionBy: [bucket('id', 4)] });
  expect(second['partition-specs']).toHaveLength(2);
  expect(third['partition-specs']).toEqual(second['partition-specs']);
  expect(currentSpec(third)).toEqual(currentSpec(first));
});

test('the sort order is the definition’s; without one, what another program set stays', () => {
  const fields = { id: f.int(), at: f.string() };
  const orderOf = (table: TableMetadata) =>
    table['sort-orders'].find((one) => one['order-id'] === table['default-sort-order-id'])?.fields;
  const first = tableOf(fields, { sortBy: ['id', desc('at')] });
  expect(orderOf(first)).toMatchObject([
    { 'source-id': 1, direction: 'asc', 'null-order': 'nulls-first' },
    { 'source-id': 2, direction: 'desc', 'null-order': 'nulls-last' },
  ]);
  const second = evolve(first, fields);
  expect(orderOf(second)).toEqual([]);
  const foreign = commit(second, [
    {
      action: 'add-sort-order',
      'sort-order': {
        'order-id': 7,
        fields: [
          { transform: 'bucket[4]', 'source-id': 1, direction: 'asc', 'null-order': 'nulls-first' },
        ],
      },
    },
    { action: 'set-default-sort-order', 'sort-order-id': -1 },
  ]);
  expect(orderOf(evolve(foreign, fields))).toMatchObject([{ transform: 'bucket[4]' }]);
  const third = evolve(foreign, fields, { sortBy: ['id', desc('at')] });
  expect(orderOf(third)).toEqual(orderOf(first));
  expect(third['sort-orders'].length).toBe(foreign['sort-orders'].length);
});

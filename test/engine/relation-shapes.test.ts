import type { DuckDBConnection } from '@duckdb/node-api';
import { beforeEach, expect, test } from 'vitest';
import type { ConnectionPool } from '../../src/engine/connection-pool.ts';
import { connect, openDatabase } from '../../src/engine/database.ts';
import { RelationShapes } from '../../src/engine/relation-shapes.ts';
import { createSchemas } from '../../src/engine/relations.ts';
import { statementColumns } from '../../src/engine/statement-columns.ts';
import type { Relation } from '../../src/query/statement-gate.ts';
import { temporaryFolder } from '../support/folder.ts';

const SALES = { schema: 'lake', name: 'sales' };
const LARGE = { schema: 'warehouse', name: 'Large "one"' };
const COLUMNS = `id BIGINT, price DECIMAL(12,3), "odd ""name" VARCHAR, day DATE, sold_at TIMESTAMPTZ, tags VARCHAR[],
  part STRUCT("a b" INTEGER, c STRUCT(d DATE[])), counts MAP(VARCHAR, DOUBLE), mood ENUM('good', 'it''s bad'), doc JSON, bytes BLOB`;

let connection: DuckDBConnection;
let shapes: RelationShapes;

beforeEach(async () => {
  const instance = await openDatabase({ memory: '200MB', scratch: temporaryFolder() });
  connection = await connect(instance);
  await createSchemas(connection);
  shapes = await RelationShapes.create(instance, connection, 2);
  await connection.run(`CREATE TABLE lake.sales (${COLUMNS})`);
  await connection.run("INSERT INTO lake.sales (id, mood) VALUES (1, 'good'), (2, NULL)");
  await connection.run(
    'CREATE VIEW warehouse."Large ""one""" AS SELECT id, price * 2 AS twice FROM lake.sales',
  );
});

function twins(relations: readonly Relation[]): ConnectionPool {
  const found = shapes.of(relations);
  if (!found) throw new Error('there are no twins');
  return found;
}

const columnsOf = async (on: DuckDBConnection, sql: string) =>
  (await statementColumns(on, sql)).map(({ name, type }) => `${name} ${type.alias ?? type}`);

test.each([
  'SELECT * FROM sales',
  'SELECT *, id + 1, price * id, part.c.d[1], counts, mood::VARCHAR FROM lake.sales',
  'SELECT mood, sum(id), avg(price), list(part), max(sold_at) - min(sold_at), count(DISTINCT day) FROM sales GROUP BY ALL',
  'SELECT unnest(tags), doc->>\'$.a\', from_json(doc, \'{"a": "INTEGER"}\') FROM sales',
  'SELECT l.*, s.id FROM "Large ""one""" AS l JOIN sales AS s USING (id)',
  "SELECT COLUMNS(c -> c LIKE '%d%') FROM sales UNION ALL BY NAME SELECT 1.5 AS id",
])('a statement has the same columns where no rows are: %s', async (sql) => {
  await shapes.make([SALES, LARGE]);
  await twins([SALES, LARGE]).with(async (shape) => {
    expect(await columnsOf(shape, sql)).toEqual(await columnsOf(connection, sql));
    expect(
      (await shape.runAndReadAll('SELECT count(*)::INTEGER FROM lake.sales')).getRows(),
    ).toEqual([[0]]);
  });
});

test('what has other columns is made anew, and what reads it', async () => {
  expect(shapes.has([])).toBe(true);
  expect(shapes.has([SALES])).toBe(false);
  await shapes.make([SALES, LARGE]);
  expect(shapes.has([SALES, LARGE])).toBe(true);
  await connection.run('DROP TABLE lake.sales');
  await connection.run('CREATE TABLE lake.sales (id VARCHAR, price DOUBLE)');
  await connection.run(
    'CREATE OR REPLACE VIEW warehouse."Large ""one""" AS SELECT id, price * 2 AS twice FROM lake.sales',
  );
  shapes.forget();
  expect(shapes.has([LARGE])).toBe(false);
  await shapes.make([LARGE]);
  await twins([LARGE]).with(async (shape) => {
    expect(await columnsOf(shape, 'FROM "Large ""one"""')).toEqual(['id VARCHAR', 'twice DOUBLE']);
  });
});

test.each([
  ['that cannot be read', 'SELECT a FROM lake.gone'],
  ['with a column of NULL', 'SELECT NULL AS note'],
  ['with a list of nothing', 'SELECT [] AS tags'],
  ['with parts that have no names', "SELECT row(1, 'a') AS pair"],
])('a view %s has no twin: what reads it is planned over itself', async (_, sql) => {
  await connection.run('CREATE TABLE lake.gone (a INTEGER)');
  await connection.run(`CREATE VIEW warehouse.odd AS ${sql}`);
  await connection.run('DROP TABLE lake.gone');
  const odd = { schema: 'warehouse', name: 'odd' };
  await shapes.make([SALES, odd]);
  expect(shapes.has([SALES, odd]), 'it is not tried again each time').toBe(true);
  expect(shapes.of([SALES, odd])).toBeUndefined();
  expect(shapes.of([SALES])).toBeDefined();
});

test('with other relations no twin of a name is left that hides another one', async () => {
  await shapes.make([LARGE, { schema: 'lake', name: 'sales' }]);
  await connection.run('CREATE TABLE warehouse.sales (n INTEGER)');
  await shapes.make([{ schema: 'warehouse', name: 'sales' }]);
  await connection.run('DROP TABLE warehouse.sales');
  const before = shapes.changes;
  await shapes.clear();
  expect(shapes.changes).toBeGreaterThan(before);
  await shapes.make([SALES]);
  await twins([SALES]).with(async (shape) => {
    expect(await columnsOf(shape, 'FROM sales')).toEqual(await columnsOf(connection, 'FROM sales'));
  });
});

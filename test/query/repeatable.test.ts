import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { parseStatement } from '../../src/engine/describe.ts';
import { isRepeatable } from '../../src/query/repeatable.ts';
import { checkStatement } from '../../src/query/statement-gate.ts';

const names = {
  all: () => ['lake.sales'],
  resolve: () => ({ schema: 'lake', name: 'sales' }),
};

async function withEngine<T>(
  use: (connection: Awaited<ReturnType<DuckDBInstance['connect']>>) => Promise<T>,
): Promise<T> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  try {
    return await use(connection);
  } finally {
    connection.closeSync();
  }
}

test('what the engine says changes is known to change', () =>
  withEngine(async (connection) => {
    const reader = await connection.runAndReadAll(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')",
    );
    const found = reader.getRowsJson().map(([name]) => String(name));
    expect(found.length).toBeGreaterThan(20);
    expect(found.filter((name) => isRepeatable({ uses: new Set([name]) }))).toEqual([]);
  }));

test.each([
  ['select sum(amount) from sales where day > $1', true],
  ['select upper(name), "now_and_then" from sales limit 3', true],
  ['select random()', false],
  ['select 1 where NOW() > $1', false],
  ['select current_date', false],
  ['select * from sales where day >= current_date - 1', false],
  ['with a as (select * from sales using sample 5) select count(*) from a', false],
  ['select * from sales tablesample 10%', false],
  ['select list_transform([1], lambda x: x + random()) from sales', false],
  ['select count(*) from sales order by max(uuid())', false],
  ['select age(day) from sales', false],
  ['select * from sales join lateral (select gen_random_uuid()) on true', false],
])('%s: the same result while its tables are the same: %s', (sql, expected) =>
  withEngine(async (connection) => {
    const parts = checkStatement(await parseStatement(connection, sql), names);
    expect(isRepeatable(parts)).toBe(expected);
  }),
);

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseStatement } from '../../src/engine/describe.ts';
import { relationNames } from '../../src/engine/relations.ts';
import { checkStatement, closest } from '../../src/query/statement-gate.ts';

const stream = {
  name: 'sales',
  schema: 'lake' as const,
  fields: [],
  rest: false,
  schemas: [],
  columns: [],
};
const names = relationNames({
  streams: [stream],
  models: [{ name: 'daily', materialize: 'table', sql: '', columns: [] }],
  lookups: [],
});
let connection: DuckDBConnection;
let parse: (sql: string) => Promise<unknown>;

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
  parse = (sql) => parseStatement(connection, sql);
});

const check = async (sql: string) =>
  checkStatement(await parse(sql), names).reads.map(
    (relation) => `${relation.schema}.${relation.name}`,
  );

const ALLOWED: readonly [sql: string, reads: readonly string[]][] = [
  ['select * from lake.sales', ['lake.sales']],
  ['select * from SALES', ['lake.sales']],
  ['select * from millrace.records.sales', ['records.sales']],
  ['from daily as d join sales as s on d.id = s.id', ['warehouse.daily', 'lake.sales']],
  ['with a as (from sales), b as (from a) select * from b', ['lake.sales']],
  ['with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) from t', []],
  ['select (select max(x) from sales) + count(*) from daily', ['lake.sales', 'warehouse.daily']],
  ['select * from range(3), unnest([1, 2])', []],
  ['with sales as (select * from sales) select * from sales', ['lake.sales']],
  [
    'with a as (select 1 as x) select (select max(x) from a) order by (select x from a) limit (select x from a)',
    [],
  ],
  [
    'with a as (select 1 as x), b as (select * from a where x in (select x from a)) select 1 union all from b',
    [],
  ],
  [
    'with A as (select 1 as x) select * from (with b as (from a) from b) c, lateral (select * from a where x = c.x)',
    [],
  ],
  [
    'with recursive t(n) as (select 1 union all select n + 1 from (with s as (from t) from s) where n < 5 and n in (from t)) from t, daily',
    ['warehouse.daily'],
  ],
  ['values (1), (2)', []],
  ['select 1 union all select count(*) from sales order by 1 limit 1', ['lake.sales']],
  ['select * from sys.runs', ['sys.runs']],
];

const REFUSED: readonly string[] = [
  "select * from read_csv('/etc/passwd')",
  "from '/etc/passwd'",
  "select * from 'x.parquet'",
  "select * from read_text('/proc/self/environ')",
  "select * from glob('*')",
  "select * from parquet_metadata('x')",
  'select * from duckdb_settings()',
  'select * from duckdb_secrets()',
  "select * from query('select 1')",
  "select * from query_table('sales')",
  'select * from information_schema.tables',
  'select * from pg_catalog.pg_class',
  'select * from hot."lake.sales"',
  'select * from system.information_schema.tables',
  "select getenv('HOME')",
  "select current_setting('memory_limit')",
  "select * from enable_logging('QueryLog')",
  "call enable_logging('QueryLog')",
  'select * from force_checkpoint()',
  'select * from duckdb_logs()',
  'drop table sales',
  'create table x as select 1',
  "copy (select 1) to '/tmp/x'",
  "attach '/tmp/x.db'",
  'insert into sales values (1)',
  'set memory_limit = 1',
  'pragma database_list',
  'install httpfs',
  'load httpfs',
  'select 1; select 2',
  'with a as (select 1) select * from (with b as (select 1) select 1), b',
  // The engine has these names for tables, or for files.
  'with a as (select * from b), b as (select 1) select * from a',
  'with "f.parquet" as (select * from "f.parquet") select * from "f.parquet"',
  'with a as (select * from "f.csv"), "f.csv" as (select 1) select * from a',
  'with recursive "f.csv" as (select * from "f.csv" union all select * from "f.csv") select 1',
  'with recursive a as (select * from duckdb_views), duckdb_views as (select 1) select * from a',
  'with k as (select 1) select * from "\u212a"',
  'select * from sales, lateral (select * from nope)',
  'select list(x order by (select 1 from nope)) from sales',
  'explain select 1',
  'show tables',
  'select * from a where a.x in (select y from sales)',
  "select * from sniff_csv('x')",
  "select * from pragma_table_info('sales')",
  'vacuum',
  'checkpoint',
];

describe('the statement gate', () => {
  test.each(ALLOWED)('lets through: %s', async (sql, reads) => {
    expect(await check(sql)).toEqual(reads);
  });

  test.each(ALLOWED)(
    'names the tables that the engine finds, and no other: %s',
    async (sql, reads) => {
      const found = connection.getTableNames(sql, false).map((name) => name.toLowerCase());
      expect(new Set(reads.map((read) => read.split('.')[1]))).toEqual(new Set(found));
    },
  );

  test.each(REFUSED)('refuses: %s', async (sql) => {
    await expect(check(sql)).rejects.toMatchObject({ code: expect.stringMatching(/^MR_QUERY_/) });
  });

  test('says where, and what was meant', async () => {
    await expect(check('select * from lake.sale')).rejects.toMatchObject({
      message: 'There is no table lake.sale. Did you mean lake.sales?',
      details: { position: 14 },
    });
    await expect(check('selec 1')).rejects.toMatchObject({
      code: 'MR_QUERY_SYNTAX',
      details: { position: 0 },
    });
    await expect(check('select $1, $name')).rejects.toMatchObject({
      message: 'Parameters of one statement all have names ($country) or all have places ($1, ?).',
    });
    expect(closest('sale', ['lake.sales', 'sys.runs'])).toBe('lake.sales');
    expect(closest('customers', ['lake.sales', 'sys.runs'])).toBeUndefined();
  });
});

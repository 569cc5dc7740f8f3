import { expect, onTestFinished, test } from 'vitest';
import type { MillraceError } from '../../src/core/errors.ts';
import { connect, openDatabase } from '../../src/engine/database.ts';
import { checkText } from '../../src/engine/describe.ts';
import { temporaryFolder } from '../support/folder.ts';

/** What is said of a text that is not allowed, and where. */
async function said(sql: string): Promise<{ code: string; message: string; place: string }> {
  const instance = await openDatabase({ memory: '100MB', scratch: temporaryFolder() });
  const connection = await connect(instance);
  onTestFinished(() => {
    connection.closeSync();
    instance.closeSync();
  });
  await connection.run('CREATE SCHEMA lake; CREATE VIEW lake.sales AS SELECT 1 AS a, 2 AS wher2');
  const names = {
    resolve: (schema: string | undefined, name: string) =>
      name === 'sales' && (schema ?? 'lake') === 'lake' ? { schema: 'lake', name } : undefined,
    all: () => ['lake.sales'],
  };
  const error = await checkText(connection, sql, names).then(
    () => undefined,
    (caught: MillraceError) => caught,
  );
  const { code, message, details } = error as MillraceError;
  expect(message, 'the hint is in the message too').toContain(String(details['hint']));
  const position = details['position'] as number | undefined;
  return { code, message, place: position === undefined ? 'none' : sql.slice(position) };
}

test.each<[sql: string, place: string, says: RegExp]>([
  ['selct 1', 'selct 1', /Did you mean SELECT instead of selct\?/],
  ['select 1 form lake.sales', 'lake.sales', /Did you mean FROM instead of form\?/],
  ['select a from lake.sales wher a=1', 'a=1', /Did you mean WHERE instead of wher\?/],
  ['select a from lake.sales group bye a', 'bye a', /Did you mean BY instead of bye\?/],
  ['select * lake.sales', '.sales', /here or just before\. A statement reads SELECT … FROM/],
  ['select top 5 * from lake.sales', '5 * from lake.sales', /LIMIT 5 at the end instead of TOP/],
  ['select (1', '', /missing at the end: a closing bracket/],
  ["select 'é', 'abc", "'abc", /A text ends with a single quote/],
])('a mistake in the syntax says where and what to do: %s', async (sql, place, says) => {
  const error = await said(sql);
  expect([error.code, error.place]).toEqual(['MR_QUERY_SYNTAX', place]);
  expect(error.message).toMatch(says);
});

test.each<[sql: string, says: RegExp]>([
  ['describe lake.sales', /where table_name = 'sales'.*table_name from sys\.columns/],
  ['show tables', /table_name from sys\.columns order by all/],
  ['pragma table_info(sales)', /from sys\.columns/],
  ['explain select 1', /Write EXPLAIN or EXPLAIN ANALYZE, then a SELECT/],
  ['insert into lake.sales values (1)', /Records come in through streams/],
  ['pivot lake.sales on a using sum(a)', /pivot \(sum\(quantity\) for country in \('GB', 'FR'\)\)/],
])('what is not allowed says what is: %s', async (sql, says) => {
  const error = await said(sql);
  expect(error.code).toBe('MR_QUERY_REFUSED');
  expect(error.message).toMatch(says);
});

test.each<[sql: string, says: RegExp]>([
  ['select * from information_schema.tables', /Tables are listed by: select distinct table_schema/],
  ['select * from lake.saels', /Did you mean lake\.sales\?/],
])('a table that is not there says which are: %s', async (sql, says) => {
  expect((await said(sql)).message).toMatch(says);
});

test('the form of PIVOT that is named is allowed', async () => {
  const instance = await openDatabase({ memory: '100MB', scratch: temporaryFolder() });
  const connection = await connect(instance);
  onTestFinished(() => {
    connection.closeSync();
    instance.closeSync();
  });
  const relation = { schema: 'lake', name: 'sales' };
  const names = { resolve: () => relation, all: () => [] };
  const { reads } = await checkText(
    connection,
    "select * from lake.sales pivot (sum(quantity) for country in ('GB', 'FR'))",
    names,
  );
  expect(reads).toEqual([relation]);
});

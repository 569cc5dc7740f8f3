import { expect, onTestFinished, test } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import { connect, openDatabase } from '../../src/engine/database.ts';
import { parseStatement } from '../../src/engine/describe.ts';
import { withKeywordHint } from '../../src/engine/keyword-hint.ts';
import { checkStatement } from '../../src/query/statement-gate.ts';
import { temporaryFolder } from '../support/folder.ts';

async function someTable() {
  const instance = await openDatabase({ memory: '100MB', scratch: temporaryFolder() });
  const connection = await connect(instance);
  await connection.run(
    'CREATE VIEW s AS SELECT 1 AS id, 2 AS "at", 3 AS "Order", 4 AS "end", 5 AS "left", 6 AS local',
  );
  onTestFinished(() => {
    connection.closeSync();
    instance.closeSync();
  });
  return connection;
}

/** What is said of a text that the parser refuses. */
async function said(sql: string): Promise<string> {
  const connection = await someTable();
  const names = { resolve: () => ({ schema: 'lake', name: 's' }), all: () => [] };
  try {
    checkStatement(await parseStatement(connection, sql), names);
  } catch (error) {
    const told = (await withKeywordHint(connection, sql, error)) as MillraceError;
    expect(told).toBeInstanceOf(MillraceError);
    expect([told.code, told.details['position']]).toEqual([
      'MR_QUERY_SYNTAX',
      (error as MillraceError).details['position'],
    ]);
    return told.message;
  }
  return 'nothing';
}

test.each([
  ['select at from s', 'at'],
  ['select id, at, local from s', 'at'],
  ["select '😀', 'ü', max( at ) from s", 'at'],
  ['select at::date from s', 'at'],
  ['select id from s order by at', 'at'],
  ['select left from s', 'left'],
  ['select end from s', 'end'],
  ['select count(*) from s group by order', 'Order'],
  ['select * from s where order = 1', 'Order'],
])('%s: a column named like a word of SQL is said to need quotes', async (sql, column) => {
  expect(await said(sql)).toContain(
    `. If the column ${column} is meant: it is a word of SQL too, so write it in quotes, "${column}".`,
  );
});

test.each([
  'select id id id from s',
  'select case from s',
  'select 1 +',
  'select "end" id id from s',
])('%s: other syntax errors are told as they are', async (sql) =>
  expect(await said(sql)).toMatch(/^syntax error at (or near "\w+"|end of input)$/),
);

test.each(['select "at", s.end, "Order", local from s'])('control: %s is right', async (sql) => {
  expect(await said(sql)).toBe('nothing');
});

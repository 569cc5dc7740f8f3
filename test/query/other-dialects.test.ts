import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { queryError } from '../../src/engine/database.ts';
import { OTHER_DIALECTS } from '../../src/query/other-dialects.ts';

const ROW =
  "SELECT 3 AS a, 2 AS b, 1 AS c, '2026-01-31' AS s, DATE '2026-01-31' AS d, TIMESTAMP '2026-01-31 10:00:00' AS ts, '{\"k\":1}' AS j, [1, 2] AS list";

test('what is named instead of a function of another warehouse can be run; the function itself cannot', async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(`CREATE TABLE t AS ${ROW}`);
  for (const [name, instead] of Object.entries(OTHER_DIALECTS)) {
    const reader = await connection.runAndReadAll(`SELECT ${instead} FROM t`);
    expect(reader.getRowsJson()[0]?.[0] ?? null, instead).not.toBeNull();
    const call = name === '~*' ? "s ~* 'x'" : `${name}(a, a, a)`;
    await expect(connection.run(`SELECT ${call} FROM t`), name).rejects.toThrow();
  }
});

test('a refusal says so', async () => {
  const connection = await (
    await DuckDBInstance.create(':memory:', { errors_as_json: 'true' })
  ).connect();
  const refused = async (sql: string) =>
    queryError(await connection.run(sql).catch((error: unknown) => error), { sql, before: 0 });
  const hint = 'Write coalesce(a, b) instead of nvl.';
  expect(await refused('SELECT NVL(1, 2)')).toMatchObject({
    message: expect.stringContaining(hint),
    details: { hint, position: 7 },
  });
  expect((await refused("SELECT date_add('day', 1, 2)")).message).toContain('INTERVAL 1 DAY');
  expect((await refused('SELECT nothing_like_it(1)')).message).not.toContain('Write');
});

test('the guide lists them all', () => {
  const guide = readFileSync(new URL('../../docs/guide/sql.md', import.meta.url), 'utf8');
  for (const [name, instead] of Object.entries(OTHER_DIALECTS))
    expect(guide).toContain(`| \`${name}\` | \`${instead}\` |`);
});

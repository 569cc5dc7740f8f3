import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Measure, MeasureReader, PartNames } from '../../src/engine/measure-parts.ts';

let connection: DuckDBConnection;
let reader: MeasureReader;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("SET TimeZone = 'UTC'");
  reader = await MeasureReader.create(connection);
});
afterAll(() => connection.closeSync());

const ask = async (sql: string): Promise<unknown[][]> =>
  (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
const read = (sql: string): Promise<Measure> => reader.read(sql, new PartNames());

const COLUMNS = {
  k: 'VARCHAR',
  g: 'INTEGER',
  i: 'INTEGER',
  l: 'BIGINT',
  d: 'DECIMAL(10,3)',
  f: 'DOUBLE',
  s: 'VARCHAR',
  b: 'BOOLEAN',
  seen: 'TIMESTAMP',
} as const;
const orNull = (value: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 4, arbitrary: value }, fc.constant('NULL'));
const row = fc.tuple(
  orNull(fc.constantFrom("'a'", "'b'", "''")),
  orNull(fc.constantFrom('1', '2')),
  orNull(fc.integer({ min: -1000, max: 1000 }).map(String)),
  orNull(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }).map(String)),
  orNull(fc.integer({ min: -9_999_999, max: 9_999_999 }).map((n) => (n / 1000).toFixed(3))),
  orNull(fc.integer({ min: -100_000, max: 100_000 }).map((n) => `${n / 7}::DOUBLE`)),
  orNull(fc.constantFrom("'x'", "'X'", "'it''s'", "'日'")),
  orNull(fc.constantFrom('true', 'false')),
  orNull(fc.integer({ min: 0, max: 1e9 }).map((s) => `make_timestamp(${s}::BIGINT * 1000000)`)),
);

const condition = fc.constantFrom(
  'b',
  'i > 0',
  "s = 'x'",
  'd < 10.5 AND f > 0',
  'k IS NULL',
  'false',
);
const filtered = (aggregate: fc.Arbitrary<string>) =>
  fc
    .tuple(aggregate, fc.option(condition, { freq: 3 }))
    .map(([text, where]) => (where === null ? text : `${text} FILTER (WHERE ${where})`));
const ofNumber = fc.constantFrom(
  'i',
  'l',
  'd',
  'f',
  'i * d',
  'CASE WHEN b THEN d ELSE 0 END',
  'abs(i)',
);
const added = filtered(
  fc.oneof(
    ofNumber.map((value) => `sum(${value})`),
    ofNumber.map((value) => `avg(${value})`),
    fc.constantFrom('i', 'd', 'f', 's', 'b', 'seen').map((value) => `min(${value})`),
    fc.constantFrom('l', 'd', 'k', 'seen', 'DISTINCT i').map((value) => `max(${value})`),
    fc.constantFrom(
      'count(*)',
      'count(s)',
      'count(d)',
      'count_if(b)',
      'bool_and(b)',
      'bool_or(i > 0)',
    ),
  ),
);
const number = filtered(
  fc.oneof(
    ofNumber.map((value) => `sum(${value})`),
    ofNumber.map((value) => `AVG(${value})`),
    fc.constantFrom('count(*)', 'Count(s)', 'count_if(b)', 'min(d)', 'max(f)'),
  ),
);
/** What people write around aggregates. */
const expression = fc.oneof(
  added,
  fc.constant('count(DISTINCT s)'),
  fc.tuple(number, number).map(([a, b]) => `${a} * 1.0 / nullif(${b}, 0)`),
  fc.tuple(number, number).map(([a, b]) => `${a} - ${b} + 1`),
  fc.tuple(number, number).map(([a, b]) => `CASE WHEN ${a} > ${b} THEN ${a} ELSE -1 END`),
  number.map((a) => `coalesce(${a}, 0)`),
  number.map((a) => `round(${a}, 2)`),
  number.map((a) => `100 * ${a} / (count(*) + count(DISTINCT k))`),
  added.map((a) => `CAST(${a} AS VARCHAR)`),
);

async function load(rows: readonly (readonly string[])[]): Promise<void> {
  const columns = Object.entries(COLUMNS).map(([name, type]) => `"${name}" ${type}`);
  await connection.run(`CREATE OR REPLACE TABLE t (${columns.join(', ')})`);
  if (rows.length > 0)
    await connection.run(
      `INSERT INTO t VALUES ${rows.map((one) => `(${one.join(', ')})`).join(', ')}`,
    );
}

/** Groups of the rows, and, `twice`, groups of those groups as they were one after the other. */
async function group(measure: Measure, dims: readonly string[], twice: boolean): Promise<void> {
  const columns = [...new Set([...dims, ...measure.keys])];
  const by = columns.map((name) => `"${name}" AS "by:${name}"`);
  const parts = measure.parts.map(({ column, sql }) => `${sql} AS "${column}"`);
  const end = columns.length > 0 ? 'GROUP BY ALL' : '';
  // In two halves, as records come.
  const half = (which: number) =>
    `SELECT ${[...by, ...parts].join(', ')} FROM t WHERE rowid % 2 = ${which} ${end}`;
  await connection.run(`CREATE OR REPLACE TABLE cube AS ${half(0)} UNION ALL ${half(1)}`);
  if (!twice) return;
  const again = columns.map((name) => `"by:${name}"`);
  const merged = measure.parts.map(({ column, merge }) => `${merge}("${column}") AS "${column}"`);
  await connection.run(
    `CREATE OR REPLACE TABLE cube AS SELECT ${[...again, ...merged].join(', ')} FROM cube ${end}`,
  );
}

function expectSame(shown: unknown[][], wanted: unknown[][]): void {
  expect(shown.length).toBe(wanted.length);
  for (const [index, [key, value, type]] of wanted.entries()) {
    const [shownKey, shownValue, shownType] = shown[index] as unknown[];
    expect([shownKey, shownType]).toEqual([key, type]);
    const [a, b] = [Number(shownValue), Number(value)];
    // Sums of doubles differ in their last digits by the order of the rows.
    const isNear = Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
    if (!(type === 'DOUBLE' || String(value).includes('.')) || !isNear)
      expect(shownValue).toEqual(value);
  }
}

describe('an aggregate that is taken apart', () => {
  test('is over any groups, put together to any others, what it is over the rows', async () => {
    let apart = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 25 }),
        expression,
        fc.boolean(),
        async (rows, sql, twice) => {
          const measure = await read(sql);
          if (measure.rollup === undefined) return;
          apart += 1;
          await load(rows);
          await group(measure, ['k', 'g'], twice);
          for (const [key, byKey] of [
            ['NULL', 'NULL'],
            ['k', '"by:k"'],
            ['g', '"by:g"'],
          ] as const)
            for (const [where, byWhere] of [
              ['true', 'true'],
              ["k = 'a'", `"by:k" = 'a'`],
              ['g IS NULL', '"by:g" IS NULL'],
              ["k = 'nothing'", `"by:k" = 'nothing'`],
            ] as const) {
              const name = key === 'NULL' ? 'NULL' : key;
              const wanted = await ask(
                `SELECT CAST(key AS VARCHAR), CAST(v AS VARCHAR), typeof(v) FROM (SELECT ${name} AS key, ${sql} AS v FROM t WHERE ${where} ${key === 'NULL' ? '' : 'GROUP BY key'}) ORDER BY 1`,
              );
              const shown = await ask(
                `SELECT CAST(key AS VARCHAR), CAST(v AS VARCHAR), typeof(v) FROM (SELECT ${byKey} AS key, ${measure.rollup} AS v FROM cube WHERE ${byWhere} ${key === 'NULL' ? '' : 'GROUP BY key'}) ORDER BY 1`,
              );
              expectSame(shown, wanted);
            }
        },
      ),
      { numRuns: 150 },
    );
    expect(apart, 'expressions that were').toBeGreaterThan(100);
  }, 120_000);

  test('adds decimals up to the last digit', async () => {
    await load(
      Array.from({ length: 1000 }, () => [
        "'a'",
        '1',
        '1',
        '1',
        '0.001',
        '1',
        "'x'",
        'true',
        'NULL',
      ]),
    );
    const measure = await read('sum(i * d)');
    await group(measure, ['k'], true);
    expect(await ask(`SELECT CAST(${measure.rollup} AS VARCHAR) FROM cube`)).toEqual([['1.000']]);
  });

  test('shares its parts with others', async () => {
    const names = new PartNames();
    await reader.read('sum(i)', names);
    await reader.read('SUM( i ) / count(i)', names);
    await reader.read('avg(i)', names);
    expect(names.all.map(({ sql }) => sql)).toEqual(['sum(i)', 'count(i)']);
  });

  test('tells the columns whose distinct values it counts', async () => {
    expect(await read('count(DISTINCT s)')).toMatchObject({ keys: ['s'], parts: [] });
    expect(await read('sum(i) / count(DISTINCT "k")')).toMatchObject({ keys: ['k'] });
  });
});

test.each([
  'median(i)',
  'sum(DISTINCT i)',
  'avg(DISTINCT d)',
  'count(DISTINCT lower(s))',
  'count(DISTINCT (s, k))',
  'count(DISTINCT s) FILTER (WHERE b)',
  'string_agg(s)',
  'any_value(s)',
  'first(i)',
  'first(i ORDER BY seen)',
  'sum(i ORDER BY seen)',
  'min(i, 2)',
  'arg_max(s, seen)',
  'quantile_cont(i, 0.9)',
  'approx_count_distinct(s)',
  'stddev(i)',
  'mode(s)',
  'product(i)',
  'sum(i) + median(i)',
  'sum(i) / (SELECT count(*) FROM t)',
  'sum(sum(i)) OVER ()',
  'sum(i * 12345678901234567890)',
  '1',
])('what does not add up is not taken apart: %s', async (sql) => {
  expect(await read(sql)).toMatchObject({ sql, parts: [], keys: [] });
});

test.each([
  ['sum(d)', true],
  ['count(*)', true],
  ['count(s) FILTER (WHERE b)', true],
  ['sum(i * d) - sum(f)', true],
  ['100 * sum(d) / 3', true],
  ['coalesce(sum(d), 0)', true],
  ['CAST(round(sum(d), 2) AS DOUBLE)', true],
  ['avg(d)', false],
  ['median(d)', false],
  ['max(d)', false],
  ['count(DISTINCT k)', false],
  ['sum(DISTINCT d)', false],
  ["sum(d) FILTER (WHERE s = 'x') / sum(d)", false],
  ['sum(d) / 2 + avg(d)', false],
  ['abs(sum(d))', false],
])('%s of a part is a share of that of the whole: %s', async (sql, isAdditive) => {
  expect((await read(sql)).isAdditive).toBe(isAdditive);
});

test('of no rows sums and counts are 0, and what has no value then has none', async () => {
  await connection.run('CREATE OR REPLACE TABLE nothing (i INTEGER, f DOUBLE)');
  const ofNothing = async (sql: string) => {
    const value = await reader.ofNothing(sql);
    return (await ask(`SELECT CAST(${value} AS DOUBLE) FROM nothing`))[0]?.[0];
  };
  for (const sql of [
    'sum(i)',
    'count(*)',
    'count(DISTINCT i)',
    'sum(i * f) * 1.2',
    'round(sum(f) / 100, 2)',
    'sum(i) FILTER (WHERE f > 0) - sum(i)',
    'count_if(i > 0)',
  ])
    expect(Number(await ofNothing(sql)), sql).toBe(0);
  for (const sql of ['avg(i)', 'max(f)', 'median(i)', 'sum(i) - min(i)'])
    expect(await ofNothing(sql), sql).toBeNull();
  for (const sql of ['sum(i) / sum(f)', 'sum(f) / count(*)'])
    expect(await ofNothing(sql), sql).not.toBe(0);
});

import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { field as f, lookup, model, sql, stream } from '../../src/index.ts';
import { literal, quoteIdentifier, quoteText, renderSql } from '../../src/plan/render-sql.ts';

const sales = stream('sales', { fields: { Country: f.string() } });

test('references are quoted and put in their schema', () => {
  const daily = model('daily', { sql: sql`select 1` });
  const byCountry = lookup('by_country', { from: sales, key: 'Country' });
  expect(
    renderSql(sql`select ${sales.fields.Country} from ${sales} join ${daily} join ${byCountry}`),
  ).toBe('select "Country" from lake."sales" join warehouse."daily" join lookups."by_country"');
});

test('parameters become literals', () => {
  expect(renderSql(sql`${'GB'}, ${"it's"}, ${1}, ${-1.5}, ${true}, ${null}`)).toBe(
    "'GB', 'it''s', 1, -1.5, true, NULL",
  );
  expect(literal({ a: [1, "it's"] })).toBe(`'{"a":[1,"it''s"]}'::JSON`);
});

test('quotes in names and texts are doubled', () => {
  expect(quoteIdentifier('a"b')).toBe('"a""b"');
  expect(quoteText("a'b''c")).toBe("'a''b''''c'");
});

test('the engine reads every text, number and name back as it was', async () => {
  const connection = await (await DuckDBInstance.create()).connect();
  const text = fc
    .string({ unit: 'binary' })
    .filter((value) => !value.includes('\0') && value.isWellFormed());
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      async (value, number) => {
        const name = quoteIdentifier(`c${value}`);
        const reader = await connection.runAndReadAll(
          `SELECT ${literal(value)} AS ${name}, ${renderSql(sql`${number}`)}::DOUBLE`,
        );
        expect(reader.getRows()[0]?.[0]).toBe(value);
        expect(reader.columnNames()[0]).toBe(`c${value}`);
        expect(reader.getRows()[0]?.[1]).toBe(number === 0 ? 0 : number);
      },
    ),
    { numRuns: 2000, seed: 20261121 },
  );
  connection.closeSync();
});

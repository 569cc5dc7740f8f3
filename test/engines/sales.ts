import { expect } from 'vitest';
import type { Row } from '../support/every-type.ts';
import type { Ask, Rows } from './lake-pipeline.ts';

/** Streams of sales, and what their tables must have after all that engines do to them. */

/** A stream of sales with that name: few columns, so that a difference can be read. */
export const salesStream = (name: string, every = '1s'): string => `
export const ${name} = stream('${name}', {
  fields: {
    id: f.int(), site: f.string().optional(), amount: f.int(), price: f.decimal(10, 2), moment: f.timestamptz(),
    place: f.struct({ city: f.string(), zip: f.string().optional() }).optional(),
  },
  table: { partitionBy: [bucket('id', 4), identity('site')], every: '${every}' },
});
`;

export const COLUMNS = 'id, site, amount, price, moment, place';
/** Of a pipeline's own table, what records have beside their fields. */
const PLACES = '_shard, _sequence_number, _arrived_at';

/** Values of a partition that a reader may take for others. */
export const ODD = ['de', 'fr', 'NULL', null, '', 'a/b=c d%é', '__HIVE_DEFAULT_PARTITION__'];

const FIRST_AT_MS = Date.UTC(2024, 1, 28);
const HOUR_MS = 3_600_000;

/** Records `from` to `to`. */
export function sales(from: number, to: number): Row[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const id = from + index;
    return {
      id,
      site: ODD[id % ODD.length],
      amount: id,
      price: (id / 4).toFixed(2),
      moment: new Date(FIRST_AT_MS + id * HOUR_MS).toISOString().replace('.000Z', 'Z'),
      place: id % 5 === 0 ? null : { city: `city ${id % 3}`, zip: id % 2 ? `zip ${id}` : null },
    };
  });
}

export const rowsOf = (records: readonly Row[]): Rows =>
  [...records]
    .sort((a, b) => Number(a['id']) - Number(b['id']))
    .map(({ id, site, amount, price, moment, place }) => [id, site, amount, price, moment, place]);

/** Both give the same rows; these are they. */
export async function same(statement: string, one: Ask, other: Ask): Promise<Rows> {
  const [rows, others] = await Promise.all([one(statement), other(statement)]);
  expect(rows, statement).toEqual(others);
  return rows;
}

/** A change of rows in SQL, and what it does to records. */
export interface Change {
  readonly sql: (table: string) => string;
  readonly to: (records: readonly Row[]) => Row[];
}

const idOf = (row: Row): number => row['id'] as number;

export const UPDATE: Change = {
  sql: (table) => `update ${table} set amount = amount + 1000, site = 'moved' where id % 7 = 3`,
  to: (records) =>
    records.map((row) =>
      idOf(row) % 7 === 3
        ? { ...row, amount: (row['amount'] as number) + 1000, site: 'moved' }
        : row,
    ),
};

export const DELETE: Change = {
  sql: (table) => `delete from ${table} where id % 11 = 0 or place.city = 'city 2' and id < 20`,
  to: (records) =>
    records.filter(
      (row) =>
        idOf(row) % 11 !== 0 &&
        !((row['place'] as Row | null)?.['city'] === 'city 2' && idOf(row) < 20),
    ),
};

/** Whole partitions: an engine may do it without a look into files. */
export const DELETE_SITE: Change = {
  sql: (table) => `delete from ${table} where site = 'NULL'`,
  to: (records) => records.filter((row) => row['site'] !== 'NULL'),
};

const MERGED_AT = '2024-02-28T00:00:00Z';
const MERGED_ID = 100_000;

export const MERGE: Change = {
  sql: (table) => `merge into ${table} as t
    using (select 1 as id, 5000 as amount union all select 4, 0 union all select ${MERGED_ID}, 7) as s on t.id = s.id
    when matched and s.amount = 0 then delete
    when matched then update set amount = s.amount
    when not matched then insert (${COLUMNS}, ${PLACES})
      values (s.id, 'merged', s.amount, cast(1.5 as decimal(10, 2)), timestamp '2024-02-28 00:00:00 UTC', null, null, null, null)`,
  to: (records) => [
    ...records
      .filter((row) => idOf(row) !== 4)
      .map((row) => (idOf(row) === 1 ? { ...row, amount: 5000 } : row)),
    { id: MERGED_ID, site: 'merged', amount: 7, price: '1.50', moment: MERGED_AT, place: null },
  ],
};

/** The statement for a table that another program made: its columns are the records' alone. */
export const withoutPlaces = (sql: string): string =>
  sql.replace(`, ${PLACES}`, '').replace(', null, null, null, null)', ', null)');

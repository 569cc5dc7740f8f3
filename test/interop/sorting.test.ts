import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const SORTING = fileURLToPath(new URL('sorting.py', import.meta.url));

interface Sorting {
  readonly orderId: number;
  readonly order: readonly string[];
  readonly files: readonly {
    readonly sortOrderId: number;
    readonly rows: readonly (readonly [site: string, amount: string | null])[];
  }[];
}

const pipeline = (table: string, amount = 'amount: f.decimal(20, 2)') => `
import { desc, field as f, identity, stream } from 'millrace';
export const s = stream('s', {
  fields: { id: f.int(), site: f.string(), ${amount}.optional() }, table: { every: '1h', ${table} },
});
`;

const ROWS = 150_000;

/** Enough rows for several row groups, in no order. */
const records = (from: number, name = 'amount', count = ROWS): string =>
  Array.from({ length: count }, (_, index) => {
    const mixed = (index * 7_919) % 100_003;
    const amount = index % 1000 === 0 ? null : `${mixed - 50_000}.5`;
    return `{"id":${from + index},"site":"s${index % 3}","${name}":${JSON.stringify(amount)}}`;
  }).join('\n');

/** Files of the table with these columns; without any, its order alone. */
async function readSorting(folder: string, ...columns: string[]): Promise<Sorting> {
  const table = join(folder, '.millrace/lake/lake/s');
  return JSON.parse(await runPython(SORTING, [table, ...columns])) as Sorting;
}

/** Downwards, nulls last. */
function isDescending(rows: Sorting['files'][number]['rows']): boolean {
  const values = rows.map(([, amount]) => (amount === null ? -Infinity : Number(amount)));
  return values.every((value, index) => index === 0 || value <= (values[index - 1] as number));
}

test('files are written in the order of sortBy, in partitions too, and PyIceberg is told so', async () => {
  const folder = temporaryFolder();
  const steps = [
    ["partitionBy: [identity('site')]", 'amount', 20],
    ["partitionBy: [identity('site')], sortBy: [desc('amount')]", 'amount', ROWS],
    ["sortBy: ['site', desc('total')]", 'total', ROWS],
    ['', 'total', 20],
  ] as const;
  for (const [index, [table, name, count]] of steps.entries()) {
    const renamed = name === 'total' ? "total: f.decimal(20, 2).renamedFrom('amount')" : undefined;
    const pipe = await startPipeline(folder, pipeline(table, renamed));
    const sent = await pipe.post('/v1/streams/s/records', records(index * ROWS, name, count));
    expect(await sent.json()).toMatchObject({ accepted: count });
    expect(await pipe.stop()).toBe(0);
    const { order, orderId } = await readSorting(folder);
    expect([orderId, order], table).toEqual(
      [
        [0, []],
        [1, ['amount desc nulls-last identity']],
        [2, ['site asc nulls-first identity', 'total desc nulls-last identity']],
        [0, []],
      ][index],
    );
  }

  const { files } = await readSorting(folder, 'site', 'total');
  const of = (id: number) => files.filter(({ sortOrderId }) => sortOrderId === id);
  expect(of(0)).toHaveLength(4);
  expect(of(1)).toHaveLength(3);
  for (const { rows } of of(1)) {
    expect(new Set(rows.map(([site]) => site)).size).toBe(1);
    expect(rows).toHaveLength(ROWS / 3);
    expect(isDescending(rows)).toBe(true);
  }
  const [both] = of(2);
  const order = both?.rows.map(([site]) => site) ?? [];
  expect(order.every((site, index) => index === 0 || site >= (order[index - 1] as string))).toBe(
    true,
  );
  for (const site of ['s0', 's1', 's2'])
    expect(isDescending(both?.rows.filter((row) => row[0] === site) ?? [])).toBe(true);
  expect(files.reduce((sum, { rows }) => sum + rows.length, 0)).toBe(2 * ROWS + 40);
}, 120_000);

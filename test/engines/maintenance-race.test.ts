import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { millrace } from '../support/pipeline.ts';
import { sales, salesStream, same } from './sales.ts';
import { sparkOfFile } from './spark-of-file.ts';

const RACE_MS = 40_000;
const BATCH = 200;
const PAUSE_MS = 100;

const at = sparkOfFile(salesStream('raced'));

const ours = (statement: string) => at.lake.sql(statement);
const theirs = (statement: string) => at.spark.sql(statement);

/** The amount that each row must have, by id. */
type Amounts = Map<number, number>;

/** Sends all the time; the id of a record is its sequence number. */
async function send(amounts: Amounts, until: number): Promise<void> {
  for (let next = 0; Date.now() < until; next += BATCH) {
    const records = sales(next, next + BATCH - 1);
    for (const { id, amount } of records) amounts.set(id as number, amount as number);
    const response = await at.lake.post('/v1/streams/raced/records', JSON.stringify(records));
    expect(await response.json()).toMatchObject({ accepted: BATCH, rejected: [] });
    await sleep(PAUSE_MS);
  }
}

/** Sequence numbers below are in the table. */
async function delivered(): Promise<number> {
  const [[next] = []] = await ours(
    "select next_sequence_number from sys.deliveries where stream = 'raced'",
  );
  return Number(next);
}

interface Racer {
  readonly sql: (below: number, round: number) => string;
  /** The new amount of a row, or nothing where it is deleted. */
  readonly to: (id: number, amount: number, round: number) => number | undefined;
}

/** Each is right whatever is delivered meanwhile: it is about rows that were there when it began. */
const RACERS: readonly Racer[] = [
  {
    sql: (below, round) => `delete from lake.raced where id < ${below} and id % 13 = ${round % 13}`,
    to: (id, amount, round) => (id % 13 === round % 13 ? undefined : amount),
  },
  {
    sql: () =>
      "call millrace.system.rewrite_data_files(table => 'lake.raced', options => map('min-input-files', '2'))",
    to: (_id, amount) => amount,
  },
  {
    sql: (below, round) => `merge into lake.raced as t
      using (select cast(id as int) as id from range(${below}) where id % 17 = ${round % 17}) as s on t.id = s.id
      when matched then update set amount = t.amount + 1000000`,
    to: (id, amount, round) => (id % 17 === round % 17 ? amount + 1_000_000 : amount),
  },
  {
    sql: () =>
      "call millrace.system.rewrite_position_delete_files(table => 'lake.raced', options => map('rewrite-all', 'true'))",
    to: (_id, amount) => amount,
  },
];

function apply({ to }: Racer, amounts: Amounts, below: number, round: number): void {
  for (const [id, amount] of amounts) {
    if (id >= below) continue;
    const changed = to(id, amount, round);
    if (changed === undefined) amounts.delete(id);
    else amounts.set(id, changed);
  }
}

/** Says how many were made, and how many Spark gave up because another commit came between. */
async function race(amounts: Amounts, until: number): Promise<{ made: number; givenUp: number }> {
  const counts = { made: 0, givenUp: 0 };
  for (let round = 0; Date.now() < until; round++) {
    for (const racer of RACERS) {
      const below = await delivered();
      try {
        await theirs(racer.sql(below, round));
        apply(racer, amounts, below, round);
        counts.made += 1;
      } catch (error) {
        if (!/conflict|cannot commit/i.test((error as Error).message)) throw error;
        counts.givenUp += 1;
      }
    }
  }
  return counts;
}

/** Ours, again and again. */
async function compact(until: number): Promise<void> {
  while (Date.now() < until) {
    const { code, err } = await millrace(['compact', 'raced', '--pipeline', at.lake.folder]);
    expect([code, err]).toEqual([0, '']);
  }
}

test("Spark's deletes, merges and rewrites race deliveries and our compaction, and no row is lost, doubled or back again", async () => {
  const amounts: Amounts = new Map();
  const modes = ['delete', 'update', 'merge'].flatMap((verb) => [
    `'write.${verb}.mode' = 'merge-on-read'`,
    `'write.${verb}.isolation-level' = 'snapshot'`,
  ]);
  await theirs(`alter table lake.raced set tblproperties (${modes.join(', ')})`);
  const until = Date.now() + RACE_MS;
  const [counts] = await Promise.all([race(amounts, until), send(amounts, until), compact(until)]);
  const last = 10_000_000;
  await at.lake.deliver('raced', sales(last, last));
  amounts.set(last, last);

  const statement = 'select count(*), count(distinct id), sum(amount) from lake.raced';
  const sum = [...amounts.values()].reduce((total, amount) => total + amount, 0);
  expect(await same(statement, ours, theirs)).toEqual([
    [String(amounts.size), String(amounts.size), String(sum)],
  ]);
  const rows = await same('select id, amount from lake.raced order by id', ours, theirs);
  expect(rows).toEqual([...amounts].sort(([a], [b]) => a - b));
  expect(counts.made).toBeGreaterThan(RACERS.length);
}, 240_000);

import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);
const PIPELINE = `
import { bucket, field as f, stream } from 'millrace';
export const accounts = stream('accounts', {
  fields: { id: f.long(), region: f.string(), balance: f.decimal(10, 2).optional(), gone: f.boolean().optional() },
  shards: 3,
  table: { partitionBy: [bucket('id', 2)], every: '300ms', upsert: ['region', 'id'], tombstone: 'gone' },
});
`;

/** What a stream of changes leaves, and the changes themselves. */
class Accounts {
  readonly rows = new Map<string, string>();
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  changes(): object[] {
    return Array.from({ length: 1 + Math.floor(this.#random() * 200) }, () => {
      const [id, region] = [Math.floor(this.#random() * 60), this.#random() < 0.5 ? 'n' : "s'"];
      const key = `${region}${id}`;
      if (this.#random() < 0.15) {
        this.rows.delete(key);
        return { id, region, gone: true };
      }
      const balance = (Math.floor(this.#random() * 100_000) / 100).toFixed(2);
      this.rows.set(key, balance);
      return { id, region, balance };
    });
  }
}

async function send(to: RunningPipeline, records: readonly object[]): Promise<void> {
  const lines = records.map((record) => JSON.stringify(record)).join('\n');
  expect((await to.post('/v1/streams/accounts/records', lines)).status).toBe(200);
}

const ROWS = 'select region || id, balance from lake.accounts order by 1';
const sorted = (rows: ReadonlyMap<string, string>) =>
  [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
const isDelivered = async (pipeline: RunningPipeline) =>
  (await pipeline.sql("select lag from sys.deliveries where stream = 'accounts'"))[0]?.[0] === '0'
    ? true
    : undefined;

test(`a table with upsert has one row for each key: the last one, at each moment, over kills and compactions (seed ${SEED})`, async () => {
  const folder = temporaryFolder();
  const random = seededRandom(SEED);
  const accounts = new Accounts(SEED);
  let pipeline = await startPipeline(folder, PIPELINE);
  for (let round = 0; round < 24; round++) {
    await send(pipeline, accounts.changes());
    expect(await pipeline.sql(ROWS), `round ${round}`).toEqual(sorted(accounts.rows));
    await new Promise((resolve) => setTimeout(resolve, random() * 500));
    if (round % 8 === 7) {
      await pipeline.kill();
      pipeline = await startPipeline(folder, undefined);
    }
    if (round % 8 === 3) await millrace(['compact', 'lake.accounts', '--pipeline', folder]);
  }
  await eventually(() => isDelivered(pipeline));
  expect(await pipeline.sql(ROWS)).toEqual(sorted(accounts.rows));
  const [[rows, keys] = []] = await pipeline.sql(
    'select count(*), count(distinct (region, id)) from records.accounts',
  );
  expect(rows).toBe(String(accounts.rows.size));
  expect(keys).toBe(rows);
  await pipeline.stop();
}, 120_000);

test('what is delivered again changes no row, and what a rollback took back comes again', async () => {
  const folder = temporaryFolder();
  const accounts = new Accounts(SEED + 1);
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, accounts.changes());
  await eventually(() => isDelivered(pipeline));
  const [[snapshot] = []] = await pipeline.sql(
    "select snapshot_id from sys.snapshots where table_name = 'lake.accounts' and is_current",
  );
  await send(pipeline, accounts.changes());
  await send(pipeline, accounts.changes());
  await eventually(() => isDelivered(pipeline));
  await millrace([
    'rollback',
    'accounts',
    '--to',
    String(snapshot),
    '--redeliver',
    '--pipeline',
    folder,
  ]);
  await eventually(() => isDelivered(pipeline));
  expect(await pipeline.sql(ROWS)).toEqual(sorted(accounts.rows));
  await pipeline.stop();
});

test('in a data folder that was moved deleted rows stay deleted; other programs wait until they are folded in', async () => {
  const folder = temporaryFolder();
  const moved = join(temporaryFolder(), 'elsewhere');
  const accounts = new Accounts(SEED + 2);
  const first = await startPipeline(folder, PIPELINE);
  for (let round = 0; round < 3; round++) {
    await send(first, accounts.changes());
    await eventually(() => isDelivered(first));
  }
  const deleted = 'select count(*) from sys.files where has_deletes';
  expect(await first.sql(deleted)).not.toEqual([['0']]);
  await first.stop();
  renameSync(join(folder, '.millrace'), moved);
  const second = await startPipeline(folder, undefined, { args: ['--data', moved] });
  expect(await second.sql(ROWS)).toEqual(sorted(accounts.rows));
  const table = `${second.url}/iceberg/v1/namespaces/lake/tables/accounts`;
  await eventually(async () => ((await fetch(table)).status === 200 ? true : undefined));
  expect(await second.sql(deleted)).toEqual([['0']]);
  expect(await second.sql(ROWS)).toEqual(sorted(accounts.rows));
  await second.stop();
});

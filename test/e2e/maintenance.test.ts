import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);
const CYCLES = Number(process.env['MAINTENANCE_CYCLES'] ?? 4);
const REACHABLE = fileURLToPath(new URL('../interop/reachable.py', import.meta.url));

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.long(), pad: f.string() }, key: 'id', shards: 2, table: { every: '300ms' } });
`;

/** One producer, which sends ids without gaps: what a query answers says how far it saw. */
class Sales {
  /** Every id below was acknowledged. */
  acknowledged = 0;
  /** Every id below was sent. */
  sent = 0;
  queries = 0;
  compactions = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** @returns false where it is not known whether they were taken */
  async send(to: RunningPipeline): Promise<void> {
    const count = 1 + Math.floor(this.#random() * 60);
    const ids = Array.from({ length: count }, (_, index) => this.acknowledged + index);
    this.sent = this.acknowledged + count;
    const lines = ids.map((id) => JSON.stringify({ id, pad: `pad ${id}` })).join('\n');
    const response = await to.post('/v1/streams/sales/records', lines);
    expect(await response.json()).toMatchObject({ accepted: count });
    this.acknowledged = this.sent;
  }

  /** What was acknowledged before the query began, all that, and each once. */
  async check(pipeline: RunningPipeline, ask = 'from sales'): Promise<number> {
    const before = this.acknowledged;
    const [row] = await pipeline.sql(
      `select count(*), count(distinct id), coalesce(sum(id), 0), count(distinct pad) ${ask}`,
    );
    const count = Number(row?.[0]);
    const said = `${count} rows, ${before} were acknowledged, ${this.sent} sent`;
    expect(count, said).toBeGreaterThanOrEqual(before);
    expect(count, said).toBeLessThanOrEqual(this.sent);
    expect(row, said).toEqual([count, count, (count * (count - 1)) / 2, count].map(String));
    this.queries += 1;
    return count;
  }
}

/** Does `action` again and again until the process is killed; what fails before that fails the test. */
async function while_(isAlive: () => boolean, action: () => Promise<unknown>): Promise<void> {
  while (isAlive())
    try {
      await action();
    } catch (error) {
      if (isAlive()) throw error;
    }
}

async function ask(pipeline: RunningPipeline, action: string, body: object): Promise<never> {
  const response = await pipeline.post(`/v1/tables/lake/sales/${action}`, JSON.stringify(body));
  const answer = await response.json();
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer as never;
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

test(`deliveries, compaction, expiry and queries at once, and kill -9 in the middle: nothing is lost or doubled (seed ${SEED}, ${CYCLES} kills)`, async () => {
  const folder = temporaryFolder();
  const random = seededRandom(SEED);
  const sales = new Sales(random);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const pipeline = await startPipeline(folder, cycle === 0 ? PIPELINE : undefined);
    // What the kill cut off was taken or not, as one.
    const found = await pipeline.sql('select count(*) from sales');
    expect([sales.acknowledged, sales.sent]).toContain(Number(found[0]?.[0]));
    sales.acknowledged = sales.sent = Number(found[0]?.[0]);
    let alive = true;
    const isAlive = () => alive;
    const all = [
      while_(isAlive, () => sales.send(pipeline)),
      while_(isAlive, () => sales.check(pipeline)),
      while_(isAlive, async () => {
        const { jobs } = await ask(pipeline, 'compact', { jobs: 1 });
        sales.compactions += jobs;
      }),
      while_(isAlive, () => ask(pipeline, 'expire', { keep: 1 })),
    ];
    await Promise.race([
      new Promise((resolve) => setTimeout(resolve, 1500 + random() * 2500)),
      ...all,
    ]);
    alive = false;
    await pipeline.kill();
    await Promise.all(all);
  }
  const pipeline = await startPipeline(folder, undefined);
  await sales.check(pipeline);
  expect(sales.queries).toBeGreaterThan(2 * CYCLES);
  expect(sales.compactions).toBeGreaterThan(0);
  expect(await pipeline.stop()).toBe(0);
  await expectSwept(folder, sales);
}, 120_000);

/** With all files a day old, and nothing expired in this run, a sweep leaves what PyIceberg reaches, and all of it. */
async function expectSwept(folder: string, sales: Sales): Promise<void> {
  const table = join(folder, '.millrace/lake/lake/sales');
  const once = await startPipeline(folder, undefined);
  await ask(once, 'expire', { keep: 1 });
  expect(await once.stop()).toBe(0);
  const days = new Date(Date.now() - 2 * 24 * 60 * 60_000);
  for (const path of filesBelow(table)) utimesSync(path, days, days);
  const again = await startPipeline(folder, undefined);
  const count = await sales.check(again);
  const before = filesBelow(table).length;
  const expired = await millrace(['expire', 'lake.sales', '--keep', '1', '--pipeline', folder]);
  expect(expired.err).toBe('');
  expect(await again.stop()).toBe(0);
  const python = JSON.parse(await runPython(REACHABLE, [table])) as {
    readonly reachable: readonly string[];
  };
  expect(python).toMatchObject({
    count,
    distinct: count,
    sum: (count * (count - 1)) / 2,
    snapshots: 1,
  });
  const left = filesBelow(table);
  expect(left).toEqual([...python.reachable].sort());
  expect(left.length, 'there was something to sweep').toBeLessThan(before);
}

test('the verbs say what they did, and refuse what they do not understand', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  const sales = new Sales(seededRandom(SEED));
  const verb = (...words: string[]) => millrace([...words, '--pipeline', folder]);
  for (let delivery = 0; delivery < 3; delivery++) {
    await sales.send(pipeline);
    await eventually(async () =>
      (await pipeline.sql('select lag from sys.deliveries'))[0]?.[0] === '0' ? true : undefined,
    );
  }
  expect((await verb('compact', 'nothing')).err).toContain(
    "There is no table 'nothing'. Tables are: lake.sales",
  );
  expect((await verb('compact')).out).toMatch(/lake\.sales: 3 files → 1, \d+ rows, .*; 0 to go/);
  expect((await verb('compact', 'sales')).out).toContain('lake.sales: nothing to put together');
  expect((await verb('expire', '--keep', '2', '--json')).out).toContain('"snapshots":2');
  expect((await verb('expire', '--keep', 'two')).err).toContain('whole number');
  const [[first, rows] = []] = await pipeline.sql(
    'select snapshot_id, total_rows from sys.snapshots order by committed_at limit 1',
  );
  expect((await verb('rollback', 'sales', '--to', String(first))).out).toContain(
    `snapshot ${first}, ${rows} rows`,
  );
  expect((await verb('rollback', 'sales', '--to', '12')).err).toContain(
    'has no snapshot 12. It has',
  );
  expect((await verb('rollback', 'sales', '--to', 'yesterday')).err).toContain("not 'yesterday'");
  await sales.check(pipeline);
  expect(await pipeline.stop()).toBe(0);
}, 120_000);

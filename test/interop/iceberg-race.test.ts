import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { PythonSession } from '../support/python-session.ts';

/** R7: those who commit at once, in programs of their own, beside our own deliveries. */

const COMMITTER = fileURLToPath(new URL('../support/iceberg-committer.mjs', import.meta.url));
const COMMITTERS = 8;
const COMMITS = Number(process.env['RACE_COMMITS'] ?? 25);
const BOUND_MS = Number(process.env['RACE_BOUND_MS'] ?? 180_000);

const PIPELINE = `
import { field as f, stream } from 'millrace';
export const readings = stream('readings', { fields: { id: f.int() }, table: { every: '300ms' } });
`;

interface Race {
  readonly server: RunningPipeline;
  readonly file: string;
}

/** A stream with one row delivered, whose data file the others make copies of. */
async function readyToRace(): Promise<Race> {
  const folder = temporaryFolder();
  const server = await startPipeline(folder, PIPELINE);
  await send(server, 1);
  await eventually(async () => {
    const answer = await fetch(`${server.url}/iceberg/v1/namespaces/lake/tables/readings`);
    const { metadata } = (await answer.json()) as { metadata: { snapshots: object[] } };
    return metadata.snapshots.length > 0 ? true : undefined;
  });
  const data = join(folder, '.millrace/lake/lake/readings/data');
  const name = readdirSync(data).find((one) => one.endsWith('.parquet'));
  return { server, file: join(data, name as string) };
}

async function send(server: RunningPipeline, id: number): Promise<void> {
  const answer = await server.post('/v1/streams/readings/records', JSON.stringify({ id }));
  expect(answer.status).toBe(200);
}

function committer({ server, file }: Race, name: string, count: number, isHonest = true) {
  const child = spawn(
    process.execPath,
    [COMMITTER, server.url, 'lake/readings', file, name, String(count), String(isHonest)],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return once(child, 'exit').then(([code]) => code as number);
}

/** Names of the copies that are in the table, as PyIceberg reads it, and its rows. */
async function found(server: RunningPipeline): Promise<{ copies: string[]; rows: number }> {
  const session = new PythonSession();
  onTestFinished(() => session.end());
  return session.run(`
    from pyiceberg.catalog import load_catalog
    t = load_catalog("m", **{"type": "rest", "uri": "${server.url}/iceberg"}).load_table("lake.readings")
    paths = [task.file.file_path.rsplit("/", 1)[1] for task in t.scan().plan_files()]
    result = {"copies": sorted(p for p in paths if p.startswith("by-")), "rows": t.scan().to_arrow().num_rows}
  `);
}

test(
  `R7: ${COMMITTERS} programs with ${COMMITS} commits each, and deliveries meanwhile: each commit is there once`,
  async () => {
    const race = await readyToRace();
    const { server } = race;
    const startMs = Date.now();
    let isOver = false;
    let sent = 1;
    const deliveries = (async () => {
      while (!isOver) {
        sent += 1;
        await send(server, sent);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    const python = new PythonSession();
    onTestFinished(() => python.end());
    const beside = python.run(`
      import pyarrow as pa
      from pyiceberg.catalog import load_catalog
      t = load_catalog("m", **{"type": "rest", "uri": "${server.url}/iceberg"}).load_table("lake.readings")
      with t.transaction() as x:
          x.set_properties(**{"commit.retry.num-retries": "200", "commit.retry.min-wait-ms": "5", "commit.retry.max-wait-ms": "50", "commit.retry.total-timeout-ms": "120000"})
      t = load_catalog("m", **{"type": "rest", "uri": "${server.url}/iceberg"}).load_table("lake.readings")
      for i in range(10):
          while True:
              try:
                  t.append(pa.Table.from_pylist([{"id": 10_000_000 + i}], schema=t.schema().as_arrow()))
                  break
              except Exception as error:
                  if type(error).__name__ != "CommitFailedException":
                      raise
                  t.refresh()
      result = "done"
    `);
    const codes = await Promise.all(
      Array.from({ length: COMMITTERS }, (_, index) => committer(race, String(index), COMMITS)),
    );
    const tookMs = Date.now() - startMs;
    expect(await beside).toBe('done');
    isOver = true;
    await deliveries;
    expect(codes).toEqual(Array(COMMITTERS).fill(0));
    const [last] = await server.sql(
      'select count(*), count(distinct id) filter (where id > 1) from lake.readings',
    );
    const expected = Array.from({ length: COMMITTERS }, (_, who) =>
      Array.from({ length: COMMITS }, (_, index) => `by-${who}-${index}.parquet`),
    )
      .flat()
      .sort();
    const table = await eventually(async () => {
      const now = await found(server);
      return now.rows === expected.length + sent + 10 ? now : undefined;
    }, 30_000);
    expect(table.copies).toEqual(expected);
    // One row for each copy, those of deliveries, and those of PyIceberg.
    expect(last?.map(Number)).toEqual([expected.length + sent + 10, sent - 1 + 10]);
    expect(tookMs, 'time of all commits').toBeLessThan(BOUND_MS);
    console.info(
      `R7: ${expected.length} commits in ${tookMs} ms, ${sent} records delivered beside`,
    );
  },
  2 * BOUND_MS,
);

test('control: commits that say nothing of the state they were made on lose others, and that is seen', async () => {
  const race = await readyToRace();
  const names = ['a', 'b', 'c'];
  const codes = await Promise.all(names.map((name) => committer(race, name, 20, false)));
  expect(codes, 'each was told that it was made').toEqual([0, 0, 0]);
  const { copies } = await found(race.server);
  expect(copies.length).toBeLessThan(60);
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';
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
  /** Data files that the committers add. */
  readonly folder: string;
}

/** The id of the row that a commit adds. */
const idOf = (committer: number, index: number): number => 20_000_000 + committer * 10_000 + index;

const idsOf = (committers: number, commits: number): number[] =>
  Array.from({ length: committers * commits }, (_, at) =>
    idOf(Math.floor(at / commits), at % commits),
  );

/** A stream with one row delivered, and files like its own, each with another row. */
async function readyToRace(committers: number, commits: number): Promise<Race> {
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
  await runPython(ONE_ROW_FILES, [
    ...[join(data, name as string), folder],
    ...idsOf(committers, commits).map(
      (id, at) => `${Math.floor(at / commits)}-${at % commits}=${id}`,
    ),
  ]);
  return { server, folder };
}

const ONE_ROW_FILES = `
import sys, pyarrow as pa, pyarrow.parquet as parquet
model, folder, *files = sys.argv[1:]
rows = parquet.read_table(model)
at, field = rows.schema.get_field_index("id"), rows.schema.field("id")
for file in files:
    name, id = file.split("=")
    parquet.write_table(rows.set_column(at, field, pa.array([int(id)], field.type)), f"{folder}/{name}.parquet")
`;

async function send(server: RunningPipeline, id: number): Promise<void> {
  const answer = await server.post('/v1/streams/readings/records', JSON.stringify({ id }));
  expect(answer.status).toBe(200);
}

function committer({ server, folder }: Race, name: number, count: number, isHonest = true) {
  const child = spawn(
    process.execPath,
    [COMMITTER, server.url, 'lake/readings', folder, String(name), String(count), String(isHonest)],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return once(child, 'exit').then(([code]) => code as number);
}

/** Ids in the table, as PyIceberg reads it. */
async function found(server: RunningPipeline): Promise<number[]> {
  const session = new PythonSession();
  onTestFinished(() => session.end());
  return session.run(`
    from pyiceberg.catalog import load_catalog
    t = load_catalog("m", **{"type": "rest", "uri": "${server.url}/iceberg"}).load_table("lake.readings")
    result = sorted(t.scan(selected_fields=("id",)).to_arrow()["id"].to_pylist())
  `);
}

test(
  `R7: ${COMMITTERS} programs with ${COMMITS} commits each, and deliveries meanwhile: each commit is there once`,
  async () => {
    const race = await readyToRace(COMMITTERS, COMMITS);
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
                  # Five hundred commits later the state it began from is expired, young as it is.
                  isLate = "Cannot find starting snapshot" in str(error)
                  if type(error).__name__ != "CommitFailedException" and not isLate:
                      raise
                  t.refresh()
      result = "done"
    `);
    const codes = await Promise.all(
      Array.from({ length: COMMITTERS }, (_, index) => committer(race, index, COMMITS)),
    );
    const tookMs = Date.now() - startMs;
    expect(await beside).toBe('done');
    isOver = true;
    await deliveries;
    expect(codes).toEqual(Array(COMMITTERS).fill(0));
    const byPython = Array.from({ length: 10 }, (_, index) => 10_000_000 + index);
    const byStream = Array.from({ length: sent }, (_, index) => index + 1);
    const expected = [...byStream, ...byPython, ...idsOf(COMMITTERS, COMMITS)];
    // Not delivered yet is not lost: our own answer has it at once, the table soon.
    const own = await server.sql('select id from lake.readings order by id');
    expect(own.map(([id]) => id)).toEqual(expected);
    const ids = await eventually(async () => {
      const now = await found(server);
      return now.length >= expected.length ? now : undefined;
    }, 30_000);
    expect(ids).toEqual(expected);
    expect(tookMs, 'time of all commits').toBeLessThan(BOUND_MS);
    console.info(
      `R7: ${COMMITTERS * COMMITS} commits in ${tookMs} ms, ${sent} records delivered beside`,
    );
  },
  2 * BOUND_MS,
);

test('control: commits that say nothing of the state they were made on lose others, and that is seen', async () => {
  const race = await readyToRace(3, 20);
  const codes = await Promise.all([0, 1, 2].map((name) => committer(race, name, 20, false)));
  expect(codes, 'each was told that it was made').toEqual([0, 0, 0]);
  const ids = await found(race.server);
  expect(idsOf(3, 20).filter((id) => !ids.includes(id))).not.toEqual([]);
});

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { LmdbLookupStore } from '../../src/lookup/embedded/lmdb-lookup-store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, millrace, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const FIELDS = 'id: f.int(), name: f.string()';
const PIPELINE = `
import { field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', { fields: { ${FIELDS} }, table: { every: '1h' } });
export const by_id = lookup('by_id', { from: sales, key: 'id' });
export const names = model('names', { sql: sql\`select name, count(*) as n from \${sales} group by all\`, schedule: 'manual' });
`;
const rows = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => JSON.stringify({ id: from + index, name: 'x' })).join(
    '\n',
  );
const send = (pipeline: RunningPipeline, from: number, count: number) =>
  pipeline.post('/v1/streams/sales/records', rows(from, count));
const idsOf = async (pipeline: RunningPipeline) =>
  (await pipeline.sql('select count(*), count(distinct id) from lake.sales'))[0];

function parquetFiles(folder: string): string[] {
  const data = join(folder, '.millrace/lake');
  return existsSync(data)
    ? readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.endsWith('.parquet'),
      )
    : [];
}

test('one process owns a data folder: a second one is refused with the pid of the first', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  for (const verb of ['dev', 'start']) {
    const second = await millrace([verb, folder, '--port', '0', '--json']);
    expect(second.code).toBe(1);
    expect(JSON.parse(second.out)).toEqual({
      event: 'error',
      code: 'MR_STORAGE_LOCKED',
      pid: pipeline.process.pid,
      message: expect.stringContaining(
        `Process ${pipeline.process.pid} owns ${join(folder, '.millrace')}`,
      ),
    });
  }
  const beside = await millrace([
    'query',
    'select 1 as one',
    '--pipeline',
    folder,
    '--data',
    join(folder, 'other'),
    '--format',
    'csv',
  ]);
  expect([beside.code, beside.out], 'another folder is another pipeline').toEqual([0, 'one\n1\n']);
  expect((await send(pipeline, 0, 1)).status, 'the first goes on').toBe(200);
});

test('after a kill the folder is free again, though the lock was left', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, 0, 10);
  await pipeline.kill();
  expect(existsSync(join(folder, '.millrace/lock'))).toBe(true);
  expect(await idsOf(await startPipeline(folder, undefined))).toEqual(['10', '10']);
});

test('SIGTERM delivers what waits and exits 0', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, 0, 500);
  expect(await pipeline.sql('select undelivered from sys.streams')).toEqual([['500']]);
  expect(parquetFiles(folder)).toEqual([]);
  expect(await pipeline.stop()).toBe(0);
  expect(pipeline.events.at(-1)).toEqual({ event: 'stopped' });
  expect(pipeline.errors()).toBe('');
  expect(parquetFiles(folder).length).toBeGreaterThan(0);
  expect(
    readdirSync(join(folder, '.millrace')).filter((name) =>
      ['lock', 'run.json', 'scratch'].includes(name),
    ),
    'nothing of the process is left',
  ).toEqual([]);
  const again = await startPipeline(folder, undefined);
  expect(
    await again.sql(
      "select undelivered, records from sys.streams union all select total_rows, total_rows from sys.snapshots where table_name = 'lake.sales'",
    ),
  ).toEqual([
    ['0', '500'],
    ['500', '500'],
  ]);
  expect(await idsOf(again)).toEqual(['500', '500']);
});

test('SIGTERM while records come in loses none that was acknowledged', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  let next = 0;
  let acknowledged = 0;
  let open = true;
  const producer = async () => {
    while (open) {
      const from = next;
      next += 50;
      const response = await send(pipeline, from, 50).catch(() => undefined);
      if (response?.status === 200)
        acknowledged += ((await response.json()) as { accepted: number }).accepted;
      else open = false;
    }
  };
  const producers = [producer(), producer(), producer()];
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(await pipeline.stop()).toBe(0);
  open = false;
  await Promise.all(producers);
  expect(acknowledged).toBeGreaterThan(0);
  const [count, distinct] = (await idsOf(await startPipeline(folder, undefined))) as [
    string,
    string,
  ];
  expect(count).toBe(distinct);
  expect(Number(count)).toBeGreaterThanOrEqual(acknowledged);
});

describe('SIGTERM while lookups are behind', () => {
  const behind = async () => {
    const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
    await send(pipeline, 0, 1);
    await eventually(async () =>
      (await fetch(`${pipeline.url}/v1/lookups/by_id/0`)).status === 200 ? true : undefined,
    );
    const { processes } = (await (await fetch(`${pipeline.url}/v1/status`)).json()) as {
      processes: { name: string; pid: number }[];
    };
    const worker = processes.find(({ name }) => name === 'worker')?.pid as number;
    process.kill(worker, 'SIGSTOP');
    await send(pipeline, 1, 29_999);
    const stored = () => {
      const store = new LmdbLookupStore(join(pipeline.folder, '.millrace/system/lookups.mdb'));
      const found = { next: store.position('by_id')?.next, entries: store.entries('by_id') };
      return store.close().then(() => found);
    };
    return { pipeline, worker, stored };
  };

  test('ends once they have every record', async () => {
    const { pipeline, worker, stored } = await behind();
    const stopped = pipeline.stop();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(pipeline.process.exitCode, 'it waits').toBe(null);
    process.kill(worker, 'SIGCONT');
    expect([await stopped, pipeline.errors()]).toEqual([0, '']);
    expect(await stored()).toEqual({ next: 30_000, entries: 30_000 });
  });

  test('ends without them when its time is over, and they catch up after the next start', async () => {
    const { pipeline, stored } = await behind();
    const began = Date.now();
    expect(await pipeline.stop()).toBe(0);
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(pipeline.errors()).toContain('lookups could not be brought up to date before the end');
    expect((await stored()).entries).toBeLessThan(30_000);
    const again = await startPipeline(pipeline.folder, undefined);
    await eventually(async () =>
      (await fetch(`${again.url}/v1/lookups/by_id/29999`)).status === 200 ? true : undefined,
    );
  });
});

test('a moved data folder keeps working', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, PIPELINE);
  await send(pipeline, 0, 100);
  await pipeline.stop();
  const moved = join(temporaryFolder(), 'moved');
  mkdirSync(moved);
  renameSync(join(folder, '.millrace'), join(moved, '.millrace'));
  const again = await startPipeline(moved, PIPELINE);
  await send(again, 100, 100);
  expect(await idsOf(again)).toEqual(['200', '200']);
  const entry = await eventually(async () => {
    const found = await fetch(`${again.url}/v1/lookups/by_id/7`);
    return found.status === 200 ? ((await found.json()) as object) : undefined;
  });
  expect(entry).toEqual({ id: 7, name: 'x' });
  await again.stop();
  const metadata = readdirSync(join(moved, '.millrace/lake'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.metadata.json'))
    .sort();
  expect(
    readFileSync(join(moved, '.millrace/lake', metadata.at(-1) as string), 'utf8'),
  ).not.toContain(folder);
});

describe('`dev` reloads on change:', () => {
  const file = (pipeline: RunningPipeline) => join(pipeline.folder, 'pipeline.ts');
  const change = async (pipeline: RunningPipeline, source: string, event: string) => {
    const seen = pipeline.waitFor(event);
    writeFileSync(file(pipeline), source);
    return seen;
  };

  test('an optional field more keeps the data, and works', async () => {
    const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
    await send(pipeline, 0, 10);
    const { changes } = await change(
      pipeline,
      PIPELINE.replace(FIELDS, `${FIELDS}, price: f.decimal(6, 2).optional()`),
      'reloaded',
    );
    expect(changes).toEqual([
      expect.objectContaining({ kind: 'added', what: 'stream sales, field price' }),
    ]);
    const response = await pipeline.post(
      '/v1/streams/sales/records',
      '{"id":10,"name":"y","price":"1.50"}',
    );
    expect(await response.json()).toMatchObject({ accepted: 1, rejected: [] });
    expect(await pipeline.sql('select count(*), count(price), sum(price) from lake.sales')).toEqual(
      [['11', '1', '1.50']],
    );
    expect(
      await eventually(async () => {
        const found = await fetch(`${pipeline.url}/v1/lookups/by_id/10`);
        return found.status === 200 ? ((await found.json()) as object) : undefined;
      }),
    ).toEqual({ id: 10, name: 'y', price: '1.50' });
    expect(
      await (await fetch(`${pipeline.url}/v1/lookups/by_id/3`)).json(),
      'an older entry has the new field too',
    ).toEqual({ id: 3, name: 'x', price: null });
    expect(await pipeline.stop(), 'and all of it is delivered').toBe(0);
    const again = await startPipeline(pipeline.folder, undefined);
    expect(await again.sql('select count(*), count(price), sum(price) from lake.sales')).toEqual([
      ['11', '1', '1.50'],
    ]);
  });

  test('no record is lost or doubled while producers go on', async () => {
    const pipeline = await startPipeline(
      temporaryFolder(),
      PIPELINE.replace("every: '1h'", "every: '100ms'"),
    );
    let next = 0;
    let open = true;
    const refused: number[] = [];
    const producer = async () => {
      while (open) {
        const from = next;
        next += 20;
        const response = await send(pipeline, from, 20);
        if (response.status !== 200) refused.push(response.status);
      }
    };
    const producers = [producer(), producer()];
    for (let turn = 0; turn < 4; turn++) {
      await change(
        pipeline,
        PIPELINE.replace("every: '1h'", `every: '${100 + turn}ms'`),
        'reloaded',
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    open = false;
    await Promise.all(producers);
    expect(refused).toEqual([]);
    expect(next).toBeGreaterThan(100);
    expect(await idsOf(pipeline)).toEqual([String(next), String(next)]);
  });

  test('a broken file keeps the old pipeline running and says file and line; the next right one is taken', async () => {
    const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
    const cases: [string, string, RegExp][] = [
      [`${PIPELINE}\nexport const x = ;`, 'MR_PIPELINE_UNREADABLE', /pipeline\.ts/],
      [
        PIPELINE.replace("key: 'id'", "key: 'no'"),
        'MR_DEFINITION_INVALID',
        /pipeline\.ts:4: lookup\('by_id'\): `key` names "no"/,
      ],
      [PIPELINE.replace('select name', 'select nam'), 'MR_PLAN_QUERY', /pipeline\.ts:5: names: /],
      [
        PIPELINE.replace('id: f.int()', 'id: f.string()'),
        'MR_PLAN_BREAKING',
        /stream sales, field id: int → string/,
      ],
    ];
    for (const [index, [source, code, says]] of cases.entries()) {
      const failed = await change(pipeline, source, 'reload-failed');
      expect(failed, code).toMatchObject({ code, message: expect.stringMatching(says) });
      expect((await send(pipeline, index, 1)).status, code).toBe(200);
      expect(await idsOf(pipeline)).toEqual([String(index + 1), String(index + 1)]);
    }
    await change(
      pipeline,
      PIPELINE.replace(FIELDS, `${FIELDS}, more: f.int().optional()`),
      'reloaded',
    );
    expect(await pipeline.sql('select count(*), count(more) from lake.sales')).toEqual([
      ['4', '0'],
    ]);
  });

  test('files that the pipeline imports are watched too, also when an editor replaces them', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'parts'));
    const part = join(folder, 'parts/fields.ts');
    writeFileSync(
      part,
      "import { field as f } from 'millrace';\nexport const fields = { id: f.int() };\n",
    );
    const pipeline = await startPipeline(
      folder,
      "import { stream } from 'millrace';\nimport { fields } from './parts/fields.ts';\nexport const sales = stream('sales', { fields });\n",
    );
    const reloaded = pipeline.waitFor('reloaded');
    writeFileSync(
      `${part}.new`,
      "import { field as f } from 'millrace';\nexport const fields = { id: f.int(), name: f.string().optional() };\n",
    );
    renameSync(`${part}.new`, part);
    expect((await reloaded)['changes']).toEqual([
      expect.objectContaining({ what: 'stream sales, field name' }),
    ]);
    const again = pipeline.waitFor('reloaded');
    writeFileSync(
      part,
      "import { field as f } from 'millrace';\nexport const fields = { id: f.int(), name: f.string().optional(), code: f.string().optional() };\n",
    );
    expect((await again)['changes']).toEqual([
      expect.objectContaining({ what: 'stream sales, field code' }),
    ]);
  });

  test('what a broken file newly imports is watched, also where it is not there yet', async () => {
    const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
    const part = join(pipeline.folder, 'part.ts');
    writeFileSync(part, 'export const x = ;');
    const importing = `import './part.ts';\n${PIPELINE}`;
    expect(await change(pipeline, importing, 'reload-failed')).toMatchObject({
      code: 'MR_PIPELINE_UNREADABLE',
    });
    const mended = pipeline.waitFor('reloaded');
    writeFileSync(part, "import './parts/later.ts';\nexport const x = 1;");
    const missing = pipeline.waitFor('reload-failed');
    expect((await missing)['message']).toMatch(/later\.ts/);
    mkdirSync(join(pipeline.folder, 'parts'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    writeFileSync(join(pipeline.folder, 'parts/later.ts'), 'export const y = 1;');
    await mended;
    const again = pipeline.waitFor('reloaded');
    writeFileSync(join(pipeline.folder, 'parts/later.ts'), 'export const y = 2;');
    await again;
  });

  test('it writes the row types of models beside the pipeline', async () => {
    const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
    const types = () => readFileSync(join(pipeline.folder, 'millrace-env.d.ts'), 'utf8');
    expect(types()).toMatch(/names: \{\s+"name": string \| null;\s+"n": bigint \| null;\s+\}/);
    await change(pipeline, PIPELINE.replace('count(*) as n', 'max(id) as highest'), 'reloaded');
    expect(types()).toContain('"highest": number | null');
  });
});

test('`start` does not reload', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE, { mode: 'start' });
  writeFileSync(join(pipeline.folder, 'pipeline.ts'), `${PIPELINE}\nexport const x = ;`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(pipeline.events.map(({ event }) => event)).toEqual(['ready']);
});

test('kill -9 of each child process loses nothing, and it is back within about a second', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  interface Process {
    readonly name: string;
    readonly pid: number | null;
    readonly restarts: number;
  }
  const processes = async () =>
    ((await (await fetch(`${pipeline.url}/v1/status`)).json()) as { processes: Process[] })
      .processes;
  // They come up after it is ready.
  const [main, ...children] = await eventually(async () => {
    const all = await processes();
    return all.every(({ pid }) => pid !== null) ? all : undefined;
  });
  expect([main?.name, main?.pid, children.map(({ name }) => name)]).toEqual([
    'main',
    pipeline.process.pid,
    ['engine', 'sql', 'worker'],
  ]);
  let sent = 0;
  for (const { name, pid } of children) {
    await send(pipeline, sent, 100);
    process.kill(pid as number, 'SIGKILL');
    const killed = Date.now();
    expect((await send(pipeline, sent + 100, 100)).status, `without ${name}`).toBe(200);
    sent += 200;
    await eventually(async () => {
      const child = (await processes()).find((candidate) => candidate.name === name);
      return child && child.pid !== pid && child.restarts === 1 ? true : undefined;
    });
    await eventually(async () => {
      const asked = await pipeline.post('/v1/sql', '{"sql":"select count(*) from lake.sales"}');
      return asked.status === 200 &&
        ((await asked.json()) as { rows: unknown[][] }).rows[0]?.[0] === String(sent)
        ? true
        : undefined;
    });
    await eventually(async () =>
      (await fetch(`${pipeline.url}/v1/lookups/by_id/${sent - 1}`)).status === 200
        ? true
        : undefined,
    );
    expect(Date.now() - killed, `${name} is back`).toBeLessThan(4000);
    expect(
      (await pipeline.post('/v1/models/names/runs', '{}')).status,
      `models after ${name}`,
    ).toBe(200);
    expect(await pipeline.sql('select n from warehouse.names')).toEqual([[String(sent)]]);
  }
  expect(await idsOf(pipeline)).toEqual([String(sent), String(sent)]);
  expect(await pipeline.stop()).toBe(0);
  expect(parquetFiles(pipeline.folder).length).toBeGreaterThan(0);
});

test('an error of a file that is gone names the file, and not where the data folder is', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  await send(pipeline, 0, 3);
  await pipeline.post('/v1/models/names/runs', '{}');
  for (const path of parquetFiles(pipeline.folder))
    rmSync(join(pipeline.folder, '.millrace/lake', path));
  const answer = await pipeline.post('/v1/sql', '{"sql":"select sum(id) from lake.sales"}');
  const text = await answer.text();
  expect(answer.status, text).toBeGreaterThan(399);
  expect(text).toContain('.parquet');
  expect(text).not.toContain(pipeline.folder);
});

test('what the process knows of itself is in sys', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  await send(pipeline, 0, 3);
  await pipeline.post('/v1/models/names/runs', '{}');
  await eventually(async () =>
    (await pipeline.sql("select lag from sys.consumers where consumer = 'lookups'"))[0]?.[0] === '0'
      ? true
      : undefined,
  );
  const one = async (sql: string) => (await pipeline.sql(sql))[0];
  expect(await one('select name, shards, records, dead_letters from sys.streams')).toEqual([
    'sales',
    1,
    '3',
    '0',
  ]);
  expect(await one('select stream, shard from sys.shards')).toEqual(['sales', 0]);
  expect(await pipeline.sql('select consumer from sys.consumers order by 1')).toEqual([
    ['lookups'],
    ['table'],
  ]);
  expect(await one('select model, cause, state, rows, error from sys.runs')).toEqual([
    'names',
    'manual',
    'succeeded',
    '1',
    null,
  ]);
  expect(
    await one(
      "select operation, total_rows from sys.snapshots where table_name = 'warehouse.names'",
    ),
  ).toEqual([expect.any(String), '1']);
  expect(await one('select stream, lag, error from sys.deliveries')).toEqual([
    'sales',
    expect.any(String),
    null,
  ]);
  expect(await one('select count(*) from sys.checks')).toEqual(['0']);
  expect(await pipeline.sql('select * from sys.dead_letters')).toEqual([['sales', '0', '0', null]]);
});

test('sys.deliveries says since when records wait, and nothing where none does', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const waiting = async () =>
    (await pipeline.sql('select waiting_since, lag from sys.deliveries'))[0] as [string, string];
  expect(await waiting()).toEqual([null, '0']);
  const beforeMs = Date.now();
  await send(pipeline, 0, 3);
  const [since, lag] = await waiting();
  expect(lag).toBe('3');
  expect(Date.parse(since)).toBeGreaterThanOrEqual(beforeMs);
  expect(Date.parse(since)).toBeLessThanOrEqual(Date.now());
  await pipeline.post('/v1/models/names/runs', '{}');
  expect(await waiting()).toEqual([null, '0']);
});

test('sys.columns lists each relation as SQL sees it', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  await pipeline.post('/v1/models/names/runs', '{}');
  const listed = (await pipeline.sql(
    'select table_schema, table_name, list(column_name order by ordinal_position), list(data_type order by ordinal_position) from sys.columns group by all',
  )) as [string, string, string[], string[]][];
  const schemas = new Set(listed.map(([schema]) => schema));
  expect([...schemas].sort()).toEqual([
    'deadletters',
    'lake',
    'lookups',
    'records',
    'sys',
    'warehouse',
  ]);
  for (const [schema, name, columns, types] of listed) {
    const body = JSON.stringify({ sql: `select * from ${schema}."${name}" limit 0` });
    const answer = (await (await pipeline.post('/v1/sql', body)).json()) as {
      columns: { name: string; type: string }[];
    };
    expect(
      answer.columns.map((column) => column.name),
      `${schema}.${name}`,
    ).toEqual(columns);
    expect(
      answer.columns.map(({ type }) => type.replace('TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ')),
      `${schema}.${name}`,
    ).toEqual(types);
  }
});

test('a connection that was busy when the end came does not hold it up', async () => {
  const pipeline = await startPipeline(temporaryFolder(), PIPELINE);
  const agent = new Agent({ keepAlive: true });
  const sending = request(`${pipeline.url}/v1/streams/sales/records`, {
    agent,
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    sending.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
  });
  sending.write(`${rows(0, 2)}\n`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const began = performance.now();
  const stopped = pipeline.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  sending.end(rows(2, 1));
  expect(await answered).toBe(200);
  expect(await stopped).toBe(0);
  expect(performance.now() - began, 'not until the connection is cut').toBeLessThan(
    LIMITS.drainDeadlineMs / 2,
  );
  agent.destroy();
});

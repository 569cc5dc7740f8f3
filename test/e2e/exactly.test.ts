import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import {
  eventually,
  MILLRACE,
  millrace,
  type RunningPipeline,
  startPipeline,
} from '../support/pipeline.ts';

/**
 * The section *Exactly* of the design, sentence by sentence. What is tested in depth elsewhere is not here again:
 * Idempotency-Key in http.test.ts; `--json`, `types` and verbs without a process in cli.test.ts; reloading, broken
 * files and moved folders in operation.test.ts; the client in client.test.ts.
 */
const IMPORTS =
  "import { check, dashboard, field as f, lookup, model, sequence, sql, stream } from 'millrace';\n";
const SALES =
  "export const sales = stream('sales', { fields: { country: f.string(), quantity: f.int() } });\n";

/** What `plan` says of a pipeline. */
async function plan(source: string): Promise<{ code: number | null; message: string }> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'pipeline.ts'), IMPORTS + source);
  const { code, err } = await millrace(['plan', folder]);
  return { code, message: err };
}

const run = (source: string, env: Record<string, string> = {}) =>
  startPipeline(temporaryFolder(), IMPORTS + source, { env });
const sendTo = async (pipeline: RunningPipeline, stream: string, ...records: object[]) =>
  (await (
    await pipeline.post(
      `/v1/streams/${stream}/records`,
      records.map((record) => JSON.stringify(record)).join('\n'),
    )
  ).json()) as { accepted: number; rejected: { index: number; code: string; field?: string }[] };
const lookupOf = async (pipeline: RunningPipeline, path: string) => {
  const response = await fetch(`${pipeline.url}/v1/lookups/${path}`);
  return response.status === 404 ? undefined : ((await response.json()) as object);
};
/** Lookups are level with the stream. */
const lookupsDone = (pipeline: RunningPipeline) =>
  eventually(async () =>
    (
      await pipeline.sql(
        "select coalesce(sum(lag), 1) from sys.consumers where consumer = 'lookups'",
      )
    )[0]?.[0] === '0'
      ? true
      : undefined,
  );

describe('Names', () => {
  test('have a-z, 0-9 and _; are unique over all kinds; what is referred to is exported; fields differ by more than case', async () => {
    const cases: [string, RegExp][] = [
      [
        "export const a = stream('Sales', { fields: { id: f.int() } });",
        /pipeline\.ts:2: stream\("Sales"\): a name starts with a letter and has only a-z, 0-9 and _, up to 63/,
      ],
      [
        `${SALES}export const twin = model('sales', { sql: sql\`select 1\` });`,
        /pipeline\.ts:3: model\('sales'\): the name is used already by stream\('sales'\).*unique over all kinds/,
      ],
      [
        `${SALES.replace('export ', '')}export const m = model('m', { sql: sql\`select * from \${sales}\` });`,
        /it refers to 'sales', which is not exported/,
      ],
      [
        "export const a = stream('a', { fields: { id: f.int(), Id: f.int() } });",
        /`id` and `Id` differ by case only/,
      ],
    ];
    const said = await Promise.all(cases.map(([source]) => plan(source)));
    for (const [index, [source, says]] of cases.entries())
      expect(said[index], source).toMatchObject({ code: 1, message: expect.stringMatching(says) });
  });

  test('of JSON members match fields exactly, case included; SQL finds them whatever the case', async () => {
    const pipeline = await run(
      "export const s = stream('s', { fields: { invoiceNo: f.string().optional(), n: f.int() } });",
    );
    expect(
      await sendTo(
        pipeline,
        's',
        { invoiceNo: 'a', n: 1 },
        { InvoiceNo: 'b', n: 2 },
        { invoiceno: 'c', n: 3 },
      ),
    ).toMatchObject({
      accepted: 1,
      rejected: [
        { index: 1, code: 'MR_FIELD_UNKNOWN', field: 'InvoiceNo' },
        { index: 2, code: 'MR_FIELD_UNKNOWN', field: 'invoiceno' },
      ],
    });
    const { columns } = (await (
      await pipeline.post('/v1/sql', '{"sql":"select * from lake.s"}')
    ).json()) as { columns: { name: string }[] };
    expect(columns.map(({ name }) => name)).toEqual(['invoiceNo', 'n']);
    expect(await pipeline.sql('select INVOICENO, s.invoiceno, "InvoiceNo" from LAKE.S')).toEqual([
      ['a', 'a', 'a'],
    ]);
  });
});

test('SQL: the database is millrace, with six schemas; warehouse and lake are searched in this order', async () => {
  const pipeline = await run(`${SALES}
    export const by_country = lookup('by_country', { from: sales, key: 'country' });
    export const totals = model('totals', { sql: sql\`select country, sum(quantity) as quantity from \${sales} group by all\`, schedule: 'manual' });`);
  await sendTo(pipeline, 'sales', { country: 'GB', quantity: 2 });
  await pipeline.post('/v1/models/totals/runs', '{}');
  await lookupsDone(pipeline);
  expect(await pipeline.sql('select current_database(), current_schemas(false)')).toEqual([
    ['millrace', ['warehouse', 'lake']],
  ]);
  for (const relation of ['millrace.lake.sales', 'lake.sales', 'sales', 'lookups.by_country'])
    expect(await pipeline.sql(`select country, quantity from ${relation}`), relation).toEqual([
      ['GB', 2],
    ]);
  for (const relation of ['warehouse.totals', 'totals'])
    expect(await pipeline.sql(`select * from ${relation}`), relation).toEqual([['GB', '2']]);
  expect(await pipeline.sql('select country, _shard, _sequence_number from records.sales')).toEqual(
    [['GB', 0, '0']],
  );
  expect(await pipeline.sql('select count(*) from deadletters.sales')).toEqual([['0']]);
  expect(await pipeline.sql('select name from sys.streams')).toEqual([['sales']]);
});

test('SQL: a field in a template is a quoted reference, a parameter in a view is a literal', async () => {
  const pipeline = await run(`
    export const s = stream('s', { fields: { order: f.int(), Group: f.string() } });
    export const v = model('v', { materialize: 'view', sql: sql\`select \${s.fields.order} as o, \${s.fields.Group} as g, \${"it's"} as t, \${1.5} as d, \${null} as n
      from \${s} where \${s.fields.Group} <> \${"x' or true --"}\` });`);
  await sendTo(pipeline, 's', { order: 1, Group: 'a' }, { order: 2, Group: "x' or true --" });
  expect(await pipeline.sql('select * from v')).toEqual([[1, 'a', "it's", '1.5', null]]);
});

test('SQL: a field may be named like a word of SQL; an error says that it needs quotes', async () => {
  const pipeline = await run("export const s = stream('s', { fields: { at: f.date() } });");
  await sendTo(pipeline, 's', { at: '2026-01-01' });
  expect(await pipeline.sql('select "at", s.at from s')).toEqual([['2026-01-01', '2026-01-01']]);
  await expect(pipeline.sql('select at from s')).rejects.toThrow(/write it in quotes, "at"/);
});

test('SQL: what the compiler cannot see in the text, `plan` catches, with file and line', async () => {
  const { code, message } = await plan(
    `${SALES}\nexport const m = model('m', { sql: sql\`select price from \${sales}\` });`,
  );
  expect([code, message]).toEqual([1, expect.stringMatching(/pipeline\.ts:4: m: [\s\S]*price/)]);
});

test('Time zones: timestamp has none and stays as written, timestamptz is an instant, wherever the server is', async () => {
  const pipeline = await run(
    "export const s = stream('s', { fields: { local: f.timestamp(), moment: f.timestamptz() } });",
    { TZ: 'America/New_York' },
  );
  expect(
    await sendTo(
      pipeline,
      's',
      { local: '2026-07-01T12:00:00', moment: '2026-07-01T12:00:00+02:00' },
      { local: '2026-03-08 02:30:00.123456', moment: '2026-07-01T10:00:00Z' },
      { local: '2026-07-01T12:00:00Z', moment: '2026-07-01T12:00:00Z' },
      { local: '2026-07-01T12:00:00', moment: '2026-07-01T12:00:00' },
    ),
  ).toMatchObject({
    accepted: 2,
    rejected: [
      { index: 2, field: 'local' },
      { index: 3, field: 'moment' },
    ],
  });
  expect(
    await pipeline.sql('select local, moment from records.s order by _sequence_number'),
  ).toEqual([
    ['2026-07-01T12:00:00', '2026-07-01T10:00:00Z'],
    ['2026-03-08T02:30:00.123456', '2026-07-01T10:00:00Z'],
  ]);
  expect(
    await pipeline.sql("select count(distinct moment), date_trunc('day', max(moment)) from lake.s"),
  ).toEqual([['1', '2026-07-01T00:00:00Z']]);
});

describe('Invalid records', () => {
  test('are answered, and kept where the stream says so', async () => {
    const pipeline = await run(`
      export const refused = stream('refused', { fields: { n: f.int() } });
      export const kept = stream('kept', { fields: { n: f.int() }, invalid: 'deadletter' });`);
    for (const stream of ['refused', 'kept'])
      expect(await sendTo(pipeline, stream, { n: 'x' }), stream).toMatchObject({
        accepted: 0,
        rejected: [{ index: 0, code: 'MR_FIELD_TYPE', field: 'n' }],
      });
    expect(await pipeline.sql('select code, field, record from deadletters.kept')).toEqual([
      ['MR_FIELD_TYPE', 'n', '{"n":"x"}'],
    ]);
    await expect(pipeline.sql('select * from deadletters.refused')).rejects.toThrow(/no table/);
  });

  test('NULL and missing are the same: taken for an optional field, refused for others', async () => {
    const pipeline = await run(
      "export const s = stream('s', { fields: { need: f.int(), may: f.int().optional(), other: f.int().default(7) } });",
    );
    expect(
      await sendTo(
        pipeline,
        's',
        { need: 1 },
        { need: 2, may: null, other: null },
        { may: 1 },
        { need: null },
        { need: 3, may: 3, other: 3 },
      ),
    ).toMatchObject({
      accepted: 3,
      rejected: [
        { index: 2, code: 'MR_FIELD_MISSING', field: 'need' },
        { index: 3, code: 'MR_FIELD_MISSING', field: 'need' },
      ],
    });
    expect(await pipeline.sql('select need, may, other from lake.s order by 1')).toEqual([
      [1, null, 7],
      [2, null, 7],
      [3, 3, 3],
    ]);
  });

  test('epoch numbers become instants, 17850.0 becomes the text 17850', async () => {
    const pipeline = await run(`
      export const s = stream('s', { fields: {
        sec: f.timestamptz().from('epoch-seconds'), ms: f.timestamptz().from('epoch-milliseconds'), id: f.string().from('integer-text'),
      } });
      export const by_id = lookup('by_id', { from: s, key: 'id' });`);
    await pipeline.post(
      '/v1/streams/s/records',
      '{"sec":1767225600,"ms":1767225600123,"id":17850.0}\n{"sec":1767225600.5,"ms":0,"id":"17851.0"}\n{"sec":-1,"ms":1,"id":12}\n{"sec":0,"ms":0,"id":"C5"}',
    );
    expect(
      await pipeline.sql('select sec, ms, id from records.s order by _sequence_number'),
    ).toEqual([
      ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.123Z', '17850'],
      ['2026-01-01T00:00:00.5Z', '1970-01-01T00:00:00Z', '17851'],
      ['1969-12-31T23:59:59Z', '1970-01-01T00:00:00.001Z', '12'],
      ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z', 'C5'],
    ]);
    await lookupsDone(pipeline);
    expect(await lookupOf(pipeline, 'by_id/17850')).toEqual({
      sec: '2026-01-01T00:00:00Z',
      ms: '2026-01-01T00:00:00.123Z',
      id: '17850',
    });
    expect(
      await sendTo(
        pipeline,
        's',
        { sec: '2026-01-01T00:00:00Z', ms: 1, id: '1' },
        { sec: 1, ms: 1, id: 1.5 },
      ),
    ).toMatchObject({ accepted: 0, rejected: [{ field: 'sec' }, { field: 'id' }] });
  });

  test('fields that are not known are refused, dropped or kept, as the stream says', async () => {
    const options = (unknown: string) =>
      `export const ${unknown} = stream('u_${unknown}', { fields: { n: f.int() }, unknown: '${unknown}' });`;
    const pipeline = await run(
      ['refuse', 'drop', 'keep'].map((unknown) => options(unknown)).join('\n'),
    );
    for (const [unknown, accepted] of [
      ['refuse', 0],
      ['drop', 1],
      ['keep', 1],
    ] as const)
      expect(
        await sendTo(pipeline, `u_${unknown}`, { n: 1, more: { a: [1] } }),
        unknown,
      ).toMatchObject({ accepted });
    expect(await pipeline.sql('select * from lake.u_drop')).toEqual([[1]]);
    const [[n, rest]] = (await pipeline.sql('select n, _rest from lake.u_keep')) as [
      [number, string],
    ];
    expect([n, JSON.parse(rest)]).toEqual([1, { more: { a: [1] } }]);
  });
});

describe('Lookups', () => {
  test('a NULL key makes no entry, a key over 1,024 bytes goes to the dead letters, the last write wins, a tombstone deletes', async () => {
    const pipeline = await run(`
      export const s = stream('s', { fields: { id: f.string().optional(), n: f.int(), gone: f.boolean().optional() }, shards: 3 });
      export const by_id = lookup('by_id', { from: s, key: 'id', tombstone: 'gone' });
      export const all_of_id = lookup('all_of_id', { from: s, key: 'id', sort: sequence });`);
    const [fits, long] = ['f'.repeat(1000), 'ü'.repeat(600)];
    expect(
      await sendTo(
        pipeline,
        's',
        { n: 1 },
        { id: null, n: 2 },
        { id: long, n: 3 },
        { id: fits, n: 4 },
        { id: 'gone', n: 5 },
      ),
      'the stream takes them all',
    ).toMatchObject({ accepted: 5, rejected: [] });
    for (let n = 10; n < 30; n++) await sendTo(pipeline, 's', { id: 'a', n });
    await sendTo(
      pipeline,
      's',
      { id: 'gone', n: 6, gone: true },
      { id: 'back', n: 7, gone: true },
      { id: 'back', n: 8 },
    );
    await lookupsDone(pipeline);
    expect(await lookupOf(pipeline, 'by_id/a')).toMatchObject({ id: 'a', n: 29 });
    expect(
      ((await lookupOf(pipeline, 'all_of_id/a')) as { items: { n: number }[] }).items.map(
        ({ n }) => n,
      ),
    ).toEqual(Array.from({ length: 20 }, (_, index) => index + 10));
    expect([
      await lookupOf(pipeline, 'by_id/gone'),
      await lookupOf(pipeline, 'by_id/back'),
    ]).toEqual([undefined, expect.objectContaining({ n: 8 })]);
    expect([
      await lookupOf(pipeline, `by_id/${fits}`),
      await lookupOf(pipeline, `by_id/${encodeURIComponent(long)}`),
    ]).toEqual([expect.objectContaining({ n: 4 }), undefined]);
    expect(
      await pipeline.sql("select (record::json->>'n')::int, code from deadletters.s group by all"),
    ).toEqual([[3, 'MR_LOOKUP_KEY_TOO_LARGE']]);
    expect(await pipeline.sql('select count(*) from lake.s')).toEqual([['28']]);
    expect(await pipeline.sql('select id, n from lookups.by_id order by n')).toEqual([
      [fits, 4],
      ['back', 8],
      ['a', 29],
    ]);
  });

  test('SQL shows the entries that the key API has: no null part, no key that is too long', async () => {
    const pipeline = await run(`
      export const s = stream('s', { fields: { id: f.string(), a: f.string().optional(), l: f.long(), d: f.date(), u: f.uuid(), at: f.timestamptz(), ok: f.boolean(), x: f.decimal(9, 2) } });
      export const wide = lookup('wide', { from: s, key: 'id', sort: ['a', 'l', 'd', 'u', 'at', 'ok', 'x', sequence] });`);
    const others = {
      l: '-5',
      d: '2026-01-02',
      u: '00000000-0000-4000-8000-00000000000A',
      at: '2026-01-01T00:00:00Z',
      ok: true,
      x: '1.5',
    };
    const rows = [];
    for (const left of ['ä'.repeat(400), 'x'.repeat(3)])
      for (let length = 5; length < 1030; length += length > 750 || length < 60 ? 1 : 90)
        rows.push({ id: left, a: 'y'.repeat(length), ...others });
    await sendTo(pipeline, 's', ...rows, { id: 'null part', ...others });
    await lookupsDone(pipeline);
    const inLookup = async (id: string) => {
      const lengths: number[] = [];
      for (let cursor = ''; ; ) {
        const page = (await lookupOf(
          pipeline,
          `wide/${encodeURIComponent(id)}?limit=1000${cursor}`,
        )) as { items: { a: string }[]; cursor?: string } | undefined;
        lengths.push(...(page?.items ?? []).map(({ a }) => a.length));
        if (page?.cursor === undefined) return lengths.sort((one, other) => one - other);
        cursor = `&cursor=${page.cursor}`;
      }
    };
    for (const id of ['ä'.repeat(400), 'xxx', 'null part']) {
      const inSql = await pipeline.sql(
        'select length(a)::int from lookups.wide where id = $1 order by 1',
        [id],
      );
      expect(inSql.flat(), id.slice(0, 3)).toEqual(await inLookup(id));
    }
    const [[entries]] = (await pipeline.sql('select count(*) from lookups.wide')) as [[string]];
    expect(Number(entries)).toBeGreaterThan(80);
    expect(Number(entries)).toBeLessThan(rows.length);
  });
});

describe('Models', () => {
  const model = (name: string, options: string) =>
    `export const ${name} = model('${name}', { sql: sql\`select country, sum(quantity) as quantity from \${sales} group by all\`, ${options} });\n`;

  test('run by a cron expression, after their inputs changed, or only when asked', async () => {
    const pipeline = await run(
      SALES +
        model('each_second', "schedule: '* * * * * *'") +
        model('on_change', "schedule: 'on-change'") +
        model('by_default', '') +
        model('by_hand', "schedule: 'manual'"),
    );
    await sendTo(pipeline, 'sales', { country: 'GB', quantity: 2 });
    const causes = await eventually(async () => {
      const runs = await pipeline.sql(
        'select distinct model, cause, state from sys.runs where rows = 1 order by 1',
      );
      return runs.some(([name]) => name === 'each_second') ? runs : undefined;
    });
    expect(causes).toContainEqual(['each_second', 'schedule', 'succeeded']);
    expect(await pipeline.sql("select count(*) from sys.runs where model = 'by_hand'")).toEqual([
      ['0'],
    ]);
    expect(
      await pipeline.sql(
        "select distinct model from sys.runs where model in ('on_change', 'by_default') order by 1",
      ),
    ).toEqual([['by_default'], ['on_change']]);
    expect((await pipeline.post('/v1/models/by_hand/runs', '{}')).status).toBe(200);
    expect(await pipeline.sql('select * from by_hand')).toEqual([['GB', '2']]);
  });

  test('their `fields` pin and type the result, which the engine checks', async () => {
    const pinned = (fields: string) =>
      SALES + model('pinned', `schedule: 'manual', fields: { ${fields} }`);
    const wrong = await plan(pinned('country: f.string(), total: f.long()'));
    expect([wrong.code, wrong.message]).toEqual([
      1,
      expect.stringMatching(
        /pinned: its `fields` are country, total, but the query returns country, quantity/,
      ),
    ]);
    const narrow = await plan(pinned('country: f.string(), quantity: f.decimal(12, 2)'));
    expect([narrow.code, narrow.message]).toEqual([
      1,
      expect.stringMatching(
        /pinned: field 'quantity' is decimal\(12,2\) in `fields`, but the query returns decimal\(38,0\).*"quantity"::DECIMAL\(12,2\)/,
      ),
    ]);
    const pipeline = await run(
      pinned('country: f.string(), quantity: f.decimal(12, 2)').replace(
        'sum(quantity)',
        'sum(quantity)::decimal(11, 1)',
      ),
    );
    await sendTo(pipeline, 'sales', { country: 'GB', quantity: 2 });
    await pipeline.post('/v1/models/pinned/runs', '{}');
    expect(await pipeline.sql('select quantity, typeof(quantity) from pinned')).toEqual([
      ['2.00', 'DECIMAL(12,2)'],
    ]);
  });

  test("a failing check of severity 'error' keeps the old result and marks the run failed; 'warn' only records it", async () => {
    const limit = (severity: string) =>
      `schedule: 'manual', checks: [check.between('quantity', 0, 10, { severity: '${severity}' })]`;
    const pipeline = await run(
      SALES + model('strict', limit('error')) + model('mild', limit('warn')),
    );
    const runs = async () => {
      for (const name of ['strict', 'mild']) await pipeline.post(`/v1/models/${name}/runs`, '{}');
      return pipeline.sql(
        "select model, state from sys.runs where started_at >= (select max(started_at) from sys.runs where model = 'strict') order by 1 desc",
      );
    };
    await sendTo(pipeline, 'sales', { country: 'GB', quantity: 2 });
    expect(await runs()).toEqual([
      ['strict', 'succeeded'],
      ['mild', 'succeeded'],
    ]);
    await sendTo(pipeline, 'sales', { country: 'GB', quantity: 20 });
    expect(await runs()).toEqual([
      ['strict', 'failed'],
      ['mild', 'succeeded'],
    ]);
    expect([
      await pipeline.sql('select quantity from strict'),
      await pipeline.sql('select quantity from mild'),
    ]).toEqual([[['2']], [['22']]]);
    expect(
      await pipeline.sql(
        'select model, severity, failures from sys.checks where failures > 0 order by 1',
      ),
    ).toEqual([
      ['mild', 'warn', '1'],
      ['strict', 'error', '1'],
    ]);
  });
});

test('Dashboards: a bare column on a stream is an error, a measure by its name is none', async () => {
  const board = (value: string) => `
    export const sales = stream('sales', { fields: { country: f.string(), quantity: f.int() }, measures: { sold: sql\`sum(quantity)\` } });
    export const d = dashboard('d', {}, ({ bar }) => [bar('Top', { from: sales, x: 'country', y: '${value}' })]);`;
  const [bare, named] = await Promise.all([plan(board('quantity')), plan(board('sold'))]);
  expect(bare).toMatchObject({
    code: 1,
    message: expect.stringMatching(
      /bar\('Top'\): `y`: 'quantity' is not a measure of stream\('sales'\) \(measures: sold\)\. Write an aggregate/,
    ),
  });
  expect(named.code).toBe(0);
});

test('Loading: erasable TypeScript and imports of files and of node are enough, in any folder', async () => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'names.ts'),
    "import { basename } from 'node:path';\nexport type Name = 'sales';\nexport const name = basename('/x/sales') as Name;\nexport interface Unused { readonly a: number }\n",
  );
  writeFileSync(
    join(folder, 'other.ts'),
    `${IMPORTS}import { type Name, name } from './names.ts';
    export const sales = stream(name satisfies Name, { fields: { id: f.int() } });
    const unused: Name | undefined = undefined;
    export type { Name };
    export default unused;`,
  );
  const { code, out } = await millrace(['plan', join(folder, 'other.ts')]);
  expect([code, out]).toEqual([0, '+ added    stream sales: new\n']);
});

test('the client is `millrace/client`', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const names = await new Promise<string>((resolve) => {
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        "console.log(Object.keys(await import('millrace/client')).join())",
      ],
      { cwd: root },
    );
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.once('close', () => resolve(out.trim()));
  });
  expect(names).toBe('client');
});

test('the command line finds the process through run.json; without one it owns the folder meanwhile', async () => {
  const folder = temporaryFolder();
  const pipeline = await startPipeline(folder, IMPORTS + SALES);
  await sendTo(pipeline, 'sales', { country: 'GB', quantity: 2 });
  const status = async () => (await millrace(['status', '--pipeline', folder])).out;
  expect(existsSync(join(folder, '.millrace/run.json'))).toBe(true);
  expect(await status()).toContain(`at ${pipeline.url}\n`);
  await pipeline.stop();
  expect(existsSync(join(folder, '.millrace/run.json'))).toBe(false);

  writeFileSync(join(folder, 'rows.csv'), `country,quantity\n${'GB,1\n'.repeat(600_000)}`);
  const long = spawn(
    process.execPath,
    [MILLRACE, 'import', 'sales', join(folder, 'rows.csv'), '--pipeline', folder],
    { stdio: 'ignore' },
  );
  const ended = new Promise<number | null>((resolve) => long.once('exit', resolve));
  await eventually(() => (existsSync(join(folder, '.millrace/lock')) ? true : undefined));
  const second = await millrace(['dev', folder, '--port', '0']);
  expect([second.code, second.err]).toEqual([
    1,
    expect.stringContaining(`Process ${long.pid} owns `),
  ]);
  expect(await ended).toBe(0);
});

test('removing a stream keeps its data; a renamed one says what it was', async () => {
  const folder = temporaryFolder();
  const first = await startPipeline(folder, IMPORTS + SALES);
  await sendTo(first, 'sales', { country: 'GB', quantity: 2 });
  await first.stop();
  const other = await startPipeline(
    folder,
    `${IMPORTS}export const x = stream('x', { fields: { id: f.int() } });`,
  );
  await expect(other.sql('select * from lake.sales')).rejects.toThrow(/no table/);
  await other.stop();
  const back = await startPipeline(folder, IMPORTS + SALES);
  expect(await back.sql('select * from lake.sales'), 'it comes back with its data').toEqual([
    ['GB', 2],
  ]);
  await back.stop();
  const renamed = await startPipeline(
    folder,
    IMPORTS + SALES.replace("stream('sales', {", "stream('lines', { renamedFrom: 'sales',"),
  );
  await sendTo(renamed, 'lines', { country: 'FR', quantity: 3 });
  expect(await renamed.sql('select * from lake.lines order by 1')).toEqual([
    ['FR', 3],
    ['GB', 2],
  ]);
  const { out } = await millrace(['plan', folder]);
  expect(out, 'its data moved; of x there is some').toMatch(
    /^- removed {2}stream x: its data is kept; `millrace drop x` removes it\n$/,
  );
  writeFileSync(
    join(folder, 'pipeline.ts'),
    IMPORTS + SALES.replace("stream('sales', {", "stream('rows_sold', { renamedFrom: 'lines',"),
  );
  expect((await renamed.waitFor('reloaded'))['changes']).toContainEqual({
    kind: 'renamed',
    what: 'stream rows_sold',
    detail: 'was lines; its data goes with it',
  });
  expect(await renamed.sql('select count(*) from lake.rows_sold')).toEqual([['2']]);
});

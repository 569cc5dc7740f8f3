import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, MILLRACE, millrace, startPipeline } from '../support/pipeline.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const PIPELINE = `
import { check, field as f, lookup, model, sql, stream } from 'millrace';
export const sales = stream('sales', {
  fields: { invoice_no: f.string(), stockCode: f.string().optional(), quantity: f.int(), unit_price: f.decimal(10, 3).optional(), invoice_date: f.timestamp().optional() },
});
export const by_no = lookup('by_no', { from: sales, key: 'invoice_no' });
export const totals = model('totals', {
  sql: sql\`select invoice_no, sum(quantity) as quantity, max(invoice_date) as at from \${sales} group by all\`,
  schedule: 'manual', checks: [check.between('quantity', 0, 1000000)],
});
`;

/** Its second item is this one, on line 15. */
const withDashboard = (item: string) => `${PIPELINE.replace('check,', 'check, dashboard,')}
export const shop = dashboard('shop', {}, ({ kpi, line }) => [
  kpi('Rows', { from: sales, value: sql\`count(*)\` }),

  ${item},
]);
`;

interface Event {
  readonly event: string;
  readonly [name: string]: unknown;
}
/** Runs a verb with `--json`: every line of its output is an object. */
async function json(
  args: readonly string[],
  options: { cwd?: string; input?: string } = {},
): Promise<{ code: number | null; err: string; events: Event[]; last: Event }> {
  const { code, out, err } = await millrace([...args, '--json'], options);
  const events = out
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);
  return { code, err, events, last: events.at(-1) ?? { event: 'nothing' } };
}

function project(source: string = PIPELINE): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'pipeline.ts'), source);
  return folder;
}

describe('the words of the command line', () => {
  test('each verb has help with an example of its own', async () => {
    const { code, out } = await millrace(['--help']);
    expect(code).toBe(0);
    const verbs = [...out.matchAll(/^ {2}([a-z]+) (?:\[options\] )?/gm)]
      .map(([, verb]) => verb as string)
      .filter((verb) => verb !== 'help');
    expect(verbs).toEqual(
      expect.arrayContaining([
        'init',
        'dev',
        'start',
        'import',
        'send',
        'query',
        'run',
        'plan',
        'status',
        'doctor',
        'replay',
        'keys',
        'users',
        'types',
        'drop',
      ]),
    );
    const all = [
      ...verbs.map((verb) => [verb]),
      ['keys', 'create'],
      ['keys', 'list'],
      ['keys', 'revoke'],
      ['users', 'add'],
      ['users', 'change'],
      ['users', 'list'],
      ['users', 'remove'],
    ];
    const helps = await Promise.all(
      all.map(async (words) => ({ words, help: await millrace([...words, '--help']) })),
    );
    for (const { words, help } of helps) {
      expect(help.code, words.join(' ')).toBe(0);
      expect(help.out, words.join(' ')).toMatch(
        new RegExp(`Example:\\n(.*\\| )?  ?.*millrace ${words.join(' ')}`),
      );
      if (!['keys', 'users'].includes(words.join(' ')))
        expect(help.out, words.join(' ')).toContain('--json');
    }
  });

  test('words that are not understood end with 2 and a way to help; failures end with 1', async () => {
    for (const args of [
      ['users', 'add', 'ann'],
      ['users', 'invite', 'ann'],
      ['serve'],
      ['import'],
      ['query'],
      ['dev', '--prot', '1'],
      ['init', 'a', 'b'],
      ['keys', 'create'],
      ['users', 'add', 'ann'],
      ['users', 'invite', 'ann'],
      ['keys', 'create', '--roles', 'admin'],
      ['keys', 'revoke'],
    ]) {
      const { code, err } = await millrace(args, { cwd: temporaryFolder() });
      expect(code, args.join(' ')).toBe(2);
      expect(err, args.join(' ')).toMatch(/^error: [\s\S]*--help/);
    }
    const folder = temporaryFolder();
    for (const verb of [['dev'], ['plan'], ['status'], ['query', 'select 1'], ['types']]) {
      const { code, err, last } = await json(verb, { cwd: folder });
      expect([code, last['code']], verb.join(' ')).toEqual([1, 'MR_PIPELINE_UNREADABLE']);
      expect(err, verb.join(' ')).toMatch(/There is no .*pipeline\.ts.*millrace init/);
    }
    expect(existsSync(join(folder, '.millrace')), 'a failure leaves nothing behind').toBe(false);
  });

  test('with --json the words that are not understood are an event too', async () => {
    for (const args of [
      ['replay', 't'],
      ['import', 't'],
      ['status', '--nonsense'],
      ['serve'],
      ['keys', 'create'],
      ['reshard', 't', '--count', 'x'],
    ]) {
      const { code, events } = await json(args, { cwd: temporaryFolder() });
      expect([code, events], args.join(' ')).toEqual([
        2,
        [{ event: 'error', code: 'MR_COMMAND_USAGE', message: expect.stringMatching(/^\w.{10,}/) }],
      ]);
    }
  });

  test('a command that ends well, or that cannot start, prints no noise of its parts', async () => {
    const dashboards = `${PIPELINE.replace('import { check,', 'import { dashboard, check,')}
export const shop = dashboard('shop', {}, ({ kpi, bar }) => [
  kpi('Sold', { from: sales, value: sql\`sum(quantity)\` }),
  bar('By number', { from: sales, x: 'invoice_no', y: sql\`count(*)\` }),
]);`;
    const folder = project(dashboards);
    const query = await millrace(['query', 'select 1 as one', '--pipeline', folder]);
    expect([query.code, query.err]).toEqual([0, '']);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const busy = await millrace(['dev', folder, '--port', String(port)]);
    expect([busy.code, busy.err]).toEqual([
      1,
      expect.stringMatching(/^error Port \d+ of 127\.0\.0\.1 cannot be used: .*EADDRINUSE.*\n$/),
    ]);
    const status = await json(['status', '--pipeline', folder]);
    expect([status.code, status.last['url'], status.err]).toEqual([0, null, '']);
    const people = await millrace(['status', '--pipeline', folder]);
    expect(people.out).toContain(`${folder}/.millrace (nothing runs on it)`);
  });

  test('output that goes to no terminal has no colours', async () => {
    const { out, err } = await millrace(['doctor'], { cwd: project(), env: { FORCE_COLOR: '1' } });
    expect(`${out}${err}`).not.toContain('\x1b[');
  });
});

test('`dev` says where the page is, and opens it where that is asked', async () => {
  const folder = project();
  const opened = join(folder, 'opened');
  const opener = join(folder, process.platform === 'darwin' ? 'open' : 'xdg-open');
  writeFileSync(opener, `#!/bin/sh\nprintf %s "$1" > '${opened}'\n`, { mode: 0o755 });
  const child = spawn(process.execPath, [MILLRACE, 'dev', folder, '--port', '0', '--open'], {
    env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const page = await eventually(async () =>
    existsSync(opened) ? readFileSync(opened, 'utf8') : undefined,
  );
  expect(said).toBe(`ready ${page.slice(0, -1)}\npage  ${page}\n`);
  const response = await fetch(page);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

describe('init', () => {
  test('then dev runs in an empty folder: the import of millrace is the running package', async () => {
    const folder = join(temporaryFolder(), 'my-shop');
    const { code, last } = await json(['init', folder]);
    expect([code, last]).toEqual([
      0,
      {
        event: 'done',
        folder,
        files: ['pipeline.ts', 'package.json', 'tsconfig.json', '.gitignore'],
      },
    ]);
    expect(existsSync(join(folder, 'node_modules'))).toBe(false);
    const pipeline = await startPipeline(folder, undefined);
    const response = await pipeline.post(
      '/v1/streams/events/records',
      '{"happened_at":"2026-01-01T00:00:00Z","kind":"visit"}',
    );
    expect(await response.json()).toMatchObject({ accepted: 1 });
    expect(await pipeline.sql('select kind, amount from lake.events')).toEqual([['visit', null]]);
    expect(await pipeline.stop()).toBe(0);
  });

  test.each(readdirSync(join(ROOT, 'templates')))(
    'a project of %s outside of the checkout shows charts that have numbers',
    async (template) => {
      const folder = join(temporaryFolder(), template);
      const { last } = await json(['init', folder, '--template', template]);
      const pipeline = await startPipeline(folder, undefined);
      if ((last['files'] as string[]).includes('generator/')) {
        const generator = join(folder, 'generator/generator.mjs');
        const args = ['--url', pipeline.url, '--history', '2000', '--rate', '0'];
        execFileSync(process.execPath, [generator, ...args], { stdio: 'pipe' });
      } else {
        const record = { happened_at: new Date().toISOString(), kind: 'visit', amount: '2.50' };
        await pipeline.post('/v1/streams/events/records', JSON.stringify(record));
      }
      const { dashboards } = (await (await fetch(`${pipeline.url}/v1/dashboards`)).json()) as {
        dashboards: { name: string }[];
      };
      expect(dashboards).toHaveLength(1);
      const answer = await pipeline.post(`/v1/dashboards/${dashboards[0]?.name}/answers`, '{}');
      const { charts } = (await answer.json()) as {
        charts: { [id: string]: { kind: string; value?: string | null; rowCount?: number } };
      };
      for (const [id, chart] of Object.entries(charts)) {
        expect(chart.kind, id).not.toBe('failed');
        if (chart.kind === 'kpi') expect(Number(chart.value), id).toBeGreaterThan(0);
        if (chart.kind === 'grid') expect(chart.rowCount, id).toBeGreaterThan(0);
      }
      expect(await pipeline.stop()).toBe(0);
    },
  );

  test('makes the templates there are, and writes over nothing', async () => {
    const folder = temporaryFolder();
    for (const template of readdirSync(join(ROOT, 'templates'))) {
      expect(
        (await json(['init', join(folder, template), '--template', template])).code,
        template,
      ).toBe(0);
      expect((await json(['plan', join(folder, template)])).code, template).toBe(0);
    }
    const twice = await json(['init', join(folder, 'blank')]);
    expect([twice.code, twice.last['code'], twice.last['message']]).toEqual([
      1,
      'MR_COMMAND_USAGE',
      expect.stringMatching(/is there already/),
    ]);
    const unknown = await json(['init', join(folder, 'x'), '--template', 'shop']);
    expect([unknown.code, unknown.last['message']]).toEqual([
      1,
      expect.stringMatching(/no template 'shop'\. Templates are: blank, ecommerce/),
    ]);
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });
});

test('`plan` shows what is added, changed and breaking against the stored state; breaking ends with 1', async () => {
  const folder = project();
  const plan = async (...args: string[]) => {
    const { code, events } = await json(['plan', folder, ...args]);
    const changes = (events.find(({ event }) => event === 'done')?.['changes'] ?? []) as {
      kind: string;
      what: string;
    }[];
    return { code, changes: changes.map(({ kind, what }) => `${kind} ${what}`) };
  };
  expect(await plan()).toEqual({
    code: 0,
    changes: ['added stream sales', 'added lookup by_no', 'added model totals'],
  });
  const pipeline = await startPipeline(folder, undefined);
  expect(await plan(), 'while it runs').toEqual({ code: 0, changes: [] });
  expect(await pipeline.stop()).toBe(0);

  writeFileSync(
    join(folder, 'pipeline.ts'),
    PIPELINE.replace(
      'quantity: f.int()',
      'quantity: f.long(), note: f.string().optional()',
    ).replace('sum(quantity)', 'max(quantity)'),
  );
  expect(await plan()).toEqual({
    code: 0,
    changes: [
      'changed stream sales, field quantity',
      'added stream sales, field note',
      'changed model totals',
    ],
  });

  writeFileSync(
    join(folder, 'pipeline.ts'),
    PIPELINE.replace('quantity: f.int()', 'quantity: f.string()').replace(
      'sum(quantity)',
      'count(*)',
    ),
  );
  expect(await plan()).toMatchObject({
    code: 1,
    changes: expect.arrayContaining(['breaking stream sales, field quantity']),
  });
  expect((await plan('--allow-breaking')).code).toBe(0);
  const people = await millrace(['plan', folder]);
  expect(people.out).toMatch(/^! breaking stream sales, field quantity: int → string/m);
  expect([people.code, people.err]).toEqual([
    1,
    expect.stringMatching(
      /1 breaking change: `dev` and `start` refuse this definition without --allow-breaking/,
    ),
  ]);
  const refused = await json(['dev', folder, '--port', '0']);
  expect([refused.code, refused.last['code']]).toEqual([1, 'MR_PLAN_BREAKING']);
});

test('`plan` finds what is wrong before anything runs, with file and line', async () => {
  const cases: [string, string, RegExp][] = [
    [
      PIPELINE.replace('sum(quantity)', 'sum(qty)'),
      'MR_PLAN_QUERY',
      /pipeline\.ts:7: totals: [\s\S]*"?qty"? not found[\s\S]*at character \d+/,
    ],
    [
      PIPELINE.replace('quantity: f.int()', "quantity: f.int().default('none' as never)"),
      'MR_DEFINITION_INVALID',
      /pipeline\.ts:4: field\.int\(\): \.default\(\) .*32 bits, got the text "none"/,
    ],
    [
      PIPELINE.replace("check.between('quantity'", "check.between('qty'"),
      'MR_DEFINITION_INVALID',
      /pipeline\.ts:7: model\('totals'\): check 'qty is between .*Columns are: invoice_no, quantity, at/,
    ],
    [
      PIPELINE.replace("key: 'invoice_no'", "key: 'no'"),
      'MR_DEFINITION_INVALID',
      /pipeline\.ts:6: lookup\('by_no'\): `key` names "no"/,
    ],
    [
      PIPELINE.replace('export const sales', 'const sales'),
      'MR_DEFINITION_INVALID',
      /pipeline\.ts:\d+: (lookup\('by_no'\)|model\('totals'\)): it refers to 'sales', which is not exported/,
    ],
    [
      withDashboard("kpi('Sold', { from: sales, value: sql`sum(quantty)` })"),
      'MR_PLAN_QUERY',
      /pipeline\.ts:15: shop, kpi\('Sold'\): .*quantty/s,
    ],
    [
      withDashboard("line('Sold', { from: sales, x: 'when' as 'invoice_date', y: sql`count(*)` })"),
      'MR_DEFINITION_INVALID',
      /pipeline\.ts:15: dashboard\('shop'\), line\('Sold'\): there is no column `when`/,
    ],
    [
      `${PIPELINE}\nthrow new Error('not today');`,
      'MR_PIPELINE_UNREADABLE',
      /pipeline\.ts:12: not today/,
    ],
    [`${PIPELINE}\nexport const x = ;`, 'MR_PIPELINE_UNREADABLE', /pipeline\.ts/],
    [
      PIPELINE.replaceAll('export ', ''),
      'MR_DEFINITION_INVALID',
      /^\/[^ ]*\/pipeline\.ts: the pipeline: no definition is exported/,
    ],
    [
      PIPELINE.replace('f.int()', 'f.integer()'),
      'MR_DEFINITION_INVALID',
      /pipeline\.ts:4: field\.integer\(\): there is no such type\. Types are: boolean, int/,
    ],
    [`import './missing.ts';${PIPELINE}`, 'MR_PIPELINE_UNREADABLE', /missing/],
  ];
  for (const [source, code, says] of cases) {
    const { code: exit, last } = await json(['plan', project(source)]);
    expect([exit, last['code']], String(says)).toEqual([1, code]);
    expect(last['message']).toMatch(says);
  }
});

test('`types` writes the row types of models, which the compiler then knows', async () => {
  const folder = project();
  const { code, last } = await json(['types', folder]);
  expect([code, last]).toEqual([0, { event: 'done', file: join(folder, 'millrace-env.d.ts') }]);
  expect(existsSync(join(folder, '.millrace')), 'nothing has run').toBe(false);
  writeFileSync(
    join(folder, 'use.ts'),
    `
    import type { Row } from 'millrace';
    import type { totals } from './pipeline.ts';
    export const right: Row<typeof totals> = { invoice_no: 'a', quantity: '1', at: null };
    // @ts-expect-error there is no such column
    export const wrong = (row: Row<typeof totals>) => row.price;
  `,
  );
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: [],
    paths: { millrace: [join(ROOT, 'dist/index.d.ts')] },
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  );
  expect(
    execFileSync('npx', ['tsc', '--noEmit', '-p', folder], { cwd: ROOT, encoding: 'utf8' }),
  ).toBe('');
});

test('`query` asks the running process or the data folder, in each format', async () => {
  const folder = project();
  const pipeline = await startPipeline(folder, undefined);
  await pipeline.post(
    '/v1/streams/sales/records',
    '{"invoice_no":"a","quantity":1}\n{"invoice_no":"b","quantity":22,"unit_price":"1.500"}',
  );
  const sql = 'select invoice_no, quantity, unit_price from lake.sales order by 1';
  const query = (...args: string[]) => millrace(['query', sql, '--pipeline', folder, ...args]);
  const answers = {
    table:
      'invoice_no  quantity  unit_price\n──────────  ────────  ──────────\na                  1        NULL\nb                 22       1.500\n(2 rows)\n',
    csv: 'invoice_no,quantity,unit_price\na,1,\nb,22,1.500\n',
    ndjson:
      '{"invoice_no":"a","quantity":1,"unit_price":null}\n{"invoice_no":"b","quantity":22,"unit_price":"1.500"}\n',
  };
  for (const [format, text] of Object.entries(answers)) {
    expect(await query('--format', format), format).toEqual({ code: 0, out: text, err: '' });
  }
  const expected = {
    columns: [
      { name: 'invoice_no', type: 'VARCHAR' },
      { name: 'quantity', type: 'INTEGER' },
      { name: 'unit_price', type: 'DECIMAL(10,3)' },
    ],
    rows: [
      ['a', 1, null],
      ['b', 22, '1.500'],
    ],
    rowCount: 2,
  };
  expect(JSON.parse((await query('--format', 'json')).out)).toEqual(expected);
  expect((await query('--format', 'parquet')).out.slice(0, 4)).toBe('PAR1');
  const bound =
    'select invoice_no from lake.sales where quantity > $least and invoice_no <> $other';
  const params = ['--param', 'least=0', '--param', "other='a'", '--format', 'csv'];
  expect((await millrace(['query', bound, '--pipeline', folder, ...params])).out).toBe(
    'invoice_no\nb\n',
  );
  expect(await millrace(['query', bound, '--pipeline', folder, '--param', 'least'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('--param country=France'),
  });
  expect(await pipeline.stop()).toBe(0);

  const { out } = await query('--json');
  expect([out.split('\n').length, out.slice(0, 15)], 'one object on one line').toEqual([
    2,
    '{"event":"done"',
  ]);
  expect(JSON.parse(out), 'where none runs').toEqual({ event: 'done', ...expected });
  expect((await query('--json', '--format', 'ndjson')).out, 'a format that is named').toBe(
    answers.ndjson,
  );
  const wrong = await millrace([
    'query',
    'select\n  nothing from lake.sales',
    '--pipeline',
    folder,
  ]);
  expect([wrong.code, wrong.out]).toEqual([1, '']);
  expect(wrong.err).toMatch(/"nothing" not found[\s\S]*\n {4}nothing from lake\.sales\n {4}\^\n$/);
  expect(await millrace(['query', sql, '--pipeline', folder, '--format', 'xml'])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/one of table, csv, json, ndjson, parquet/),
  });
  expect(
    (await millrace(['query', sql, '--data', join(folder, '.millrace')], { cwd: folder })).out,
    'by default a table of what the current folder has',
  ).toBe(answers.table);
});

test('`query` whose result is not whole says why, and ends with 1', async () => {
  const folder = project();
  const pipeline = await startPipeline(folder, undefined);
  const many = 'select * from range(1000001)';
  for (const args of [[], ['--format', 'ndjson'], ['--format', 'csv']]) {
    const limited = await millrace(['query', many, '--pipeline', folder, ...args]);
    expect([limited.code, limited.out, limited.err]).toEqual([
      1,
      '',
      'error The result has more than 1000000 rows. Add a LIMIT, or aggregate.\n',
    ]);
  }
  expect(await json(['query', many, '--pipeline', folder])).toMatchObject({
    code: 1,
    last: { event: 'error', code: 'MR_QUERY_LIMIT' },
  });
  const large = "select repeat('x', 200) || range as text from range(900000)";
  const child = spawn(
    process.execPath,
    [MILLRACE, 'query', large, '--pipeline', folder, '--format', 'csv'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await once(child.stdout, 'data');
  child.stdout.pause();
  await pipeline.kill();
  child.stdout.resume();
  const [code] = (await once(child, 'close')) as [number];
  expect([code, errors]).toEqual([
    1,
    expect.stringMatching(/^error The answer ended before it was whole .* Ask again\.\n$/),
  ]);
});

test('`send`, `run`, `replay`, `status` and `doctor` answer people and programs', async () => {
  const folder = project();
  const early = await millrace(['send', 'sales', '--pipeline', folder], { input: '{}' });
  expect([early.code, early.err]).toEqual([
    1,
    expect.stringMatching(/No pipeline runs on .*Start it with `millrace dev`/),
  ]);

  const pipeline = await startPipeline(folder, undefined);
  const at = ['--pipeline', folder];
  const rows = '{"invoice_no":"a","quantity":1}\n{"invoice_no":"b","quantity":2}\n';
  const sent = await json(['send', 'sales', ...at, '--idempotency-key', 'one'], { input: rows });
  expect([sent.code, sent.last]).toEqual([
    0,
    {
      event: 'done',
      accepted: 2,
      rejected: [],
      duplicate: [],
      shards: [{ shard: 0, first: '0', last: '1', count: 2 }],
    },
  ]);
  expect(
    (await json(['send', 'sales', ...at, '--idempotency-key', 'one'], { input: rows })).last,
  ).toEqual(sent.last);
  const partly = await millrace(['send', 'sales', ...at], {
    input: '{"invoice_no":"c","quantity":3}\n{"invoice_no":"d"}\n',
  });
  expect([partly.code, partly.out]).toEqual([1, '1 stored, 1 refused\n']);
  expect(partly.err).toMatch(/^record 1: Field 'quantity' is required/);
  const noJson = await json(['send', 'sales', ...at], { input: '{"invoice_no":' });
  expect([noJson.code, noJson.last]).toEqual([
    1,
    {
      event: 'error',
      code: 'MR_RECORD_SYNTAX',
      message: expect.stringMatching(/^The record 0 was refused: Not valid JSON/),
    },
  ]);
  expect((await millrace(['send', 'sale', ...at], { input: rows })).err).toMatch(
    /no stream 'sale'\. Streams are: sales/,
  );

  const run = await json(['run', 'totals', ...at]);
  expect([run.code, run.last]).toEqual([
    0,
    expect.objectContaining({
      event: 'done',
      model: 'totals',
      cause: 'manual',
      state: 'succeeded',
      rows: 3,
      error: null,
    }),
  ]);
  expect((await json(['run', 'total', ...at])).last).toMatchObject({
    event: 'error',
    code: 'MR_PLAN_UNKNOWN',
    message: expect.stringMatching(/totals/),
  });
  await pipeline.post('/v1/streams/sales/records', '{"invoice_no":"e","quantity":-5}');
  const broken = await millrace(['run', 'totals', ...at]);
  expect([broken.code, broken.out]).toEqual([
    1,
    expect.stringMatching(/check 'quantity is between 0 and 1000000' \(error\): 1 rows break it/),
  ]);
  expect(await pipeline.sql('select count(*) from totals'), 'the old result is kept').toEqual([
    ['3'],
  ]);

  expect((await json(['replay', 'sales', '--to', 'by_no', ...at])).last).toEqual({
    event: 'done',
    lookup: 'by_no',
    entries: 4,
  });
  expect((await json(['replay', 'sales', '--to', 'nothing', ...at])).last).toMatchObject({
    event: 'error',
    code: 'MR_PLAN_UNKNOWN',
  });
  const status = await json(['status', ...at]);
  expect(status.last).toMatchObject({
    event: 'done',
    url: pipeline.url,
    streams: [{ name: 'sales', records: 4 }],
    models: [{ name: 'totals', rows: 3, state: 'failed' }],
    lookups: [{ name: 'by_no', entries: 4 }],
  });
  expect((await millrace(['status', ...at])).out).toMatch(/^sales +4 /m);
  const doctor = await json(['doctor', ...at]);
  expect(doctor.code).toBe(0);
  expect(
    (doctor.last['findings'] as { check: string; state: string }[]).filter(
      ({ state }) => state === 'fail',
    ),
  ).toEqual([]);
  expect(JSON.stringify(doctor.last)).toContain(
    `pid ${pipeline.process.pid} answers at ${pipeline.url}`,
  );
  expect(await pipeline.stop()).toBe(0);

  expect((await json(['status', ...at])).last, 'where none runs').toMatchObject({
    streams: [{ records: 4, undelivered: 0 }],
  });
  expect(
    (await json(['doctor', '--pipeline', project('export const x = 1;')])).code,
    'with a wrong pipeline',
  ).toBe(1);
});

describe('import', () => {
  const ODD =
    'InvoiceNo,Stock Code,QUANTITY,Price,Invoice-Date,Row\n536365,85123A,6,2.550,12/1/2010 8:26,1\n536366,NULL,1,,12/13/2010 9:00,2\nC536367,,x,1.5,12/2/2010 8:00,3\n';
  const MAPPED = ['--map', 'Price=unit_price', '--ignore', 'Row', '--null', 'NULL'];
  const ROWS = [
    ['536365', '85123A', 6, '2.550', '2010-12-01T08:26:00'],
    ['536366', null, 1, null, '2010-12-13T09:00:00'],
  ];
  const SQL =
    'select invoice_no, stockCode, quantity, unit_price, invoice_date from lake.sales order by 1, 2';

  async function running() {
    const folder = project();
    const pipeline = await startPipeline(folder, undefined);
    const load = (...args: string[]) => json(['import', 'sales', ...args, '--pipeline', folder]);
    const file = (name: string, content: string | Buffer) => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    return {
      folder,
      pipeline,
      load,
      file,
      count: async () => Number((await pipeline.sql('select count(*) from lake.sales'))[0]?.[0]),
    };
  }

  test('takes a CSV whose columns differ by case, spaces and name; the rejected are counted and kept', async () => {
    const { pipeline, load, file } = await running();
    const path = file('odd.csv', ODD);
    const { code, last } = await load(path, ...MAPPED);
    expect(code).toBe(1);
    expect(last).toMatchObject({ event: 'done', read: 3, accepted: 2, rejected: 1, replayed: 0 });
    expect(Object.entries(last['reasons'] as object)).toEqual([
      [expect.stringMatching(/^MR_FIELD_TYPE quantity: .*is int/), 1],
    ]);
    expect(await pipeline.sql(SQL)).toEqual(ROWS);
    const rejected = readFileSync(last['rejectedFile'] as string, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(rejected).toEqual([
      {
        file: 'odd.csv',
        row: 3,
        line: 4,
        code: 'MR_FIELD_TYPE',
        field: 'quantity',
        message: expect.stringMatching(/got the text "x"/),
        text: 'C536367,,x,1.5,12/2/2010 8:00,3',
      },
    ]);
  });

  test('refuses columns without a field before it stores anything, and says what to do', async () => {
    const { load, file, count } = await running();
    const unknown = await load(file('odd.csv', ODD));
    expect([unknown.code, unknown.last]).toMatchObject([
      1,
      {
        event: 'error',
        code: 'MR_IMPORT_FILE',
        message: expect.stringMatching(
          /column "Price" matches no field.*--map "Price=field".*--ignore "Price"/,
        ),
      },
    ]);
    for (const [args, says] of [
      [['--map', 'Price'], /--map takes column=field/],
      [['--map', 'Price=cost', '--ignore', 'Row'], /mapped to 'cost', which is not a field/],
      [['--dates', 'DDMM'], /MDY, DMY or YMD/],
    ] as const)
      expect((await load(file('odd.csv', ODD), ...args)).last['message']).toMatch(says);
    expect((await load(file('a.xlsx', 'x'))).last['message']).toMatch(
      /the ending does not tell the format/,
    );
    expect((await load('missing.csv')).last['message']).toMatch(/There is no file missing\.csv/);
    expect(await count()).toBe(0);
  });

  test('of the same file a second time adds nothing; --again does', async () => {
    const { load, file, count } = await running();
    const path = file('odd.csv', ODD);
    await load(path, ...MAPPED);
    expect((await load(path, ...MAPPED)).last).toMatchObject({
      event: 'done',
      read: 3,
      accepted: 2,
      rejected: 1,
      replayed: 2,
    });
    expect(await count()).toBe(2);
    const moved = file('moved.csv', ODD);
    await load(moved, ...MAPPED);
    expect(await count(), 'a file is known by its content').toBe(2);
    expect((await load(path, ...MAPPED, '--again')).last).toMatchObject({
      accepted: 2,
      replayed: 0,
    });
    expect(await count()).toBe(4);
  });

  test('takes NDJSON, JSON, TSV, Parquet, gzip and zstd; folders and patterns', async () => {
    const { folder, pipeline, load, file, count } = await running();
    const lines =
      '{"invoice_no":"n1","quantity":1}\n{"invoice_no":"n2","quantity":2,"unit_price":"0.100"}\n';
    expect((await load(file('a.ndjson', lines))).last).toMatchObject({ read: 2, accepted: 2 });
    expect(
      (await load(file('a.json', JSON.stringify([{ invoice_no: 'j1', quantity: 1 }], null, 2))))
        .last,
    ).toMatchObject({ accepted: 1 });
    expect((await load(file('a.tsv', 'invoice_no\tquantity\nt1\t1\n'))).last).toMatchObject({
      accepted: 1,
    });
    expect(
      (await load(file('b.ndjson.gz', gzipSync('{"invoice_no":"g1","quantity":1}')))).last,
    ).toMatchObject({ accepted: 1 });
    expect(
      (await load(file('zipped.csv.zst', zstdFrame('invoice_no,quantity\nz1,1\n')))).last,
    ).toMatchObject({ accepted: 1 });
    expect(
      (
        await load(
          file('plain.data', 'p1;1\np2;2\n'),
          '--format',
          'csv',
          '--no-header',
          '--delimiter',
          ';',
        )
      ).last['rejected'],
      'columns in the order of the fields',
    ).toBe(2);
    const before = await pipeline.sql(SQL);
    expect(before).toHaveLength(6);

    const parquet = await query(folder, 'select * from lake.sales');
    const other = project();
    writeFileSync(join(other, 'all.parquet'), parquet);
    const copy = await json(['import', 'sales', join(other, 'all.parquet'), '--pipeline', other]);
    expect([copy.code, copy.last]).toMatchObject([0, { read: 6, accepted: 6, rejected: 0 }]);
    expect(
      JSON.parse((await millrace(['query', SQL, '--pipeline', other, '--json'])).out),
    ).toMatchObject({ rows: before });

    mkdirSync(join(folder, 'days/2026'), { recursive: true });
    for (const day of ['1', '2', '3'])
      file(`days/2026/${day}.csv`, `invoice_no,quantity\nd${day},1\n`);
    file('days/notes.md', 'not data');
    expect((await load(join(folder, 'days/2026/[12].csv'))).last).toMatchObject({
      read: 2,
      accepted: 2,
      replayed: 0,
    });
    expect((await load(join(folder, 'days'))).last, 'files seen before add nothing').toMatchObject({
      read: 3,
      accepted: 3,
      replayed: 2,
    });
    expect(await count()).toBe(9);
    expect((await load(join(folder, 'days/**/*.txt'))).last['message']).toMatch(/There is no file/);
  });

  test('of a damaged Parquet file ends with an error, not with fewer rows', async () => {
    const { folder, load, count } = await running();
    const path = join(folder, 'damaged.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(
      `COPY (SELECT md5(range::VARCHAR) AS invoice_no, range::INTEGER AS quantity FROM range(200000)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 10000, COMPRESSION zstd)`,
    );
    const bytes = readFileSync(path);
    bytes.fill(0x55, Math.floor(bytes.length * 0.7), Math.floor(bytes.length * 0.8));
    writeFileSync(path, bytes);
    const { code, last } = await load(path);
    expect([code, last]).toMatchObject([
      1,
      { event: 'error', message: expect.stringContaining('damaged.parquet') },
    ]);
    expect(await count()).toBeLessThan(200_000);
  });

  test('opens the folder itself where no process runs, and delivers', async () => {
    const folder = project();
    writeFileSync(join(folder, 'odd.csv'), ODD);
    const { code, last } = await json([
      'import',
      'sales',
      join(folder, 'odd.csv'),
      '--pipeline',
      folder,
      ...MAPPED,
    ]);
    expect([code, last]).toMatchObject([1, { accepted: 2, rejected: 1 }]);
    const people = await millrace([
      'import',
      'sales',
      join(folder, 'odd.csv'),
      '--pipeline',
      folder,
      ...MAPPED,
    ]);
    expect(people.out).toMatch(
      /odd\.csv \(\d+ B, CSV, utf-8, delimiter ",", invoice_date month\/day\/year\)\n3 rows read, 2 stored, 1 rejected; 2 of them were stored by an import before/,
    );
    const { out } = await millrace([
      'query',
      'select sum(undelivered), sum(records) from sys.streams',
      '--pipeline',
      folder,
      '--format',
      'csv',
    ]);
    expect(out.split('\n')[1]).toBe('0,2');
  });

  test('started again after a kill, it goes on and doubles nothing', async () => {
    const { pipeline, load, file, count } = await running();
    const rows = Array.from({ length: 300_000 }, (_, index) => `i${index},${index}`).join('\n');
    const path = file('many.csv', `invoice_no,quantity\n${rows}\n`);
    const killed = load(path).catch(() => undefined);
    while ((await count()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const between = await count();
    await pipeline.kill();
    await killed;
    const again = await startPipeline(pipeline.folder, undefined);
    const { last } = await load(path);
    expect(last).toMatchObject({ read: 300_000, accepted: 300_000, rejected: 0 });
    expect(last['replayed']).toBeGreaterThanOrEqual(Math.min(between, 1000));
    expect(
      await again.sql('select count(*), count(distinct invoice_no), sum(quantity) from lake.sales'),
    ).toEqual([['300000', '300000', String((300_000 * 299_999) / 2)]]);
  });
});

/** The result as Parquet; text would not keep its bytes. */
async function query(folder: string, sql: string): Promise<Buffer> {
  const { http, key } = JSON.parse(readFileSync(join(folder, '.millrace/run.json'), 'utf8')) as {
    http: string;
    key: string;
  };
  const response = await fetch(`${http}/v1/sql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sql, format: 'parquet' }),
  });
  return Buffer.from(await response.arrayBuffer());
}

/** A frame with one raw block (RFC 8878). */
function zstdFrame(text: string): Buffer {
  const content = Buffer.from(text);
  const block = Buffer.alloc(4);
  block.writeUInt32LE((content.length << 3) | 1);
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, content.length]),
    block.subarray(0, 3),
    content,
  ]);
}

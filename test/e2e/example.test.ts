import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, type RunningPipeline, startPipeline } from '../support/pipeline.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLE = join(ROOT, 'examples/ecommerce');
const GENERATOR = join(EXAMPLE, 'generator.mjs');
const LINES = 5000;
const HISTORY = ['--history', String(LINES), '--end', '2026-11-01T00:00:00', '--rate', '0'];
const BYTES_MAX = 64 * 1024 * 1024;

interface Line {
  readonly invoice_no: string;
  readonly stock_code: string;
  readonly description?: string;
  readonly quantity: number;
  readonly unit_price: number;
  readonly invoice_date: string;
  readonly customer_id?: string;
  readonly country: string;
}

/** What the generator says, and what it writes. */
async function generate(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [GENERATOR, '--seed', '7', ...HISTORY, ...args], {
    maxBuffer: BYTES_MAX,
  });
}

async function printedLines(...args: string[]): Promise<Line[]> {
  const { stdout } = await generate('--print', ...args);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** The example on a data folder of its own. */
async function startExample(): Promise<RunningPipeline> {
  const folder = temporaryFolder();
  copyFileSync(join(EXAMPLE, 'pipeline.ts'), join(folder, 'pipeline.ts'));
  return startPipeline(folder, undefined);
}

/** Exact: whole thousandths of a pound. */
function thousandths(lines: readonly Line[]): bigint {
  const each = lines.map(
    (line) => BigInt(line.quantity) * BigInt(Math.round(line.unit_price * 1000)),
  );
  return each.reduce((total, value) => total + value, 0n);
}

function revenueOf(lines: readonly Line[]): string {
  const digits = String(thousandths(lines));
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

/** As lookup and SQL give it: no optional field is left out, decimals are text. */
function rowText(line: Line): string {
  const { invoice_no, stock_code, description, quantity, invoice_date, customer_id, country } =
    line;
  const price = line.unit_price.toFixed(3);
  const optional = [description ?? null, customer_id ?? null];
  return JSON.stringify([invoice_no, stock_code, quantity, price, invoice_date, country, optional]);
}

async function lookupRows(url: string, invoice: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/lookups/invoices/${invoice}`);
  if (response.status === 404) return [];
  const { items } = (await response.json()) as { items: (Line & { unit_price: string })[] };
  return items.map((item) => rowText({ ...item, unit_price: Number(item.unit_price) })).sort();
}

function grouped(lines: readonly Line[], keyOf: (line: Line) => string): Map<string, Line[]> {
  const groups = new Map<string, Line[]>();
  for (const line of lines) groups.set(keyOf(line), [...(groups.get(keyOf(line)) ?? []), line]);
  return groups;
}

test('the generator writes the same bytes for the same seed, and others for another', async () => {
  const [first, again, other] = await Promise.all([
    generate('--print'),
    generate('--print'),
    generate('--print', '--seed', '8'),
  ]);
  expect(first.stdout.split('\n')).toHaveLength(LINES + 1);
  expect(again.stdout).toBe(first.stdout);
  expect(other.stdout).not.toBe(first.stdout);
});

test('the generated history has the shape of a shop', async () => {
  const lines = await printedLines('--history', '60000');
  const invoices = grouped(lines, (line) => line.invoice_no);
  const months = grouped(lines, (line) => line.invoice_date.slice(0, 7));
  const share = (wanted: (line: Line) => boolean) => lines.filter(wanted).length / lines.length;
  const dates = lines.map((line) => line.invoice_date);
  expect(dates).toEqual(dates.toSorted());
  expect([dates[0], dates.at(-1)?.slice(0, 10)]).toEqual(['2024-11-01T00:00:00', '2026-10-31']);
  expect(Math.max(...[...invoices.values()].map((rows) => rows.length))).toBe(40);
  expect(share((line) => line.customer_id === undefined)).toBeCloseTo(0.2, 1);
  expect(share((line) => line.country === 'United Kingdom')).toBeGreaterThan(0.8);
  expect(new Set(lines.map((line) => line.country)).size).toBeGreaterThan(20);
  expect(new Set(lines.map((line) => line.stock_code)).size).toBeGreaterThan(2500);
  expect(share((line) => Math.round(line.unit_price * 1000) % 10 !== 0)).toBeGreaterThan(0.01);
  expect(months.get('2025-11')?.length).toBeGreaterThan(1.5 * (months.get('2025-07')?.length ?? 0));
});

test('a return takes back what the same customer bought before, at the price paid, and never more', async () => {
  const lines = await printedLines('--history', '60000');
  const bought = new Map<string, number>();
  const wrong = lines.filter((line) => {
    const thing = JSON.stringify([line.customer_id, line.stock_code, line.unit_price]);
    const left = (bought.get(thing) ?? 0) + line.quantity;
    bought.set(thing, left);
    return left < 0 || line.quantity < 0 !== line.invoice_no.startsWith('C');
  });
  expect(wrong).toEqual([]);
  expect(lines.filter((line) => line.quantity < 0).length).toBeGreaterThan(100);
});

test('SQL counts and adds up exactly what the generator sent, however often it sends it', async () => {
  const pipeline = await startExample();
  const lines = await printedLines();
  const expected = [[String(LINES), revenueOf(lines)]];
  const query = 'select count(*), sum(quantity * unit_price) from sales';

  const first = await generate('--url', pipeline.url);
  expect(first.stderr).toContain(`revenue ${revenueOf(lines)}`);
  expect(await pipeline.sql(query)).toEqual(expected);

  // A later end would be another history: the one that is there keeps its own.
  const again = await generate('--url', pipeline.url, '--end', '2026-11-02T00:00:00');
  expect(again.stderr).toContain('there already');
  expect(await pipeline.sql(query)).toEqual(expected);

  const other = await generate('--url', pipeline.url, '--seed', '8');
  expect(other.stderr).toContain('Another history');
  expect(await pipeline.sql(query)).toEqual(expected);
});

test('a history that was broken off goes on where it ended, also without the keys of the last 24 hours', async () => {
  const pipeline = await startExample();
  const lines = await printedLines();
  const begun = lines.slice(0, 2000).map((line) => JSON.stringify(line));
  const types = { 'content-type': 'application/x-ndjson' };
  await pipeline.post('/v1/streams/sales/records', begun.join('\n'), types);
  await generate('--url', pipeline.url);
  const [row] = await pipeline.sql('select count(*), sum(quantity * unit_price) from sales');
  expect(row).toEqual([String(LINES), revenueOf(lines)]);
});

test('the lookup, SQL and the generator agree on the lines of an invoice, and the model on the revenue', async () => {
  const pipeline = await startExample();
  const lines = await printedLines();
  await generate('--url', pipeline.url);
  const invoices = [...grouped(lines, (line) => line.invoice_no)];
  const sample = invoices.filter((_, index) => index % Math.floor(invoices.length / 20) === 0);
  expect(sample.length).toBeGreaterThanOrEqual(20);
  for (const [invoice, sent] of sample) {
    const wanted = sent.map(rowText).sort();
    const found = await eventually(async () => {
      const rows = await lookupRows(pipeline.url, invoice);
      return rows.length >= wanted.length ? rows : undefined;
    });
    expect(found).toEqual(wanted);
    const rows = await pipeline.sql(
      `select invoice_no, stock_code, quantity, unit_price, invoice_date, country,
              [description, customer_id] from sales where invoice_no = ?`,
      [invoice],
    );
    expect(rows.map((row) => JSON.stringify(row)).sort()).toEqual(wanted);
  }

  const run = await pipeline.post('/v1/models/daily_revenue/runs', '{}');
  expect(await run.json()).toMatchObject({ state: 'succeeded', error: null });
  expect(await pipeline.sql('select sum(revenue) from daily_revenue')).toEqual([
    [revenueOf(lines)],
  ]);
});

test('live records come in until the generator is stopped, through a restart of the pipeline', async () => {
  const pipeline = await startExample();
  const args = ['--url', pipeline.url, '--live-only', '--rate', '40'];
  const generator = spawn(process.execPath, [GENERATOR, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  generator.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  onTestFinished(() => void generator.kill('SIGKILL'));
  const count = async (running: RunningPipeline) => {
    const [row] = await running.sql(
      'select count(*) from sales where invoice_date > now()::timestamp - interval 1 day',
    );
    return Number(row?.[0]);
  };
  const moreThan = (running: RunningPipeline, least: number) =>
    eventually(async () => ((await count(running)) > least ? true : undefined));
  await moreThan(pipeline, 0);
  await pipeline.kill();
  await eventually(() => (said.includes('Waiting for') ? true : undefined));
  const { port } = new URL(pipeline.url);
  const next = await startPipeline(pipeline.folder, undefined, { args: ['--port', port] });
  await moreThan(next, await count(next));
  generator.kill('SIGINT');
  expect(await exitCode(generator)).toBe(0);
  expect(said).toContain('Stopped.');
  expect(await next.stop()).toBe(0);
});

test('npm start fills the example, says where the page is and what to try, and ends with 0 when stopped', async () => {
  const env = {
    ...process.env,
    MILLRACE_BUILT: '1',
    MILLRACE_PORT: '0',
    MILLRACE_DATA: temporaryFolder(),
  };
  const started = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void started.kill('SIGTERM'));
  let said = '';
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  await eventually(() => (said.includes('Ctrl-C stops') ? true : undefined), 60_000);
  expect(said).toContain('200,000 lines');
  expect(said).toMatch(/daily_revenue has 2,\d{3} rows/);
  const lookup = /curl \S+ \S+ (http\S+\/invoices\/1000001)/.exec(said)?.[1] ?? '';
  const { items } = (await (await fetch(lookup)).json()) as { items: Line[] };
  expect(items[0]?.invoice_no).toBe('1000001');
  const page = /Open the page: +(\S+)/.exec(said)?.[1] ?? '';
  expect((await fetch(page)).headers.get('content-type')).toMatch(/^text\/html/);
  started.kill('SIGINT');
  expect(await exitCode(started), said).toBe(0);
});

test('the request in the guide to dashboards works as it is pasted', async () => {
  const pipeline = await startExample();
  await generate('--url', pipeline.url, '--history', '2000');
  const guide = readFileSync(join(ROOT, 'docs/guide/dashboards.md'), 'utf8');
  const [, command = ''] = /```sh\n(curl .*?)```/s.exec(guide) ?? [];
  const { host } = new URL(pipeline.url);
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    command.replace('localhost:4000', host),
  ]);
  expect(JSON.parse(stdout)).toMatchObject({
    version: { sales: 2000 },
    charts: { revenue: { kind: 'kpi', value: expect.stringMatching(/^-?\d+\.\d+$/) } },
  });
});

test('the template that init copies is the example', () => {
  const template = readFileSync(join(ROOT, 'templates/ecommerce/pipeline.ts'), 'utf8');
  expect(readFileSync(join(EXAMPLE, 'pipeline.ts'), 'utf8')).toBe(template);
});

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

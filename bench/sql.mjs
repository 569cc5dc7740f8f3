import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { temporaryFolder } from './support/folders.mjs';
import { copyOfHistory } from './support/history.mjs';
import { diskText, fdatasyncMs, watchMachine } from './support/machine.mjs';
import { progress, report } from './support/report.mjs';
import { SALES_PIPELINE } from './support/sales.mjs';
import { startMillrace } from './support/server.mjs';
import { median, quantile } from './support/statistics.mjs';

/**
 * P9: a question over HTTP beside the same question in DuckDB in this process, over the same Parquet files, with as many
 * threads. Each is asked for the first time: a comment tells them apart, so no kept result is given.
 */

const QUESTIONS = {
  nothing: 'select 1 as one',
  count: 'select count(*) as n from sales',
  'one invoice': "select * from sales where invoice_no = 'I5000' order by product",
  'one day by country':
    "select country, sum(quantity * unit_price) as revenue from sales where sold_at >= '2026-01-05' and sold_at < '2026-01-06' group by country order by revenue desc",
  'revenue by month and country':
    "select date_trunc('month', sold_at) as month, country, sum(quantity * unit_price) as revenue, count(*) as lines from sales group by all order by all",
  'top products of each country':
    'select * from (select country, product, sum(quantity) as sold from sales group by all) qualify row_number() over (partition by country order by sold desc, product) <= 3 order by all',
  'distinct invoices by day':
    'select sold_at::date as day, count(distinct invoice_no) as invoices from sales group by day order by day',
  '50,000 rows': 'select * from sales order by sold_at, invoice_no, product limit 50000',
};
/** Questions whose time in the engine is at least this are bounded by a ratio, others by what is added. */
const LONG_MS = 100;
const SHORT_ROUNDS = 40;

const VIEWERS = 50;
const VIEWERS_SECONDS = 20;
const HOG = 'select sum(levenshtein(a.product, b.product)) from sales a, sales b';

export async function sql({ sqlRows: rows, sqlRounds: rounds }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  await copyOfHistory(folder, rows, SALES_PIPELINE);
  const millrace = await startMillrace(folder, SALES_PIPELINE);
  // The dashboard reads all rows once; questions meanwhile would measure that.
  await millrace.call('/v1/dashboards/shop/answers', {});
  const raw = await openRaw(join(millrace.data, 'lake/lake/sales/data'));
  const disk = [fdatasyncMs(folder)];
  const results = [];
  for (const [name, question] of Object.entries(QUESTIONS))
    results.push({ name, ...(await compared(name, question, { millrace, raw, rounds })) });
  disk.push(fdatasyncMs(folder));
  const viewers = await withHog(millrace);
  await millrace.stop();
  reportSql(results, viewers, { rows, disk, machine: machine() });
}

async function openRaw(folder) {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '2',
    memory_limit: '1GB',
  });
  const connection = await instance.connect();
  await connection.run('SET GLOBAL parquet_metadata_cache = true');
  const files = readdirSync(folder, { recursive: true }).filter((name) =>
    name.endsWith('.parquet'),
  );
  const list = files.map((name) => `'${join(folder, name)}'`).join(', ');
  await connection.run(
    `CREATE VIEW sales AS SELECT * EXCLUDE (_shard, _sequence_number, _arrived_at) FROM read_parquet([${list}])`,
  );
  return connection;
}

async function compared(name, question, { millrace, raw, rounds }) {
  const [ours, theirs] = [[], []];
  let asked = 0;
  const once = async (times, ask) => {
    const start = performance.now();
    const count = await ask(`${question} /* ${asked++} */`);
    times.push(performance.now() - start);
    return count;
  };
  const viaHttp = async (text) => (await millrace.sql(text)).length;
  const inProcess = async (text) => (await raw.runAndReadAll(text)).getRowsJson().length;
  // The first of each, in which caches fill, do not count.
  const found = [await viaHttp(`${question} `), await inProcess(question)];
  if (found[0] !== found[1])
    throw new Error(`${name}: ${found[0]} rows, and ${found[1]} by DuckDB`);
  await inProcess(question);
  const start = performance.now();
  await inProcess(question);
  const count = performance.now() - start < LONG_MS ? Math.max(SHORT_ROUNDS, rounds) : rounds;
  for (let round = 0; round < count; round++) {
    await once(ours, viaHttp);
    await once(theirs, inProcess);
  }
  const result = { ms: median(ours), rawMs: median(theirs) };
  progress(`${name}: ${result.ms.toFixed(2)} ms, DuckDB ${result.rawMs.toFixed(2)} ms`);
  return result;
}

/** Fifty who look at one dashboard, each another part of it, while somebody asks for more than there is. */
async function withHog(millrace) {
  const hog = new AbortController();
  const { owner, url } = millrace;
  const headers = { authorization: owner, 'content-type': 'application/json' };
  const hogged = fetch(`${url}/v1/sql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ sql: HOG }),
    signal: hog.signal,
  }).catch(() => undefined);
  const times = [];
  const end = performance.now() + VIEWERS_SECONDS * 1000;
  const view = async (viewer) => {
    for (let turn = 0; performance.now() < end; turn++) {
      const start = performance.now();
      await millrace.call('/v1/dashboards/shop/answers', screenOf(viewer, turn));
      times.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  };
  await Promise.all(Array.from({ length: VIEWERS }, (_, viewer) => view(viewer)));
  hog.abort();
  await hogged;
  const result = { count: times.length, p50: median(times), p95: quantile(times, 0.95) };
  progress(`${VIEWERS} viewers beside a hog: ${JSON.stringify(result)}`);
  return result;
}

const COUNTRIES = ['United Kingdom', 'Germany', 'France', 'Spain', 'Norway', 'Japan'];

const screenOf = (viewer, turn) => ({
  state: { filters: { country: { in: [COUNTRIES[(viewer + turn) % COUNTRIES.length]] } } },
});

function reportSql(results, viewers, { rows, disk, machine }) {
  const long = results.filter(({ rawMs }) => rawMs >= LONG_MS);
  const short = results.filter(({ rawMs }) => rawMs < LONG_MS);
  report({
    name: 'sql',
    title: `P9: SQL over HTTP, ${rows.toLocaleString('en')} rows`,
    anchor: 'the same question in DuckDB in one process, over the same files',
    rows: [
      ...long.map(({ name, ms, rawMs }) => ({
        measure: name,
        unit: 'ms',
        value: ms,
        anchor: rawMs,
        ship: [['ratio', '<=', 1.15]],
        goal: [['ratio', '<=', 1.05]],
      })),
      ...short.map(({ name, ms, rawMs }) => ({
        measure: `${name}: added to ${rawMs.toFixed(1)}`,
        unit: 'ms',
        value: ms - rawMs,
        ship: [['value', '<=', 3]],
        goal: [['value', '<=', 1]],
      })),
      {
        measure: `${VIEWERS} viewers of a dashboard beside a hog, p95`,
        unit: 'ms',
        value: viewers.p95,
        ship: [['value', '<=', 300]],
      },
    ],
    notes: [`viewers: ${viewers.count} answers, p50 ${viewers.p50.toFixed(0)} ms`, diskText(disk)],
    machine,
  });
}

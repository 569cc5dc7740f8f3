import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from './support/client.mjs';
import { openConnection } from './support/connection.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { copyOfHistory } from './support/history.mjs';
import { wholeAnswer } from './support/http-client.mjs';
import { diskText, fdatasyncMs, watchMachine } from './support/machine.mjs';
import { cpuByProgram } from './support/proc.mjs';
import { random } from './support/records.mjs';
import { progress, report } from './support/report.mjs';
import { invoiceAt, SHOP_PIPELINE } from './support/sales.mjs';
import { startMillrace } from './support/server.mjs';
import { median, quantile } from './support/statistics.mjs';

/** P15: what ingest, delivery, live refresh and a lookup cost as the history behind them grows. */

const RECORDS = new URL('./support/sales.mjs', import.meta.url).href;
const REQUEST = { records: RECORDS, perRequest: 500, inFlight: 4, distinct: 50_000 };
const ROUNDS = 3;
const RECORDS_PER_ROUND = 100_000;
const REFRESHES = 20;
const LOOKUPS = 2000;

export async function history({ historyRows: sizes }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const servers = [];
  for (const rows of sizes) servers.push(await open(join(folder, String(rows)), rows));
  const disk = [];
  // The first round, in which code is compiled and caches fill, does not count.
  for (let round = 0; round <= ROUNDS; round++) {
    disk.push(fdatasyncMs(folder));
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      const result = await measure(server, round);
      if (round > 0) server.results.push(result);
      progress(
        `round ${round} ${millions(server.rows)}: ${Object.entries(result)
          .map(([name, value]) => `${name} ${value.toFixed(2)}`)
          .join(', ')}`,
      );
    }
  }
  await Promise.all(servers.map(({ millrace }) => millrace.stop()));
  reportHistory(servers, { disk, machine: machine() });
}

const millions = (rows) => `${rows / 1e6} M`;

async function open(folder, rows) {
  await copyOfHistory(folder, rows, SHOP_PIPELINE);
  const millrace = await (await startMillrace(folder, SHOP_PIPELINE)).withProducerKey();
  await millrace.call('/v1/dashboards/shop/answers', {});
  return { rows, millrace, results: [] };
}

async function measure({ rows, millrace }, round) {
  const before = spent(millrace);
  const request = { ...REQUEST, url: millrace.records, total: RECORDS_PER_ROUND };
  const { p50Ms } = await load(millrace, { ...request, seed: round + 1 });
  const ingested = spent(millrace);
  await caughtUp(millrace);
  const delivered = spent(millrace);
  const perRecord = (program, after) =>
    ((after.get(program) ?? 0) - (before.get(program) ?? 0)) / RECORDS_PER_ROUND;
  const all = [...delivered.keys()].reduce((sum, name) => sum + perRecord(name, delivered), 0);
  const [[deliveryMs]] = await millrace.sql(
    "SELECT last_duration_ms * 1e6 / last_rows FROM sys.deliveries WHERE stream = 'sales'",
  );
  return {
    ingestUs: perRecord('millrace.js', ingested),
    answerMs: p50Ms,
    deliveryUs: perRecord('engine-program.js', delivered),
    deliveryMsPerMillion: Number(deliveryMs),
    lookupUs: perRecord('worker-program.js', delivered),
    allUs: all,
    refreshMs: await refreshMs(millrace, round),
    ...(await lookupMs(millrace, rows, round)),
  };
}

/** CPU µs by program; what runs twice is added up. */
function spent(millrace) {
  const sums = new Map();
  for (const { program, us } of cpuByProgram(millrace.pid))
    sums.set(program, (sums.get(program) ?? 0) + us);
  return sums;
}

async function caughtUp(millrace) {
  for (;;) {
    const [[waiting]] = await millrace.sql(
      "SELECT undelivered + (SELECT coalesce(max(lag), 0) FROM sys.consumers) FROM sys.streams WHERE name = 'sales'",
    );
    if (Number(waiting) === 0) return;
    await sleep(300);
  }
}

/** Records are acknowledged, and all charts of the dashboard are asked for with them. */
async function refreshMs(millrace, round) {
  const times = [];
  for (let index = 0; index < REFRESHES; index++) {
    const request = { ...REQUEST, url: millrace.records, perRequest: 500, distinct: 500 };
    await load(millrace, { ...request, inFlight: 1, total: 500, seed: 1000 * round + index });
    const start = performance.now();
    await millrace.call('/v1/dashboards/shop/answers', {});
    times.push(performance.now() - start);
  }
  return median(times);
}

async function lookupMs(millrace, rows, round) {
  const { hostname: host, port } = new URL(millrace.url);
  const connection = openConnection({ host, port: Number(port) });
  const next = random(round + 1);
  const times = [];
  for (let index = 0; index < LOOKUPS; index++) {
    const path = `/v1/lookups/invoices/${invoiceAt(Math.floor(next() * rows))}`;
    const head = `GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\nauthorization: ${millrace.owner}\r\n\r\n`;
    const start = performance.now();
    const { status, text } = await connection.ask(head, wholeAnswer);
    times.push(performance.now() - start);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  }
  connection.close();
  return { lookupMs: quantile(times, 0.5), lookupP99Ms: quantile(times, 0.99) };
}

const MEASURES = [
  ['ingestUs', 'ingest, CPU of main per record', 'µs'],
  ['answerMs', 'ingest, answer p50', 'ms'],
  ['deliveryUs', 'delivery, CPU of the engine per record', 'µs'],
  ['deliveryMsPerMillion', 'delivery, wall per million records', 'ms'],
  ['lookupUs', 'keeping the lookup, CPU of the worker per record', 'µs'],
  ['allUs', 'all processes until delivered and looked up, CPU per record', 'µs'],
  ['refreshMs', 'live refresh: 500 new records, all charts, p50', 'ms'],
  ['lookupMs', 'lookup by key over HTTP, p50', 'ms'],
  ['lookupP99Ms', 'lookup by key over HTTP, p99', 'ms'],
];

function reportHistory([least, ...larger], { disk, machine }) {
  const of = ({ results }, name) => median(results.map((result) => result[name]));
  report({
    name: 'history',
    title: `P15 cost against history: ${ROUNDS} interleaved rounds of ${RECORDS_PER_ROUND.toLocaleString('en')} records, medians`,
    anchor: `the same with ${millions(least.rows)} records of history`,
    rows: larger.flatMap((server) =>
      MEASURES.map(([name, measure, unit]) => ({
        measure: `${millions(server.rows)}: ${measure}`,
        unit,
        value: of(server, name),
        anchor: of(least, name),
        ship: [['ratio', '<=', 1.5]],
        goal: [['ratio', '<=', 1.2]],
      })),
    ),
    notes: [diskText(disk)],
    rounds: [least, ...larger].map(({ rows, results }) => ({ rows, results })),
    machine,
  });
}

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { checkout } from './checkout.mjs';
import { commits } from './commits.mjs';
import { dashboard } from './dashboard.mjs';
import { delivery } from './delivery.mjs';
import { freshness } from './freshness.mjs';
import { history } from './history.mjs';
import { ingest } from './ingest.mjs';
import { STREAM_NAMES } from './kinesis/targets.mjs';
import { kinesis } from './kinesis.mjs';
import { overload } from './overload.mjs';
import { PEER_NAMES } from './peers/peers.mjs';
import { size } from './size.mjs';
import { sql } from './sql.mjs';
import { startup } from './startup.mjs';
import { ROOT } from './support/folders.mjs';

/**
 * `npm run bench [name …]`: measures the product beside its anchors, prints a table per bench, and
 * writes .cache/bench/<name>.json. Settings are in the environment: BENCH_ROUNDS, BENCH_RECORDS,
 * BENCH_START_ROUNDS, BENCH_DELIVERY_ROUNDS, BENCH_COMMITS, BENCH_MEMORY_SECONDS (0: none), BENCH_DASHBOARD_ROWS (a list),
 * BENCH_DASHBOARD_MOVES, BENCH_FRESHNESS_ROWS, BENCH_FRESHNESS_SECONDS, BENCH_OVERLOAD_SECONDS, BENCH_OVERLOAD_ROUNDS, BENCH_HISTORY_ROWS (a list; 100000000 is
 * the third of goals.md and takes its time), BENCH_SQL_ROWS, BENCH_SQL_ROUNDS, BENCH_PEERS (ingest, kinesis: a list of names,
 * or nothing for none), BENCH_KINESIS_STREAMS (a list of defined, beside, made), BENCH_PROFILE=1 (ingest, or the first of
 * those streams of kinesis, without peers). Peers are installed once, by the machine's package
 * managers into .cache/bench/peers; one that cannot be had is named with the reason.
 */
const BENCHES = {
  ingest,
  kinesis,
  delivery,
  commits,
  startup,
  size,
  dashboard,
  freshness,
  history,
  overload,
  sql,
  checkout,
};

function setting(name, standard) {
  const text = process.env[name];
  if (text === undefined) return standard;
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`${name} must be a whole number, not ${JSON.stringify(text)}.`);
}

function list(name, standard) {
  return (process.env[name] ?? standard).split(',').map(Number);
}

/** Of those there are; an empty setting is none. */
function names(setting, all) {
  const text = process.env[setting];
  if (text === undefined) return all;
  const chosen = text.split(',').filter((name) => name !== '');
  const unknown = chosen.find((name) => !all.includes(name));
  if (unknown === undefined) return chosen;
  throw new Error(`${setting} has ${JSON.stringify(unknown)}; there are ${all.join(', ')}.`);
}

/** As `names`, where none would be nothing to measure. */
function someNames(setting, all) {
  const chosen = names(setting, all);
  return chosen.length > 0 ? chosen : all;
}

const settings = {
  rounds: setting('BENCH_ROUNDS', 4),
  records: setting('BENCH_RECORDS', 1_000_000),
  startRounds: setting('BENCH_START_ROUNDS', 5),
  deliveryRounds: setting('BENCH_DELIVERY_ROUNDS', 3),
  deliveryRecords: 1_000_000,
  commits: setting('BENCH_COMMITS', 5000),
  memorySeconds: setting('BENCH_MEMORY_SECONDS', 60),
  dashboardRows: list('BENCH_DASHBOARD_ROWS', '2000000,10000000'),
  dashboardMoves: setting('BENCH_DASHBOARD_MOVES', 60),
  freshnessRows: setting('BENCH_FRESHNESS_ROWS', 2_000_000),
  freshnessSeconds: setting('BENCH_FRESHNESS_SECONDS', 70),
  historyRows: list('BENCH_HISTORY_ROWS', '1000000,10000000'),
  sqlRows: setting('BENCH_SQL_ROWS', 5_000_000),
  sqlRounds: setting('BENCH_SQL_ROUNDS', 15),
  peers: names('BENCH_PEERS', PEER_NAMES),
  kinesisStreams: someNames('BENCH_KINESIS_STREAMS', STREAM_NAMES),
  overloadSeconds: setting('BENCH_OVERLOAD_SECONDS', 60),
  overloadRounds: setting('BENCH_OVERLOAD_ROUNDS', 2),
  profile: process.env['BENCH_PROFILE'] === '1',
};

async function main(names) {
  const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
  if (unknown !== undefined) {
    process.stderr.write(
      `There is no bench '${unknown}'. Benches are: ${Object.keys(BENCHES).join(', ')}.\n`,
    );
    return 1;
  }
  if (!existsSync('/proc/self/stat')) {
    process.stderr.write('The benches read CPU time from /proc; run them on Linux.\n');
    return 1;
  }
  const built = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
  if (built.status !== 0) {
    process.stderr.write('The build failed; there is nothing to measure.\n');
    return 1;
  }
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) await BENCHES[name](settings);
  return 0;
}

// Ending by a signal also ends the servers and removes the folders.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));

import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { acknowledgement } from './acknowledgement.mjs';
import { reportPeers } from './ingest-peers.mjs';
import { startPeers } from './peers/peers.mjs';
import { load } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { diskText, fdatasyncMs, watchMachine } from './support/machine.mjs';
import { salesPipeline } from './support/pipeline.mjs';
import { tellProfile, watchThreads } from './support/profile.mjs';
import { progress, report } from './support/report.mjs';
import { startMillrace, startServer } from './support/server.mjs';
import { median } from './support/statistics.mjs';

/**
 * P1: NDJSON over HTTP, on disk before the answer, against a bare Node server with the same promise.
 * P2: the same against what one would take in its place. P4: the answer to one record alone.
 * All servers are up at once, and a round asks each of them once.
 */

const BARE = fileURLToPath(new URL('./bare-ingest.mjs', import.meta.url));
const REQUEST = { perRequest: 500, inFlight: 4, distinct: 50_000 };
const run = promisify(execFile);

export async function ingest({ rounds, records, peers: names, profile }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles);
  const execArgv = profile ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [];
  const started = await startMillrace(join(folder, 'millrace'), salesPipeline(), { execArgv });
  const millrace = await started.withProducerKey();
  const bare = await startServer([BARE, join(folder, 'bare.ndjson')]);
  const receiver = await startServer([BARE]);
  const peers = await startPeers(folder, profile ? [] : names);
  const cases = [
    caseOf('bare', bare, `${bare.url}/`),
    caseOf('receive only', receiver, `${receiver.url}/`),
    caseOf('millrace', millrace, millrace.records),
    ...peers.cases,
  ];
  await warmUp(cases, records);
  const threads = profile ? watchThreads(millrace.pid) : undefined;
  const { results, disk } = await measure(cases, { folder, rounds, records });
  const spent = threads?.(rounds * records);
  const seen = { results, disk, rounds, records, machine: machine() };
  // Before anything is delivered, which goes on for a while behind the answers.
  const single = profile ? undefined : await acknowledgement(cases, { folder, machine });
  const check = await checkCounts(millrace, (rounds + 1) * records + (single?.sent ?? 0));
  await Promise.all([bare.stop(), receiver.stop(), millrace.stop(), peers.stop()]);
  reportIngest({ ...seen, check });
  if (profile) return tellProfile(profiles, spent);
  if (names.length > 0) reportPeers({ ...seen, peers });
  single?.report();
}

function caseOf(name, server, url) {
  return { name, share: 1, load: (request) => load(server, { ...request, url }) };
}

/** Whole requests of a case's share. */
const shareOf = ({ share }, records) =>
  Math.max(1, Math.round((records * share) / REQUEST.perRequest)) * REQUEST.perRequest;

async function warmUp(cases, records) {
  for (const one of cases) await one.load({ ...REQUEST, total: shareOf(one, records) });
}

async function measure(cases, { folder, rounds, records }) {
  const results = Object.fromEntries(cases.map(({ name }) => [name, []]));
  const disk = [];
  for (let round = 0; round < rounds; round++) {
    disk.push(fdatasyncMs(folder));
    for (const one of round % 2 === 0 ? cases : cases.toReversed()) {
      // What an earlier case left to the kernel would be written beside this one.
      await run('sync');
      const total = shareOf(one, records);
      const result = await one.load({ ...REQUEST, total, seed: round + 1 });
      results[one.name].push(result);
      progress(
        `round ${round + 1} ${one.name.padEnd(46)} ${result.cpuUsPerRecord.toFixed(2).padStart(6)} µs/record, ` +
          `${Math.round(result.perSecond / 1000)} k/s, p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`,
      );
    }
  }
  return { results, disk };
}

function reportIngest({ results, disk, rounds, records, machine, check }) {
  const of = (name, what) => median(results[name].map((result) => result[what]));
  const both = (what) => ({ value: of('millrace', what), anchor: of('bare', what) });
  report({
    name: 'ingest',
    title: `P1 ingest: NDJSON over HTTP, ${REQUEST.perRequest} records a request, ${REQUEST.inFlight} requests in flight, ${rounds} rounds of ${records.toLocaleString('en')} records, medians`,
    anchor: 'bare Node HTTP server: JSON.parse a line, 8 checks, write and fdatasync',
    rows: [
      {
        measure: 'server CPU per record',
        unit: 'µs',
        ...both('cpuUsPerRecord'),
        ship: [
          ['value', '<=', 1.6],
          ['ratio', '<=', 1],
        ],
        goal: [['value', '<=', 1]],
      },
      { measure: 'records per second', ...both('perSecond') },
      { measure: 'answer p50', unit: 'ms', ...both('p50Ms') },
      { measure: 'answer p99', unit: 'ms', ...both('p99Ms') },
    ],
    notes: [
      `a Node server that only receives the bodies and answers: ${of('receive only', 'cpuUsPerRecord').toFixed(2)} µs a record`,
      diskText(disk),
      check,
    ],
    rounds: { results, disk },
    machine,
  });
}

/** Before and after delivery the log and the table must hold each record once. */
async function checkCounts(millrace, sent) {
  const [[stored]] = await millrace.sql("SELECT records FROM sys.streams WHERE name = 'sales'");
  await millrace.call('/v1/models/counted/runs', {});
  const [[delivered, distinct]] = await millrace.sql(
    'SELECT count(*), count(DISTINCT _sequence_number) FROM records.sales',
  );
  const counts = [stored, delivered, distinct].map(Number);
  if (counts.some((count) => count !== sent))
    throw new Error(`${sent} records were sent; log, SQL and SQL distinct have ${counts}`);
  return `check: ${sent.toLocaleString('en')} records sent, as many in the log and in SQL, each once`;
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { acknowledgement } from './acknowledgement.mjs';
import { reportPeers } from './ingest-peers.mjs';
import { startPeers } from './peers/peers.mjs';
import { checkCounts } from './support/check-counts.mjs';
import { load } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { diskText, watchMachine } from './support/machine.mjs';
import { salesPipeline } from './support/pipeline.mjs';
import { tellProfile, watchThreads } from './support/profile.mjs';
import { report } from './support/report.mjs';
import { measure, warmUp } from './support/rounds.mjs';
import { startMillrace, startServer } from './support/server.mjs';
import { median } from './support/statistics.mjs';

/**
 * P1: NDJSON over HTTP, on disk before the answer, against a bare Node server with the same promise.
 * P2: the same against what one would take in its place. P4: the answer to one record alone.
 */

const BARE = fileURLToPath(new URL('./bare-ingest.mjs', import.meta.url));
const REQUEST = { perRequest: 500, inFlight: 4, distinct: 50_000 };

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
  const peers = await startPeers(folder, { bench: 'ingest', names: profile ? [] : names });
  const cases = [
    caseOf('bare', bare, `${bare.url}/`),
    caseOf('receive only', receiver, `${receiver.url}/`),
    caseOf('millrace', millrace, millrace.records),
    ...peers.cases,
  ];
  const size = { records, request: REQUEST };
  await warmUp(cases, size);
  const threads = profile ? watchThreads(millrace.pid) : undefined;
  const { results, disk } = await measure(cases, { folder, rounds, ...size });
  const spent = threads?.(rounds * records);
  const seen = { results, disk, rounds, records, machine: machine() };
  // Before anything is delivered, which goes on for a while behind the answers.
  const single = profile ? undefined : await acknowledgement(cases, { folder, machine });
  const check = await checkCounts(millrace, (rounds + 1) * records + (single?.sent ?? 0));
  await Promise.all([bare.stop(), receiver.stop(), millrace.stop(), peers.stop()]);
  reportIngest({ ...seen, check });
  if (profile) return tellProfile(profiles, spent);
  if (peers.cases.length + peers.missing.length > 0) reportPeers({ ...seen, peers });
  single?.report();
}

function caseOf(name, server, url) {
  return { name, share: 1, load: (request) => load(server, { ...request, url }) };
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

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { watchMachine } from './support/machine.mjs';
import { salesPipeline } from './support/pipeline.mjs';
import { topFunctions } from './support/profile.mjs';
import { progress, report } from './support/report.mjs';
import { startMillrace, startServer } from './support/server.mjs';
import { median } from './support/statistics.mjs';

/** P1: NDJSON over HTTP, on disk before the answer, against a bare Node server with the same promise. */

const BARE = fileURLToPath(new URL('./bare-ingest.mjs', import.meta.url));
const REQUEST = { perRequest: 500, inFlight: 4, distinct: 50_000 };

export async function ingest({ rounds, records, profile }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles);
  const execArgv = profile ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [];
  const started = await startMillrace(join(folder, 'millrace'), salesPipeline(), { execArgv });
  const millrace = await started.withProducerKey();
  const bare = await startServer([BARE, join(folder, 'bare.ndjson')]);
  const cases = [
    { name: 'bare', server: bare, url: `${bare.url}/` },
    { name: 'millrace', server: millrace, url: millrace.records },
  ];
  const results = { bare: [], millrace: [] };
  const warmUp = records;
  for (const { server, url } of cases) await load(server, { ...REQUEST, url, total: warmUp });
  for (let round = 0; round < rounds; round++) {
    for (const { name, server, url } of round % 2 === 0 ? cases : cases.toReversed()) {
      const result = await load(server, { ...REQUEST, url, total: records, seed: round + 1 });
      results[name].push(result);
      progress(
        `round ${round + 1} ${name.padEnd(8)} ${result.cpuUsPerRecord.toFixed(2)} µs/record, ` +
          `${Math.round(result.perSecond / 1000)} k/s, p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`,
      );
    }
  }
  const machineSeen = machine();
  const check = await checkCounts(millrace, warmUp + rounds * records);
  await Promise.all([bare.stop(), millrace.stop()]);
  const of = (name, what) => median(results[name].map((result) => result[what]));
  const both = (what) => ({ value: of('millrace', what), anchor: of('bare', what) });
  report({
    name: 'ingest',
    title: `P1 ingest: NDJSON over HTTP, 500 records a request, 4 requests in flight, ${rounds} rounds of ${records.toLocaleString('en')} records, medians`,
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
    notes: [check],
    rounds: results,
    machine: machineSeen,
  });
  if (!profile) return;
  progress('\nself time of the main process, without idle and native threads:');
  for (const { name, ms, share } of topFunctions(profiles))
    progress(`${(share * 100).toFixed(1).padStart(5)} %  ${ms.toFixed(0).padStart(6)} ms  ${name}`);
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

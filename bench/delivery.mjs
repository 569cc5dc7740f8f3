import { execFile } from 'node:child_process';
import { createWriteStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { load } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { watchMachine } from './support/machine.mjs';
import { salesPipeline } from './support/pipeline.mjs';
import { cpuByProgram, treeCpuUs } from './support/proc.mjs';
import { bodies } from './support/records.mjs';
import { progress, report } from './support/report.mjs';
import { startMillrace } from './support/server.mjs';
import { median } from './support/statistics.mjs';

/** P6: from the log to Parquet with Iceberg metadata, against DuckDB's COPY of the same records. */

const BARE = fileURLToPath(new URL('./bare-delivery.mjs', import.meta.url));
const run = promisify(execFile);
const PER_REQUEST = 500;

export async function delivery({ deliveryRounds: rounds, deliveryRecords: records }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const source = join(folder, 'records.ndjson');
  await pipeline(bodies(records, PER_REQUEST), createWriteStream(source));
  const results = { copy: [], millrace: [] };
  for (let round = 0; round < rounds; round++) {
    const target = join(folder, `copy-${round}.parquet`);
    const { stdout } = await run(process.execPath, [BARE, source, target]);
    results.copy.push({ ...JSON.parse(stdout), bytes: statSync(target).size });
    results.millrace.push(await deliver(join(folder, `millrace-${round}`), records));
    const [copy, millrace] = [results.copy.at(-1), results.millrace.at(-1)];
    progress(
      `round ${round + 1} copy ${(copy.cpuUs / 1e6).toFixed(2)} s CPU, ${(copy.wallMs / 1000).toFixed(2)} s; ` +
        `millrace ${(millrace.cpuUs / 1e6).toFixed(2)} s CPU (${millrace.parts}), ${(millrace.wallMs / 1000).toFixed(2)} s`,
    );
  }
  const of = (name, what) => median(results[name].map((result) => result[what]));
  const both = (what, scale) => ({
    value: of('millrace', what) * scale,
    anchor: of('copy', what) * scale,
  });
  const perMillion = 1 / records;
  report({
    name: 'delivery',
    title: `P6 delivery: log to Parquet with Iceberg metadata, ${records.toLocaleString('en')} records in one delivery, ${rounds} rounds, medians`,
    anchor: 'DuckDB COPY of the same records from one NDJSON file, same version, 2 threads, zstd',
    rows: [
      {
        measure: 'CPU per million records',
        unit: 's',
        ...both('cpuUs', perMillion),
        ship: [['ratio', '<=', 1.6]],
        goal: [['ratio', '<=', 1.2]],
      },
      { measure: 'wall per million records', unit: 's', ...both('wallMs', perMillion * 1000) },
      { measure: 'Parquet', unit: 'MB', ...both('bytes', 1e-6) },
    ],
    notes: [
      'millrace also writes shard, sequence number and arrival of each record, and its files are on disk before the commit.',
      'The run of a model triggers the delivery; the CPU of a second run, which delivers nothing, is taken off.',
    ],
    rounds: results,
    machine: machine(),
  });
}

async function deliver(folder, records) {
  const server = await startMillrace(folder, salesPipeline());
  const millrace = await server.withProducerKey();
  await load(millrace, {
    url: millrace.records,
    perRequest: PER_REQUEST,
    inFlight: 4,
    distinct: records,
    total: records,
  });
  const runModel = async () => {
    const before = treeCpuUs(server.pid);
    const parts = cpuByProgram(server.pid);
    await millrace.call('/v1/models/counted/runs', {});
    const spent = cpuByProgram(server.pid).map(({ program, us }, index) => ({
      program,
      us: us - (parts[index]?.us ?? 0),
    }));
    return { cpuUs: treeCpuUs(server.pid) - before, spent };
  };
  const first = await runModel();
  const second = await runModel();
  const [[rows, deliveries, wallMs]] = await millrace.sql(
    "SELECT last_rows, deliveries, last_duration_ms FROM sys.deliveries WHERE stream = 'sales'",
  );
  if (Number(rows) !== records || Number(deliveries) !== 1)
    throw new Error(
      `one delivery of ${records} was expected, not ${deliveries}, the last of ${rows}`,
    );
  const bytes = parquetBytes(join(server.data, 'lake'));
  await server.stop();
  const parts = first.spent
    .filter(({ us }) => us >= 20_000)
    .map(({ program, us }) => `${program} ${(us / 1e6).toFixed(2)}`);
  return {
    cpuUs: first.cpuUs - second.cpuUs,
    wallMs: Number(wallMs),
    bytes,
    parts: parts.join(', '),
  };
}

function parquetBytes(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.parquet') && name.includes('sales'))
    .reduce((total, name) => total + statSync(join(folder, name)).size, 0);
}

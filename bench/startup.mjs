import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { load } from './support/client.mjs';
import { ROOT, temporaryFolder } from './support/folders.mjs';
import { watchMachine } from './support/machine.mjs';
import { salesPipeline } from './support/pipeline.mjs';
import { cpuByProgram, rssMb, treeCpuUs, treePssMb } from './support/proc.mjs';
import { progress, report } from './support/report.mjs';
import { startMillrace, startServer } from './support/server.mjs';
import { median, slope } from './support/statistics.mjs';

/** P12: from start to `ready`, memory at rest, memory under load. */

const BARE = fileURLToPath(new URL('./bare-startup.mjs', import.meta.url));
const REST_MS = 2000;
const OFFERED_PER_SECOND = 100_000;

export async function startup({ startRounds: rounds, memorySeconds }) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bare'));
  const machine = watchMachine(folder);
  const results = { bare: [], millrace: [] };
  const pipeline = readFileSync(join(ROOT, 'examples', 'ecommerce', 'pipeline.ts'), 'utf8');
  const starts = {
    bare: (options) => startServer([BARE, join(folder, 'bare')], options),
    millrace: (options) => startMillrace(join(folder, 'shop'), pipeline, options),
  };
  // Round 0 warms the file cache and makes the data folder.
  for (let round = 0; round <= rounds; round++) {
    for (const name of ['bare', 'millrace']) {
      const result = await startOnce(starts[name]);
      if (round === 0) continue;
      results[name].push(result);
      progress(
        `round ${round} ${name.padEnd(8)} ready ${result.readyMs.toFixed(0)} ms, CPU ${result.cpuMs.toFixed(0)} ms, ` +
          `main ${result.rssMb.toFixed(0)} MB, tree ${result.pssMb.toFixed(0)} MB (${result.parts})`,
      );
    }
  }
  const memory =
    memorySeconds > 0 ? await underLoad(join(folder, 'load'), memorySeconds) : undefined;
  const of = (name, what) => median(results[name].map((result) => result[what]));
  const both = (what) => ({ value: of('millrace', what), anchor: of('bare', what) });
  report({
    name: 'startup',
    title: `P12 start-up: the ecommerce example, data folder there, ${rounds} rounds, medians`,
    anchor: 'fastify, lmdb and DuckDB opened in one process',
    rows: [
      {
        measure: 'start to ready',
        unit: 'ms',
        ...both('readyMs'),
        ship: [['value', '<=', 700]],
        goal: [['value', '<=', 450]],
      },
      { measure: 'CPU to ready, all processes', unit: 'ms', ...both('cpuMs') },
      {
        measure: 'memory at rest, main',
        unit: 'MB',
        ...both('rssMb'),
        ship: [['value', '<=', 200]],
        goal: [['value', '<=', 130]],
      },
      { measure: 'memory at rest, all processes, shared pages once', unit: 'MB', ...both('pssMb') },
      ...(memory?.rows ?? []),
    ],
    notes: memory?.notes,
    rounds: { ...results, memory: memory?.samples },
    machine: machine(),
  });
}

async function startOnce(start) {
  let [cpuMs, parts] = [0, ''];
  const server = await start({
    started: (pid) => {
      cpuMs = treeCpuUs(pid) / 1000;
      parts = cpuByProgram(pid)
        .map(({ program, us }) => `${program} ${us / 1000}`)
        .join(', ');
    },
  });
  await sleep(REST_MS);
  const result = {
    readyMs: server.readyMs,
    cpuMs,
    parts,
    rssMb: rssMb(server.pid),
    pssMb: treePssMb(server.pid),
  };
  await server.stop();
  return result;
}

/** Deliveries run meanwhile, every 10 s: memory must not grow with what has passed. */
async function underLoad(folder, seconds) {
  progress(`memory under ${OFFERED_PER_SECOND.toLocaleString('en')} records/s for ${seconds} s …`);
  const server = await startMillrace(folder, salesPipeline({ table: "{ every: '10s' }" }));
  const millrace = await server.withProducerKey();
  const url = millrace.records;
  const request = { url, perRequest: 500, inFlight: 8, distinct: 50_000 };
  const samples = [];
  const start = performance.now();
  const timer = setInterval(() => {
    const at = (performance.now() - start) / 1000;
    samples.push([at, rssMb(server.pid), treePssMb(server.pid)]);
  }, 1000);
  const total = OFFERED_PER_SECOND * seconds;
  const result = await load(millrace, { ...request, total, perSecond: OFFERED_PER_SECOND });
  clearInterval(timer);
  await server.stop();
  const third = (index) =>
    samples.slice((samples.length * index) / 3, (samples.length * (index + 1)) / 3);
  const [middle, last] = [third(1), third(2)];
  const of = (part, column) => median(part.map((sample) => sample[column]));
  const perMinute = (column) =>
    slope([...middle, ...last].map((sample) => [sample[0] / 60, sample[column]]));
  return {
    samples,
    rows: [
      {
        measure: 'memory under load, main, highest',
        unit: 'MB',
        value: Math.max(...samples.map((s) => s[1])),
      },
      {
        measure: 'last third of the load against the middle third, main',
        unit: 'MB',
        value: of(last, 1),
        anchor: of(middle, 1),
        ship: [['ratio', '<=', 1.1]],
        goal: [['ratio', '<=', 1.05]],
      },
      { measure: 'same, all processes', unit: 'MB', value: of(last, 2), anchor: of(middle, 2) },
    ],
    notes: [
      `under load: ${Math.round(result.perSecond).toLocaleString('en')} records/s taken of ${OFFERED_PER_SECOND.toLocaleString('en')} offered, ` +
        `${result.cpuUsPerRecord.toFixed(2)} µs CPU per record with deliveries, p99 ${result.p99Ms.toFixed(1)} ms, latest send ${result.latestMs.toFixed(0)} ms behind; ` +
        `slope after the first third: main ${perMinute(1).toFixed(1)} MB/min, all processes ${perMinute(2).toFixed(1)} MB/min`,
    ],
  };
}

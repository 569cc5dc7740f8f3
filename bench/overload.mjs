import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { load, prepareClient } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { watchMachine } from './support/machine.mjs';
import { overloadPipeline, storedByProducer } from './support/overload-records.mjs';
import { rssMb } from './support/proc.mjs';
import { progress, report } from './support/report.mjs';
import { startMillrace } from './support/server.mjs';
import { median } from './support/statistics.mjs';

/** R5 and F16, F17: five times what the server can take, and neighbours that mean no good. */

/** Two thousand such bodies are more than the server lets wait. */
const PER_REQUEST = 200;
/** A delivery falls into each. */
const PEAK_SECONDS = 12;
const PEAK_CONNECTIONS = [16, 64];
const TIMES = 5;
const PRODUCERS = 2000;
const POLITE = { perRequest: 10, inFlight: 16, distinct: 1000, perSecond: 2000 };
const POLITE_SECONDS = 6;
/** What slow readers read. */
const HISTORY = { perRequest: 500, inFlight: 4, distinct: 50_000, total: 2_000_000 };
const SETTLE_MS = 2000;
const NEIGHBOURS = {
  'gzip and zstd bombs': ['bombs'],
  'slow bodies': ['slowBodies'],
  'slow readers': ['slowReaders'],
  '2,000 idle connections': ['idle'],
  'all of them': ['bombs', 'slowBodies', 'slowReaders', 'idle'],
};

export async function overload({ overloadSeconds: seconds, overloadRounds: rounds }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const over = seconds > 0 ? await overloaded(join(folder, 'overload'), seconds) : undefined;
  const polite = rounds > 0 ? await amongNeighbours(join(folder, 'neighbours'), rounds) : undefined;
  report({
    name: 'overload',
    title: `R5 overload: ${TIMES} × the peak for ${seconds} s, ${PRODUCERS.toLocaleString('en')} producers, ${PER_REQUEST} records a request; then hostile neighbours, ${rounds} rounds`,
    anchor: 'the same server: its peak without overload, a polite client without neighbours',
    rows: [...(over?.rows ?? []), ...(polite?.rows ?? [])],
    notes: [...(over?.notes ?? []), ...(polite?.notes ?? [])],
    rounds: { overload: over?.seen, neighbours: polite?.seen },
    machine: machine(),
  });
}

async function startServer(folder, table) {
  const millrace = await startMillrace(folder, overloadPipeline(table));
  const roles = ['producer', 'reader'];
  const { secret } = await millrace.call('/v1/keys', { roles, label: 'bench' });
  return { ...millrace, headers: { authorization: `Bearer ${secret}` } };
}

/** Records per second at the best of some numbers of connections, each without a pause. */
async function peakOf(server) {
  let best;
  let firstProducer = PRODUCERS;
  for (const connections of PEAK_CONNECTIONS) {
    const seen = await peakWith(server, connections, firstProducer);
    firstProducer += connections;
    if (!best || seen.perSecond > best.perSecond) best = { ...seen, connections };
  }
  return { ...best, nextProducer: firstProducer };
}

async function peakWith(server, connections, firstProducer) {
  const seen = await send(server, { connections, seconds: PEAK_SECONDS, firstProducer });
  progress(`peak, ${connections} connections: ${summary(seen)}`);
  return seen;
}

async function send({ records: url, headers }, options) {
  const sender = await prepareClient('./overload-sender.mjs', {
    url,
    headers,
    perRequest: PER_REQUEST,
    ...options,
  });
  const seen = await sender.go();
  return { ...seen, perSecond: (seen.accepted * 1000) / seen.tookMs };
}

const whole = (number) => Math.round(number).toLocaleString('en');

const summary = ({ perSecond, p50Ms, p99Ms, statuses, broken }) =>
  `${whole(perSecond)} records/s, p50 ${whole(p50Ms)} ms, p99 ${whole(p99Ms)} ms, ` +
  `answers ${JSON.stringify(statuses)}, ${broken} broken`;

async function overloaded(folder, seconds) {
  const server = await startServer(folder, "{ every: '10s' }");
  const peak = await peakOf(server);
  const samples = [];
  const start = performance.now();
  const timer = setInterval(
    () => samples.push([(performance.now() - start) / 1000, rssMb(server.pid)]),
    1000,
  );
  const seen = await send(server, {
    connections: PRODUCERS,
    perSecond: (peak.perSecond * TIMES) / PER_REQUEST,
    seconds,
    firstProducer: 0,
  });
  clearInterval(timer);
  progress(`overload: ${summary(seen)}`);
  // Others on the machine come and go: what is asked is the peak of the time around it.
  const { perSecond: after } = await peakWith(server, peak.connections, peak.nextProducer);
  const peakAround = (peak.perSecond + after) / 2;
  const check = await checkStored(server, seen);
  await server.stop();
  const mb = samples.map(([, value]) => value);
  const third = (index) => median(mb.slice((mb.length * index) / 3, (mb.length * (index + 1)) / 3));
  const { due, sent, producers, ...counts } = seen;
  const refused = Object.entries(seen.statuses).filter(([status]) => status !== '200');
  const refusals = refused.reduce((sum, [, count]) => sum + count, 0);
  return {
    seen: { peaks: [peak.perSecond, after], ...counts, samples },
    rows: [
      {
        measure: 'goodput under overload against the peak around it, records/s',
        value: seen.perSecond,
        anchor: peakAround,
        ship: [['ratio', '>=', 0.8]],
      },
      { measure: 'accepted requests, p50', unit: 'ms', value: seen.p50Ms, anchor: peak.p50Ms },
      { measure: 'accepted requests, p99', unit: 'ms', value: seen.p99Ms, anchor: peak.p99Ms },
      { measure: 'memory of main, highest', unit: 'MB', value: Math.max(...mb) },
      {
        measure: 'memory of main, last third against the middle third',
        unit: 'MB',
        value: third(2),
        anchor: third(1),
        ship: [['ratio', '<=', 1.1]],
      },
      { measure: 'refused requests', value: refusals },
      {
        measure: 'refusals without Retry-After',
        value: seen.withoutRetryAfter,
        ship: [['value', '<=', 0]],
      },
      {
        measure: 'acknowledged records lost or doubled',
        value: check.wrong,
        ship: [['value', '<=', 0]],
      },
    ],
    notes: [
      `peak: ${whole(peak.perSecond)} records/s before, ${whole(after)} after, with ${peak.connections} connections; the anchor is their mean`,
      `offered ${whole((due * PER_REQUEST) / seconds)} records/s on ${PRODUCERS} connections, one request each at a time: of ${whole(due)} requests due, ` +
        `${whole(sent)} were sent and the others kept back, as all connections waited for an answer`,
      `answers by status: ${JSON.stringify(seen.statuses)}; ${seen.broken} connections broke with a request under way`,
      check.note,
    ],
  };
}

/** Of producers, so that no query is a long one. */
const PARTS = 8;

/** Each acknowledged record must be in SQL once; of requests without an answer all or nothing may be. */
async function checkStored(server, { producers, partly }) {
  await server.call('/v1/models/counted/runs', {});
  const stored = new Map();
  for (let part = 0; part < PARTS; part++) {
    const rows = await server.sql(storedByProducer(PER_REQUEST, part, PARTS));
    for (const [producer, ...counts] of rows) stored.set(Number(producer), counts.map(Number));
  }
  let [wrong, requests, unanswered] = [partly, 0, 0];
  for (const [id, sent, unknown] of producers) {
    const [count = 0, broken = 0, last = 0] = stored.get(id) ?? [];
    const acknowledged = sent - unknown.length;
    requests += acknowledged;
    unanswered += unknown.length;
    const isRight = broken === 0 && last <= sent && count >= acknowledged && count <= sent;
    if (!isRight) wrong += Math.max(1, Math.abs(count - acknowledged)) * PER_REQUEST;
  }
  return {
    wrong,
    note:
      `check: ${whole(requests)} requests acknowledged, each of their ${whole(requests * PER_REQUEST)} records in SQL once; ` +
      `${unanswered} requests had no answer`,
  };
}

async function amongNeighbours(folder, rounds) {
  // Deliveries would fall into some of the measurements and not into others.
  const server = await startServer(folder, "{ every: '1h', maxBytes: '100GB' }");
  const seen = [];
  await load(server, { ...HISTORY, url: server.records });
  for (let round = 0; round < rounds; round++) {
    for (const [name, kinds] of Object.entries(NEIGHBOURS)) {
      const alone = await politeP99(server, round);
      const neighbours = await prepareClient('./hostile-clients.mjs', {
        kinds,
        url: server.url,
        path: new URL(server.records).pathname,
        headers: server.headers,
      });
      await neighbours.go();
      await sleep(SETTLE_MS);
      const among = await politeP99(server, round);
      const memoryMb = rssMb(server.pid);
      const what = await neighbours.stop();
      seen.push({ name, round, alone, among, memoryMb, what });
      progress(
        `${name}: p99 ${among.toFixed(1)} ms, alone ${alone.toFixed(1)} ms, main ${whole(memoryMb)} MB, ${JSON.stringify(what)}`,
      );
      await sleep(SETTLE_MS);
    }
  }
  // Slow readers would be waited for.
  await server.kill();
  const rows = Object.keys(NEIGHBOURS).map((name) => {
    const of = (what) => median(seen.filter((one) => one.name === name).map((one) => one[what]));
    return {
      measure: `p99 among ${name}`,
      unit: 'ms',
      value: of('among'),
      anchor: of('alone'),
      ship: [['ratio', '<=', 2]],
    };
  });
  const mostMb = Math.max(...seen.map(({ memoryMb }) => memoryMb));
  return {
    seen,
    rows: [...rows, { measure: 'memory of main among them, highest', unit: 'MB', value: mostMb }],
    notes: [
      `the polite client: ${whole(POLITE.perSecond / POLITE.perRequest)} requests/s of ${POLITE.perRequest} records, ${POLITE_SECONDS} s, before and among each kind`,
    ],
  };
}

async function politeP99(server, seed) {
  const total = POLITE.perSecond * POLITE_SECONDS;
  const { p99Ms } = await load(server, { ...POLITE, url: server.records, total, seed: seed + 1 });
  return p99Ms;
}

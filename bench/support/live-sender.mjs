import { Agent, request } from 'node:http';
import { liveBody, markerLine } from './sales.mjs';

/**
 * Live records at a pace, in a process of its own: `perBatch` every `everyMs`, with a marker in each batch
 * that is `markerEvery`-th. Tells when each marker was acknowledged once it is told to stop.
 */
const {
  url,
  headers,
  perBatch,
  everyMs,
  markerEvery = 0,
  from = 0,
} = JSON.parse(process.argv[2] ?? '{}');
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const target = new URL(url);
const start = Date.now();
const markers = [];
const problems = [];
let [batches, sent, acknowledged, lateMs] = [0, 0, 0, 0];
let timer;
const underWay = new Set();

function send(body) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        host: target.hostname,
        port: target.port,
        path: target.pathname,
        method: 'POST',
        headers: {
          'content-type': 'application/x-ndjson',
          'content-length': Buffer.byteLength(body),
          ...headers,
        },
      },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`status ${response.statusCode}: ${text}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function batch() {
  const number = batches++;
  const sinceMs = from + Date.now() - start;
  const isMarked = markerEvery > 0 && number % markerEvery === 0;
  const lines = liveBody(perBatch, from + sent, sinceMs);
  const body = isMarked ? lines + markerLine(markers.length, sinceMs) : lines;
  sent += perBatch + (isMarked ? 1 : 0);
  const marker = isMarked ? { sent: Date.now(), acknowledged: 0 } : undefined;
  if (marker) markers.push(marker);
  const { accepted } = await send(body);
  acknowledged += accepted;
  if (marker) marker.acknowledged = Date.now();
}

/** By the clock and not by the timer: what is late is sent at once. */
function pace() {
  const due = start + batches * everyMs;
  lateMs = Math.max(lateMs, Date.now() - due);
  const one = batch().catch((error) => problems.push(error.message));
  underWay.add(one);
  void one.finally(() => underWay.delete(one));
  timer = setTimeout(pace, Math.max(0, start + batches * everyMs - Date.now()));
}

process.on('message', async () => {
  clearTimeout(timer);
  await Promise.all(underWay);
  const tookMs = Date.now() - start;
  process.send({ markers, sent, acknowledged, problems, lateMs, tookMs }, () =>
    process.disconnect(),
  );
});
pace();

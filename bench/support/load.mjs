import { Agent, request } from 'node:http';
import { bodies } from './records.mjs';
import { quantile } from './statistics.mjs';

/**
 * The client, in a process of its own so that its CPU time does not count. It builds its bodies, says
 * `prepared`, and sends once it is told to; what it saw is its last message.
 */
const options = JSON.parse(process.argv[2] ?? '{}');
const { url, headers = {}, perRequest, inFlight, distinct, total, perSecond, seed } = options;
const built = bodies(distinct, perRequest, seed);
const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
const target = new URL(url);

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
          'content-length': body.length,
          ...headers,
        },
      },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(JSON.parse(text).accepted);
          else reject(new Error(`status ${response.statusCode}: ${text}`));
        });
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function run() {
  const requests = Math.ceil(total / perRequest);
  const latencies = [];
  const start = performance.now();
  let [next, accepted, late] = [0, 0, 0];
  const worker = async () => {
    while (next < requests) {
      const index = next++;
      let sent = performance.now();
      if (perSecond) {
        const due = start + (index * perRequest * 1000) / perSecond;
        if (due > sent) await new Promise((resolve) => setTimeout(resolve, due - sent));
        else late = Math.max(late, sent - due);
        // What had to wait for its turn waited for the server, too; a timer that is late is our own.
        sent = due > sent ? performance.now() : due;
      }
      const count = await send(built[index % built.length]);
      accepted += count;
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const wallMs = performance.now() - start;
  return {
    accepted,
    wallMs,
    perSecond: (accepted / wallMs) * 1000,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    latestMs: late,
  };
}

process.once('message', () => {
  run().then(
    (result) => process.send(result, () => process.disconnect()),
    (error) => process.send({ error: error.message }, () => process.disconnect()),
  );
});
process.send('prepared');

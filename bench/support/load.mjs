import { quantile } from './statistics.mjs';

/**
 * The client, in a process of its own so that its CPU time does not count. It builds its requests, says
 * `prepared`, and sends once it is told to; what it saw is its last line. `client` is the module that
 * speaks the server's protocol: `request(body, target)` makes the bytes of a request, and
 * `open(target, worker)` a connection with `send(bytes)`, which tells how many records were acknowledged.
 * `records` is the module whose `bodies` are sent.
 */
const options = JSON.parse(process.argv[2] ?? '{}');
const { perRequest, inFlight, distinct, total, perSecond, seed } = options;
const { open, request } = await import(options.client);
const { bodies } = await import(options.records ?? './records.mjs');
const built = bodies(distinct, perRequest, seed).map((body) => request(body, options));
const connections = [];
for (let worker = 0; worker < inFlight; worker++) connections.push(await open(options, worker));

async function run() {
  const requests = Math.ceil(total / perRequest);
  const latencies = [];
  const start = performance.now();
  let [next, accepted, late] = [0, 0, 0];
  const worker = async (connection) => {
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
      const count = await connection.send(built[index % built.length]);
      accepted += count;
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(connections.map(worker));
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

const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

process.stdin.once('data', async () => {
  try {
    tell(await run());
  } catch (error) {
    tell({ error: error.message });
  }
  for (const connection of connections) connection.close();
  process.stdin.destroy();
});
tell('prepared');

import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endWithBench } from './children.mjs';
import { treeCpuUs } from './proc.mjs';

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const HTTP_CLIENT = new URL('./http-client.mjs', import.meta.url).href;

/**
 * Sends records to a server and tells what the server's process tree spent on them. `program` is the
 * command of a client that is none of ours: like ours it says "prepared", waits for a line, and tells.
 */
export async function load(server, { program, ...options }) {
  const request = { client: HTTP_CLIENT, headers: server.headers, ...options };
  const [command, ...args] = program ?? [
    process.execPath,
    pathOf('./load.mjs'),
    JSON.stringify(request),
  ];
  const client = endWithBench(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
  const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`the client ended with ${client.exitCode ?? client.signalCode}`);
    return JSON.parse(value);
  };
  await next();
  const before = treeCpuUs(server.pid);
  const clientBefore = treeCpuUs(client.pid);
  client.stdin.write('go\n');
  const result = await next();
  const cpuUs = treeCpuUs(server.pid) - before;
  const clientCpuUs = treeCpuUs(client.pid) - clientBefore;
  client.stdin.end();
  if (result.error) throw new Error(`the client failed: ${result.error}`);
  if (result.accepted !== options.total)
    throw new Error(`${result.accepted} of ${options.total} records were accepted`);
  const per = (us) => us / result.accepted;
  return {
    ...result,
    cpuUs,
    cpuUsPerRecord: per(cpuUs),
    clientCpuUsPerRecord: per(clientCpuUs),
  };
}

/** A program in a process of its own that is prepared: `go` and `stop` resolve with what it says to them. */
export async function prepareClient(name, options) {
  const client = endWithBench(fork(pathOf(name), [JSON.stringify(options)]));
  const ended = new Promise((_, reject) =>
    client.once('exit', (code) => reject(new Error(`the client ended with ${code}`))),
  );
  ended.catch(() => undefined);
  const told = async () => {
    const [message] = await Promise.race([once(client, 'message'), ended]);
    if (message.error) throw new Error(`the client failed: ${message.error}`);
    return message;
  };
  await told();
  const say = (word) => {
    const result = told();
    client.send(word);
    return result;
  };
  return { go: () => say('go'), stop: () => say('stop') };
}

/** Live records of a shop at a pace until `stop`, which tells what was sent. */
export function sendLive(millrace, options) {
  const { records: url, headers } = millrace;
  const child = fork(pathOf('./live-sender.mjs'), [JSON.stringify({ url, headers, ...options })]);
  process.once('exit', () => child.kill());
  return {
    stop: async () => {
      const told = once(child, 'message');
      child.send('stop');
      const [result] = await told;
      if (result.problems.length > 0) throw new Error(`live records: ${result.problems[0]}`);
      return result;
    },
  };
}

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { treeCpuUs } from './proc.mjs';

const program = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A program in a process of its own that is prepared: `go` and `stop` resolve with what it says to them. */
export async function prepareClient(name, options) {
  const client = fork(program(name), [JSON.stringify(options)]);
  const kill = () => client.kill();
  process.once('exit', kill);
  client.once('exit', () => process.off('exit', kill));
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

/** Sends records to a server and tells what the server's process tree spent on them. */
export async function load(server, options) {
  const client = await prepareClient('./load.mjs', { headers: server.headers, ...options });
  const before = treeCpuUs(server.pid);
  const result = await client.go();
  const cpuUs = treeCpuUs(server.pid) - before;
  if (result.accepted !== options.total)
    throw new Error(`${result.accepted} of ${options.total} records were accepted`);
  return { ...result, cpuUs, cpuUsPerRecord: cpuUs / result.accepted };
}

/** Live records of a shop at a pace until `stop`, which tells what was sent. */
export function sendLive(millrace, options) {
  const { records: url, headers } = millrace;
  const child = fork(program('./live-sender.mjs'), [JSON.stringify({ url, headers, ...options })]);
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

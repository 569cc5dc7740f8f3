import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { treeCpuUs } from './proc.mjs';

const PROGRAM = fileURLToPath(new URL('./load.mjs', import.meta.url));

/** Sends records to a server and tells what the server's process tree spent on them. */
export async function load(server, options) {
  const client = fork(PROGRAM, [JSON.stringify({ headers: server.headers, ...options })]);
  const ended = new Promise((_, reject) =>
    client.once('exit', (code) => reject(new Error(`the client ended with ${code}`))),
  );
  ended.catch(() => undefined);
  await Promise.race([once(client, 'message'), ended]);
  const before = treeCpuUs(server.pid);
  const answered = once(client, 'message');
  client.send('go');
  const [result] = await Promise.race([answered, ended]);
  if (result.error) throw new Error(`the client failed: ${result.error}`);
  const cpuUs = treeCpuUs(server.pid) - before;
  if (result.accepted !== options.total)
    throw new Error(`${result.accepted} of ${options.total} records were accepted`);
  return { ...result, cpuUs, cpuUsPerRecord: cpuUs / result.accepted };
}

const LIVE_PROGRAM = fileURLToPath(new URL('./live-sender.mjs', import.meta.url));

/** Live records of a shop at a pace until `stop`, which tells what was sent. */
export function sendLive(millrace, options) {
  const { records: url, headers } = millrace;
  const child = fork(LIVE_PROGRAM, [JSON.stringify({ url, headers, ...options })]);
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

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithBench } from '../support/children.mjs';

/** A peer's server as a process of the bench: started, awaited, ended. */

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves once the port answers. `atOnce` is the signal that ends it with all its children. */
export async function startProcess([command, ...args], { folder, port, env, atOnce }) {
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'server.log');
  const descriptor = openSync(log, 'a');
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', descriptor, descriptor],
  });
  let failed;
  child.once('error', (error) => {
    failed = error.message;
  });
  endWithBench(child, atOnce);
  const hasEnded = () => failed ?? child.exitCode ?? child.signalCode;
  for (const start = performance.now(); !(await answers(port)); await sleep(50)) {
    if (hasEnded() === null && performance.now() - start < START_MS_MAX) continue;
    child.kill('SIGKILL');
    const last = readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' | ');
    throw new Error(`${command} did not start (${hasEnded() ?? 'no answer'}): ${last}`);
  }
  return {
    pid: child.pid,
    stop: async () => {
      if (hasEnded() !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill(atOnce ?? 'SIGKILL'), STOP_MS_MAX);
      await ended;
      clearTimeout(late);
    },
  };
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });
}

import { makeStream, SIGNED_BY_NOBODY } from '../kinesis/calls.mjs';
import { freePort, startProcess } from './process.mjs';
import { python } from './python.mjs';

/** moto, with which Python programs are tested: records in memory, slower as they become more. */

const STREAM = { stream: 'sales', shards: 4 };

export const moto = { name: 'moto', install };

async function install() {
  const { interpreter, versionOf } = await python();
  return { version: await versionOf('moto'), start: (place) => start(interpreter, place) };
}

async function start(interpreter, place) {
  const port = await freePort();
  const command = [interpreter, '-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`];
  const { pid, stop } = await startProcess(command, { folder: place, port });
  // It tells by whom a request is signed which of the services is asked.
  const server = { pid, url: `http://127.0.0.1:${port}/`, headers: SIGNED_BY_NOBODY };
  await makeStream(server, STREAM);
  return {
    stop,
    target: { server, stream: STREAM.stream, durable: false, share: 0.004, closes: true },
  };
}

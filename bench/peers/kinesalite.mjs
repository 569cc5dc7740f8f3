import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeStream, SIGNED_BY_NOBODY } from '../kinesis/calls.mjs';
import { startServer } from '../support/server.mjs';
import { keptFolder, output } from './install.mjs';

/** kinesalite, with which Kinesis programs are tested in Node: LevelDB on files, which it never syncs. */

const VERSION = '3.3.3';
const PROGRAM = fileURLToPath(new URL('./kinesalite-server.mjs', import.meta.url));
const STREAM = { stream: 'sales', shards: 4 };

export const kinesalite = { name: 'kinesalite', install };

async function install() {
  const folder = await keptFolder(`kinesalite-${VERSION}`, (prefix) => {
    // LevelDB comes compiled with its package: no script of anybody's need run.
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
    return output('npm', ['install', '--prefix', prefix, ...quiet, `kinesalite@${VERSION}`]);
  });
  return { version: VERSION, start: (place) => start(folder, place) };
}

async function start(folder, place) {
  const { pid, url, stop } = await startServer([PROGRAM, folder, join(place, 'data')]);
  const server = { pid, url, headers: SIGNED_BY_NOBODY };
  await makeStream(server, STREAM);
  return { stop, target: { server, stream: STREAM.stream, durable: false, share: 0.05 } };
}

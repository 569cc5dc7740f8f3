import { join } from 'node:path';
import { load } from '../support/client.mjs';
import { debianUnless, librariesOf, output } from './install.mjs';
import { freePort, startProcess } from './process.mjs';

/** Redis streams: one XADD a record, sent as a pipeline of a request's records. */

const CLIENT = new URL('./redis-client.mjs', import.meta.url).href;

export const redis = { name: 'Redis', install };

async function install() {
  const folder = await debianUnless('redis-server', ['redis-server']);
  const command = folder ? join(folder, 'usr/bin/redis-server') : 'redis-server';
  const env = folder ? { LD_LIBRARY_PATH: librariesOf(folder).join(':') } : {};
  const [, version] = /v=(\S+)/.exec(await output(command, ['--version'], { env })) ?? [];
  return { version, start: (place) => start({ command, env, place }) };
}

async function start({ command, env, place }) {
  const port = await freePort();
  const settings = {
    bind: '127.0.0.1',
    port,
    dir: place,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    // A rewrite of the file in the middle of a round would be measured as Redis.
    'auto-aof-rewrite-percentage': 0,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const server = await startProcess([command, ...args], { folder: place, port, env });
  return {
    stop: server.stop,
    cases: [
      {
        name: 'Redis appendfsync always',
        durable: true,
        share: 0.4,
        ship: 1.3,
        load: (request) => load(server, { ...request, client: CLIENT, port }),
      },
    ],
  };
}

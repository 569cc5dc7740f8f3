import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { load } from '../support/client.mjs';
import { openConnection } from '../support/connection.mjs';
import { debianPackages, librariesOf, NotHad, output } from './install.mjs';
import { columns, logIn, query, wholeAnswer } from './postgres-client.mjs';
import { freePort, startProcess } from './process.mjs';

/** PostgreSQL: a request's records are one COPY, committed before the answer; the columns have types. */

const CLIENT = new URL('./postgres-client.mjs', import.meta.url).href;
/** It refuses to run as root, so root is another user in a namespace of its own. */
const AS_USER =
  process.getuid() === 0 ? ['unshare', '--user', '--map-user=1000', '--map-group=1000'] : [];

export const postgres = { name: 'PostgreSQL', install };

async function install() {
  const folder = programs('/') ? '/' : await debianPackages(['postgresql-15']);
  const bin = programs(folder);
  if (!bin) throw new NotHad('the package postgresql-15 holds no server');
  const env = folder === '/' ? {} : { LD_LIBRARY_PATH: librariesOf(folder).join(':') };
  const said = await output(join(bin, 'postgres'), ['--version'], { env });
  const version = /(\d[\d.]*)/.exec(said)?.[1];
  return { version, start: (place) => start({ bin, env, place }) };
}

function programs(root) {
  const versions = join(root, 'usr/lib/postgresql');
  if (!existsSync(versions)) return undefined;
  return readdirSync(versions)
    .map((version) => join(versions, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
}

async function start({ bin, env, place }) {
  const port = await freePort();
  const data = join(place, 'data');
  const [first, ...rest] = [
    ...AS_USER,
    join(bin, 'initdb'),
    '--username=bench',
    '--auth=trust',
    '--encoding=UTF8',
    '--no-sync',
    data,
  ];
  await output(first, rest, { env });
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    shared_buffers: '512MB',
    // A checkpoint in the middle of a round would be measured as PostgreSQL.
    max_wal_size: '16GB',
    checkpoint_timeout: '1h',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [...AS_USER, join(bin, 'postgres'), '-D', data, ...flags];
  const server = await startProcess(command, { folder: place, port, env, atOnce: 'SIGQUIT' });
  await makeTable(port);
  return {
    stop: server.stop,
    cases: [
      {
        name: 'PostgreSQL COPY, a commit a request',
        durable: true,
        share: 0.4,
        ship: 1.3,
        load: (request) => load(server, { ...request, client: CLIENT, port }),
      },
    ],
  };
}

async function makeTable(port) {
  const connection = openConnection({ port });
  await logIn(connection);
  await connection.ask(query(`CREATE TABLE sales (${columns.join(', ')})`), wholeAnswer);
  connection.close();
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from '../support/client.mjs';
import { keptFolder, output } from './install.mjs';
import { makeStream } from './nats-client.mjs';
import { freePort, startProcess } from './process.mjs';

/** NATS JetStream on files: a message a record; an acknowledgement for each, or for a batch of them. */

const VERSION = '2.15.2';
const CLIENT = new URL('./nats-client.mjs', import.meta.url).href;

export const nats = { name: 'NATS', install };

async function install() {
  const folder = await keptFolder(`nats-${VERSION}`, (bin) =>
    output('go', ['install', `github.com/nats-io/nats-server/v2@v${VERSION}`], {
      env: { GOBIN: bin },
    }),
  );
  const command = join(folder, 'nats-server');
  return { version: VERSION, start: (place) => start(command, place) };
}

async function start(command, place) {
  const port = await freePort();
  const settings = join(place, 'nats.conf');
  writeFileSync(
    settings,
    `listen: "127.0.0.1:${port}"
jetstream { store_dir: "${join(place, 'data')}", sync_interval: always, max_file_store: 100GB }
ping_interval: "1h"
`,
  );
  const server = await startProcess([command, '-c', settings], { folder: place, port });
  await makeStream(port);
  const client = { client: CLIENT, port };
  return {
    stop: server.stop,
    cases: [
      {
        durable: true,
        name: 'NATS sync always',
        share: 0.02,
        ship: 1.3,
        load: (request) => load(server, { ...request, ...client }),
      },
      {
        durable: true,
        name: 'NATS sync always, atomic batches',
        share: 0.1,
        ship: 1.3,
        load: (request) => load(server, { ...request, ...client, batches: true }),
      },
    ],
  };
}

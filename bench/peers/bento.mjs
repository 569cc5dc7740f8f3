import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from '../support/client.mjs';
import { keptFolder, output } from './install.mjs';
import { freePort, startProcess } from './process.mjs';

/** Bento from HTTP to a file of lines. It never syncs: an answer says that the kernel has the lines. */

const VERSION = '1.5.0';
const MODULE = 'github.com/warpstreamlabs/bento';
/** Its own command links every connector there is; this one has the two groups that are used. */
const PROGRAM = `package main

import (
	"context"

	_ "${MODULE}/public/components/io"
	_ "${MODULE}/public/components/pure"
	"${MODULE}/public/service"
)

func main() { service.RunCLI(context.Background()) }
`;

export const bento = { name: 'Bento', install };

async function install() {
  const folder = await keptFolder(`bento-${VERSION}`, async (cwd) => {
    writeFileSync(join(cwd, 'main.go'), PROGRAM);
    await output('go', ['mod', 'init', 'bento'], { cwd });
    await output('go', ['get', `${MODULE}@v${VERSION}`], { cwd });
    await output('go', ['get', '.'], { cwd });
    await output('go', ['install', '.'], { cwd, env: { GOBIN: cwd } });
  });
  const command = join(folder, 'bento');
  return { version: VERSION, start: (place) => start(command, place) };
}

async function start(command, place) {
  const port = await freePort();
  const settings = join(place, 'bento.yaml');
  writeFileSync(
    settings,
    `http: { enabled: false }
logger: { level: WARN }
input:
  http_server: { address: "127.0.0.1:${port}", path: /records, allowed_verbs: [POST] }
pipeline:
  processors:
    - unarchive: { format: lines }
output:
  file: { path: "${join(place, 'records.ndjson')}", codec: lines }
`,
  );
  const server = await startProcess([command, '-c', settings], { folder: place, port });
  return {
    stop: server.stop,
    cases: [
      {
        name: 'Bento',
        durable: false,
        share: 0.2,
        ship: 1.3,
        goal: 5,
        load: (request) =>
          load(server, { ...request, url: `http://127.0.0.1:${port}/records`, headers: {} }),
      },
    ],
  };
}

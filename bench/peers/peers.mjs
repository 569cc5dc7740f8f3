import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { progress } from '../support/report.mjs';
import { bento } from './bento.mjs';
import { NotHad } from './install.mjs';
import { kafka } from './kafka.mjs';
import { kinesalite } from './kinesalite.mjs';
import { moto } from './moto.mjs';
import { nats } from './nats.mjs';
import { postgres } from './postgres.mjs';
import { redis } from './redis.mjs';

/**
 * What one would take in millrace's place. Each peer is `{ name, install }`:
 * 1. `install()` puts it into the cache by the machine's package managers, once, and gives its version and
 *    `start`. Where it cannot be had it throws `NotHad` with the reason, which the table then shows.
 * 2. `start(folder)` runs it with its data there, until `stop()` or the end of the bench, however it ends.
 *    It resolves once records can be sent, and gives `cases`.
 * 3. A case is one promise of the peer, as its settings word it: `{ name, durable, share, ship, goal, load }`.
 *    `durable` says whether it syncs before it answers; `share` is how much of a round's records are
 *    enough for it, as some are a hundred times slower than others; `ship` and `goal` are how many times its
 *    records per second millrace should take.
 * 4. `load(request)` sends records and resolves to what client and server took, as `load` of
 *    support/client.mjs does: all are acknowledged, and CPU is that of all the peer's processes.
 * 5. Those of `kinesis` speak one protocol and give a `target` in place of cases, as kinesis/targets.mjs has it.
 * Clients are lean: requests are made beforehand, and each runs in a process of its own.
 */
const PEERS = { ingest: [kafka, postgres, redis, nats, bento], kinesis: [kinesalite, moto] };

/** Starts what can be had of a bench's; `missing` names the others with the reasons. */
export async function startPeers(folder, { bench, names }) {
  const [started, missing] = [[], []];
  for (const { name, install } of PEERS[bench].filter((peer) => names.includes(peer.name))) {
    try {
      const { version, start } = await install();
      const place = join(folder, name);
      mkdirSync(place);
      started.push({ name, version, ...(await start(place)) });
      progress(`${name} ${version} is up`);
    } catch (error) {
      if (!(error instanceof NotHad)) throw error;
      progress(`${name} is not had: ${error.message}`);
      missing.push({ name, reason: error.message });
    }
  }
  return {
    versions: started.map(({ name, version }) => `${name} ${version}`),
    cases: started.flatMap(({ cases = [] }) => cases),
    targets: started.filter(({ target }) => target !== undefined),
    missing,
    stop: () => Promise.all(started.map((peer) => peer.stop())),
  };
}

export const PEER_NAMES = Object.values(PEERS).flatMap((peers) => peers.map(({ name }) => name));

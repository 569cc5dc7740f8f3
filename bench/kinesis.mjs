import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { boto3 } from './kinesis/boto3.mjs';
import { checkLogs, countPuts } from './kinesis/check.mjs';
import { reportKinesis } from './kinesis/report.mjs';
import { bareTarget, ownTargets, peerTarget } from './kinesis/targets.mjs';
import { startPeers } from './peers/peers.mjs';
import { load } from './support/client.mjs';
import { temporaryFolder } from './support/folders.mjs';
import { watchMachine } from './support/machine.mjs';
import { salesPipeline } from './support/pipeline.mjs';
import { tellProfile, watchThreads } from './support/profile.mjs';
import { measure, warmUp } from './support/rounds.mjs';
import { startMillrace, startServer } from './support/server.mjs';

/**
 * P3: Kinesis PutRecords, on disk before the answer, against a bare Node server with the same promise and against
 * what programs for Kinesis are tested with; by requests made beforehand, and by boto3.
 */

const BARE = fileURLToPath(new URL('./bare-kinesis.mjs', import.meta.url));
const CLIENT = new URL('./kinesis/put-client.mjs', import.meta.url).href;
const REQUEST = { perRequest: 500, inFlight: 4, distinct: 50_000 };

export async function kinesis({ rounds, records, peers: names, kinesisStreams, profile }) {
  const folder = temporaryFolder();
  const machine = watchMachine(folder);
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles);
  const execArgv = profile ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [];
  // Requests are not signed: what a signature costs is a matter of its own.
  const mode = { mode: 'dev', execArgv };
  const millrace = await startMillrace(join(folder, 'millrace'), salesPipeline(), mode);
  const barePath = join(folder, 'bare.ndjson');
  const bare = await startServer([BARE, barePath]);
  const peers = await startPeers(folder, { bench: 'kinesis', names: profile ? [] : names });
  // One profile is that of one stream.
  const own = await ownTargets(millrace, profile ? kinesisStreams.slice(0, 1) : kinesisStreams);
  const targets = [bareTarget(bare), ...own, ...peers.targets.map(peerTarget)];
  const client = profile ? undefined : await boto3(folder);
  const cases = targets.flatMap((target) => {
    const both = [rawCase(target), ...(client?.caseOf ? [client.caseOf(target)] : [])];
    return both.map((one) => countPuts(one, target));
  });
  const size = { records, request: REQUEST };
  await warmUp(cases, size);
  const threads = profile ? watchThreads(millrace.pid) : undefined;
  const { results, disk } = await measure(cases, { folder, rounds, ...size });
  const spent = threads?.(rounds * records);
  const seen = { results, disk, rounds, records, request: REQUEST, machine: machine() };
  const checks = await checkLogs({ targets, millrace, barePath });
  await Promise.all([bare.stop(), millrace.stop(), peers.stop()]);
  reportKinesis({ ...seen, targets, peers, boto3: client, checks });
  if (profile) tellProfile(profiles, spent);
}

function rawCase({ name, server, stream, key, share, closes }) {
  const { url } = server;
  const target = { client: CLIENT, url, stream, key, closes };
  return { name, share, load: (request) => load(server, { ...request, ...target }) };
}

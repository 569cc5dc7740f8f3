import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { treeLargestMb } from '../../bench/support/proc.mjs';
import { eventually } from '../support/eventually.ts';
import type { RunningPipeline } from '../support/running-pipeline.ts';
import { smallDisk } from '../support/small-disk.ts';
import type { Fault, Outcome, Round } from './campaign.ts';
import { Producers } from './producers.ts';
import { pause, startServer } from './server.ts';

/** R5: the disk refuses or is full, or clients ask for more than there is. Told, survived, nothing lost. */

const RECORDS = '/v1/streams/readings/records';
const EXIT_WITHIN_MS = 15_000;
const WRITE_MAX = 60;

/** A write or its sync fails: the server must not go on, and must end by itself. */
async function failedWrite(round: Round): Promise<Outcome> {
  const { random, cycles } = round;
  const producers = new Producers(random);
  const problems: string[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    const server = await startServer(round, {
      hostile: `fail:${1 + Math.floor(random() * WRITE_MAX)}`,
    });
    const sending = producers.start(server);
    const { process: main } = server;
    const hasEnded = () => (main.exitCode === null && main.signalCode === null ? undefined : true);
    await eventually(hasEnded, EXIT_WITHIN_MS).catch(() =>
      problems.push('the server goes on after a failed write'),
    );
    if (main.exitCode === 0) problems.push('the server ends with 0 after a failed write');
    await server.kill();
    await sending.stop();
    const again = await startServer(round);
    problems.push(...(await producers.check(again)));
    await again.kill();
  }
  return { problems, checked: producers.acknowledged };
}

/** A write takes fewer bytes than it was given and says no error: refused, cut back, and on it goes. */
async function shortWrite(round: Round): Promise<Outcome> {
  const { random, cycles } = round;
  const producers = new Producers(random);
  const problems: string[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    const server = await startServer(round, {
      hostile: `short:${1 + Math.floor(random() * WRITE_MAX)}`,
    });
    const sending = producers.start(server);
    await eventually(() => (server.errors().includes('there is space again') ? true : undefined));
    await pause(100);
    await sending.stop();
    problems.push(...(await producers.check(server)));
    await server.kill();
    const again = await startServer(round);
    problems.push(...(await producers.check(again)));
    await again.kill();
  }
  return { problems, checked: producers.acknowledged };
}

const DISK_MB = 96;
const RESUME_WITHIN_MS = 5000;

async function fullDisk(round: Round): Promise<Outcome> {
  const disk = await smallDisk(round.folder, DISK_MB, (release) => round.onEnd(release));
  if (typeof disk === 'string') return { problems: [disk], checked: 0 };
  const server = await startServer(round, { via: disk.via, data: join(disk.path, 'data') });
  const producers = new Producers(round.random);
  const problems: string[] = [];
  const status = async () => (await server.post(RECORDS, '{"producer":"z","n":0')).status;
  for (let cycle = 0; cycle < round.cycles; cycle++) {
    const sending = producers.start(server);
    await pause(200 + round.random() * 300);
    disk.take();
    await eventually(() => (server.errors().includes('disk full') ? true : undefined), 30_000);
    await sending.stop();
    problems.push(...(await producers.check(server)).map((problem) => `while full: ${problem}`));
    if ((await status()) === 200) problems.push('a broken record is taken');
    disk.free();
    const before = producers.acknowledged;
    const resumed = producers.start(server);
    await eventually(
      () => (producers.acknowledged > before ? true : undefined),
      RESUME_WITHIN_MS,
    ).catch(() => problems.push('it does not resume when there is space'));
    await resumed.stop();
    problems.push(...(await producers.check(server)));
  }
  if (server.process.exitCode !== null) problems.push('the server has ended');
  await server.kill();
  return { problems, checked: producers.acknowledged };
}

const CLIENTS = 40;
const BODY_RECORDS = 20_000;
const OVERLOAD_MS = 4000;
const PROCESS_MB_MAX = 700;

/** Forty clients send a megabyte at a time without a pause, several times what two cores can take. */
async function overload(round: Round): Promise<Outcome> {
  const server = await startServer(round);
  const problems: string[] = [];
  const body = Buffer.from(
    Array.from({ length: BODY_RECORDS }, (_, n) => `{"producer":"p${n % 9}","n":${n}}`).join('\n'),
  );
  let accepted = 0;
  for (let cycle = 0; cycle < round.cycles; cycle++) {
    const end = Date.now() + OVERLOAD_MS;
    let mostMb = 0;
    const client = async () => {
      while (Date.now() < end) {
        const answer = await server.post(RECORDS, body);
        const result = (await answer.json()) as { accepted?: number };
        accepted += result.accepted ?? 0;
        mostMb = Math.max(mostMb, treeLargestMb(server.process.pid as number));
        if (answer.status === 429 && answer.headers.get('retry-after') === null)
          problems.push('a refusal has no Retry-After');
        if (answer.status !== 200 && answer.status !== 429)
          problems.push(`answered ${answer.status}`);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    if (mostMb > PROCESS_MB_MAX) problems.push(`a process took ${mostMb} MB`);
    const [row] = await server.sql('select count(*)::int from records.readings');
    if (row?.[0] !== accepted) problems.push(`${accepted} acknowledged, ${row?.[0]} stored`);
  }
  await server.kill();
  return { problems, checked: accepted };
}

const SLOW_CLIENTS = 200;
/** `headersTimeoutMs`, and how often it is looked at. */
const CLOSED_WITHIN_MS = 25_000;

/** Clients that never end their headers, and others that never end their bodies. */
async function slowClients(round: Round): Promise<Outcome> {
  const server = await startServer(round);
  const problems: string[] = [];
  const producers = new Producers(round.random);
  for (let cycle = 0; cycle < round.cycles; cycle++) {
    const alone = await throughput(server, producers);
    const sockets = Array.from({ length: SLOW_CLIENTS }, (_, index) =>
      slowSocket(server, index % 2 === 0),
    );
    await pause(200);
    // The best of three: on a shared machine one second may belong to somebody else.
    let among = 0;
    for (let turn = 0; turn < TRIES; turn++)
      among = Math.max(among, await throughput(server, producers));
    if (among < alone / 4) problems.push(`${among} records a second instead of ${alone}`);
    const slowHeaders = sockets.filter((_, index) => index % 2 === 0);
    await eventually(
      () => (slowHeaders.every((socket) => socket.destroyed) ? true : undefined),
      CLOSED_WITHIN_MS,
    ).catch(() => problems.push('clients with half a header are kept'));
    for (const socket of sockets) socket.destroy();
    problems.push(...(await producers.check(server)));
  }
  await server.kill();
  return { problems, checked: producers.acknowledged };
}

const THROUGHPUT_MS = 1000;
const TRIES = 3;

async function throughput(server: RunningPipeline, producers: Producers): Promise<number> {
  const before = producers.acknowledged;
  const sending = producers.start(server);
  await pause(THROUGHPUT_MS);
  await sending.stop();
  return producers.acknowledged - before;
}

function slowSocket(server: RunningPipeline, isInHeader: boolean): Socket {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  // Closing it is what is waited for.
  socket.on('error', () => socket.destroy());
  socket.resume();
  const head = `POST ${RECORDS} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 1000\r\n`;
  socket.write(isInHeader ? head : `${head}\r\n{"producer":"s","n":`);
  return socket;
}

/** A server that answers before its disk does: what the other faults must not look like. */
async function answersTooEarly(round: Round): Promise<Outcome> {
  const producers = new Producers(round.random);
  const server = await startServer(round, { hostile: 'late' });
  const sending = producers.start(server);
  await pause(400);
  await server.kill();
  await sending.stop();
  const again = await startServer(round);
  const problems = await producers.check(again);
  await again.kill();
  return { problems, checked: producers.acknowledged };
}

export const TOO_EARLY: Fault['control'] = {
  name: 'a server that acknowledges before it writes',
  play: answersTooEarly,
};

const of = (name: string, play: Fault['play'], batch: number): Fault => ({
  campaign: 'R5',
  name,
  cycles: 50,
  batch,
  play,
  control: TOO_EARLY,
});

export const PRESSURE: readonly Fault[] = [
  of('a write to the log or its sync fails', failedWrite, 5),
  of('a write to the log is short', shortWrite, 5),
  of('the disk is full, and has space again', fullDisk, 5),
  of('forty clients send as fast as they can', overload, 1),
  of('two hundred clients never end what they send', slowClients, 1),
];

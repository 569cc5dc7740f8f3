import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { treeOf } from '../../bench/support/proc.mjs';
import type { Fault, Outcome, Round } from './campaign.ts';
import { TOO_EARLY } from './pressure.ts';
import { Producers } from './producers.ts';
import { pause, startServer } from './server.ts';

/** R11: the clock jumps, and processes stand still for a minute. */

const JUMPS = 8;
const HOUR_MS = 3_600_000;
/** Two jumps must not be further apart than idempotency keys are remembered. */
const OFF_HOURS_MAX = 11;

async function clockJumps(round: Round): Promise<Outcome> {
  const { random, cycles, folder } = round;
  const file = join(folder, 'clock');
  const producers = new Producers(random);
  const problems: string[] = [];
  const jump = () =>
    writeFileSync(file, String(Math.floor((random() * 2 - 1) * OFF_HOURS_MAX * HOUR_MS)));
  for (let cycle = 0; cycle < cycles; cycle++) {
    jump();
    const server = await startServer(round, { hostile: `clock:${file}` });
    const sending = producers.start(server);
    for (let turn = 0; turn < JUMPS; turn++) {
      await pause(50 + random() * 100);
      jump();
    }
    await sending.stop();
    problems.push(...(await producers.check(server)));
    const [row] = await server.sql(
      'select count(*)::int from (select _arrived_at < lag(_arrived_at) over (order by _sequence_number) as back from records.readings) where back',
    );
    if (row?.[0] !== 0) problems.push(`${row?.[0]} records arrived before those in front of them`);
    await server.kill();
  }
  return { problems, checked: producers.acknowledged };
}

const STILL_MS = 60_000;

/** The server, one of its children, or all of them stand still, and go on as if nothing had been. */
async function standStill(round: Round, stillMs: number): Promise<Outcome> {
  const producers = new Producers(round.random);
  const server = await startServer(round);
  const problems: string[] = [];
  for (let cycle = 0; cycle < round.cycles; cycle++) {
    const sending = producers.start(server);
    await pause(300);
    const all = treeOf(server.process.pid as number);
    const one = all[Math.floor(round.random() * all.length)] as number;
    const stopped = cycle % 2 === 0 ? all : [one];
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    await pause(stillMs);
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
    await pause(1500);
    await sending.stop();
    problems.push(...(await producers.check(server)));
  }
  await server.stop();
  const again = await startServer(round);
  problems.push(...(await producers.check(again)));
  await again.stop();
  return { problems, checked: producers.acknowledged };
}

export const TIME: readonly Fault[] = [
  {
    campaign: 'R11',
    name: 'the clock jumps back and forth by hours',
    cycles: 50,
    batch: 5,
    play: clockJumps,
    control: TOO_EARLY,
  },
  {
    campaign: 'R11',
    name: 'processes stand still for 60 s (SIGSTOP)',
    cycles: 5,
    batch: 1,
    play: (round) => standStill(round, STILL_MS),
    control: TOO_EARLY,
  },
];

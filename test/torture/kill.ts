import type { Fault, Outcome, Round } from './campaign.ts';
import { Producers } from './producers.ts';
import { pause, startServer } from './server.ts';

/** R1: kill -9 of the server at random moments, starts among them, while producers send. */

const LIFE_MS = { min: 20, max: 500 };
/** So often it is killed while it starts. */
const KILLED_AT_START = 0.15;
const START_MS_MAX = 600;

async function play(round: Round, hostile?: string): Promise<Outcome> {
  const { random, cycles } = round;
  const producers = new Producers(random);
  const problems: string[] = [];
  const options = hostile === undefined ? {} : { hostile };
  for (let cycle = 0; cycle < cycles; cycle++) {
    if (random() < KILLED_AT_START) await killWhileStarting(round);
    const server = await startServer(round, options);
    if (cycle > 0) problems.push(...(await producers.check(server)));
    const sending = producers.start(server);
    await pause(LIFE_MS.min + random() * (LIFE_MS.max - LIFE_MS.min));
    await server.kill();
    await sending.stop();
  }
  const server = await startServer(round);
  problems.push(...(await producers.check(server)));
  await server.stop();
  return { problems, checked: producers.acknowledged };
}

async function killWhileStarting(round: Round): Promise<void> {
  const timer: { stop?: () => void } = {};
  const starting = startServer({
    ...round,
    onEnd: (undo) => {
      const timeout = setTimeout(undo, round.random() * START_MS_MAX);
      timer.stop = () => clearTimeout(timeout);
      round.onEnd(undo);
    },
  });
  // It may have been quicker.
  await starting.then(
    (server) => server.kill(),
    () => undefined,
  );
  timer.stop?.();
}

export const KILL: Fault = {
  campaign: 'R1',
  name: 'kill -9 of the server while producers send',
  cycles: 1000,
  batch: 10,
  play: (round) => play(round),
  control: {
    name: 'a server that acknowledges before it writes',
    play: (round) => play({ ...round, cycles: Math.min(round.cycles, 3) }, 'late'),
  },
};

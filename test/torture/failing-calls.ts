import { FaultFileSystem, type Fault as PlannedFault } from '../support/fault-file-system.ts';
import type { Fault, Outcome, Round } from './campaign.ts';
import { checkForgotten } from './damage-report.ts';
import { checkDelivery, deliver } from './delivery-workload.ts';
import { checkLife, live, newDisk } from './log-workload.ts';

/** R4: the n-th call to the disk fails, tears or is dropped, for every n; what n is, the round's cycle says. */

type Kind = PlannedFault['kind'];

const TITLES: { readonly [kind in Kind]: string } = {
  error: 'fails with EIO',
  full: 'finds the disk full',
  short: 'is written in part, and the disk is full',
  cut: 'is torn by a power cut',
  drop: 'is dropped by a power cut',
  forget: 'is forgotten by the disk',
};

interface Part {
  readonly name: string;
  /** Plays all of it; the problems are found after the restart. */
  play(files: FaultFileSystem, seed: number, kind: Kind): Promise<Outcome>;
}

const LOG: Part = {
  name: 'log',
  play: async (files, seed, kind) => {
    const disk = newDisk(files);
    const life = await live(disk, seed);
    files.cutPower();
    const problems =
      kind === 'forget' ? await checkForgotten(disk.files, life) : await checkLife(disk, life);
    return { problems, checked: life.acknowledged.size };
  },
};

const DELIVERY: Part = {
  name: 'delivery',
  play: async (files, seed) => {
    const sent = await deliver(files, seed);
    files.cutPower();
    return { problems: await checkDelivery(files, sent), checked: sent.acknowledged.size };
  },
};

async function callsOf({ play }: Part, seed: number): Promise<number> {
  const files = new FaultFileSystem(seed);
  let calls = 0;
  // Counted before the check after the restart, which is not part of it.
  const cut = files.cutPower.bind(files);
  files.cutPower = () => {
    calls = files.calls;
    cut();
  };
  await play(files, seed, 'error');
  return calls;
}

const SEED = 7;

function faultOf(part: Part, kind: Kind): Fault {
  const play = async ({ first, cycles, seed }: Round): Promise<Outcome> => {
    const problems: string[] = [];
    let checked = 0;
    for (let call = first + 1; call <= first + cycles; call++) {
      const files = new FaultFileSystem(seed + call);
      files.plan({ call, kind });
      const outcome = await part.play(files, SEED, kind);
      checked += outcome.checked;
      problems.push(...outcome.problems.map((problem) => `call ${call}: ${problem}`));
    }
    return { problems, checked };
  };
  const control = async ({ seed }: Round): Promise<Outcome> =>
    part.play(new FaultFileSystem(seed, { honestDurable: false }), SEED, 'cut');
  return {
    campaign: 'R4',
    name: `${part.name}: the n-th call ${TITLES[kind]}`,
    cycles: () => callsOf(part, SEED),
    batch: 20,
    play,
    control: {
      name: 'a disk that forgets what is not synced, and writes that are not',
      play: control,
    },
  };
}

export const FAILING_CALLS: readonly Fault[] = [
  ...(['error', 'full', 'short', 'cut', 'drop', 'forget'] as const).map((kind) =>
    faultOf(LOG, kind),
  ),
  ...(['error', 'full', 'short', 'cut', 'drop'] as const).map((kind) => faultOf(DELIVERY, kind)),
];

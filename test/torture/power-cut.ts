import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, Outcome, Round } from './campaign.ts';
import { Producers } from './producers.ts';
import { POWER_CUT, PYTHON, pause, startServer } from './server.ts';

/** R3: power goes (FS_IOC_SHUTDOWN on an ext4 of its own) while producers send; caches and journal tail are lost. */

const DISK_MB = 512;
const LIFE_MS = { min: 100, max: 700 };
const UNMOUNT_TRIES = 100;

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'it mounts a disk, and this user is not root';
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices';
  for (const program of ['mkfs.ext4', 'mount', 'umount', PYTHON])
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0)
      return `there is no ${program}`;
  return undefined;
}

class Disk {
  readonly path: string;
  readonly #image: string;

  constructor(round: Round) {
    this.path = join(round.folder, 'disk');
    this.#image = join(round.folder, 'disk.img');
    mkdirSync(this.path);
    execFileSync('truncate', ['-s', `${DISK_MB}M`, this.#image]);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image]);
    // What a failed round leaves; one that went well has nothing mounted.
    round.onEnd(() => spawnSync('umount', ['-l', this.path]));
  }

  mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.path]);
  }

  cutPower(): void {
    execFileSync(PYTHON, [POWER_CUT, this.path]);
  }

  /** Children of a killed server hold it for a moment. */
  async unmount(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { status, stderr } = spawnSync('umount', [this.path], { encoding: 'utf8' });
      if (status === 0) return;
      if (attempt === UNMOUNT_TRIES) throw new Error(stderr);
      await pause(100);
    }
  }
}

async function play(round: Round, hostile?: string): Promise<Outcome> {
  const { random, cycles } = round;
  const disk = new Disk(round);
  const producers = new Producers(random);
  const problems: string[] = [];
  const options = { data: join(disk.path, 'data'), ...(hostile ? { hostile } : {}) };
  for (let cycle = 0; cycle <= cycles; cycle++) {
    disk.mount();
    const server = await startServer(round, options);
    if (cycle > 0) {
      problems.push(...(await producers.check(server)));
      // Delivered files too: the table is read by its metadata.
      await server.sql('select count(*) from lake.readings');
    }
    if (cycle === cycles) {
      await server.stop();
      await disk.unmount();
      break;
    }
    const sending = producers.start(server);
    await pause(LIFE_MS.min + random() * (LIFE_MS.max - LIFE_MS.min));
    // An answer counts that was read before the cut: a sync that races with it may still return.
    producers.freeze();
    disk.cutPower();
    await server.kill();
    await sending.stop();
    producers.thaw();
    await disk.unmount();
  }
  return { problems, checked: producers.acknowledged };
}

export const POWER_CUTS: Fault = {
  campaign: 'R3',
  name: 'the power goes while producers send',
  cycles: 300,
  batch: 10,
  unavailable: whyNot,
  play: (round) => play(round),
  control: {
    name: 'a server that syncs nothing',
    play: (round) => play({ ...round, cycles: Math.min(round.cycles, 3) }, 'no-sync'),
  },
};

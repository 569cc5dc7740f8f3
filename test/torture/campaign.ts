import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../support/fault-file-system.ts';
import { removePatiently } from '../support/remove-patiently.ts';

/** One thing that goes wrong, as often as asked, with the control that must be noticed. */
export interface Fault {
  /** Its row in the table of goals: R1, R3 … */
  readonly campaign: string;
  readonly name: string;
  /** How often a release plays it; a function where that is each of something, whatever is asked. */
  readonly cycles: number | (() => Promise<number>);
  /** Cycles of one `play`: they share a folder, a server, a disk. */
  readonly batch: number;
  /** Why it cannot be played on this machine. */
  readonly unavailable?: () => string | undefined;
  play(round: Round): Promise<Outcome>;
  /** The same check where the product is broken on purpose: it must find problems. */
  readonly control: { readonly name: string; play(round: Round): Promise<Outcome> };
}

export interface Round {
  readonly seed: number;
  /** The first cycle of the batch, counted from 0. */
  readonly first: number;
  readonly cycles: number;
  readonly random: () => number;
  /** A folder of its own, gone when the round ends. */
  readonly folder: string;
  /** What is undone when the round ends, last first. */
  onEnd(undo: () => unknown): void;
}

export interface Outcome {
  /** What should not be; empty when all is well. */
  readonly problems: readonly string[];
  /** How many records, or bytes, were held against what they should be. */
  readonly checked: number;
}

export interface PlayOptions {
  readonly seed: number;
  readonly first: number;
  readonly cycles: number;
  /** Where folders of rounds are made: on a real disk. */
  readonly root: string;
}

/** One batch; rounds of the same seed and first cycle are the same. */
export function playRound(fault: Fault, options: PlayOptions): Promise<Outcome> {
  return inRound(options, (round) => fault.play(round));
}

export function playControl(fault: Pick<Fault, 'control'>, options: PlayOptions): Promise<Outcome> {
  return inRound(options, (round) => fault.control.play(round));
}

async function inRound(
  { seed, first, cycles, root }: PlayOptions,
  play: (round: Round) => Promise<Outcome>,
): Promise<Outcome> {
  mkdirSync(root, { recursive: true });
  const folder = mkdtempSync(join(root, 'round-'));
  const undos: (() => unknown)[] = [() => removePatiently(folder)];
  const undoAtExit = () => {
    for (const undo of undos.toReversed().slice(0, -1)) undo();
  };
  process.once('exit', undoAtExit);
  try {
    return await play({
      seed,
      first,
      cycles,
      folder,
      random: seededRandom(seed + first),
      onEnd: (undo) => undos.push(undo),
    });
  } finally {
    process.off('exit', undoAtExit);
    for (const undo of undos.toReversed()) await undo();
  }
}

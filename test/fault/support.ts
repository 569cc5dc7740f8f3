import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Fault, playControl, playRound } from '../torture/campaign.ts';

/** What a release plays thousands of times (`npm run torture`), a few times: same faults, same checks. */

export const SEED = Number(process.env['FAULT_SEED'] ?? 20261121);
/** On the disk of the checkout: the system's temporary folder may live in memory. */
const ROOT = fileURLToPath(new URL('../../.cache/torture/tests', import.meta.url));

/** Starting a server thirty times takes a minute, and several on a machine that is busy. */
const TIMEOUT_MS = 600_000;

export interface Share {
  readonly cycles: number;
  /** 7: each seventh. */
  readonly every?: number;
}

export function testFault(fault: Fault, { cycles, every = 1 }: Share): void {
  const name = `${fault.campaign}: ${fault.name} (seed ${SEED}, ${cycles} cycles${every === 1 ? '' : `, every ${every}th`})`;
  test(
    name,
    async (context) => {
      const reason = fault.unavailable?.();
      if (reason !== undefined) {
        console.warn(`${fault.campaign} cannot be played here: ${reason}`);
        return context.skip(reason);
      }
      const options = { seed: SEED, root: ROOT };
      const all = typeof fault.cycles === 'number' ? cycles : await fault.cycles();
      const problems: string[] = [];
      if (every === 1)
        for (let first = 0; first < Math.min(all, cycles); first += fault.batch) {
          const left = Math.min(fault.batch, all - first, cycles - first);
          problems.push(...(await playRound(fault, { ...options, first, cycles: left })).problems);
        }
      else
        for (let first = 0; first < all; first += every)
          problems.push(...(await playRound(fault, { ...options, first, cycles: 1 })).problems);
      expect(problems).toEqual([]);
    },
    TIMEOUT_MS,
  );
}

export function testControl({ control }: Pick<Fault, 'control'>): void {
  test(`control: ${control.name} is noticed (seed ${SEED})`, async () => {
    const options = { seed: SEED, first: 0, cycles: 1, root: ROOT };
    const { problems } = await playControl({ control }, options);
    expect(problems.length).toBeGreaterThan(0);
  });
}

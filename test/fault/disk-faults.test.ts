import { describe } from 'vitest';
import { DAMAGE } from '../torture/damage.ts';
import { FAILING_CALLS } from '../torture/failing-calls.ts';
import { testControl, testFault } from './support.ts';

const EVERY = Number(process.env['FAULT_EVERY'] ?? 7);
const FLIPS = 25;

describe('R4: a call to the disk fails', () => {
  for (const fault of FAILING_CALLS) testFault(fault, { cycles: 0, every: EVERY });
  for (const part of ['log', 'delivery'])
    testControl(FAILING_CALLS.find(({ name }) => name.startsWith(part)) as never);
});

describe('R6: stored bytes are not what was written', () => {
  for (const fault of DAMAGE)
    testFault(
      fault,
      typeof fault.cycles === 'number' ? { cycles: FLIPS } : { cycles: 0, every: 13 },
    );
  testControl(DAMAGE[0] as never);
});

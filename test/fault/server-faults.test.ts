import { describe } from 'vitest';
import { KILL } from '../torture/kill.ts';
import { POWER_CUTS } from '../torture/power-cut.ts';
import { PRESSURE } from '../torture/pressure.ts';
import { TIME } from '../torture/time.ts';
import { testControl, testFault } from './support.ts';

const KILLS = Number(process.env['KILL_CYCLES'] ?? 30);

describe('R1: the server is killed', () => {
  testFault(KILL, { cycles: KILLS });
  testControl(KILL);
});

describe('R3: the power goes', () => {
  testFault(POWER_CUTS, { cycles: 3 });
});

describe('R5: the disk refuses', () => {
  for (const fault of PRESSURE.slice(0, 2)) testFault(fault, { cycles: 2 });
  testFault(PRESSURE[3] as never, { cycles: 1 });
});

describe('R11: the clock jumps', () => {
  for (const fault of TIME.filter(({ name }) => name.includes('clock')))
    testFault(fault, { cycles: 1 });
});

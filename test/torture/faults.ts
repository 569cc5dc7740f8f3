import type { Fault } from './campaign.ts';
import { DAMAGE } from './damage.ts';
import { FAILING_CALLS } from './failing-calls.ts';
import { KILL } from './kill.ts';
import { POWER_CUTS } from './power-cut.ts';
import { PRESSURE } from './pressure.ts';
import { TIME } from './time.ts';

/** Every fault of a release, in the order of the table of goals. */
export const FAULTS: readonly Fault[] = [
  KILL,
  POWER_CUTS,
  ...FAILING_CALLS,
  ...PRESSURE,
  ...DAMAGE,
  ...TIME,
];

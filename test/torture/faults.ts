import type { Fault } from './campaign.ts';
import { DAMAGE } from './damage.ts';
import { FAILING_CALLS } from './failing-calls.ts';

/** Every fault of a release, in the order of the table of goals. */
export const FAULTS: readonly Fault[] = [...FAILING_CALLS, ...DAMAGE];

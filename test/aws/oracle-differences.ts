import type { Accepted } from './oracle-compare.ts';

/** Where millrace does what AWS's documentation says and kinesis-local does not. */
export const ACCEPTED: readonly Accepted[] = [];

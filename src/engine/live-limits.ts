import { LIMITS } from '../core/limits.ts';

/** What is kept for dashboards, and how much of it. */
export interface LiveLimits {
  /** A cube with more groups answers no faster than its source. */
  readonly cubeCellsMax: number;
  readonly cubesMax: number;
  /** Of one source; the least used go first. */
  readonly cubeBytesMax: number;
  /** Groups of a cube that answer fast enough without a smaller one. */
  readonly smallCells: number;
  /** Rows of a day, or an hour, that are kept one by one where a span begins or ends in it. */
  readonly spanRowsMax: number;
  /** Records kept beside the cubes; grids that need older ones read the source. */
  readonly tailRecords: number;
  /** A cube that nobody looks at may lack as many records. */
  readonly behindRecords: number;
  /** Records that a grid looks back over at first. */
  readonly windowRecords: number;
}

export const LIVE_LIMITS: LiveLimits = Object.freeze({
  cubeCellsMax: LIMITS.cubeCellsMax,
  cubesMax: LIMITS.cubesMax,
  cubeBytesMax: LIMITS.cubeBytesMax,
  smallCells: 65_536,
  spanRowsMax: 50_000,
  tailRecords: 20_000,
  behindRecords: 10_000,
  windowRecords: 8192,
});

import { SECTOR_BYTES } from '../core/file-system.ts';

/**
 * A run is the records of one shard in one commit. In memory and between processes runs are rows of
 * a Float64Array: a million of them must not be a million objects.
 */
export const RUN_COLUMNS = 9;
export const RUN = Object.freeze({
  /** Byte position in the segment file. */
  position: 0,
  /** Bytes without padding. */
  length: 1,
  crc: 2,
  count: 3,
  firstSequence: 4,
  shard: 5,
  /** Epoch ms of the commit: when the records arrived. */
  timeMs: 6,
  schemaVersion: 7,
  /** Where the partition keys lie that producers gave (`keysColumn`); 0 where they gave none. */
  keys: 8,
});

const LENGTHS = 2 ** 32;

/** Sector and length in one number: runs are many, and most have no keys. Position in bytes, at a sector. */
export function keysColumn(position: number, length: number): number {
  return length === 0 ? 0 : (position / SECTOR_BYTES) * LENGTHS + length;
}

/** Bytes [position, position + length) of the keys file. */
export function keysExtent(column: number): { position: number; length: number } {
  return { position: Math.floor(column / LENGTHS) * SECTOR_BYTES, length: column % LENGTHS };
}

/** Growable rows of run columns, ordered by sequence number. */
export class RunList {
  #rows: Float64Array = new Float64Array(64 * RUN_COLUMNS);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(row: readonly number[]): void {
    const at = this.#length * RUN_COLUMNS;
    if (at === this.#rows.length) {
      const larger = new Float64Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows.set(row, at);
    this.#length += 1;
  }

  value(run: number, column: number): number {
    return this.#rows[run * RUN_COLUMNS + column] as number;
  }

  slice(from: number, until: number): Float64Array {
    return this.#rows.slice(from * RUN_COLUMNS, until * RUN_COLUMNS);
  }

  /** The first run that holds `sequence` or a later record. */
  find(sequence: number): number {
    return this.#firstNot(
      (run) => this.value(run, RUN.firstSequence) + this.value(run, RUN.count) <= sequence,
    );
  }

  /** The first sequence number of a run with this time or a later one; one has: times never fall. */
  firstAtOrAfter(timeMs: number): number {
    return this.value(
      this.#firstNot((run) => this.value(run, RUN.timeMs) < timeMs),
      RUN.firstSequence,
    );
  }

  /** The first run that `isBefore` does not hold for; it holds for none behind that. */
  #firstNot(isBefore: (run: number) => boolean): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first sequence number behind the runs; undefined where there are none. */
export function endOfSlices(
  slices: readonly { readonly runs: Float64Array }[],
): number | undefined {
  const runs = slices.at(-1)?.runs;
  if (!runs || runs.length === 0) return undefined;
  const last = runs.length - RUN_COLUMNS;
  return (runs[last + RUN.firstSequence] as number) + (runs[last + RUN.count] as number);
}

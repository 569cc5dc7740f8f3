import type { NamedField } from '../core/field-types.ts';
import type { RunBytes } from '../stream/run-reader.ts';
import { type CanonicalRow, canonicalRow } from './canonical-row.ts';

/** A record of the log, read once for all lookups of its stream. */
export interface StoredRecord {
  readonly sequence: number;
  readonly line: string;
  readonly row: CanonicalRow;
}

/** The records of a run from `from` on; none where the run is damaged. */
export function recordsOfRun(
  run: RunBytes,
  fields: readonly NamedField[],
  from: number,
): StoredRecord[] {
  const records: StoredRecord[] = [];
  let start = 0;
  for (let index = 0; index < run.count && start < run.bytes.length; index++) {
    const end = run.bytes.indexOf(10, start);
    const sequence = run.firstSequence + index;
    if (sequence >= from) {
      const line = run.bytes.toString('utf8', start, end);
      records.push({ sequence, line, row: canonicalRow(line, fields) });
    }
    start = end + 1;
  }
  return records;
}

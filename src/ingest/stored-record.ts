import type { NamedField } from '../core/field-types.ts';
import type { RunBytes } from '../stream/run-reader.ts';
import type { SchemaVersion } from '../stream/stream-store.ts';
import { type CanonicalRow, canonicalRow, rowsOfToday } from './canonical-row.ts';

/** A record of the log, read once for all lookups of its stream. */
export interface StoredRecord {
  readonly sequence: number;
  readonly line: string;
  readonly row: CanonicalRow;
}

/** The records of a run from `from` on, as rows of `fields`; none where the run is damaged. */
export function recordsOfRun(
  run: RunBytes,
  { schemas, fields }: { schemas: readonly SchemaVersion[]; fields: readonly NamedField[] },
  from: number,
): StoredRecord[] {
  const records: StoredRecord[] = [];
  const stored = schemas.find(({ version }) => version === run.schemaVersion)?.fields ?? fields;
  const isToday = JSON.stringify(stored) === JSON.stringify(fields);
  const rowOf = isToday
    ? (line: string) => canonicalRow(line, fields)
    : rowsOfToday(fields, schemas, run.schemaVersion);
  let start = 0;
  for (let index = 0; index < run.count && start < run.bytes.length; index++) {
    const end = run.bytes.indexOf(10, start);
    const sequence = run.firstSequence + index;
    if (sequence >= from) {
      const line = run.bytes.toString('utf8', start, end);
      records.push({ sequence, line, row: rowOf(line) });
    }
    start = end + 1;
  }
  return records;
}

import type { FaultFileSystem } from '../support/fault-file-system.ts';
import { readAll, storeOn } from '../support/stream.ts';
import { type Life, NEXT_SCHEMA } from './log-workload.ts';

/** What a log says of its damage, as people and programs read it. */
export interface NamedRange {
  readonly first: number;
  readonly last: number;
}

/** `records 4 to 9` in each place. */
export function namedRanges(places: readonly string[]): NamedRange[] {
  return places.flatMap((place) => {
    const found = /records (\d+) to (\d+)/.exec(place);
    return found ? [{ first: Number(found[1]), last: Number(found[2]) }] : [];
  });
}

export const isNamed = (sequence: number, ranges: readonly NamedRange[]): boolean =>
  ranges.some(({ first, last }) => sequence >= first && sequence <= last);

/**
 * A disk that said 'written' and forgot: no program can keep what it lost, but each lost record is named,
 * or was in the very last commit, and no other is touched.
 */
export async function checkForgotten(files: FaultFileSystem, life: Life): Promise<string[]> {
  files.restart();
  const log = await storeOn(files, '/data').open(NEXT_SCHEMA);
  const { records, damage } = await readAll(log, files);
  const ranges = namedRanges([...damage, ...log.status().damaged]);
  const stored = new Map(records.map((record) => [record.line, record]));
  const problems = records
    .filter(({ line }) => !life.tried.has(line))
    .map(({ line }) => `unknown ${line}`);
  for (const [line, { sequence }] of life.acknowledged) {
    const isThere = stored.get(line)?.sequence === sequence;
    const isGone = sequence < log.firstSequence || sequence >= log.nextSequence;
    if (!isThere && !isGone && !isNamed(sequence, ranges))
      problems.push(`lost and not named ${line}`);
  }
  return problems;
}

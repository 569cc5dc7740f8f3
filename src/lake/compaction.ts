import { LIMITS } from '../core/limits.ts';
import {
  type LiveFile,
  partitionText,
  type ScanFile,
  type TableScan,
} from './iceberg/live-files.ts';

/** Files of one partition that are to become one. */
export interface CompactionJob {
  /** Indexes into the files of the scan. */
  readonly files: readonly number[];
  readonly bytes: number;
}

/** `due`: what pays by itself. `all`: whatever is smaller than it should be, or has deleted rows. */
export type CompactionScope = 'due' | 'all';

/**
 * Small files of a partition together, up to the size a file should have; and files with deleted rows, which are
 * left out of the new ones. By itself only files of about one size are put together, eight at a time: each row is
 * then written again a few times at most, however many deliveries there are.
 */
export function planCompaction(
  live: readonly LiveFile[],
  scan: TableScan,
  scope: CompactionScope,
): CompactionJob[] {
  const groups = new Map<string, Candidate[]>();
  for (const [index, one] of live.entries()) {
    const file = scan.files[index] as ScanFile;
    const deletes = (file.positionDeletes ?? 0) + (file.equalityDeletes?.length ?? 0);
    // Each of them is read with the file; a few cost less than writing the file anew.
    const hasDeletes = deletes >= (scope === 'all' ? 1 : LIMITS.tableFilesCompactedMin);
    if (file.bytes >= LIMITS.tableFileSmallBytes && !hasDeletes) continue;
    const tier = scope === 'all' || hasDeletes ? 0 : tierOf(file.bytes);
    const key = `${one.specId} ${tier} ${partitionText(one.file)}`;
    const candidate = { index, bytes: file.bytes, hasDeletes };
    const group = groups.get(key);
    if (group) group.push(candidate);
    else groups.set(key, [candidate]);
  }
  const least = scope === 'all' ? 2 : LIMITS.tableFilesCompactedMin;
  return [...groups.values()]
    .flatMap(binsOf)
    .filter((bin) => pays(bin, least))
    .map(jobOf);
}

interface Candidate {
  readonly index: number;
  readonly bytes: number;
  readonly hasDeletes: boolean;
}

const tierOf = (bytes: number): number => Math.floor(Math.log2(Math.max(bytes, 1)) / 3);

/** In the order of the files, which is the order rows came in. */
function binsOf(candidates: readonly Candidate[]): Candidate[][] {
  const bins: Candidate[][] = [];
  let room = 0;
  for (const candidate of candidates) {
    if (candidate.bytes > room || bins.length === 0) {
      bins.push([]);
      room = LIMITS.tableFileBytes;
    }
    bins.at(-1)?.push(candidate);
    room -= candidate.bytes;
  }
  return bins;
}

const pays = (bin: readonly Candidate[], least: number): boolean =>
  bin.length >= least || bin.some(({ hasDeletes }) => hasDeletes);

const jobOf = (bin: readonly Candidate[]): CompactionJob => ({
  files: bin.map(({ index }) => index),
  bytes: bin.reduce((bytes, one) => bytes + one.bytes, 0),
});

/** The scan of these files alone. */
export function partOfScan(scan: TableScan, { files }: CompactionJob): TableScan {
  return { ...scan, files: files.map((index) => scan.files[index] as ScanFile) };
}

import { join } from 'node:path';
import type { FileHandle, FileSystem } from '../../core/file-system.ts';
import { SECTOR_BYTES } from '../../core/file-system.ts';
import { RUN, RUN_COLUMNS, RunList } from '../run-columns.ts';
import type { LogSlice } from '../stream-store.ts';
import { type CommitEntry, readEntry } from './index-format.ts';

/** `<first sequence, 16 digits>`: the common name of a segment's files. */
export function segmentName(firstSequence: number): string {
  return String(firstSequence).padStart(16, '0');
}

/** One pair of data and index file (and metadata, once a commit has some), with its runs in memory. */
export class Segment {
  readonly firstSequence: number;
  readonly runs: RunList = new RunList();
  readonly dataFile: string;
  readonly indexFile: string;
  readonly metadataFile: string;
  nextSequence: number;
  commit = 0;
  dataBytes = 0;
  indexBytes = 0;
  metadataBytes = 0;
  /** 0 while it is empty. */
  firstTimeMs = 0;
  lastTimeMs = 0;

  constructor(folder: string, firstSequence: number) {
    const base = join(folder, segmentName(firstSequence));
    this.firstSequence = firstSequence;
    this.nextSequence = firstSequence;
    this.dataFile = `${base}.ndjson`;
    this.indexFile = `${base}.idx`;
    this.metadataFile = `${base}.meta`;
  }

  add(entry: CommitEntry, indexBytes: number): void {
    for (const run of entry.runs) {
      const row = new Array<number>(RUN_COLUMNS);
      row[RUN.position] = run.position;
      row[RUN.length] = run.length;
      row[RUN.crc] = run.crc;
      row[RUN.count] = run.count;
      row[RUN.firstSequence] = run.firstSequence;
      row[RUN.shard] = run.shard;
      row[RUN.timeMs] = entry.timeMs;
      row[RUN.schemaVersion] = entry.schemaVersion;
      this.runs.add(row);
    }
    this.commit = entry.commit;
    this.nextSequence = entry.firstSequence + entry.records;
    this.dataBytes = Math.max(this.dataBytes, entry.dataPosition + entry.dataLength);
    this.metadataBytes = Math.max(
      this.metadataBytes,
      entry.metadataPosition + sectorsOf(entry.metadataLength),
    );
    this.indexBytes += indexBytes;
    this.lastTimeMs = entry.timeMs;
    if (this.firstTimeMs === 0) this.firstTimeMs = entry.timeMs;
  }

  /** Goes on counting where an earlier segment ended; times never fall within a log. */
  follow(previous: Segment): void {
    this.commit = previous.commit;
    this.lastTimeMs = previous.lastTimeMs;
  }

  /** The runs that hold records of [from, until), up to about `bytesMax`. */
  slice(
    from: number,
    until: number,
    bytesMax: number,
  ): { slice: LogSlice; bytes: number } | undefined {
    const start = this.runs.find(from);
    let end = start;
    let bytes = 0;
    while (
      end < this.runs.length &&
      this.runs.value(end, RUN.firstSequence) < until &&
      (bytes === 0 || bytes < bytesMax)
    ) {
      bytes += this.runs.value(end, RUN.length);
      end += 1;
    }
    if (end === start) return undefined;
    return { slice: { file: this.dataFile, runs: this.runs.slice(start, end) }, bytes };
  }
}

export function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

export interface SegmentFiles {
  readonly data: FileHandle;
  readonly index: FileHandle;
  metadata: FileHandle | undefined;
}

export interface ReadSegment {
  readonly segment: Segment;
  readonly entries: readonly CommitEntry[];
  /** True where bytes of an unfinished commit follow the last sound one. */
  readonly torn: boolean;
  /** Sequence numbers whose index entry is damaged, as text for people. */
  readonly damaged: readonly string[];
}

/**
 * Reads a segment's index. An unsound entry with a sound one behind it is damage: it is reported and
 * skipped. Unsound bytes at the end are a commit that was never acknowledged.
 */
export async function readSegment(
  files: FileSystem,
  folder: string,
  firstSequence: number,
  epoch: Buffer,
  indexOf: (segment: Segment) => string = ({ indexFile }) => indexFile,
): Promise<ReadSegment> {
  const segment = new Segment(folder, firstSequence);
  const index = await files.readFile(indexOf(segment));
  const entries: CommitEntry[] = [];
  const damaged: string[] = [];
  let at = 0;
  let gapStart: number | undefined;
  while (at < index.length) {
    const found = readEntry(index, at, epoch);
    if (!found) {
      gapStart ??= at;
      at += SECTOR_BYTES;
      continue;
    }
    if (gapStart !== undefined) {
      damaged.push(
        `${segment.indexFile}: bytes ${gapStart} to ${at}, records ${segment.nextSequence} to ${found.entry.firstSequence - 1}`,
      );
      segment.indexBytes = at;
      gapStart = undefined;
    }
    segment.add(found.entry, found.bytes);
    entries.push(found.entry);
    at += found.bytes;
  }
  return { segment, entries, torn: gapStart !== undefined, damaged };
}

import { join } from 'node:path';
import type { Damage } from '../../core/checked-file.ts';
import type { FileHandle, FileSystem } from '../../core/file-system.ts';
import { SECTOR_BYTES } from '../../core/file-system.ts';
import { keysColumn, RUN, RUN_COLUMNS, RunList } from '../run-columns.ts';
import type { LogSlice } from '../stream-store.ts';
import { type CommitEntry, readEntry, repairEntry } from './index-format.ts';

/** `<first sequence, 16 digits>`: the common name of a segment's files. */
export function segmentName(firstSequence: number): string {
  return String(firstSequence).padStart(16, '0');
}

/** One pair of data and index file (and metadata and keys, once a commit has some), with its runs in memory. */
export class Segment {
  readonly firstSequence: number;
  readonly runs: RunList = new RunList();
  readonly dataFile: string;
  readonly indexFile: string;
  readonly metadataFile: string;
  /** Partition keys that producers gave: a line of JSON for each record of such a run. */
  readonly keysFile: string;
  /** What its index is called once only answers to keyed requests are left of it, and while all of it is removed. */
  readonly answersFile: string;
  readonly expiredFile: string;
  nextSequence: number;
  commit = 0;
  dataBytes = 0;
  indexBytes = 0;
  metadataBytes = 0;
  keysBytes = 0;
  /** 0 while it is empty. */
  firstTimeMs = 0;
  lastTimeMs = 0;
  /** Its end is damaged: nothing is cut off it and nothing appended to it. */
  isSealed = false;

  constructor(folder: string, firstSequence: number) {
    const base = join(folder, segmentName(firstSequence));
    this.firstSequence = firstSequence;
    this.nextSequence = firstSequence;
    this.dataFile = `${base}.ndjson`;
    this.indexFile = `${base}.idx`;
    this.metadataFile = `${base}.meta`;
    this.keysFile = `${base}.keys`;
    this.answersFile = `${base}.keyed`;
    this.expiredFile = `${base}.expired`;
  }

  /** Commits and times go on from the segment before, where this one has none yet. */
  follow(previous: Segment | undefined): void {
    this.commit = Math.max(this.commit, previous?.commit ?? 0);
    this.lastTimeMs = Math.max(this.lastTimeMs, previous?.lastTimeMs ?? 0);
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
      row[RUN.keys] = keysColumn(run.keysPosition, run.keysLength);
      this.runs.add(row);
      if (run.keysLength > 0)
        this.keysBytes = Math.max(this.keysBytes, sectorsOf(run.keysPosition + run.keysLength));
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
    const { dataFile: file, keysFile } = this;
    return { slice: { file, keysFile, runs: this.runs.slice(start, end) }, bytes };
  }
}

export function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

export interface SegmentFiles {
  readonly data: FileHandle;
  readonly index: FileHandle;
  metadata: FileHandle | undefined;
  keys: FileHandle | undefined;
}

export interface ReadSegment {
  readonly segment: Segment;
  readonly entries: readonly CommitEntry[];
  /** Bytes of the index behind the last sound entry. */
  readonly tail: Buffer;
  readonly damaged: readonly Damage[];
}

/** Reads a segment's index. An unsound entry with a sound one behind it is damage: it is named and skipped. */
export async function readSegment(
  files: FileSystem,
  folder: string,
  firstSequence: number,
  epoch: Buffer,
  indexOf: (segment: Segment) => string = ({ indexFile }) => indexFile,
): Promise<ReadSegment> {
  const segment = new Segment(folder, firstSequence);
  const file = indexOf(segment);
  const index = (await files.exists(file)) ? await files.readFile(file) : Buffer.alloc(0);
  const entries: CommitEntry[] = [];
  const damaged: Damage[] = [];
  let at = 0;
  let gapStart: number | undefined;
  while (at < index.length) {
    const sound = readEntry(index, at, epoch);
    const found = sound ?? (gapStart === undefined ? repairEntry(index, at, epoch) : undefined);
    if (!found) {
      gapStart ??= at;
      at += SECTOR_BYTES;
      continue;
    }
    if (gapStart !== undefined) damaged.push(lostEntries(segment, { gapStart, at }, found.entry));
    if (!sound) damaged.push(repaired(segment, at, found));
    segment.indexBytes = at;
    gapStart = undefined;
    segment.add(found.entry, found.bytes);
    entries.push(found.entry);
    at += found.bytes;
  }
  return { segment, entries, tail: index.subarray(gapStart ?? index.length), damaged };
}

/** The bytes of the records are there, but not known to be: both are named. */
function lostEntries(
  { indexFile, dataFile, dataBytes, nextSequence }: Segment,
  { gapStart, at }: { gapStart: number; at: number },
  next: CommitEntry,
): Damage {
  return {
    text: `${indexFile}: bytes ${gapStart} to ${at}, records ${nextSequence} to ${next.firstSequence - 1}`,
    places: [
      { file: indexFile, start: gapStart, end: at },
      { file: dataFile, start: dataBytes, end: next.dataPosition },
    ],
  };
}

function repaired(
  { indexFile }: Segment,
  at: number,
  { entry, bytes }: { entry: CommitEntry; bytes: number },
): Damage {
  const last = entry.firstSequence + entry.records - 1;
  return {
    text: `${indexFile}: bytes ${at} to ${at + bytes}, records ${entry.firstSequence} to ${last} (one bit is wrong; they are read all the same)`,
    places: [{ file: indexFile, start: at, end: at + bytes }],
  };
}

import { crc32 } from 'node:zlib';
import type { Damage } from '../../core/checked-file.ts';
import { type FileHandle, type FileSystem, SECTOR_BYTES } from '../../core/file-system.ts';
import { RUN } from '../run-columns.ts';
import { type CommitEntry, type CommitRun, declaredBytes, indexBytes } from './index-format.ts';
import { type ReadSegment, readSegment, Segment } from './segment.ts';

/**
 * Makes the newest segment ready to be appended to. Commits are strictly serial, so only its last one
 * can be unfinished, and that was never acknowledged: it is cut off all files.
 *
 * What is unfinished is told from what is damaged by what a disk leaves of a write that did not end:
 * whole sectors are missing or zero, and no sector of a commit is zero. Damage is never cut off, as it was
 * acknowledged: it is named, and where it is at the end the segment is closed and the next one begins.
 */
export async function recoverNewest(
  files: FileSystem,
  folder: string,
  firstSequence: number,
  epoch: Buffer,
): Promise<ReadSegment> {
  const read = await readSegment(files, folder, firstSequence, epoch);
  const { segment } = read;
  const last = read.entries.at(-1);
  const state = last === undefined ? 'whole' : await stateOf(files, segment, last);
  if (isDamagedTail(read.tail) || (state !== 'unfinished' && (await isShort(files, segment))))
    return sealed(files, read);
  if (state === 'unfinished') {
    const entries = read.entries.slice(0, -1);
    const rest = rebuild(folder, firstSequence, read, entries);
    await cut(files, rest);
    return { ...read, segment: rest, entries };
  }
  await cut(files, segment);
  if (state === 'whole' || last === undefined) return read;
  const named = await damagedRuns(files, segment, last);
  return { ...read, damaged: [...read.damaged, ...named] };
}

/** Reads a closed segment; `next` is where the one behind it begins. What is missing before it is named. */
export async function readClosed(
  files: FileSystem,
  folder: string,
  firstSequence: number,
  { epoch, next }: { epoch: Buffer; next: number },
): Promise<ReadSegment> {
  const read = await readSegment(files, folder, firstSequence, epoch);
  return { ...read, damaged: [...read.damaged, ...(await missingEnd(files, read, next))] };
}

/** Records below `next` that no entry knows, and runs that are not in the data any more. */
async function missingEnd(
  files: FileSystem,
  { segment, tail }: ReadSegment,
  next: number,
): Promise<Damage[]> {
  const { indexFile, dataFile, indexBytes: start, dataBytes, nextSequence, runs } = segment;
  const size = await sizeOf(files, dataFile);
  const damaged: Damage[] = [];
  if (nextSequence < next)
    damaged.push({
      text: `${indexFile}: bytes ${start} to ${start + tail.length}, records ${nextSequence} to ${next - 1}`,
      places: [
        { file: indexFile, start, end: start + tail.length },
        { file: dataFile, start: dataBytes, end: size },
      ],
    });
  for (let run = 0; run < runs.length; run++) {
    const position = runs.value(run, RUN.position);
    const end = position + runs.value(run, RUN.length);
    if (end <= size) continue;
    const first = runs.value(run, RUN.firstSequence);
    damaged.push({
      text: `${dataFile}: bytes ${size} to ${end} are missing, records ${first} to ${first + runs.value(run, RUN.count) - 1}`,
      places: [{ file: dataFile, start: position, end: Math.max(position, size) }],
    });
  }
  return damaged;
}

/** The first entry behind the sound ones is all there, and wrong. */
function isDamagedTail(tail: Buffer): boolean {
  const bytes = declaredBytes(tail, 0);
  return tail.length >= bytes && !hasZeroSector(tail.subarray(0, bytes));
}

function hasZeroSector(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += SECTOR_BYTES)
    if (bytes.subarray(at, at + SECTOR_BYTES).every((byte) => byte === 0)) return true;
  return false;
}

/**
 * Closes the segment as it is. Records behind the known ones are not known any more, so as many numbers
 * as there are lines are passed over: none is ever used twice.
 */
async function sealed(files: FileSystem, read: ReadSegment): Promise<ReadSegment> {
  const { segment, tail } = read;
  const lines = await linesFrom(files, segment.dataFile, segment.dataBytes);
  const next = segment.nextSequence + (isDamagedTail(tail) ? Math.max(1, lines) : 0);
  const named = await missingEnd(files, read, next);
  segment.isSealed = true;
  segment.nextSequence = next;
  return { ...read, damaged: [...read.damaged, ...named] };
}

async function linesFrom(files: FileSystem, path: string, position: number): Promise<number> {
  if (!(await files.exists(path))) return 0;
  const bytes = await withHandle(files, path, 'read', async (handle) =>
    handle.read(position, Math.max(0, (await handle.size()) - position)),
  );
  return bytes
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '').length;
}

function rebuild(
  folder: string,
  firstSequence: number,
  read: ReadSegment,
  entries: readonly CommitEntry[],
): Segment {
  const segment = new Segment(folder, firstSequence);
  for (const entry of entries) segment.add(entry, indexBytes(entry.runs.length));
  const dropped = read.entries.at(-1);
  segment.indexBytes = read.segment.indexBytes - (dropped ? indexBytes(dropped.runs.length) : 0);
  return segment;
}

/** Whether what belongs to the commit is on disk as its entry says, or how it is not. */
async function stateOf(
  files: FileSystem,
  segment: Segment,
  entry: CommitEntry,
): Promise<'whole' | 'unfinished' | 'damaged'> {
  const data = await readRange(files, segment.dataFile, entry.dataPosition, entry.dataLength);
  const metadata = await readRange(
    files,
    segment.metadataFile,
    entry.metadataPosition,
    entry.metadataLength,
  );
  const keys = await readKeys(files, segment, entry);
  if (
    entry.runs.every((run) => isSound(data, run, entry)) &&
    metadata.length === entry.metadataLength &&
    crc32(metadata) === entry.metadataCrc &&
    entry.runs.every((run) => areKeysSound(keys.bytes, run, entry))
  )
    return 'whole';
  if ((await sizeOf(files, segment.dataFile)) < entry.dataPosition) return 'damaged';
  if (await areKeysGone(files, segment, entry)) return 'damaged';
  const isMissing =
    data.length < entry.dataLength ||
    metadata.length < entry.metadataLength ||
    keys.bytes.length < keys.length ||
    hasZeroSector(data) ||
    hasZeroSector(metadata) ||
    hasZeroSector(keys.bytes);
  return isMissing ? 'unfinished' : 'damaged';
}

function isSound(data: Buffer, run: CommitRun, { dataPosition }: CommitEntry): boolean {
  const start = run.position - dataPosition;
  const bytes = data.subarray(start, start + run.length);
  return bytes.length === run.length && crc32(bytes) === run.crc;
}

/** The partition keys of all runs of a commit lie one behind the other. */
async function readKeys(
  files: FileSystem,
  { keysFile }: Segment,
  { runs }: CommitEntry,
): Promise<{ bytes: Buffer; length: number }> {
  const start = runs[0]?.keysPosition ?? 0;
  const length = Math.max(
    0,
    ...runs.map((run) => (run.keysLength === 0 ? 0 : run.keysPosition + run.keysLength - start)),
  );
  const bytes = await readRange(files, keysFile, start, length);
  return { bytes, length };
}

/** The file is there, and durable, before anything of a commit is written to it. */
async function areKeysGone(
  files: FileSystem,
  { keysFile }: Segment,
  { runs }: CommitEntry,
): Promise<boolean> {
  if (runs.every(({ keysLength }) => keysLength === 0)) return false;
  const start = runs[0]?.keysPosition ?? 0;
  return !(await files.exists(keysFile)) || (await sizeOf(files, keysFile)) < start;
}

function areKeysSound(keys: Buffer, run: CommitRun, { runs }: CommitEntry): boolean {
  const start = run.keysPosition - (runs[0]?.keysPosition ?? 0);
  const bytes = keys.subarray(start, start + run.keysLength);
  return bytes.length === run.keysLength && (bytes.length === 0 || crc32(bytes) === run.keysCrc);
}

/** Bytes that were durable are gone: what is appended behind them would begin with a hole. */
async function isShort(files: FileSystem, segment: Segment): Promise<boolean> {
  return (
    (await sizeOf(files, segment.dataFile)) < segment.dataBytes ||
    (await sizeOf(files, segment.metadataFile)) < segment.metadataBytes ||
    (await sizeOf(files, segment.keysFile)) < segment.keysBytes
  );
}

async function damagedRuns(
  files: FileSystem,
  segment: Segment,
  entry: CommitEntry,
): Promise<Damage[]> {
  const { dataFile, keysFile } = segment;
  const data = await readRange(files, dataFile, entry.dataPosition, entry.dataLength);
  const keys = await readKeys(files, segment, entry);
  const records = entry.runs
    .filter((run) => !isSound(data, run, entry))
    .map((run) => damageOf(dataFile, run.position, run.length, `records ${rangeOf(run)}`));
  const partitionKeys = entry.runs
    .filter((run) => !areKeysSound(keys.bytes, run, entry))
    .map((run) =>
      damageOf(
        keysFile,
        run.keysPosition,
        run.keysLength,
        `partition keys of records ${rangeOf(run)}`,
      ),
    );
  return [...records, ...partitionKeys];
}

const rangeOf = ({ firstSequence, count }: CommitRun): string =>
  `${firstSequence} to ${firstSequence + count - 1}`;

function damageOf(file: string, start: number, length: number, what: string): Damage {
  const end = start + length;
  return { text: `${file}: bytes ${start} to ${end}, ${what}`, places: [{ file, start, end }] };
}

/** Bytes of a file from `position` on, as far as there are any. */
export async function readRange(
  files: FileSystem,
  path: string,
  position: number,
  length: number,
): Promise<Buffer> {
  if (length === 0 || !(await files.exists(path))) return Buffer.alloc(0);
  return withHandle(files, path, 'read', (handle) => handle.read(position, length));
}

async function sizeOf(files: FileSystem, path: string): Promise<number> {
  if (!(await files.exists(path))) return 0;
  return withHandle(files, path, 'read', (handle) => handle.size());
}

async function cut(files: FileSystem, segment: Segment): Promise<void> {
  await cutTo(files, segment.indexFile, segment.indexBytes);
  await cutTo(files, segment.dataFile, segment.dataBytes);
  await cutTo(files, segment.metadataFile, segment.metadataBytes);
  await cutTo(files, segment.keysFile, segment.keysBytes);
}

async function cutTo(files: FileSystem, path: string, bytes: number): Promise<void> {
  if (!(await files.exists(path))) return;
  await withHandle(files, path, 'write', async (handle) => {
    if ((await handle.size()) <= bytes) return;
    await handle.truncate(bytes);
    await handle.sync();
  });
}

async function withHandle<T>(
  files: FileSystem,
  path: string,
  mode: 'read' | 'write',
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await files.open(path, mode);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

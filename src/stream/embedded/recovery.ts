import { crc32 } from 'node:zlib';
import type { FileHandle, FileSystem } from '../../core/file-system.ts';
import type { CommitEntry } from './index-format.ts';
import { indexBytes } from './index-format.ts';
import { type ReadSegment, readSegment, Segment } from './segment.ts';

/**
 * Makes the newest segment ready to be appended to. Commits are strictly serial, so only its last one
 * can be unfinished, and that was never acknowledged: it is cut off data, index and metadata.
 */
export async function recoverNewest(
  files: FileSystem,
  folder: string,
  firstSequence: number,
  epoch: Buffer,
): Promise<ReadSegment> {
  const read = await readSegment(files, folder, firstSequence, epoch);
  const last = read.entries.at(-1);
  const whole = last === undefined || (await isWhole(files, read.segment, last));
  const entries = whole ? read.entries : read.entries.slice(0, -1);
  const segment = whole ? read.segment : rebuild(folder, firstSequence, read, entries);
  await cutTo(files, segment.indexFile, segment.indexBytes);
  await cutTo(files, segment.dataFile, segment.dataBytes);
  if (await files.exists(segment.metadataFile))
    await cutTo(files, segment.metadataFile, segment.metadataBytes);
  return { segment, entries, torn: read.torn || !whole, damaged: read.damaged };
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

/** Whether data and metadata of the commit are on disk as its entry says. */
async function isWhole(files: FileSystem, segment: Segment, entry: CommitEntry): Promise<boolean> {
  const data = await readRange(files, segment.dataFile, entry.dataPosition, entry.dataLength);
  const sound = entry.runs.every((run) => {
    const start = run.position - entry.dataPosition;
    const bytes = data.subarray(start, start + run.length);
    return bytes.length === run.length && crc32(bytes) === run.crc;
  });
  if (!sound || entry.metadataLength === 0) return sound;
  const metadata = await readRange(
    files,
    segment.metadataFile,
    entry.metadataPosition,
    entry.metadataLength,
  );
  return metadata.length === entry.metadataLength && crc32(metadata) === entry.metadataCrc;
}

async function readRange(
  files: FileSystem,
  path: string,
  position: number,
  length: number,
): Promise<Buffer> {
  if (length === 0 || !(await files.exists(path))) return Buffer.alloc(0);
  return withHandle(files, path, 'read', (handle) => handle.read(position, length));
}

async function cutTo(files: FileSystem, path: string, bytes: number): Promise<void> {
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

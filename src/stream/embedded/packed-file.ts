import { setImmediate } from 'node:timers/promises';
import type { FileHandle, FileSystem } from '../../core/file-system.ts';
import {
  type Compress,
  FOOTER_BYTES,
  type Frame,
  readFrame,
  readTable,
  seekTable,
  tableBytes,
} from '../../wire/seekable-zstd.ts';

/** Small enough that packing one keeps nobody waiting. */
const FRAME_BYTES = 512 * 1024;

/** Packs a file into zstd frames; one that is missing, as nothing. `signal`: gives up between two frames. */
export async function pack(
  files: FileSystem,
  from: string,
  to: string,
  { compress, signal }: { readonly compress: Compress; readonly signal: AbortSignal },
): Promise<void> {
  if (!(await files.exists(from))) return files.replaceFile(to, seekTable([]));
  await withFiles(files, from, to, async (source, target) => {
    const frames: Pick<Frame, 'length' | 'size'>[] = [];
    const size = await source.size();
    let position = 0;
    for (let at = 0; at < size; at += FRAME_BYTES) {
      signal.throwIfAborted();
      const content = await source.read(at, Math.min(FRAME_BYTES, size - at));
      const packed = compress(content);
      await target.write(packed, position);
      frames.push({ length: packed.length, size: content.length });
      position += packed.length;
      // What came in meanwhile goes first.
      await setImmediate();
    }
    await target.write(seekTable(frames), position);
  });
}

/**
 * The file that was packed. Where a frame is damaged it has zeros, which no run's checksum fits: readers name what is
 * missing and go on behind it. False where it cannot be told what was packed.
 */
export async function unpack(files: FileSystem, from: string, to: string): Promise<boolean> {
  return withFiles(files, from, to, async (source, target) => {
    const frames = await framesOf(source);
    if (!frames) return false;
    for (const frame of frames) {
      const bytes = await source.read(frame.position, frame.length);
      await target.write(readFrame(bytes, frame) ?? Buffer.alloc(frame.size), frame.start);
      await setImmediate();
    }
    return true;
  });
}

async function framesOf(file: FileHandle): Promise<Frame[] | undefined> {
  const size = await file.size();
  if (size < FOOTER_BYTES) return undefined;
  const bytes = tableBytes(await file.read(size - FOOTER_BYTES, FOOTER_BYTES));
  if (bytes === undefined || bytes > size) return undefined;
  const frames = readTable(await file.read(size - bytes, bytes));
  const end = frames?.reduce((sum, { length }) => sum + length, 0);
  return end === size - bytes ? frames : undefined;
}

async function withFiles<T>(
  files: FileSystem,
  from: string,
  to: string,
  use: (source: FileHandle, target: FileHandle) => Promise<T>,
): Promise<T> {
  const source = await files.open(from, 'read');
  try {
    const target = await files.open(to, 'write');
    try {
      await target.truncate(0);
      return await use(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

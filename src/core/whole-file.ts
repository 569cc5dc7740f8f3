/** Files as wholes: read in pieces, written so that they are whole or not there. */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { FileSystem } from './file-system.ts';

const PIECE_BYTES = 1024 * 1024;

/** A part of a file; the rest of it where there is no end. */
export interface FilePart {
  readonly start: number;
  readonly end?: number;
}

/** The bytes of a file, in pieces that nobody writes to later. */
export async function* piecesOf(
  files: FileSystem,
  path: string,
  { start, end = Number.POSITIVE_INFINITY }: FilePart = { start: 0 },
): AsyncGenerator<Buffer> {
  const file = await files.open(path, 'read');
  try {
    for (let position = start; position < end; ) {
      const wanted = Math.min(PIECE_BYTES, end - position);
      const piece = await file.read(position, wanted);
      if (piece.length > 0) yield piece;
      if (piece.length < wanted) return;
      position += piece.length;
    }
  } finally {
    await file.close();
  }
}

/** What a signed request tells of its body. */
export async function digestOf(files: FileSystem, path: string, part?: FilePart) {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of piecesOf(files, path, part)) {
    hash.update(piece);
    size += piece.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/**
 * Writes a file that has all bytes of `pieces`, or, where that fails, is as it was before. The bytes
 * are on disk, their name only once its folder is synced. The temporary name has a `~`: no object has.
 */
export async function writeWhole(
  files: FileSystem,
  path: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${path}~`;
  await files.makeFolder(dirname(path));
  try {
    await writePieces(files, temporary, pieces);
    await files.rename(temporary, path);
  } catch (error) {
    // The first error tells the reason; what cannot be removed is written over the next time.
    await files.remove(temporary).catch(() => {});
    throw error;
  }
}

async function writePieces(
  files: FileSystem,
  path: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = await files.open(path, 'write');
  try {
    // A try that a power cut ended may have left a longer one.
    await file.truncate(0);
    let position = 0;
    for await (const piece of pieces) {
      await file.write(piece, position);
      position += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

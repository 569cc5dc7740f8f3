/** What raw zones share: names that stay inside the zone, and files that are whole or not there. */
import { dirname } from 'node:path';
import { invariant } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';

const PIECE_BYTES = 1024 * 1024;
const NAME_PART = /^[A-Za-z0-9_.-]+$/;

/** Parts of letters, digits, `-`, `_` and `.`, with `/` between them; none of them is `.` or `..`. */
export function isObjectName(name: string): boolean {
  return name.split('/').every((part) => NAME_PART.test(part) && part !== '.' && part !== '..');
}

/** @throws MillraceError MR_INTERNAL where the name is none: names are made by us, never by a user. */
export function checkObjectName(name: string): void {
  invariant(isObjectName(name), `'${name}' is no name of an object in a raw zone`);
}

/** The bytes of a file, in pieces that nobody writes to later. */
export async function* piecesOf(files: FileSystem, path: string): AsyncGenerator<Buffer> {
  const file = await files.open(path, 'read');
  try {
    for (let position = 0; ; ) {
      const piece = await file.read(position, PIECE_BYTES);
      if (piece.length > 0) yield piece;
      if (piece.length < PIECE_BYTES) return;
      position += piece.length;
    }
  } finally {
    await file.close();
  }
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

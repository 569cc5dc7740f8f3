import { join } from 'node:path';
import type { FileSystem } from '../../core/file-system.ts';
import type { Segment } from './segment.ts';

/** What the index of a segment is called while the segment is removed. */
const EXPIRED = '.expired';

/**
 * Removes a segment so that a crash in between is never taken for damage: first its index gets another
 * name, and only when that is durable its files go.
 */
export async function removeSegment(
  files: FileSystem,
  folder: string,
  { indexFile }: Segment,
): Promise<void> {
  const base = indexFile.slice(0, -'.idx'.length);
  await files.rename(indexFile, `${base}${EXPIRED}`);
  await files.syncFolder(folder);
  await removeFiles(files, base);
}

/** Ends removals that a crash has broken off. */
export async function finishRemovals(files: FileSystem, folder: string): Promise<void> {
  const expired = (await files.list(folder)).filter(({ name }) => name.endsWith(EXPIRED));
  for (const { name } of expired)
    await removeFiles(files, join(folder, name.slice(0, -EXPIRED.length)));
  if (expired.length > 0) await files.syncFolder(folder);
}

/** The name that says so last: until then the removal can be ended. */
async function removeFiles(files: FileSystem, base: string): Promise<void> {
  for (const ending of ['.ndjson', '.meta', EXPIRED]) await files.remove(`${base}${ending}`);
}

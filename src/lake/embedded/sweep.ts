import type { FileSystem } from '../../core/file-system.ts';
import { placeIn } from '../location.ts';
import type { TableFolder } from './table-folder.ts';

export interface Sweep {
  readonly isNamed: (path: string) => boolean;
  readonly olderThanMs: number;
}

/** Removes what a crash, or a commit that failed, left behind. Younger files are somebody's commit under way. */
export async function sweepFolder(
  files: FileSystem,
  folder: TableFolder,
  sweep: Sweep,
): Promise<string[]> {
  const removed: string[] = [];
  const visit = async (path: string): Promise<void> => {
    for (const entry of await files.list(path)) {
      const inside = placeIn(path, entry.name);
      if (entry.isFolder) await visit(inside);
      else if (entry.name !== 'version-hint.text' && !sweep.isNamed(inside))
        if (await removeOld(files, inside, sweep.olderThanMs)) removed.push(inside);
    }
  };
  await visit(folder.dataFolder);
  await visit(folder.metadataFolder);
  return removed;
}

async function removeOld(files: FileSystem, path: string, olderThanMs: number): Promise<boolean> {
  if ((await files.changedMs(path)) >= olderThanMs) return false;
  await files.remove(path);
  return true;
}

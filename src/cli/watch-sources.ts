import { existsSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { sourcesOf } from '../app/load-pipeline.ts';
import type { Logger } from '../core/logger.ts';

export interface SourceWatch {
  /** Finds anew what the pipeline file imports. Called before a load, so that no change behind it is missed. */
  look(): void;
  stop(): void;
}

/**
 * Watches a pipeline file and what it imports, also while it is broken. Folders are watched, not files:
 * editors replace a file by renaming another over it. A folder that is watched already stays so
 * without a gap: a change right after a reload must not be missed.
 */
export function watchSources(file: string, changed: () => void, logger: Logger): SourceWatch {
  const folders = new Map<string, () => void>();
  let paths: ReadonlySet<string> = new Set();
  const watchFolder = (folder: string): (() => void) => {
    const unseen = (error: Error) =>
      logger.warn({ folder, error: error.message }, 'changes in this folder are not seen');
    try {
      const watcher = watch(folder, (_event, name) => {
        if (paths.has(join(folder, String(name)))) changed();
      });
      watcher.on('error', unseen);
      return () => watcher.close();
    } catch (error) {
      unseen(error as Error);
      return () => {};
    }
  };
  const look = (): void => {
    paths = new Set([...sourcesOf(file)].map(visiblePart));
    const wanted = new Set([...paths].map((path) => dirname(path)));
    for (const [folder, stop] of folders) {
      if (wanted.has(folder)) continue;
      stop();
      folders.delete(folder);
    }
    for (const folder of wanted) if (!folders.has(folder)) folders.set(folder, watchFolder(folder));
  };
  look();
  return {
    look,
    stop: () => {
      for (const stop of folders.values()) stop();
    },
  };
}

/** The path, or the first folder on its way that is not there: its coming is what can be seen. */
function visiblePart(path: string): string {
  const folder = dirname(path);
  return existsSync(folder) ? path : visiblePart(folder);
}

import { join, sep } from 'node:path';
import type { FileEntry, FileHandle, FileSystem } from '../../core/file-system.ts';
import type { BackupFile, BackupManifest } from '../backup-store.ts';

/**
 * A backup seen as the data folder it is of, so that what reads one reads the other. Nothing of the backup can be
 * changed through it: what a reader would repair is repaired in memory.
 */
export function backupFiles(
  files: FileSystem,
  manifest: BackupManifest,
  contentOf: (file: BackupFile) => string,
): FileSystem {
  const contents = new Map(
    manifest.files.map((file) => [join(manifest.folder, ...file.path.split('/')), contentOf(file)]),
  );
  const repaired = new Map<string, Buffer>();
  const contentAt = (path: string): string => {
    const content = contents.get(path);
    if (content !== undefined) return content;
    throw Object.assign(new Error(`${path} is not in the backup`), { code: 'ENOENT' });
  };
  const isFolder = (path: string) => [...contents.keys()].some((one) => one.startsWith(path + sep));
  return {
    open: async (path) => unchanged(await files.open(contentAt(path), 'read')),
    readFile: async (path) => repaired.get(path) ?? files.readFile(contentAt(path)),
    replaceFile: async (path, bytes) => {
      repaired.set(path, Buffer.from(bytes as string));
    },
    list: async (folder) => entriesOf([...contents.keys()], folder),
    makeFolder: async () => {},
    remove: async (path) => {
      contents.delete(path);
    },
    rename: async (from) => readOnly(from),
    syncFolder: async () => {},
    exists: async (path) => contents.has(path) || repaired.has(path) || isFolder(path),
    changedMs: (path) => files.changedMs(contentAt(path)),
    stamp: (path) => files.stamp(contentAt(path)),
  };
}

const unchanged = (handle: FileHandle): FileHandle => ({
  read: (...range) => handle.read(...range),
  size: () => handle.size(),
  close: () => handle.close(),
  write: () => readOnly('a file'),
  truncate: async () => {},
  sync: async () => {},
});

function readOnly(path: string): never {
  throw Object.assign(new Error(`${path} of a backup would be changed`), { code: 'EROFS' });
}

function entriesOf(paths: readonly string[], folder: string): FileEntry[] {
  const found = new Map<string, boolean>();
  for (const path of paths) {
    if (!path.startsWith(folder + sep)) continue;
    const [name = '', ...rest] = path.slice(folder.length + 1).split(sep);
    found.set(name, rest.length > 0);
  }
  return [...found]
    .map(([name, isFolder]) => ({ name, isFolder }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

import type { FileSystem } from '../../core/file-system.ts';
import { readManifest, readManifestList } from '../iceberg/manifest.ts';
import type { Snapshot, TableMetadata } from '../iceberg/metadata.ts';

/** Removes the files that only snapshots in `before` but not in `after` reach. */
export async function removeUnreachable(
  files: FileSystem,
  before: TableMetadata,
  after: TableMetadata,
): Promise<void> {
  const kept = new Set(after.snapshots.map((snapshot) => snapshot['snapshot-id']));
  const gone = before.snapshots.filter((snapshot) => !kept.has(snapshot['snapshot-id']));
  if (gone.length === 0) return;
  const reachable = await manifestsOf(files, after.snapshots);
  const dropped = [...(await manifestsOf(files, gone))].filter((path) => !reachable.has(path));
  if (dropped.length > 0) {
    const inUse = await dataFilesOf(files, reachable);
    for (const path of await dataFilesOf(files, dropped))
      if (!inUse.has(path)) await files.remove(path);
    for (const path of dropped) await files.remove(path);
  }
  for (const snapshot of gone) await files.remove(snapshot['manifest-list']);
}

async function manifestsOf(
  files: FileSystem,
  snapshots: readonly Snapshot[],
): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const snapshot of snapshots) {
    const list = snapshot['manifest-list'];
    for (const manifest of readManifestList(list, await files.readFile(list)))
      paths.add(manifest.manifest_path);
  }
  return paths;
}

async function dataFilesOf(files: FileSystem, manifests: Iterable<string>): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const manifest of manifests) {
    for (const entry of readManifest(manifest, await files.readFile(manifest)))
      if (entry.status !== 2) paths.add(entry.data_file.file_path);
  }
  return paths;
}

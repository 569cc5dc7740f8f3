import type { FileSystem } from '../../core/file-system.ts';
import { readManifest, readManifestList } from '../iceberg/manifest.ts';
import { currentSnapshot, type Snapshot, type TableMetadata } from '../iceberg/metadata.ts';
import type { PinnedFile } from '../table-store.ts';

/** Removes the files that only snapshots in `before` but not those of `after` reach. */
export async function removeUnreachable(
  files: FileSystem,
  before: readonly Snapshot[],
  after: TableMetadata,
): Promise<void> {
  const kept = new Set(after.snapshots.map((snapshot) => snapshot['snapshot-id']));
  const gone = before.filter((snapshot) => !kept.has(snapshot['snapshot-id']));
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

/** Every file that the snapshots reach: manifest lists, manifests and data. */
export async function reachableFiles(
  files: FileSystem,
  metadata: TableMetadata,
): Promise<PinnedFile[]> {
  const current = currentSnapshot(metadata);
  const inCurrent = await manifestsOf(files, current ? [current] : []);
  const lists = metadata.snapshots.map((snapshot) => ({ path: snapshot['manifest-list'] }));
  const found = new Map<string, PinnedFile>(lists.map((list) => [list.path, list]));
  for (const manifest of await manifestsOf(files, metadata.snapshots)) {
    found.set(manifest, { path: manifest });
    const isCurrent = inCurrent.has(manifest);
    for (const { status, data_file: file } of readManifest(
      manifest,
      await files.readFile(manifest),
    )) {
      if (status === 2) continue;
      const [path, bytes, rows] = [file.file_path, file.file_size_in_bytes, file.record_count];
      const known = found.get(path)?.data?.isCurrent ?? false;
      const data = { bytes: Number(bytes), rows: Number(rows), isCurrent: known || isCurrent };
      found.set(path, { path, data });
    }
  }
  return [...found.values()];
}

import type { FileSystem } from '../../core/file-system.ts';
import type { DataFiles } from '../data-files.ts';
import { DELETED, readManifest, readManifestList } from '../iceberg/manifest.ts';
import {
  currentSnapshot,
  type Snapshot,
  type StatisticsFile,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { localPath } from '../location.ts';
import type { PinnedFile } from '../table-store.ts';

/** Paths of all files that the metadata reaches: manifest lists, manifests, data, deletes, statistics, older metadata. */
export async function reachableFiles(
  files: FileSystem,
  metadata: TableMetadata,
): Promise<Set<string>> {
  const manifests = await manifestsOf(files, metadata.snapshots);
  return new Set(
    [
      ...metadata.snapshots.map((snapshot) => snapshot['manifest-list']),
      ...manifests,
      ...(await contentsOf(files, manifests)),
      ...statisticsOf(metadata),
      ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
    ].map(localPath),
  );
}

/** Paths of the files that snapshots in `before` but not in `after` reach. */
export async function unreachableFiles(
  files: FileSystem,
  before: TableMetadata,
  after: TableMetadata,
): Promise<string[]> {
  const kept = new Set(after.snapshots.map((snapshot) => snapshot['snapshot-id']));
  const gone = before.snapshots.filter((snapshot) => !kept.has(snapshot['snapshot-id']));
  if (gone.length === 0) return [];
  const reachable = await manifestsOf(files, after.snapshots);
  const dropped = [...(await manifestsOf(files, gone))].filter((path) => !reachable.has(path));
  const inUse = dropped.length > 0 ? await contentsOf(files, reachable) : new Set<string>();
  const contents = [...(await contentsOf(files, dropped))].filter((path) => !inUse.has(path));
  const statistics = statisticsOf(after);
  return [
    ...contents,
    ...dropped,
    ...gone.map((snapshot) => snapshot['manifest-list']),
    ...statisticsOf(before).filter((path) => !statistics.includes(path)),
  ].map(localPath);
}

/** The same with what the manifests say of data and delete files. */
export async function pinnedFiles(
  files: FileSystem,
  metadata: TableMetadata,
  dataFiles: Pick<DataFiles, 'readPath'>,
): Promise<PinnedFile[]> {
  const found = new Map<string, PinnedFile>();
  for (const path of await reachableFiles(files, { ...metadata, 'metadata-log': [] }))
    found.set(path, { path });
  const snapshot = currentSnapshot(metadata);
  const inCurrent = await manifestsOf(files, snapshot ? [snapshot] : []);
  for (const manifest of await manifestsOf(files, metadata.snapshots)) {
    const entries = readManifest(manifest, await files.readFile(localPath(manifest)));
    for (const { status, data_file: file } of entries) {
      if (status === DELETED) continue;
      const path = localPath(file.file_path);
      const known = found.get(path)?.data?.isCurrent ?? false;
      const data = {
        readPath: dataFiles.readPath(path),
        bytes: Number(file.file_size_in_bytes),
        rows: Number(file.record_count),
        isCurrent: known || inCurrent.has(manifest),
      };
      found.set(path, { path, data });
    }
  }
  return [...found.values()];
}

const statisticsOf = (metadata: TableMetadata): string[] =>
  [...(metadata.statistics ?? []), ...(metadata['partition-statistics'] ?? [])].map(
    (file: StatisticsFile) => file['statistics-path'],
  );

async function manifestsOf(
  files: FileSystem,
  snapshots: readonly Snapshot[],
): Promise<Set<string>> {
  const locations = new Set<string>();
  for (const snapshot of snapshots) {
    const list = snapshot['manifest-list'];
    for (const manifest of readManifestList(list, await files.readFile(localPath(list))))
      locations.add(manifest.manifest_path);
  }
  return locations;
}

async function contentsOf(files: FileSystem, manifests: Iterable<string>): Promise<Set<string>> {
  const locations = new Set<string>();
  for (const manifest of manifests) {
    for (const entry of readManifest(manifest, await files.readFile(localPath(manifest))))
      if (entry.status !== DELETED) locations.add(entry.data_file.file_path);
  }
  return locations;
}

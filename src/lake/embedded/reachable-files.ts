import type { FileSystem } from '../../core/file-system.ts';
import { DELETED, readManifest, readManifestList } from '../iceberg/manifest.ts';
import {
  currentSnapshot,
  type Snapshot,
  type StatisticsFile,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { localPath } from '../location.ts';
import type { PinnedFile } from '../table-store.ts';

/** What the snapshots of one table reach. Lists and manifests never change: each is read once. */
export class ReachableFiles {
  readonly #files: FileSystem;
  /** Locations of manifests by that of their list. */
  #manifests = new Map<string, readonly string[]>();
  /** Locations of files by that of their manifest. */
  #contents = new Map<string, readonly string[]>();

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** Paths of all files that the metadata reaches: manifest lists, manifests, data, deletes, statistics, older metadata. */
  async all(metadata: TableMetadata): Promise<Set<string>> {
    const manifests = await this.#manifestsOf(metadata.snapshots);
    return new Set(
      [
        ...metadata.snapshots.map((snapshot) => snapshot['manifest-list']),
        ...manifests,
        ...(await this.#contentsOf(manifests)),
        ...statisticsOf(metadata),
        ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
      ].map(localPath),
    );
  }

  /** Paths of the files that snapshots in `before` but not in `after` reach. */
  async unreachable(before: TableMetadata, after: TableMetadata): Promise<string[]> {
    const kept = new Set(after.snapshots.map((snapshot) => snapshot['snapshot-id']));
    const gone = before.snapshots.filter((snapshot) => !kept.has(snapshot['snapshot-id']));
    if (gone.length === 0) return [];
    const reachable = await this.#manifestsOf(after.snapshots);
    const dropped = [...(await this.#manifestsOf(gone))].filter((path) => !reachable.has(path));
    const inUse = dropped.length > 0 ? await this.#contentsOf(reachable) : new Set<string>();
    const contents = [...(await this.#contentsOf(dropped))].filter((path) => !inUse.has(path));
    const statistics = new Set(statisticsOf(after));
    this.#forget(gone, dropped);
    return [
      ...contents,
      ...dropped,
      ...gone.map((snapshot) => snapshot['manifest-list']),
      ...statisticsOf(before).filter((path) => !statistics.has(path)),
    ].map(localPath);
  }

  #forget(snapshots: readonly Snapshot[], manifests: readonly string[]): void {
    for (const snapshot of snapshots) this.#manifests.delete(snapshot['manifest-list']);
    for (const manifest of manifests) this.#contents.delete(manifest);
  }

  async #manifestsOf(snapshots: readonly Snapshot[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const { 'manifest-list': list } of snapshots)
      for (const manifest of await this.#listed(list)) found.add(manifest);
    return found;
  }

  async #listed(list: string): Promise<readonly string[]> {
    const known = this.#manifests.get(list);
    if (known) return known;
    const bytes = await this.#files.readFile(localPath(list));
    const manifests = readManifestList(list, bytes).map((manifest) => manifest.manifest_path);
    this.#manifests.set(list, manifests);
    return manifests;
  }

  async #contentsOf(manifests: Iterable<string>): Promise<Set<string>> {
    const found = new Set<string>();
    for (const manifest of manifests)
      for (const path of await this.#named(manifest)) found.add(path);
    return found;
  }

  async #named(manifest: string): Promise<readonly string[]> {
    const known = this.#contents.get(manifest);
    if (known) return known;
    const entries = readManifest(manifest, await this.#files.readFile(localPath(manifest)));
    const paths = entries.flatMap(({ status, data_file: file }) =>
      status === DELETED ? [] : [file.file_path],
    );
    this.#contents.set(manifest, paths);
    return paths;
  }

  /** Those of snapshots and statistics, with what the manifests say of data and delete files. */
  async pinned(metadata: TableMetadata, readPath: (path: string) => string): Promise<PinnedFile[]> {
    const found = new Map<string, PinnedFile>();
    for (const path of await this.all({ ...metadata, 'metadata-log': [] }))
      found.set(path, { path });
    const snapshot = currentSnapshot(metadata);
    const inCurrent = await this.#manifestsOf(snapshot ? [snapshot] : []);
    for (const manifest of await this.#manifestsOf(metadata.snapshots)) {
      const entries = readManifest(manifest, await this.#files.readFile(localPath(manifest)));
      for (const { status, data_file: file } of entries) {
        if (status === DELETED) continue;
        const path = localPath(file.file_path);
        const known = found.get(path)?.data?.isCurrent ?? false;
        const data = {
          readPath: readPath(path),
          bytes: Number(file.file_size_in_bytes),
          rows: Number(file.record_count),
          isCurrent: known || inCurrent.has(manifest),
        };
        found.set(path, { path, data });
      }
    }
    return [...found.values()];
  }
}

const statisticsOf = (metadata: TableMetadata): string[] =>
  [...(metadata.statistics ?? []), ...(metadata['partition-statistics'] ?? [])].map(
    (file: StatisticsFile) => file['statistics-path'],
  );

import { randomUUID } from 'node:crypto';
import { basename, join, relative } from 'node:path';
import {
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
} from '../iceberg/manifest.ts';
import {
  currentSchema,
  currentSpec,
  type Snapshot,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import type { LakeContext } from './file-table-store.ts';
import type { StoredTable, TableFolder } from './table-folder.ts';

/**
 * Iceberg keeps absolute paths. When the data folder was moved, every path of the table is written
 * anew; the old metadata stays until the new one is the table.
 */
export async function moveTable(
  folder: TableFolder,
  stored: StoredTable,
  context: LakeContext,
): Promise<StoredTable> {
  const { metadata } = stored;
  const moved = (path: string) => join(folder.path, relative(metadata.location, path));
  const manifests = new Map<string, { path: string; length: number }>();
  const moveManifest = async (
    old: string,
    specId: number,
  ): Promise<{ path: string; length: number }> => {
    const known = manifests.get(old);
    if (known) return known;
    const entries = readManifest(old, await context.files.readFile(moved(old)));
    const spec =
      metadata['partition-specs'].find((candidate) => candidate['spec-id'] === specId) ??
      currentSpec(metadata);
    const bytes = writeManifest(
      entries.map((entry) => ({
        ...entry,
        data_file: { ...entry.data_file, file_path: moved(entry.data_file.file_path) },
      })),
      spec,
      currentSchema(metadata),
    );
    const path = join(folder.metadataFolder, `${randomUUID()}-m0.avro`);
    await folder.writeNew(path, bytes);
    manifests.set(old, { path, length: bytes.length });
    return { path, length: bytes.length };
  };
  const snapshots: Snapshot[] = [];
  for (const snapshot of metadata.snapshots) {
    const list = readManifestList(
      snapshot['manifest-list'],
      await context.files.readFile(moved(snapshot['manifest-list'])),
    );
    const rewritten = [];
    for (const manifest of list) {
      const { path, length } = await moveManifest(
        manifest.manifest_path,
        manifest.partition_spec_id,
      );
      rewritten.push({ ...manifest, manifest_path: path, manifest_length: BigInt(length) });
    }
    const path = join(
      folder.metadataFolder,
      `moved-${randomUUID()}-${basename(snapshot['manifest-list'])}`,
    );
    await folder.writeNew(
      path,
      writeManifestList(rewritten, {
        id: snapshot['snapshot-id'],
        parent: snapshot['parent-snapshot-id'],
        sequence: snapshot['sequence-number'],
      }),
    );
    snapshots.push({ ...snapshot, 'manifest-list': path });
  }
  const next: TableMetadata = { ...metadata, location: folder.path, snapshots, 'metadata-log': [] };
  context.logger.info(
    { table: folder.path, from: metadata.location },
    'table was moved; its paths were written anew',
  );
  return folder.commit(
    { ...stored, metadata: { ...metadata, 'metadata-log': [] } },
    next,
    context.clock.now(),
  );
}

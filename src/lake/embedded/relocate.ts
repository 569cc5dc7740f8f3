import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import {
  DELETED,
  POSITION_DELETES,
  readManifest,
  readManifestList,
  withDeletedPaths,
  writeManifest,
  writeManifestList,
} from '../iceberg/manifest.ts';
import {
  currentSchema,
  currentSpec,
  type Snapshot,
  specOf,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { MOVED_PROPERTY, movedOn, movedPaths } from '../iceberg/moved-paths.ts';
import { fileLocation, localPath, placeIn } from '../location.ts';
import type { LakeContext } from './file-table-store.ts';
import type { StoredTable, TableFolder } from './table-folder.ts';

/** Where a location is now. */
type Relocation = (location: string) => string;

/** Paths: of the folder before, and now. */
export interface Move {
  readonly from: string;
  readonly now: string;
}

/** Other programs write `file:/path` for what is `file:///path` here. */
export function moved(location: string, from: string, now: string): string {
  const path = localPath(location);
  return path === from || path.startsWith(`${from}/`)
    ? fileLocation(`${now}${path.slice(from.length)}`)
    : location;
}

/**
 * Iceberg keeps absolute paths. When the data folder was moved, every path of the table is written
 * anew; the old metadata stays until the new one is the table.
 */
export async function relocate(
  folder: TableFolder,
  stored: StoredTable,
  { from, now }: Move,
  context: LakeContext,
): Promise<StoredTable> {
  const { metadata } = stored;
  const to = (location: string) => moved(location, from, now);
  const manifests = new Manifests(folder, metadata, to, context);
  const snapshots: Snapshot[] = [];
  for (const snapshot of metadata.snapshots)
    snapshots.push({ ...snapshot, 'manifest-list': await manifests.list(snapshot) });
  const next: TableMetadata = {
    ...metadata,
    location: to(metadata.location),
    snapshots,
    'metadata-log': [],
    properties: manifests.hasPlaces
      ? {
          ...metadata.properties,
          [MOVED_PROPERTY]: JSON.stringify(movedOn(movedPaths(metadata), from, now)),
        }
      : metadata.properties,
    // Files of statistics tell places of their own; who needs them makes them again.
    ...(metadata.statistics ? { statistics: [] } : {}),
    ...(metadata['partition-statistics'] ? { 'partition-statistics': [] } : {}),
  };
  context.logger.info(
    { table: folder.path, from: metadata.location },
    'table was moved; its paths were written anew',
  );
  return folder.commit(
    { version: stored.version, metadata: { ...metadata, 'metadata-log': [] } },
    next,
  );
}

class Manifests {
  readonly #folder: TableFolder;
  readonly #metadata: TableMetadata;
  readonly #to: Relocation;
  readonly #context: LakeContext;
  /** Where there are deletes by place: their rows name old paths. */
  hasPlaces = false;
  readonly #written = new Map<string, { readonly location: string; readonly length: number }>();

  constructor(folder: TableFolder, metadata: TableMetadata, to: Relocation, context: LakeContext) {
    this.#folder = folder;
    this.#metadata = metadata;
    this.#to = to;
    this.#context = context;
  }

  async list(snapshot: Snapshot): Promise<string> {
    const old = snapshot['manifest-list'];
    const rewritten = [];
    for (const manifest of readManifestList(old, await this.#read(old))) {
      const { location, length } = await this.#manifest(manifest);
      rewritten.push({ ...manifest, manifest_path: location, manifest_length: BigInt(length) });
    }
    return this.#write(
      `moved-${randomUUID()}-${basename(old)}`,
      writeManifestList(rewritten, {
        id: snapshot['snapshot-id'],
        parent: snapshot['parent-snapshot-id'],
        sequence: snapshot['sequence-number'],
      }),
    );
  }

  async #manifest({
    manifest_path: old,
    partition_spec_id: specId,
    content,
  }: {
    readonly manifest_path: string;
    readonly partition_spec_id: number;
    readonly content: number;
  }) {
    const known = this.#written.get(old);
    if (known) return known;
    const entries = readManifest(old, await this.#read(old)).map((entry) => {
      const { data_file: file } = entry;
      const isPlaces = file.content === POSITION_DELETES;
      if (isPlaces && entry.status !== DELETED) this.hasPlaces = true;
      const moved = { ...file, file_path: this.#to(file.file_path) };
      return { ...entry, data_file: isPlaces ? withDeletedPaths(moved, this.#to) : moved };
    });
    const spec = specOf(this.#metadata, specId) ?? currentSpec(this.#metadata);
    const bytes = writeManifest(entries, spec, currentSchema(this.#metadata), content);
    const location = await this.#write(`${randomUUID()}-m0.avro`, bytes);
    const written = { location, length: bytes.length };
    this.#written.set(old, written);
    return written;
  }

  #read(location: string): Promise<Buffer> {
    return this.#context.files.readFile(localPath(this.#to(location)));
  }

  async #write(name: string, bytes: Uint8Array): Promise<string> {
    await this.#folder.writeNew(placeIn(this.#folder.metadataFolder, name), bytes);
    return `${this.#folder.location}/metadata/${name}`;
  }
}

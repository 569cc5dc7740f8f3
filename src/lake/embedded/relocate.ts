import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import {
  DELETED,
  POSITION_DELETES,
  readManifest,
  readManifestList,
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
import { localPath } from '../location.ts';
import type { LakeContext } from './file-table-store.ts';
import type { StoredTable, TableFolder } from './table-folder.ts';

/** Where a location is now. */
export type Relocation = (location: string) => string;

/**
 * Iceberg keeps absolute paths. When the data folder was moved, every path of the table is written
 * anew; the old metadata stays until the new one is the table.
 */
export async function relocate(
  folder: TableFolder,
  stored: StoredTable,
  to: Relocation,
  context: LakeContext,
): Promise<StoredTable> {
  const { metadata } = stored;
  const manifests = new Manifests(folder, metadata, to, context);
  const snapshots: Snapshot[] = [];
  for (const snapshot of metadata.snapshots)
    snapshots.push({ ...snapshot, 'manifest-list': await manifests.list(snapshot) });
  const next: TableMetadata = {
    ...metadata,
    location: to(metadata.location),
    snapshots,
    'metadata-log': [],
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
      if (entry.status !== DELETED && file.content === POSITION_DELETES)
        throw this.#namesOldPlaces();
      const reference = file.referenced_data_file;
      return {
        ...entry,
        data_file: {
          ...file,
          file_path: this.#to(file.file_path),
          ...(reference ? { referenced_data_file: this.#to(reference) } : {}),
        },
      };
    });
    const spec = specOf(this.#metadata, specId) ?? currentSpec(this.#metadata);
    const bytes = writeManifest(entries, spec, currentSchema(this.#metadata), content);
    const location = await this.#write(`${randomUUID()}-m0.avro`, bytes);
    const written = { location, length: bytes.length };
    this.#written.set(old, written);
    return written;
  }

  /** Such files hold paths in their rows. */
  #namesOldPlaces(): MillraceError {
    return new MillraceError(
      'MR_TABLE_UNSUPPORTED',
      `The lake was moved, and ${this.#folder.path} has deleted rows that are named by their old paths. Move the data folder back to where it was, run \`millrace compact\`, and move it then.`,
    );
  }

  #read(location: string): Promise<Buffer> {
    return this.#context.files.readFile(localPath(this.#to(location)));
  }

  async #write(name: string, bytes: Uint8Array): Promise<string> {
    await this.#folder.writeNew(join(this.#folder.metadataFolder, name), bytes);
    return `${this.#folder.location}/metadata/${name}`;
  }
}

import { randomInt, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { NamedField } from '../../core/field-types.ts';
import type { Partition } from '../../definition/partition.ts';
import type { StoredColumn, WrittenFile } from '../../engine/protocol.ts';
import { lastPartitionId, totalsOf, withSnapshot } from '../iceberg/commit.ts';
import {
  dataFile,
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
} from '../iceberg/manifest.ts';
import {
  currentSchema,
  currentSnapshot,
  currentSpec,
  type Snapshot,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { evolveSchema, fieldIds, fieldTypeOfIceberg } from '../iceberg/schema.ts';
import { partitionExpression, partitionSpec } from '../iceberg/transform.ts';
import type { LakeTable, SnapshotInfo, TablePin } from '../table-store.ts';
import { reachableFiles, removeUnreachable } from './expire.ts';
import type { LakeContext } from './file-table-store.ts';
import { POINTER, type StoredTable, type TableFolder } from './table-folder.ts';

/** Manifests of one spec beyond this are merged: planning reads them all. */
const MANIFESTS_MAX = 100;

interface DataFileInfo {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

export class FileTable implements LakeTable {
  readonly namespace: string;
  readonly name: string;
  readonly #folder: TableFolder;
  readonly #context: LakeContext;
  #stored: StoredTable;
  #manifests: readonly ManifestFile[];
  #current: readonly DataFileInfo[];
  #version = 0;
  /** L4: commits wait for each other. */
  #queue: Promise<unknown> = Promise.resolve();
  #pins = 0;
  /** What was to be expired while it was pinned, and more. */
  #waiting: readonly Snapshot[] = [];

  private constructor(
    names: { namespace: string; name: string },
    folder: TableFolder,
    stored: StoredTable,
    context: LakeContext,
    manifests: readonly ManifestFile[],
    current: readonly DataFileInfo[],
  ) {
    this.namespace = names.namespace;
    this.name = names.name;
    this.#folder = folder;
    this.#stored = stored;
    this.#context = context;
    this.#manifests = manifests;
    this.#current = current;
  }

  static async load(
    names: { namespace: string; name: string },
    folder: TableFolder,
    stored: StoredTable,
    context: LakeContext,
  ): Promise<FileTable> {
    const snapshot = currentSnapshot(stored.metadata);
    const manifests = snapshot
      ? readManifestList(
          snapshot['manifest-list'],
          await context.files.readFile(snapshot['manifest-list']),
        )
      : [];
    const current: DataFileInfo[] = [];
    for (const manifest of manifests) {
      for (const entry of readManifest(
        manifest.manifest_path,
        await context.files.readFile(manifest.manifest_path),
      ))
        if (entry.status !== 2)
          current.push({
            path: entry.data_file.file_path,
            rows: Number(entry.data_file.record_count),
            bytes: Number(entry.data_file.file_size_in_bytes),
          });
    }
    return new FileTable(names, folder, stored, context, manifests, current);
  }

  get version(): number {
    return this.#version;
  }

  get #metadata(): TableMetadata {
    return this.#stored.metadata;
  }

  get columns(): readonly StoredColumn[] {
    return currentSchema(this.#metadata).fields.map((field) => ({
      name: field.name,
      id: field.id,
      type: fieldTypeOfIceberg(field.type),
      optional: !field.required,
      fieldIds: fieldIds(field.id, field.type),
    }));
  }

  get partitions(): readonly { expression: string }[] {
    const schema = currentSchema(this.#metadata);
    return currentSpec(this.#metadata).fields.map((field) => ({
      expression: partitionExpression(field, schema),
    }));
  }

  get dataFolder(): string {
    return this.#folder.dataFolder;
  }

  get files(): readonly string[] {
    return this.#current.map((file) => file.path);
  }

  get rows(): number {
    return this.#current.reduce((rows, file) => rows + file.rows, 0);
  }

  get properties(): { readonly [name: string]: string } {
    return this.#metadata.properties;
  }

  get snapshotId(): string | undefined {
    const snapshot = currentSnapshot(this.#metadata);
    return snapshot && String(snapshot['snapshot-id']);
  }

  get snapshots(): readonly SnapshotInfo[] {
    return this.#metadata.snapshots.map((snapshot) => ({
      id: String(snapshot['snapshot-id']),
      operation: snapshot.summary.operation,
      timeMs: snapshot['timestamp-ms'],
      addedRows: Number(snapshot.summary['added-records']),
      totalRows: Number(snapshot.summary['total-records']),
      totalFiles: Number(snapshot.summary['total-data-files']),
      totalBytes: Number(snapshot.summary['total-files-size']),
    }));
  }

  pin(): Promise<TablePin> {
    return this.#inTurn(async () => {
      const { version, metadata } = this.#stored;
      const { files } = this.#context;
      const { metadataFolder } = this.#folder;
      this.#pins += 1;
      return {
        properties: metadata.properties,
        metadataFile: this.#folder.metadataFile(version),
        pointer: { path: join(metadataFolder, POINTER), text: String(version) },
        files: () => reachableFiles(files, metadata),
        release: () => this.#inTurn(() => this.#unpin()),
      };
    });
  }

  async #unpin(): Promise<void> {
    this.#pins -= 1;
    if (this.#pins > 0) return;
    const before = this.#waiting;
    this.#waiting = [];
    await this.#remove(before);
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action, action);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Brings schema and partitioning to the definition's; unchanged ones cost nothing. */
  evolve(fields: readonly NamedField[], partitionBy: readonly Partition[]): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#metadata;
      const current = currentSchema(before);
      const { schema, lastColumnId } = evolveSchema(fields, current, before['last-column-id']);
      const sameSchema = JSON.stringify(schema.fields) === JSON.stringify(current.fields);
      const used = sameSchema
        ? current
        : {
            ...schema,
            'schema-id': Math.max(...before.schemas.map((one) => one['schema-id'])) + 1,
          };
      const spec = partitionSpec(partitionBy, used, before['partition-specs']);
      if (sameSchema && spec['spec-id'] === before['default-spec-id']) return;
      const specs = before['partition-specs'].includes(spec)
        ? before['partition-specs']
        : [...before['partition-specs'], spec];
      await this.#commit({
        ...before,
        'last-updated-ms': this.#context.clock.now(),
        'last-column-id': lastColumnId,
        'current-schema-id': used['schema-id'],
        schemas: sameSchema ? before.schemas : [...before.schemas, used],
        'default-spec-id': spec['spec-id'],
        'partition-specs': specs,
        'last-partition-id': lastPartitionId(specs),
      });
    });
  }

  append(
    files: readonly WrittenFile[],
    properties: { readonly [name: string]: string },
  ): Promise<void> {
    return this.#inTurn(() =>
      this.#addSnapshot('append', files, properties, this.#manifests, this.#current),
    );
  }

  replace(
    files: readonly WrittenFile[],
    properties: { readonly [name: string]: string },
  ): Promise<void> {
    return this.#inTurn(() => this.#addSnapshot('overwrite', files, properties, [], []));
  }

  async #addSnapshot(
    operation: 'append' | 'overwrite',
    files: readonly WrittenFile[],
    properties: { readonly [name: string]: string },
    keptManifests: readonly ManifestFile[],
    keptFiles: readonly DataFileInfo[],
  ): Promise<void> {
    const id = randomInt(1, 2 ** 47);
    const sequence = BigInt(this.#metadata['last-sequence-number'] + 1);
    const added = files.map(({ path, rows, bytes }) => ({ path, rows, bytes }));
    const manifests = [...(await this.#merged(keptManifests, sequence))];
    if (files.length > 0) manifests.push(await this.#writeAdded(files, id, sequence));
    const manifestList = join(this.#folder.metadataFolder, `snap-${id}-1-${randomUUID()}.avro`);
    const parent = currentSnapshot(this.#metadata)?.['snapshot-id'];
    await this.#folder.writeNew(
      manifestList,
      writeManifestList(manifests, { id, parent, sequence: Number(sequence) }),
    );
    const current = [...keptFiles, ...added];
    const before = this.#metadata;
    const next = withSnapshot(
      before,
      {
        id,
        operation,
        manifestList,
        addedFiles: added.length,
        addedRows: sum(added, 'rows'),
        addedBytes: sum(added, 'bytes'),
        totals: { ...totalsOf(manifests), bytes: sum(current, 'bytes') },
        nowMs: this.#context.clock.now(),
      },
      properties,
    );
    await this.#commit(next, manifests, current);
    await this.#expire(before, next);
  }

  async #writeAdded(
    files: readonly WrittenFile[],
    snapshotId: number,
    sequence: bigint,
  ): Promise<ManifestFile> {
    const spec = currentSpec(this.#metadata);
    const schema = currentSchema(this.#metadata);
    const entries = files.map(
      (file): ManifestEntry => ({
        status: 1,
        snapshot_id: BigInt(snapshotId),
        sequence_number: null,
        file_sequence_number: null,
        data_file: dataFile(file, spec, schema),
      }),
    );
    return this.#writeManifest(entries, spec['spec-id'], BigInt(snapshotId), sequence, sequence);
  }

  async #writeManifest(
    entries: readonly ManifestEntry[],
    specId: number,
    snapshotId: bigint,
    sequence: bigint,
    minSequence: bigint,
  ): Promise<ManifestFile> {
    const spec =
      this.#metadata['partition-specs'].find((candidate) => candidate['spec-id'] === specId) ??
      currentSpec(this.#metadata);
    const bytes = writeManifest(entries, spec, currentSchema(this.#metadata));
    const path = join(this.#folder.metadataFolder, `${randomUUID()}-m0.avro`);
    await this.#folder.writeNew(path, bytes);
    const addedEntries = entries.filter((entry) => entry.status === 1);
    const existing = entries.filter((entry) => entry.status === 0);
    const rows = (some: readonly ManifestEntry[]) =>
      some.reduce((total, entry) => total + entry.data_file.record_count, 0n);
    return {
      manifest_path: path,
      manifest_length: BigInt(bytes.length),
      partition_spec_id: specId,
      content: 0,
      sequence_number: sequence,
      min_sequence_number: minSequence,
      added_snapshot_id: snapshotId,
      added_files_count: addedEntries.length,
      existing_files_count: existing.length,
      deleted_files_count: 0,
      added_rows_count: rows(addedEntries),
      existing_rows_count: rows(existing),
      deleted_rows_count: 0n,
      partitions: null,
      key_metadata: null,
    };
  }

  /** Many small manifests become one; entries keep the sequence numbers they were added with. */
  async #merged(
    manifests: readonly ManifestFile[],
    sequence: bigint,
  ): Promise<readonly ManifestFile[]> {
    if (manifests.length < MANIFESTS_MAX) return manifests;
    const specId = this.#metadata['default-spec-id'];
    const entries: ManifestEntry[] = [];
    const kept = manifests.filter((manifest) => manifest.partition_spec_id !== specId);
    for (const manifest of manifests) {
      if (manifest.partition_spec_id !== specId) continue;
      for (const entry of readManifest(
        manifest.manifest_path,
        await this.#context.files.readFile(manifest.manifest_path),
      )) {
        if (entry.status === 2) continue;
        entries.push({
          ...entry,
          status: 0,
          snapshot_id: entry.snapshot_id ?? manifest.added_snapshot_id,
          sequence_number: entry.sequence_number ?? manifest.sequence_number,
          file_sequence_number: entry.file_sequence_number ?? manifest.sequence_number,
        });
      }
    }
    const sequences = entries.map((entry) => Number(entry.sequence_number ?? sequence));
    const minSequence = BigInt(Math.min(Number(sequence), ...sequences));
    return [
      ...kept,
      await this.#writeManifest(
        entries,
        specId,
        BigInt(currentSnapshot(this.#metadata)?.['snapshot-id'] ?? 0),
        sequence,
        minSequence,
      ),
    ];
  }

  /** Metadata and files change in the same step: whoever looks meanwhile sees the table before or after. */
  async #commit(
    next: TableMetadata,
    manifests = this.#manifests,
    current = this.#current,
  ): Promise<void> {
    const stored = await this.#folder.commit(this.#stored, next, this.#context.clock.now());
    this.#stored = stored;
    this.#manifests = manifests;
    this.#current = current;
    this.#version += 1;
  }

  async #expire(before: TableMetadata, after: TableMetadata): Promise<void> {
    if (after.snapshots.length > before.snapshots.length) return;
    if (this.#pins > 0) this.#waiting = [...this.#waiting, ...before.snapshots];
    else await this.#remove(before.snapshots);
  }

  /** Files that only snapshots reach that are no longer kept; a failure here costs disk, never rows. */
  async #remove(before: readonly Snapshot[]): Promise<void> {
    const once = [...new Map(before.map((one) => [one['snapshot-id'], one])).values()];
    try {
      await removeUnreachable(this.#context.files, once, this.#metadata);
    } catch (error) {
      this.#context.logger.warn(
        { table: `${this.namespace}.${this.name}`, error: (error as Error).message },
        'expired files could not be removed',
      );
    }
  }
}

function sum(files: readonly DataFileInfo[], what: 'rows' | 'bytes'): number {
  return files.reduce((total, file) => total + file[what], 0);
}

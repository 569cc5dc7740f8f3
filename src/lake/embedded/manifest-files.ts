import { randomInt, randomUUID } from 'node:crypto';
import { invariant } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import { type Amount, type Operation, rowsOf, snapshotFrom } from '../iceberg/commit.ts';
import type { Id } from '../iceberg/json.ts';
import {
  countsByPlace,
  countsByValue,
  type LiveFile,
  type LiveFiles,
  liveFile,
  liveFiles,
  NO_FILES,
} from '../iceberg/live-files.ts';
import {
  ADDED,
  DATA,
  type DataFile,
  DELETED,
  DELETES,
  EQUALITY_DELETES,
  EXISTING,
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
  specOf,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { partitionSummaries } from '../iceberg/partition-summary.ts';
import { fileLocation, placeIn } from '../location.ts';
import type { Places } from './places.ts';
import type { TableFolder } from './table-folder.ts';

export interface AddedFiles {
  readonly specId: number;
  readonly files: readonly DataFile[];
}

/** What a snapshot does to the files of a table. */
export interface SnapshotChange {
  readonly operation: Operation;
  /** By the partition spec they were written with. */
  readonly added: readonly AddedFiles[];
  /**
   * Rewritten rows keep the sequence number of the state they were read at, so that deletes committed since
   * still count for them (iceberg.md §4.17).
   */
  readonly sequence?: bigint | undefined;
  /** Files of deletes that are added. */
  readonly deletes?: readonly AddedFiles[];
  /** Data files that are no part of the table any more. */
  readonly isRemoved: (live: LiveFile) => boolean;
  /** Said in the summary. */
  readonly said: { readonly [name: string]: string };
  readonly nowMs: number;
}

export interface NextSnapshot {
  readonly snapshot: Snapshot;
  readonly live: LiveFiles;
}

/** The manifests of one table: reading them, and writing those of the next snapshot. */
export class ManifestFiles {
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #places: Places;
  readonly #writeNew: (path: string, bytes: Uint8Array) => Promise<void>;
  /** Of each state that was read or written here: one whose commit is not made leaves that of the table as it was. */
  readonly #entries = new WeakMap<LiveFiles, Entries>([[NO_FILES, new Map()]]);
  /** Of the last one: manifests never change, and the next state has most of them. */
  #known: Entries = new Map();

  constructor(folder: TableFolder, places: Places) {
    this.#files = folder.files;
    this.#folder = folder.metadataFolder;
    this.#places = places;
    this.#writeNew = (path, bytes) => folder.writeNew(path, bytes);
  }

  /** The files of the current snapshot. */
  async read(metadata: TableMetadata): Promise<LiveFiles> {
    const snapshot = currentSnapshot(metadata);
    if (!snapshot) return NO_FILES;
    const { manifests, entries } = await this.#load(snapshot);
    return this.#remembered(manifests, entries);
  }

  #remembered(manifests: readonly ManifestFile[], entries: Entries): LiveFiles {
    const live = liveFiles(manifests, (manifest) => entriesIn(entries, manifest));
    this.#entries.set(live, entries);
    this.#known = entries;
    return live;
  }

  /** The files of any snapshot. */
  async readSnapshot(snapshot: Snapshot): Promise<LiveFiles> {
    const { manifests, entries } = await this.#load(snapshot);
    return liveFiles(manifests, (manifest) => entriesIn(entries, manifest));
  }

  async #load(snapshot: Snapshot) {
    const list = snapshot['manifest-list'];
    const manifests = readManifestList(list, await this.#read(list));
    const entries = new Map<string, readonly ManifestEntry[]>();
    for (const manifest of manifests) {
      const { manifest_path: path } = manifest;
      entries.set(path, this.#known.get(path) ?? (await this.#readManifest(path)));
    }
    return { manifests, entries };
  }

  async #readManifest(location: string): Promise<readonly ManifestEntry[]> {
    const entries = readManifest(location, await this.#read(location));
    for (const { data_file: file } of entries) this.#places.path(file.file_path);
    return entries;
  }

  #read(location: string): Promise<Buffer> {
    return this.#files.readFile(this.#places.path(location));
  }

  /**
   * Writes the manifests and the list of a snapshot that follows the current one; nothing names them yet.
   * @param live what `read` or `write` has told of the current one
   */
  async write(
    metadata: TableMetadata,
    live: LiveFiles,
    change: SnapshotChange,
  ): Promise<NextSnapshot> {
    const id = newSnapshotId();
    const written: { readonly path: string; readonly bytes: Buffer }[] = [];
    const writer = new Writer(metadata, id, (name, bytes) => {
      const path = placeIn(this.#folder, name);
      written.push({ path, bytes });
      return fileLocation(path);
    });
    const kept = live.data.filter((one) => !change.isRemoved(one));
    const keptDeletes =
      kept.length === live.data.length
        ? live.deletes
        : live.deletes.filter((one) => counts(one, kept));
    const stays = new Set([...kept, ...keptDeletes].map(({ file }) => file));
    const entries = this.#entries.get(live);
    invariant(entries, 'files of a table that were not read from its manifests');
    const entriesOf = (manifest: ManifestFile) =>
      writer.entries.get(manifest.manifest_path) ?? entriesIn(entries, manifest);
    const manifests = writer.without(live.manifests, (one) => entriesIn(entries, one), stays);
    const merged = writer.merged(manifests, entriesOf);
    for (const added of change.added) merged.push(writer.added(added, DATA, change.sequence));
    for (const added of change.deletes ?? []) merged.push(writer.added(added, DELETES));
    const manifestList = writer.list(merged);
    // Nothing names them yet: they may come to disk in any order.
    await Promise.all(written.map(({ path, bytes }) => this.#writeNew(path, bytes)));
    const after = new Map(merged.map((one) => [one.manifest_path, entriesOf(one)] as const));
    const next = this.#remembered(merged, after);
    const addedDeletes = (change.deletes ?? []).reduce((sum, { files }) => sum + files.length, 0);
    const removed = live.data.filter(({ file }) => !stays.has(file));
    return {
      live: next,
      snapshot: snapshotFrom({
        id,
        parent: writer.parent,
        sequence: Number(writer.sequence),
        schemaId: metadata['current-schema-id'],
        operation: change.operation,
        manifestList,
        added: amountOf(change.added.flatMap(({ files }) => files)),
        removed: amountOf(removed.map(({ file }) => file)),
        total: {
          ...amountOf(next.data.map(({ file }) => file)),
          rows: rowsOf(merged.filter((manifest) => manifest.content === DATA)),
        },
        deleteFiles: {
          files: next.deletes.length,
          added: addedDeletes,
          removed: live.deletes.length + addedDeletes - next.deletes.length,
        },
        deletedRows: {
          position: deletedRows(next.deletes, (content) => content !== EQUALITY_DELETES),
          equality: deletedRows(next.deletes, (content) => content === EQUALITY_DELETES),
        },
        nowMs: change.nowMs,
        said: change.said,
      }),
    };
  }
}

/** Of each manifest, by its location. */
type Entries = ReadonlyMap<string, readonly ManifestEntry[]>;

/** One that is not known must not be taken for one without files. */
function entriesIn(entries: Entries, { manifest_path: path }: ManifestFile) {
  const found = entries.get(path);
  invariant(found, `manifest ${path} was not read`);
  return found;
}

const counts = (one: LiveFile, kept: readonly LiveFile[]): boolean =>
  kept.some((data) =>
    one.file.content === EQUALITY_DELETES ? countsByValue(one, data) : countsByPlace(one, data),
  );

function amountOf(files: readonly DataFile[]): Amount {
  let [rows, bytes] = [0, 0];
  for (const file of files) {
    rows += Number(file.record_count);
    bytes += Number(file.file_size_in_bytes);
  }
  return { files: files.length, rows, bytes };
}

function deletedRows(deletes: readonly LiveFile[], isOne: (content: number) => boolean): number {
  return amountOf(deletes.map(({ file }) => file).filter((file) => isOne(file.content))).rows;
}

/** A number that JSON of every reader keeps exactly. */
const newSnapshotId = (): number => randomInt(1, 2 ** 47);

/** Writes the manifests of one snapshot. */
class Writer {
  readonly id: Id;
  readonly parent: Id | undefined;
  readonly sequence: bigint;
  /** Of what was written, by location. */
  readonly entries = new Map<string, readonly ManifestEntry[]>();
  readonly #metadata: TableMetadata;
  readonly #write: (name: string, bytes: Buffer) => string;

  constructor(metadata: TableMetadata, id: Id, write: (name: string, bytes: Buffer) => string) {
    this.#metadata = metadata;
    this.#write = write;
    this.id = id;
    this.parent = currentSnapshot(metadata)?.['snapshot-id'];
    this.sequence = BigInt(metadata['last-sequence-number'] + 1);
  }

  /**
   * The manifests as they are; but those with files that do not stay are one together, which says so. What only
   * says what was removed before is not needed any more.
   */
  without(
    manifests: readonly ManifestFile[],
    entriesOf: (manifest: ManifestFile) => readonly ManifestEntry[],
    stays: ReadonlySet<DataFile>,
  ): ManifestFile[] {
    const untouched: ManifestFile[] = [];
    const touched = new Map<string, { readonly of: ManifestFile; entries: ManifestEntry[] }>();
    for (const manifest of manifests) {
      const live = entriesOf(manifest).filter((entry) => entry.status !== DELETED);
      if (live.length === 0) continue;
      if (live.every((entry) => stays.has(entry.data_file))) {
        untouched.push(manifest);
        continue;
      }
      const key = `${manifest.partition_spec_id} ${manifest.content}`;
      const group = touched.get(key) ?? { of: manifest, entries: [] };
      touched.set(key, group);
      for (const entry of live) group.entries.push(this.#afterwards(entry, manifest, stays));
    }
    const rewritten = [...touched.values()].map(({ of, entries }) =>
      this.#manifest(entries, of.partition_spec_id, of.content),
    );
    return [...untouched, ...rewritten];
  }

  #afterwards(
    entry: ManifestEntry,
    manifest: ManifestFile,
    stays: ReadonlySet<DataFile>,
  ): ManifestEntry {
    const known = explicit(entry, manifest);
    return stays.has(entry.data_file)
      ? { ...known, status: EXISTING }
      : { ...known, status: DELETED, snapshot_id: BigInt(this.id) };
  }

  /** Many small manifests become one; entries keep the sequence numbers they were added with. */
  merged(
    manifests: readonly ManifestFile[],
    entriesOf: (manifest: ManifestFile) => readonly ManifestEntry[],
  ): ManifestFile[] {
    const specId = this.#metadata['default-spec-id'];
    const isOfSpec = (manifest: ManifestFile) =>
      manifest.partition_spec_id === specId &&
      manifest.content === DATA &&
      manifest.manifest_length < LIMITS.manifestBytes &&
      manifest.added_snapshot_id !== BigInt(this.id);
    const small = manifests.filter(isOfSpec);
    if (small.length < LIMITS.manifestsMax) return [...manifests];
    const entries = small.flatMap((manifest) =>
      entriesOf(manifest)
        .filter((entry) => entry.status !== DELETED)
        .map((entry): ManifestEntry => ({ ...explicit(entry, manifest), status: EXISTING })),
    );
    return [
      ...manifests.filter((manifest) => !isOfSpec(manifest)),
      this.#manifest(entries, specId, DATA),
    ];
  }

  added(
    { specId, files }: AddedFiles,
    content: number,
    sequence?: bigint | undefined,
  ): ManifestFile {
    const entries = files.map(
      (file): ManifestEntry => ({
        status: ADDED,
        snapshot_id: BigInt(this.id),
        sequence_number: sequence ?? null,
        file_sequence_number: null,
        data_file: file,
      }),
    );
    return this.#manifest(entries, specId, content);
  }

  list(manifests: readonly ManifestFile[]): string {
    return this.#write(
      `snap-${this.id}-1-${randomUUID()}.avro`,
      writeManifestList(manifests, {
        id: this.id,
        parent: this.parent,
        sequence: Number(this.sequence),
      }),
    );
  }

  #manifest(entries: readonly ManifestEntry[], specId: number, content: number): ManifestFile {
    const metadata = this.#metadata;
    const spec = specOf(metadata, specId) ?? currentSpec(metadata);
    const schema = currentSchema(metadata);
    const bytes = writeManifest(entries, spec, schema, content);
    const location = this.#write(`${randomUUID()}-m0.avro`, bytes);
    this.entries.set(location, entries);
    const of = (status: number) => entries.filter((entry) => entry.status === status);
    const rows = (some: readonly ManifestEntry[]) =>
      some.reduce((total, entry) => total + entry.data_file.record_count, 0n);
    const [added, existing, deleted] = [of(ADDED), of(EXISTING), of(DELETED)];
    const sequences = [...added, ...existing].map(
      (entry) => entry.sequence_number ?? this.sequence,
    );
    return {
      manifest_path: location,
      manifest_length: BigInt(bytes.length),
      partition_spec_id: specId,
      content,
      sequence_number: this.sequence,
      min_sequence_number: least(sequences, this.sequence),
      added_snapshot_id: BigInt(this.id),
      added_files_count: added.length,
      existing_files_count: existing.length,
      deleted_files_count: deleted.length,
      added_rows_count: rows(added),
      existing_rows_count: rows(existing),
      deleted_rows_count: rows(deleted),
      partitions: partitionSummaries(
        entries.map((entry) => entry.data_file),
        spec,
        schema,
      ),
      key_metadata: null,
    };
  }
}

/** Math.min takes no bigints. */
function least(values: readonly bigint[], most: bigint): bigint {
  let found = most;
  for (const value of values) if (value < found) found = value;
  return found;
}

/** An entry with what it inherits, for another manifest. */
function explicit(entry: ManifestEntry, manifest: ManifestFile): ManifestEntry {
  const { sequence, fileSequence, snapshotId } = liveFile(entry, manifest);
  return {
    ...entry,
    snapshot_id: snapshotId,
    sequence_number: sequence,
    file_sequence_number: fileSequence,
  };
}

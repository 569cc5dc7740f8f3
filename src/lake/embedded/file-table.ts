import { MillraceError } from '../../core/errors.ts';
import type { NamedField } from '../../core/field-types.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Partition } from '../../definition/partition.ts';
import type { StoredColumn, WriteTarget, WrittenFile } from '../../engine/protocol.ts';
import { withoutOld } from '../iceberg/expiry.ts';
import {
  countsByPlace,
  type LiveFile,
  type LiveFiles,
  type TableScan,
  tableScan,
} from '../iceberg/live-files.ts';
import { dataFile, POSITION_DELETES } from '../iceberg/manifest.ts';
import {
  currentSchema,
  currentSnapshot,
  currentSpec,
  FORMAT_VERSION,
  type IcebergField,
  type Snapshot,
  schemaOf,
  specOf,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { type Requirement, unmet } from '../iceberg/requirements.ts';
import { definedFields, evolveSchema, FIELDS_PROPERTY, fieldMap } from '../iceberg/schema.ts';
import { partitionExpression, partitionSpec, sortExpression } from '../iceberg/transform.ts';
import { applyUpdates, type TableUpdate } from '../iceberg/updates.ts';
import { localPath } from '../location.ts';
import type {
  AskedRetention,
  LakeTable,
  Properties,
  Rewrite,
  RewriteState,
  SnapshotInfo,
  SnapshotPlace,
  TableState,
} from '../table-store.ts';
import { EndedFiles } from './ended-files.ts';
import type { LakeContext } from './file-table-store.ts';
import { ManifestFiles, type SnapshotChange } from './manifest-files.ts';
import { ReachableFiles } from './reachable-files.ts';
import { saidBy, snapshotAt, snapshotInfo } from './snapshots.ts';
import { sweepFolder } from './sweep.ts';
import type { StoredTable, TableFolder } from './table-folder.ts';

/** A commit that is written, and not the table yet. */
export interface PreparedCommit {
  readonly metadata: TableMetadata;
  readonly live: LiveFiles;
}

let versions = 0;
/** No two states of tables have the same: a table may be dropped, and made again under its name. */
function nextVersion(): number {
  versions += 1;
  return versions;
}

/** One table in a folder. Everything that changes it takes its turn here (L4). */
export class FileTable implements LakeTable {
  readonly namespace: string;
  readonly name: string;
  readonly #folder: TableFolder;
  readonly #context: LakeContext;
  readonly #manifests: ManifestFiles;
  readonly #ended: EndedFiles;
  readonly #reach: ReachableFiles;
  #stored: StoredTable;
  #live: LiveFiles;
  #version = nextVersion();
  #rowsVersion = this.#version;
  /** Why nothing can be committed until the table was read again (L6). */
  #doubt: MillraceError | undefined;
  #scan: TableScan | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(
    names: { readonly namespace: string; readonly name: string },
    folder: TableFolder,
    context: LakeContext,
    stored: StoredTable,
    manifests: ManifestFiles,
    live: LiveFiles,
  ) {
    this.namespace = names.namespace;
    this.name = names.name;
    this.#folder = folder;
    this.#context = context;
    this.#stored = stored;
    this.#manifests = manifests;
    this.#reach = new ReachableFiles(context.files);
    this.#live = live;
    this.#ended = new EndedFiles(context.files, (error) =>
      context.logger.warn(
        { table: `${names.namespace}.${names.name}`, error: error.message },
        'files of old snapshots could not be found; the sweep finds them',
      ),
    );
  }

  static async load(
    names: { readonly namespace: string; readonly name: string },
    folder: TableFolder,
    stored: StoredTable,
    context: LakeContext,
  ): Promise<FileTable> {
    const manifests = new ManifestFiles(context.files, folder.metadataFolder, (path, bytes) =>
      folder.writeNew(path, bytes),
    );
    const live = await manifests.read(stored.metadata);
    return new FileTable(names, folder, context, stored, manifests, live);
  }

  get version(): number {
    return this.#version;
  }

  get rowsVersion(): number {
    return this.#rowsVersion;
  }

  get metadata(): TableMetadata {
    return this.#stored.metadata;
  }

  /** Of the current metadata file. */
  get metadataLocation(): string {
    return this.#folder.metadataLocation(this.#stored.version);
  }

  /** True of the pipeline's own: it has the map of its definition's fields. */
  get isDefined(): boolean {
    return this.metadata.properties[FIELDS_PROPERTY] !== undefined;
  }

  get location(): string {
    return this.metadata.location;
  }

  get path(): string {
    return this.#folder.path;
  }

  get #fields(): IcebergField[] {
    return fieldsOf(this.metadata, this.metadata['current-schema-id']);
  }

  get columns(): readonly StoredColumn[] {
    return this.#fields.map(({ name, id, type }) => ({ name, id, type }));
  }

  get target(): WriteTarget {
    return this.#targetOf(this.#fields);
  }

  #targetOf(fields: readonly IcebergField[]): WriteTarget {
    const spec = currentSpec(this.metadata);
    return {
      folder: this.#folder.dataFolder,
      columns: fields.map(({ name, id, type }) => ({ name, id, type })),
      partitions: spec.fields.map((field) => ({ expression: partitionExpression(field, fields) })),
      specId: spec['spec-id'],
      sortBy: sortExpression(this.metadata, fields),
    };
  }

  get scan(): TableScan {
    this.#scan ??= tableScan(this.#live, this.metadata, this.#fields);
    return this.#scan;
  }

  get live(): readonly LiveFile[] {
    return this.#live.data;
  }

  get rewriting(): RewriteState {
    const { fields } = currentSchema(this.metadata);
    return {
      live: this.#live.data,
      scan: tableScan(this.#live, this.metadata, fields),
      target: this.#targetOf(fields),
      sequence: BigInt(this.metadata['last-sequence-number']),
    };
  }

  get rows(): number {
    return Number(currentSnapshot(this.metadata)?.summary['total-records'] ?? 0);
  }

  get properties(): Properties {
    return this.metadata.properties;
  }

  get snapshotId(): string | undefined {
    const snapshot = currentSnapshot(this.metadata);
    return snapshot && String(snapshot['snapshot-id']);
  }

  get snapshots(): readonly SnapshotInfo[] {
    return this.metadata.snapshots.map(snapshotInfo);
  }

  async at(when: SnapshotPlace): Promise<TableState & { readonly snapshotId: string }> {
    const snapshot = this.#find(when);
    const live = await this.#manifests.readSnapshot(snapshot);
    const schemaId = snapshot['schema-id'] ?? this.metadata['current-schema-id'];
    const fields = fieldsOf(this.metadata, schemaId);
    return {
      snapshotId: String(snapshot['snapshot-id']),
      columns: fields.map(({ name, id, type }) => ({ name, id, type })),
      scan: tableScan(live, this.metadata, fields),
    };
  }

  #find(when: SnapshotPlace): Snapshot {
    return snapshotAt(this.metadata, when, `${this.namespace}.${this.name}`);
  }

  inTurn<T>(action: () => Promise<T>): Promise<T> {
    const next = async () => {
      if (this.#doubt) await this.#readAgain();
      return action();
    };
    const result = this.#queue.then(next, next);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /**
   * Brings schema and partitioning to the definition's; unchanged ones cost nothing. What other programs
   * renamed, widened or added stays as it is.
   */
  evolve(fields: readonly NamedField[], partitionBy: readonly Partition[]): Promise<void> {
    return this.inTurn(async () => {
      const before = this.metadata;
      const current = currentSchema(before);
      const map = fieldMap(current, before.properties);
      const evolved = evolveSchema(fields, {
        schema: current,
        map,
        lastColumnId: before['last-column-id'],
      });
      const spec = partitionSpec(
        partitionBy,
        definedFields(evolved.schema, evolved.map),
        evolved.schema.fields.map(({ name }) => name),
        before['partition-specs'],
      );
      const updates: TableUpdate[] = [];
      if (JSON.stringify(evolved.schema.fields) !== JSON.stringify(current.fields))
        updates.push(
          { action: 'add-schema', schema: evolved.schema },
          { action: 'set-current-schema', 'schema-id': -1 },
        );
      const text = JSON.stringify(evolved.map);
      if (text !== before.properties[FIELDS_PROPERTY])
        updates.push({ action: 'set-properties', updates: { [FIELDS_PROPERTY]: text } });
      if (spec['spec-id'] !== before['default-spec-id'])
        updates.push({ action: 'add-spec', spec }, { action: 'set-default-spec', 'spec-id': -1 });
      if (updates.length > 0) await this.#commit(updates);
    });
  }

  append(
    files: readonly WrittenFile[],
    properties: Properties,
    were: { readonly [name: string]: string | undefined } = {},
  ): Promise<void> {
    return this.inTurn(async () => {
      for (const [name, value] of Object.entries(were))
        if (this.properties[name] !== value)
          throw commitConflict(`${this.namespace}.${this.name}`, `${name} was changed meanwhile`);
      await this.#addSnapshot({ operation: 'append', isRemoved: () => false }, files, properties);
    });
  }

  replace(files: readonly WrittenFile[], properties: Properties): Promise<void> {
    const change = { operation: 'overwrite', isRemoved: () => true } as const;
    return this.inTurn(() => this.#addSnapshot(change, files, properties));
  }

  rewrite({ replaced, files, sequence }: Rewrite): Promise<void> {
    return this.inTurn(async () => {
      const found = this.#live.data.filter(({ file }) => replaced.has(file.file_path));
      // Deletes by place that came later name the old files; those by value count for the new ones too.
      const later = this.#live.deletes.filter(
        (one) => one.sequence > sequence && one.file.content === POSITION_DELETES,
      );
      const isTouched = found.some((data) => later.some((one) => countsByPlace(one, data)));
      if (found.length !== replaced.size || isTouched)
        throw new MillraceError(
          'MR_TABLE_COMMIT_CONFLICT',
          `Files of ${this.namespace}.${this.name} that were being rewritten were changed by another commit.`,
        );
      await this.#addSnapshot(
        { operation: 'replace', isRemoved: ({ file }) => replaced.has(file.file_path), sequence },
        files,
        {},
        currentSchema(this.metadata).fields,
      );
    });
  }

  async #addSnapshot(
    change: Pick<SnapshotChange, 'operation' | 'isRemoved' | 'sequence'>,
    files: readonly WrittenFile[],
    properties: Properties,
    fields: readonly IcebergField[] = this.#fields,
  ): Promise<void> {
    const { metadata } = this;
    this.#requireWritable();
    const added = [...new Set(files.map(({ specId }) => specId))].map((specId) => {
      const spec = specOf(metadata, specId) ?? currentSpec(metadata);
      const some = files.filter((file) => file.specId === specId);
      return { specId, files: some.map((file) => dataFile(file, spec, fields)) };
    });
    const { snapshot, live } = await this.#manifests.write(metadata, this.#live, {
      ...change,
      added,
      said: properties,
      nowMs: this.#context.clock.now(),
    });
    const updates: TableUpdate[] = [
      { action: 'add-snapshot', snapshot },
      this.#mainAt(snapshot),
      { action: 'set-properties', updates: properties },
    ];
    const nowMs = this.#context.clock.now();
    const next = applyUpdates(metadata, updates, nowMs);
    const kept = withoutOld(next, nowMs);
    await this.#put(kept, live);
    this.#letGo(next, kept);
  }

  /** What somebody said of the branch, such as its retention, stays. */
  #mainAt(snapshot: Snapshot): TableUpdate {
    const { main } = this.metadata.refs;
    const id = snapshot['snapshot-id'];
    return {
      ...main,
      action: 'set-snapshot-ref',
      'ref-name': 'main',
      type: 'branch',
      'snapshot-id': id,
    };
  }

  #requireWritable(): void {
    const version = this.metadata['format-version'];
    if (version === FORMAT_VERSION) return;
    throw new MillraceError(
      'MR_TABLE_UNSUPPORTED',
      `${this.namespace}.${this.name} has Iceberg format version ${version}; only version ${FORMAT_VERSION} can be written.`,
    );
  }

  /** @throws MillraceError MR_TABLE_COMMIT_CONFLICT where the commit was made on another state than this */
  async prepare(
    requirements: readonly Requirement[],
    updates: readonly TableUpdate[],
  ): Promise<PreparedCommit> {
    const why = unmet(requirements, this.metadata);
    if (why !== undefined) throw commitConflict(`${this.namespace}.${this.name}`, why);
    const metadata = applyUpdates(this.metadata, updates, this.#context.clock.now());
    const isSame =
      currentSnapshot(metadata)?.['manifest-list'] ===
      currentSnapshot(this.metadata)?.['manifest-list'];
    // What cannot be read must not become the table.
    const live = isSame ? this.#live : await this.#manifests.read(metadata);
    tableScan(live, metadata, fieldsOf(metadata, metadata['current-schema-id']));
    return { metadata, live };
  }

  /** A commit of another program. */
  commit(requirements: readonly Requirement[], updates: readonly TableUpdate[]): Promise<void> {
    return this.inTurn(async () => {
      const { metadata, live } = await this.prepare(requirements, updates);
      await this.store(metadata, live);
    });
  }

  #commit(updates: readonly TableUpdate[]): Promise<void> {
    return this.#put(applyUpdates(this.metadata, updates, this.#context.clock.now()), this.#live);
  }

  /** A commit of ours: what it does to rows, queries know by the position that it sets. */
  async #put(metadata: TableMetadata, live: LiveFiles): Promise<void> {
    const rowsVersion = this.#rowsVersion;
    this.switchTo(await this.#point(metadata), live);
    this.#rowsVersion = rowsVersion;
  }

  /** Metadata and files change in the same step: whoever looks meanwhile sees the table before or after. */
  async store(metadata: TableMetadata, live: LiveFiles): Promise<void> {
    this.switchTo(await this.#point(metadata), live);
  }

  /** The metadata file of a commit that several tables make together; nothing points to it yet. */
  write(metadata: TableMetadata): Promise<StoredTable> {
    return this.#folder.write(this.#stored, metadata);
  }

  async #point(metadata: TableMetadata): Promise<StoredTable> {
    try {
      return await this.#folder.commit(this.#stored, metadata);
    } catch (error) {
      return this.#resolve(metadata, error as Error);
    }
  }

  /** L6: what went wrong may have done so after the pointer had moved. */
  async #resolve(metadata: TableMetadata, error: Error): Promise<StoredTable> {
    const doubt = new MillraceError(
      'MR_TABLE_COMMIT_UNKNOWN',
      `It is not known whether a commit of ${this.namespace}.${this.name} was made: ${error.message}`,
      { cause: error },
    );
    let found: StoredTable | undefined;
    try {
      found = await this.#folder.confirm(this.#stored, metadata);
    } catch {
      this.#doubt = doubt;
      throw doubt;
    }
    if (!found) throw error;
    return found;
  }

  async #readAgain(): Promise<void> {
    const stored = await this.#folder.read();
    if (!stored) throw this.#doubt;
    await this.#folder.point(stored.version);
    this.switchTo(stored, await this.#manifests.read(stored.metadata));
    this.#doubt = undefined;
  }

  /** What it is has to be read again before anything else is done (L6). */
  distrust(why: MillraceError): void {
    this.#doubt = why;
  }

  switchTo(stored: StoredTable, live: LiveFiles): void {
    const next = currentSnapshot(stored.metadata);
    const isOther = next?.['snapshot-id'] !== currentSnapshot(this.metadata)?.['snapshot-id'];
    const dueMs = this.#context.clock.now() + LIMITS.tableFilesGraceMs;
    this.#ended.add(this.#folder.forgotten(this.metadata, stored.metadata), dueMs);
    this.#stored = stored;
    this.#live = live;
    this.#scan = undefined;
    this.#version = nextVersion();
    if (isOther && next?.summary.operation !== 'replace') this.#rowsVersion = this.#version;
  }

  rollback(
    when: SnapshotPlace,
    restored: readonly string[],
    accept: (restored: Properties) => void = () => {},
  ): Promise<SnapshotInfo> {
    return this.inTurn(async () => {
      const snapshot = this.#find(when);
      const properties = saidBy(this.metadata, snapshot, restored);
      accept(properties);
      const { metadata, live } = await this.prepare(
        [],
        [this.#mainAt(snapshot), { action: 'set-properties', updates: properties }],
      );
      await this.store(metadata, live);
      return snapshotInfo(snapshot);
    });
  }

  expire(nowMs: number, asked: AskedRetention): Promise<number> {
    return this.inTurn(async () => {
      const before = this.metadata;
      const after = withoutOld(before, nowMs, asked);
      if (after !== before) await this.#put(after, this.#live);
      this.#letGo(before, after);
      return before.snapshots.length - after.snapshots.length;
    });
  }

  /** A failure here costs disk, never rows. */
  #letGo(before: TableMetadata, after: TableMetadata): void {
    if (before === after || after.properties['gc.enabled'] === 'false') return;
    this.#ended.addFound(
      () => this.#reach.unreachable(before, after),
      this.#context.clock.now() + LIMITS.tableFilesGraceMs,
    );
  }

  removeEnded(nowMs: number): Promise<number> {
    return this.#ended.remove(nowMs);
  }

  hold(): () => void {
    return this.#ended.hold();
  }

  /** In its turn: a commit that is being written names its files only at its end. */
  sweep(olderThanMs: number): Promise<readonly string[]> {
    return this.inTurn(async () => {
      await this.#ended.found();
      if (this.#ended.isHeld || this.metadata.properties['gc.enabled'] === 'false') return [];
      const reachable = await this.#reach.all(this.metadata);
      reachable.add(localPath(this.metadataLocation));
      return sweepFolder(this.#context.files, this.#folder, {
        isNamed: (path) => reachable.has(path) || this.#ended.has(path),
        olderThanMs,
      });
    });
  }
}

function commitConflict(table: string, why: string): MillraceError {
  return new MillraceError(
    'MR_TABLE_COMMIT_CONFLICT',
    `The commit of ${table} was made on another state of the table: ${why}. Load the table again and commit anew.`,
  );
}

/** The columns as our definition calls them; of a table that is none of ours all, as they are called. */
function fieldsOf(metadata: TableMetadata, schemaId: number): IcebergField[] {
  const schema = schemaOf(metadata, schemaId) ?? currentSchema(metadata);
  if (metadata.properties[FIELDS_PROPERTY] === undefined) return [...schema.fields];
  return definedFields(schema, fieldMap(schema, metadata.properties));
}

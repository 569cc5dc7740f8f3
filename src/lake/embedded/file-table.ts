import type { MillraceError } from '../../core/errors.ts';
import { bytesThere } from '../../core/folder-bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import type { StoredColumn, WriteTarget, WrittenFile } from '../../engine/protocol.ts';
import type { TableChange } from '../catalog.ts';
import type { FetchWait } from '../data-files.ts';
import { evolution, type TableShape } from '../iceberg/evolution.ts';
import { withoutOld } from '../iceberg/expiry.ts';
import type { LiveFile, LiveFiles, TableScan } from '../iceberg/live-files.ts';
import { POSITION_DELETES } from '../iceberg/manifest.ts';
import {
  currentSchema,
  currentSnapshot,
  type IcebergField,
  type Snapshot,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { MOVED_PROPERTY } from '../iceberg/moved-paths.ts';
import { requireMet } from '../iceberg/requirements.ts';
import { FIELDS_PROPERTY, fieldsOf } from '../iceberg/schema.ts';
import { applyUpdates, type TableUpdate } from '../iceberg/updates.ts';
import { localPath } from '../location.ts';
import type {
  AskedRetention,
  LakeTable,
  Merge,
  Properties,
  Rewrite,
  RewriteState,
  SnapshotInfo,
  SnapshotPlace,
  TablePin,
  TableState,
  Were,
} from '../table-store.ts';
import { CommitPoint } from './commit-point.ts';
import { requireOwnerAllows } from './defined-table.ts';
import { EndedFiles } from './ended-files.ts';
import type { LakeContext } from './file-table-store.ts';
import { ManifestFiles, type SnapshotChange } from './manifest-files.ts';
import { ReachableFiles } from './reachable-files.ts';
import { mainAt, saidBy, snapshotAt, snapshotInfo } from './snapshots.ts';
import { sweepFolder } from './sweep.ts';
import { TableData } from './table-data.ts';
import type { StoredTable, TableFolder } from './table-folder.ts';
import type { TableRegistry } from './table-registry.ts';
import {
  type PreparedCommit,
  placedDeletes,
  placedFiles,
  requireSame,
  requireStill,
  requireUntouched,
  requireWritable,
  rowCount,
} from './table-view.ts';

let versions = 0;
/** No two states of tables have the same: a table may be dropped, and made again under its name. */
function nextVersion(): number {
  versions += 1;
  return versions;
}

interface Names {
  readonly namespace: string;
  readonly name: string;
}

interface OpenedTable {
  readonly names: Names;
  readonly folder: TableFolder;
  readonly stored: StoredTable;
  readonly registry: TableRegistry;
}

/** One table in a folder. Everything that changes it takes its turn here (L4). */
export class FileTable implements LakeTable {
  readonly #folder: TableFolder;
  readonly #registry: TableRegistry;
  readonly #context: LakeContext;
  readonly #manifests: ManifestFiles;
  readonly #data: TableData;
  readonly #point: CommitPoint;
  readonly #ended: EndedFiles;
  #names: Names;
  readonly #reach: ReachableFiles;
  #stored: StoredTable;
  #live: LiveFiles;
  #version = nextVersion();
  #rowsVersion = this.#version;
  #scan: TableScan | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(
    { names, folder, stored, registry }: OpenedTable,
    manifests: ManifestFiles,
    live: LiveFiles,
  ) {
    this.#names = names;
    this.#folder = folder;
    this.#registry = registry;
    this.#context = registry.context;
    this.#stored = stored;
    this.#manifests = manifests;
    this.#data = new TableData(folder.dataFolder, this.#context.dataFiles);
    this.#point = new CommitPoint(folder);
    this.#reach = new ReachableFiles(this.#context.files);
    this.#live = live;
    this.#ended = new EndedFiles(this.#context.files, (error) =>
      this.#context.logger.warn(
        { table: `${names.namespace}.${names.name}`, error: error.message },
        'files of old snapshots could not be found; the sweep finds them',
      ),
    );
  }

  static async load(opened: OpenedTable): Promise<FileTable> {
    const manifests = new ManifestFiles(opened.folder, opened.registry.places);
    const live = await manifests.read(opened.stored.metadata);
    return new FileTable(opened, manifests, live);
  }

  get namespace(): string {
    return this.#names.namespace;
  }

  get name(): string {
    return this.#names.name;
  }

  get #title(): string {
    return `${this.namespace}.${this.name}`;
  }

  rename({ namespace, name }: Names): void {
    this.#names = { namespace, name };
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

  get isMoved(): boolean {
    return this.properties[MOVED_PROPERTY] !== undefined;
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
    return this.#data.target(this.metadata, this.#fields);
  }

  get scan(): TableScan {
    this.#scan ??= this.#data.scan(this.#live, this.metadata, this.#fields);
    return this.#scan;
  }

  get live(): readonly LiveFile[] {
    return this.#live.data;
  }

  get rewriting(): RewriteState {
    return this.#data.rewriting(this.metadata, this.#live);
  }

  get rows(): number {
    return rowCount(this.metadata);
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
    return this.#data.at(this.metadata, snapshot, await this.#manifests.readSnapshot(snapshot));
  }

  #find(when: SnapshotPlace): Snapshot {
    return snapshotAt(this.metadata, when, this.#title);
  }

  inTurn<T>(action: () => Promise<T>): Promise<T> {
    const next = async () => {
      if (this.#point.doubt) await this.#readAgain();
      return action();
    };
    const result = this.#queue.then(next, next);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Brings the table to its definition; what has not changed costs nothing. */
  evolve(shape: TableShape): Promise<void> {
    return this.inTurn(async () => {
      const updates = evolution(this.metadata, shape);
      if (updates.length > 0) await this.#commit(updates);
    });
  }

  async append(
    files: readonly WrittenFile[],
    properties: Properties,
    were: Were = {},
  ): Promise<void> {
    const stored = await this.#data.store(files);
    await this.inTurn(async () => {
      requireStill(this.metadata, were, this.#title);
      await this.#addSnapshot({ operation: 'append', isRemoved: () => false }, stored, properties);
    });
  }

  async replace(files: readonly WrittenFile[], properties: Properties): Promise<void> {
    const stored = await this.#data.store(files);
    const change = { operation: 'overwrite', isRemoved: () => true } as const;
    await this.inTurn(() => this.#addSnapshot(change, stored, properties));
  }

  async merge(merge: Merge, properties: Properties, were: Were = {}): Promise<void> {
    const { state } = merge;
    const { files, deletes } = await this.#data.storeMerge(merge);
    await this.inTurn(async () => {
      requireStill(this.metadata, were, this.#title);
      requireSame(this.metadata, state, this.#title);
      const placed = placedDeletes(state, deletes);
      const operation = deletes.length > 0 ? 'overwrite' : 'append';
      const change = { operation, isRemoved: () => false, deletes: placed } as const;
      await this.#addSnapshot(change, files, properties);
    });
  }

  async rewrite({ replaced, files, sequence }: Rewrite): Promise<void> {
    const stored = await this.#data.store(files);
    await this.inTurn(async () => {
      requireUntouched(this.#live, { replaced, sequence }, this.#title);
      await this.#addSnapshot(
        { operation: 'replace', isRemoved: ({ file }) => replaced.has(file.file_path), sequence },
        stored,
        {},
        currentSchema(this.metadata).fields,
      );
      await this.#endMove();
    });
  }

  /** Once nothing names an old path but snapshots of before, those go too: others would read them wrong. */
  async #endMove(): Promise<void> {
    const isPlace = ({ file }: LiveFile) => file.content === POSITION_DELETES;
    if (!this.isMoved || this.#live.deletes.some(isPlace)) return;
    const { metadata } = this;
    const nowMs = this.#context.clock.now();
    const alone = withoutOld(metadata, nowMs, { snapshotsMin: 1 });
    const removal: TableUpdate = { action: 'remove-properties', removals: [MOVED_PROPERTY] };
    await this.#put(applyUpdates(alone, [removal], nowMs), this.#live);
    this.#letGo(metadata, alone);
  }

  async #addSnapshot(
    change: Pick<SnapshotChange, 'operation' | 'isRemoved' | 'sequence' | 'deletes'>,
    files: readonly WrittenFile[],
    properties: Properties,
    fields: readonly IcebergField[] = this.#fields,
  ): Promise<void> {
    const { metadata } = this;
    requireWritable(metadata, this.#title);
    const { snapshot, live } = await this.#manifests.write(metadata, this.#live, {
      ...change,
      added: placedFiles(files, metadata, fields),
      said: properties,
      nowMs: this.#context.clock.now(),
    });
    const updates: TableUpdate[] = [
      { action: 'add-snapshot', snapshot },
      mainAt(this.metadata, snapshot),
      { action: 'set-properties', updates: properties },
    ];
    const nowMs = this.#context.clock.now();
    const next = applyUpdates(metadata, updates, nowMs);
    const kept = withoutOld(next, nowMs);
    await this.#put(kept, live);
    this.#letGo(next, kept);
  }

  /** @throws MillraceError MR_TABLE_COMMIT_CONFLICT where the commit was made on another state than this */
  async prepare({ requirements, updates }: TableChange): Promise<PreparedCommit> {
    requireMet(requirements, this.metadata, this.#title);
    for (const update of updates) await this.#requirePlaces(update);
    const metadata = applyUpdates(this.metadata, updates, this.#context.clock.now());
    requireOwnerAllows(this, metadata);
    return this.#readable(metadata);
  }

  async #requirePlaces(update: TableUpdate): Promise<void> {
    if (update.action === 'set-location' && update.location !== this.metadata.location)
      await this.#registry.requireLocation(update.location, this.#folder.path);
  }

  /** What cannot be read must not become the table. */
  async #readable(metadata: TableMetadata): Promise<PreparedCommit> {
    const current = currentSnapshot(metadata);
    const known = new Set(this.metadata.snapshots.map((one) => one['snapshot-id']));
    const isSame = current?.['manifest-list'] === currentSnapshot(this.metadata)?.['manifest-list'];
    const live = isSame ? this.#live : await this.#manifests.read(metadata);
    for (const added of metadata.snapshots)
      if (!known.has(added['snapshot-id']) && added !== current)
        await this.#manifests.readSnapshot(added);
    this.#data.scan(live, metadata, fieldsOf(metadata, metadata['current-schema-id']));
    return { metadata, live };
  }

  /** A commit of another program. */
  commit(change: TableChange): Promise<void> {
    return this.inTurn(async () => {
      const { metadata, live } = await this.prepare(change);
      await this.store(metadata, live);
    });
  }

  #commit(updates: readonly TableUpdate[]): Promise<void> {
    return this.#put(applyUpdates(this.metadata, updates, this.#context.clock.now()), this.#live);
  }

  /** A commit of ours: what it does to rows, queries know by the position that it sets. */
  async #put(metadata: TableMetadata, live: LiveFiles): Promise<void> {
    const rowsVersion = this.#rowsVersion;
    this.switchTo(await this.#move(metadata), live);
    this.#rowsVersion = rowsVersion;
  }

  /** Metadata and files change in the same step: whoever looks meanwhile sees the table before or after. */
  async store(metadata: TableMetadata, live: LiveFiles): Promise<void> {
    this.switchTo(await this.#move(metadata), live);
  }

  async #move(metadata: TableMetadata): Promise<StoredTable> {
    try {
      return await this.#point.move(this.#stored, metadata);
    } catch (error) {
      // Where it cannot be read now, the next turn does.
      if (error !== this.#point.doubt) await this.#readAgain().catch(() => {});
      throw error;
    }
  }

  /** The metadata file of a commit that several tables make together; nothing points to it yet. */
  write(metadata: TableMetadata): Promise<StoredTable> {
    return this.#folder.write(this.#stored, metadata);
  }

  async #readAgain(): Promise<void> {
    await this.#registry.settle();
    const stored = await this.#point.readAgain();
    this.switchTo(stored, await this.#manifests.read(stored.metadata));
    this.#point.trust();
  }

  /** What it is has to be read again before anything else is done (L6). */
  distrust(why: MillraceError): void {
    this.#point.distrust(why);
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
      const updates: TableUpdate[] = [
        mainAt(this.metadata, snapshot),
        { action: 'set-properties', updates: properties },
      ];
      const { metadata, live } = await this.#readable(
        applyUpdates(this.metadata, updates, this.#context.clock.now()),
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
      async () =>
        (await this.#reach.unreachable(before, after)).filter((path) => this.#folder.owns(path)),
      this.#context.clock.now() + LIMITS.tableFilesGraceMs,
    );
  }

  removeEnded(nowMs: number): Promise<number> {
    return this.#ended.remove(nowMs);
  }

  pin(): Promise<TablePin> {
    return this.inTurn(async () => {
      const { version, metadata } = this.#stored;
      const release = this.hold();
      return {
        properties: metadata.properties,
        metadataFile: this.#folder.metadataFile(version),
        pointer: { path: this.#folder.pointer, text: String(version) },
        scan: this.scan,
        files: () => this.#reach.pinned(metadata, (path) => this.#data.readPath(path)),
        bytesOf: ({ path }) => bytesThere(this.#context.files, path),
        release: async () => release(),
      };
    });
  }

  fetch(scan: TableScan, wait: FetchWait): Promise<void> {
    return this.#data.fetch(scan, wait);
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

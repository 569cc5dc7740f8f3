import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { MillraceError } from '../../core/errors.ts';
import { fileLocation, localPath, placeIn, plainPlace } from '../location.ts';
import { type CatalogContents, type CatalogEntry, CatalogFile } from './catalog-file.ts';
import { FileTable } from './file-table.ts';
import type { LakeContext } from './file-table-store.ts';
import { folderName } from './folder-name.ts';
import { isInside, Places } from './places.ts';
import { moved, relocate } from './relocate.ts';
import { type StoredTable, TableFolder } from './table-folder.ts';
import { type Journal, JournalFile } from './transaction.ts';

export interface Names {
  readonly namespace: string;
  readonly name: string;
}

/** Namespaces that a pipeline's own tables are in. */
const OWN_NAMESPACES = ['lake', 'warehouse'];

/** Which tables and views there are, each opened once: its queue is what keeps its commits in order (L4). */
export class TableRegistry {
  readonly root: string;
  readonly context: LakeContext;
  readonly places: Places;
  readonly #file: CatalogFile;
  readonly #journal: JournalFile;
  readonly #open = new Map<string, Promise<FileTable>>();
  #contents: CatalogContents | undefined;
  /** True while there may be a journal. */
  #isUnfinished = false;
  #opening: Promise<CatalogContents> | undefined;
  /** Changes of the file come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** And so do those who make tables: a folder that is free stays so until it is named. */
  #making: Promise<unknown> = Promise.resolve();

  constructor(root: string, context: LakeContext) {
    this.root = root;
    this.context = context;
    this.places = new Places(root, context.allowedLocations ?? []);
    this.#file = new CatalogFile(root, context.files, context.logger);
    this.#journal = new JournalFile(root, context.files);
  }

  async #loaded(): Promise<CatalogContents> {
    if (this.#contents) return this.#contents;
    this.#opening ??= this.#load().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #load(): Promise<CatalogContents> {
    await this.context.files.makeFolder(this.root);
    const stored = await this.#finish((await this.#file.read()) ?? (await this.#adopt()));
    if (stored.root !== this.root) await this.#relocateAll(stored);
    this.#contents = { ...stored, root: this.root };
    if (stored.root !== this.root) await this.#file.write(this.#contents);
    return this.#contents;
  }

  /** A lake from before there was a catalog file: each folder with a table in it is one. */
  async #adopt(): Promise<CatalogContents> {
    const { files } = this.context;
    const entries: CatalogEntry[] = [];
    for (const namespace of OWN_NAMESPACES) {
      for (const { name, isFolder } of await files.list(placeIn(this.root, namespace))) {
        const folder = placeIn(namespace, name);
        if (isFolder && (await new TableFolder(placeIn(this.root, folder), files).read()))
          entries.push({ namespace, name, kind: 'table', folder });
      }
    }
    return {
      root: '',
      namespaces: Object.fromEntries(OWN_NAMESPACES.map((name) => [name, {}])),
      entries,
    };
  }

  /** Does what of a transaction is not done yet; what is done stays as it is. */
  async #finish(contents: CatalogContents): Promise<CatalogContents> {
    const journal = await this.#journal.read();
    if (!journal) {
      // Its removal may have failed before it was on disk: a journal that comes back would undo what came after.
      if (this.#isUnfinished) await this.context.files.syncFolder(this.root);
      return contents;
    }
    for (const { folder, version } of journal.pointers)
      await this.#folderAt(folder).pointForward(version);
    const missing = journal.entries.filter(
      ({ folder }) => !contents.entries.some((entry) => entry.folder === folder),
    );
    const next = { ...contents, entries: [...contents.entries, ...missing] };
    if (missing.length > 0) await this.#file.write(next);
    await this.#journal.remove();
    return next;
  }

  /** Makes a transaction: the journal is the commit. */
  make(journal: Journal): Promise<void> {
    return this.inTurn(async () => {
      const contents = await this.#settled();
      for (const entry of journal.entries) {
        requireNamespace(contents, entry.namespace);
        requireFree(contents, entry);
      }
      this.#isUnfinished = true;
      await this.#journal.write(journal);
      await this.#settled();
    });
  }

  /** True where the tables are as the transaction makes them; after `settle` all are or none. */
  async isMade({ pointers }: Journal): Promise<boolean> {
    for (const { folder, version } of pointers)
      if ((await this.#folderAt(folder).currentVersion()) !== version) return false;
    return true;
  }

  /** Ends a transaction of which it is not known how far it came. */
  settle(): Promise<void> {
    return this.inTurn(async () => {
      await this.#settled();
    });
  }

  async #settled(): Promise<CatalogContents> {
    const contents = await this.#finish(await this.#loaded());
    this.#contents = contents;
    this.#isUnfinished = false;
    return contents;
  }

  /** Idempotent: a crash leaves some tables moved and the old root in the file. */
  async #relocateAll(stored: CatalogContents): Promise<void> {
    for (const entry of stored.entries) {
      if (entry.kind !== 'table') continue;
      const folder = this.folderOf(entry);
      const table = await folder.read();
      if (!table) continue;
      const old = stored.root === '' ? table.metadata.location : fileLocation(stored.root);
      const now = stored.root === '' ? folder.location : fileLocation(this.root);
      if (old === now || table.metadata.location === folder.location) continue;
      const move = { from: localPath(old), now: localPath(now) };
      if (moved(table.metadata.location, move.from, move.now) !== table.metadata.location)
        await relocate(folder, table, move, this.context);
    }
  }

  folderOf(entry: Pick<CatalogEntry, 'folder'>): TableFolder {
    return this.#folderAt(entry.folder);
  }

  #folderAt(folder: string): TableFolder {
    return new TableFolder(placeIn(this.root, folder), this.context.files);
  }

  /** How `catalog.json` names a folder of the lake. */
  below(path: string): string {
    return path.slice(this.root.length + 1);
  }

  async contents(): Promise<CatalogContents> {
    return this.#loaded();
  }

  async entry({ namespace, name }: Names): Promise<CatalogEntry | undefined> {
    const { entries } = await this.#loaded();
    return entries.find((one) => one.namespace === namespace && one.name === name);
  }

  async entries(namespace: string, kind: CatalogEntry['kind']): Promise<CatalogEntry[]> {
    const { entries } = await this.#loaded();
    return entries.filter((one) => one.namespace === namespace && one.kind === kind);
  }

  /** What this is made of, without tables that are not copied with it. */
  async files(isCopied: (table: string) => boolean): Promise<{ path: string; text: string }[]> {
    const contents = await this.#loaded();
    const views: { path: string; text: string }[] = [];
    for (const entry of contents.entries) {
      if (entry.kind !== 'view') continue;
      const folder = this.folderOf(entry);
      const stored = await folder.readText();
      if (!stored) continue;
      views.push({ path: folder.metadataFile(stored.version), text: stored.text });
      views.push({ path: folder.pointer, text: String(stored.version) });
    }
    const entries = contents.entries.filter(
      ({ kind, namespace, name }) => kind === 'view' || isCopied(`${namespace}.${name}`),
    );
    return [...this.#file.texts({ ...contents, entries }), ...views];
  }

  /** Changes the file; readers see the contents before or after. */
  change<T>(
    make: (contents: CatalogContents) => { readonly next: CatalogContents; readonly result: T },
  ): Promise<T> {
    return this.inTurn(async () => {
      const contents = this.#isUnfinished ? await this.#settled() : await this.#loaded();
      const { next, result } = make(contents);
      await this.#write(next);
      this.#contents = next;
      return result;
    });
  }

  /** L6: what went wrong may have done so after the file was written. */
  async #write(next: CatalogContents): Promise<void> {
    try {
      await this.#file.write(next);
    } catch (error) {
      const stored = await this.#file.read().catch(() => undefined);
      if (stored && isDeepStrictEqual(stored, next)) return;
      // Another process may have written it, or half of it was: whoever asks next reads it.
      this.#contents = undefined;
      this.#opening = undefined;
      throw error;
    }
  }

  /** For all of making a table, from the search for its folder until it has its name. */
  making<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#making.then(action);
    this.#making = done.catch(() => undefined);
    return done;
  }

  inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** The table, opened at the first use. */
  async table(names: Names): Promise<FileTable | undefined> {
    const entry = await this.entry(names);
    if (entry?.kind !== 'table') return undefined;
    const known = this.#open.get(entry.folder);
    if (known) return known;
    const opened = this.#openTable(entry);
    this.#open.set(entry.folder, opened);
    opened.catch(() => this.#open.delete(entry.folder));
    return opened;
  }

  async #openTable(entry: CatalogEntry): Promise<FileTable> {
    const folder = this.folderOf(entry);
    const stored = await folder.read();
    if (!stored)
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${folder.path} has no table, though catalog.json names ${entry.namespace}.${entry.name} there. Restore the folder from a backup, or drop the table.`,
      );
    return this.load(entry, folder, stored);
  }

  /** @throws MillraceError where its files cannot be read */
  load(names: Names, folder: TableFolder, stored: StoredTable): Promise<FileTable> {
    return FileTable.load({ names, folder, stored, registry: this });
  }

  /**
   * The folder that a table was staged in; else a new one.
   * @throws MillraceError MR_TABLE_LOCATION where files of another table are there
   */
  async folderFor(names: Names, location: string | undefined): Promise<TableFolder> {
    if (location !== undefined) {
      await this.requireLocation(location);
      const { entries } = await this.#loaded();
      const folder = new TableFolder(plainPlace(this.places.path(location)), this.context.files);
      const isStaged =
        isInside(folder.path, placeIn(this.root, folderName(names.namespace))) &&
        this.below(folder.path).split('/').length === 2 &&
        !entries.some((entry) => entry.folder === this.below(folder.path)) &&
        !(await folder.exists());
      if (isStaged) return folder;
    }
    return this.newFolder(names);
  }

  /** @throws MillraceError MR_TABLE_LOCATION for a place that is not allowed, or another table's */
  async requireLocation(location: string, own?: string): Promise<void> {
    const path = plainPlace(this.places.path(location));
    const { entries } = await this.#loaded();
    const other = entries.find((entry) => {
      const folder = placeIn(this.root, entry.folder);
      return folder !== own && (isInside(path, folder) || isInside(folder, path));
    });
    if (!other && path !== this.root) return;
    throw new MillraceError(
      'MR_TABLE_LOCATION',
      other
        ? `${location} is where ${other.namespace}.${other.name} has its files. Leave the location to the catalog, or choose another.`
        : `${location} is the lake itself. Leave the location to the catalog.`,
    );
  }

  /** Where a namespace's tables are. */
  namespaceLocation(namespace: string): string {
    return fileLocation(placeIn(this.root, folderName(namespace)));
  }

  /** A folder for a new table; a folder that another left has a name of its own. */
  async newFolder({ namespace, name }: Names): Promise<TableFolder> {
    const { entries } = await this.#loaded();
    const plain = placeIn(folderName(namespace), folderName(name));
    const isFree =
      !entries.some((entry) => entry.folder === plain) && !(await this.#folderAt(plain).exists());
    return this.#folderAt(isFree ? plain : `${plain}-${randomBytes(4).toString('hex')}`);
  }

  /** @throws MillraceError MR_TABLE_EXISTS, MR_TABLE_NOT_FOUND for the namespace */
  async add(entry: CatalogEntry, table?: FileTable): Promise<void> {
    await this.change((contents) => {
      requireNamespace(contents, entry.namespace);
      requireFree(contents, entry);
      return { next: { ...contents, entries: [...contents.entries, entry] }, result: undefined };
    });
    if (table) this.#open.set(entry.folder, Promise.resolve(table));
  }

  /** Another table has the name from now on; the folder of the one before stays. */
  async replace(entry: CatalogEntry, table: FileTable): Promise<void> {
    const before = await this.change((contents) => {
      const known = requireEntry(contents, entry, 'table');
      const entries = contents.entries.map((one) => (one === known ? entry : one));
      return { next: { ...contents, entries }, result: known };
    });
    this.#open.delete(before.folder);
    this.#open.set(entry.folder, Promise.resolve(table));
  }

  /** The name is gone when it resolves; the folder is there still. */
  async remove(names: Names, kind: CatalogEntry['kind']): Promise<CatalogEntry> {
    const removed = await this.change((contents) => {
      const entry = requireEntry(contents, names, kind);
      const entries = contents.entries.filter((one) => one !== entry);
      return { next: { ...contents, entries }, result: entry };
    });
    this.#open.delete(removed.folder);
    return removed;
  }

  async rename(from: Names, to: Names, kind: CatalogEntry['kind']): Promise<void> {
    const folder = await this.change((contents) => {
      const entry = requireEntry(contents, from, kind);
      requireNamespace(contents, to.namespace);
      requireFree(contents, to);
      const entries = contents.entries.map((one) => (one === entry ? { ...entry, ...to } : one));
      return { next: { ...contents, entries }, result: entry.folder };
    });
    // The same table still: two of one folder would not take turns (L4).
    (await this.#open.get(folder))?.rename(to);
  }

  async removeFolder(entry: CatalogEntry): Promise<void> {
    const { files } = this.context;
    const { path } = this.folderOf(entry);
    await files.remove(path);
    await files.syncFolder(dirname(path));
  }
}

export function requireNamespace(
  contents: CatalogContents,
  namespace: string,
  kind: 'namespace' | CatalogEntry['kind'] = 'namespace',
): void {
  if (Object.hasOwn(contents.namespaces, namespace)) return;
  throw new MillraceError(
    'MR_TABLE_NOT_FOUND',
    `There is no namespace '${namespace}'. Namespaces are: ${Object.keys(contents.namespaces).join(', ')}.`,
    { details: { kind } },
  );
}

export function requireFree(contents: CatalogContents, { namespace, name }: Names): void {
  const taken = contents.entries.find((one) => one.namespace === namespace && one.name === name);
  if (taken)
    throw new MillraceError(
      'MR_TABLE_EXISTS',
      `There is a ${taken.kind} '${namespace}.${name}' already.`,
    );
}

export function requireEntry(
  contents: CatalogContents,
  { namespace, name }: Names,
  kind: CatalogEntry['kind'],
): CatalogEntry {
  // Who asks for a table misses a table: loading one goes on to `sales.files` of the table `sales` by that.
  requireNamespace(contents, namespace, kind);
  const found = contents.entries.find((one) => one.namespace === namespace && one.name === name);
  if (found?.kind === kind) return found;
  const names = contents.entries
    .filter((one) => one.namespace === namespace && one.kind === kind)
    .map((one) => one.name);
  throw new MillraceError(
    'MR_TABLE_NOT_FOUND',
    `There is no ${kind} '${name}' in namespace '${namespace}'. Its ${kind}s are: ${names.join(', ') || 'none'}.`,
    { details: { kind } },
  );
}

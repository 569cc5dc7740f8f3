import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import { fileLocation, placeIn } from '../location.ts';
import { type CatalogContents, type CatalogEntry, CatalogFile } from './catalog-file.ts';
import { FileTable } from './file-table.ts';
import type { LakeContext } from './file-table-store.ts';
import { relocate } from './relocate.ts';
import { TableFolder } from './table-folder.ts';
import { finishTransaction } from './transaction.ts';

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
  readonly #file: CatalogFile;
  readonly #open = new Map<string, Promise<FileTable>>();
  #contents: CatalogContents | undefined;
  #opening: Promise<CatalogContents> | undefined;
  /** Changes of the file come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(root: string, context: LakeContext) {
    this.root = root;
    this.context = context;
    this.#file = new CatalogFile(root, context.files);
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
    await finishTransaction(this);
    const stored = (await this.#file.read()) ?? (await this.#adopt());
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
      const to = (location: string) =>
        location.startsWith(`${old}/`) || location === old
          ? `${now}${location.slice(old.length)}`
          : location;
      if (to(table.metadata.location) !== table.metadata.location)
        await relocate(folder, table, to, this.context);
    }
  }

  folderOf(entry: CatalogEntry): TableFolder {
    return new TableFolder(placeIn(this.root, entry.folder), this.context.files);
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

  /** Changes the file; readers see the contents before or after. */
  change<T>(
    make: (contents: CatalogContents) => { readonly next: CatalogContents; readonly result: T },
  ): Promise<T> {
    return this.inTurn(async () => {
      const { next, result } = make(await this.#loaded());
      try {
        await this.#file.write(next);
      } catch (error) {
        // Whether it was written, or another process wrote it, the file says.
        this.#contents = undefined;
        this.#opening = undefined;
        throw error;
      }
      this.#contents = next;
      return result;
    });
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
    return FileTable.load(entry, folder, stored, this.context);
  }

  /** A folder for a new table; a folder that another left has a name of its own. */
  async newFolder({ namespace, name }: Names): Promise<TableFolder> {
    const { entries } = await this.#loaded();
    const plain = placeIn(folderName(namespace), folderName(name));
    const isFree =
      !entries.some((entry) => entry.folder === plain) &&
      !(await this.context.files.exists(
        placeIn(this.root, plain, 'metadata', 'version-hint.text'),
      ));
    const folder = isFree ? plain : `${plain}-${randomBytes(4).toString('hex')}`;
    return new TableFolder(placeIn(this.root, folder), this.context.files);
  }

  /** @throws MillraceError MR_TABLE_EXISTS, MR_TABLE_NOT_FOUND for the namespace */
  add(entry: Names & Pick<CatalogEntry, 'kind'>, folder: TableFolder): Promise<void> {
    return this.change((contents) => {
      requireNamespace(contents, entry.namespace);
      requireFree(contents, entry);
      const added = { ...entry, folder: folder.path.slice(this.root.length + 1) };
      return { next: { ...contents, entries: [...contents.entries, added] }, result: undefined };
    });
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
    this.#open.delete(folder);
  }

  async removeFolder(entry: CatalogEntry): Promise<void> {
    const { files } = this.context;
    const { path } = this.folderOf(entry);
    await files.remove(path);
    await files.syncFolder(dirname(path));
  }
}

/** Names of other programs may have any character; folders may not. */
const folderName = (name: string): string =>
  encodeURIComponent(name)
    .replace(/^\.+/, (dots) => '%2E'.repeat(dots.length))
    .replaceAll('*', '%2A');

export function requireNamespace(contents: CatalogContents, namespace: string): void {
  if (contents.namespaces[namespace]) return;
  throw new MillraceError(
    'MR_TABLE_NOT_FOUND',
    `There is no namespace '${namespace}'. Namespaces are: ${Object.keys(contents.namespaces).join(', ')}.`,
    { details: { kind: 'namespace' } },
  );
}

function requireFree(contents: CatalogContents, { namespace, name }: Names): void {
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
  requireNamespace(contents, namespace);
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

import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../core/errors.ts';
import type {
  Catalog,
  ChangedProperties,
  LoadedTable,
  LoadedView,
  NamespaceChange,
  NamespaceProperties,
  TableChange,
  TableName,
  TableRequest,
  ViewChange,
  ViewRequest,
} from '../catalog.ts';
import { newTable } from '../iceberg/commit.ts';
import { icebergJson, parseIcebergJson } from '../iceberg/json.ts';
import { FORMAT_VERSION, parseMetadata, type TableMetadata } from '../iceberg/metadata.ts';
import { applyUpdates, type TableUpdate } from '../iceberg/updates.ts';
import { changeView, newView, type ViewMetadata } from '../iceberg/view.ts';
import { isLocal, localPath } from '../location.ts';
import { requireOwnerAllows } from './defined-table.ts';
import type { FileTable } from './file-table.ts';
import { freshIds } from './fresh-ids.ts';
import type { TableFolder } from './table-folder.ts';
import { requireEntry, requireNamespace, type TableRegistry } from './table-registry.ts';
import { commitTogether } from './transaction.ts';

/** The tables of a folder as a catalog. */
export class FileCatalog implements Catalog {
  readonly #registry: TableRegistry;

  constructor(registry: TableRegistry) {
    this.#registry = registry;
  }

  async namespaces(): Promise<readonly string[]> {
    return Object.keys((await this.#registry.contents()).namespaces).sort();
  }

  async namespace(name: string): Promise<NamespaceProperties> {
    const contents = await this.#registry.contents();
    requireNamespace(contents, name);
    return contents.namespaces[name] ?? {};
  }

  createNamespace(name: string, properties: NamespaceProperties): Promise<void> {
    return this.#registry.change((contents) => {
      if (contents.namespaces[name])
        throw new MillraceError('MR_TABLE_EXISTS', `There is a namespace '${name}' already.`);
      const namespaces = { ...contents.namespaces, [name]: properties };
      return { next: { ...contents, namespaces }, result: undefined };
    });
  }

  dropNamespace(name: string): Promise<void> {
    return this.#registry.change((contents) => {
      requireNamespace(contents, name);
      if (name === 'lake' || name === 'warehouse')
        throw new MillraceError(
          'MR_TABLE_DEFINED',
          `Namespace '${name}' is where the pipeline's own tables are, and stays.`,
        );
      const inside = contents.entries.filter((entry) => entry.namespace === name);
      if (inside.length > 0)
        throw new MillraceError(
          'MR_NAMESPACE_NOT_EMPTY',
          `Namespace '${name}' has ${inside.map((entry) => entry.name).join(', ')}.`,
        );
      const { [name]: _dropped, ...namespaces } = contents.namespaces;
      return { next: { ...contents, namespaces }, result: undefined };
    });
  }

  changeNamespace(
    name: string,
    { updates, removals }: NamespaceChange,
  ): Promise<ChangedProperties> {
    return this.#registry.change((contents) => {
      requireNamespace(contents, name);
      const before = contents.namespaces[name] ?? {};
      const kept = Object.entries(before).filter(([key]) => !removals.includes(key));
      const properties = { ...Object.fromEntries(kept), ...updates };
      return {
        next: { ...contents, namespaces: { ...contents.namespaces, [name]: properties } },
        result: {
          updated: Object.keys(updates),
          removed: removals.filter((key) => key in before),
          missing: removals.filter((key) => !(key in before)),
        },
      };
    });
  }

  async tables(namespace: string): Promise<readonly string[]> {
    requireNamespace(await this.#registry.contents(), namespace);
    return (await this.#registry.entries(namespace, 'table')).map((entry) => entry.name).sort();
  }

  async table(name: TableName): Promise<LoadedTable> {
    return loaded(await this.#table(name));
  }

  /** @throws MillraceError MR_TABLE_NOT_FOUND */
  async #table(name: TableName): Promise<FileTable> {
    const table = await this.#registry.table(name);
    if (table) return table;
    requireEntry(await this.#registry.contents(), name, 'table');
    throw new MillraceError('MR_TABLE_NOT_FOUND', `Table ${name.name} was dropped just now.`);
  }

  async createTable(name: TableName, request: TableRequest): Promise<LoadedTable> {
    const folder = await this.#newFolder(name);
    await this.#store(name, folder, this.#newMetadata(request, folder));
    return this.table(name);
  }

  async stageTable(name: TableName, request: TableRequest): Promise<TableMetadata> {
    const folder = await this.#newFolder(name);
    // Who writes its first files expects the folders to be there (iceberg.md §4.7).
    await folder.create();
    return this.#newMetadata(request, folder);
  }

  async #newFolder(name: TableName): Promise<TableFolder> {
    const contents = await this.#registry.contents();
    requireNamespace(contents, name.namespace);
    if (await this.#registry.entry(name))
      throw new MillraceError(
        'MR_TABLE_EXISTS',
        `There is a table or view '${name.namespace}.${name.name}' already.`,
      );
    return this.#registry.newFolder(name);
  }

  #newMetadata(request: TableRequest, folder: TableFolder): TableMetadata {
    const { 'format-version': version, ...properties } = request.properties;
    const { schema, spec, sortOrder, lastColumnId } = freshIds(request);
    return newTable({
      uuid: randomUUID(),
      location: (request.location ?? folder.location).replace(/\/$/, ''),
      schema,
      lastColumnId,
      spec,
      sortOrder,
      formatVersion: version === undefined ? FORMAT_VERSION : Number(version),
      properties,
      nowMs: this.#registry.context.clock.now(),
    });
  }

  async #store(name: TableName, folder: TableFolder, metadata: TableMetadata): Promise<void> {
    await folder.create();
    await folder.commit({ version: 0, metadata }, metadata);
    await this.#registry.add({ ...name, kind: 'table' }, folder);
  }

  async registerTable(
    name: TableName,
    metadataLocation: string,
    overwrite: boolean,
  ): Promise<LoadedTable> {
    if (!isLocal(metadataLocation))
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `${metadataLocation} is not a file of this machine. Give a path or a file:// location.`,
      );
    const text = await this.#registry.context.files.readFile(localPath(metadataLocation));
    const metadata = parseMetadata(metadataLocation, text.toString());
    if (overwrite && (await this.#registry.entry(name))) await this.dropTable(name, false);
    const folder = await this.#newFolder(name);
    await this.#store(name, folder, metadata);
    try {
      return await this.table(name);
    } catch (error) {
      // What cannot be read is not taken (C5).
      await this.#registry.remove(name, 'table');
      throw error;
    }
  }

  async commit(name: TableName, change: TableChange): Promise<LoadedTable> {
    const table = await this.#registry.table(name);
    if (!table && change.requirements.some(({ type }) => type === 'assert-create'))
      return this.#create(name, change.updates);
    const found = table ?? (await this.#table(name));
    requireOwnerAllows(found, change.updates);
    await found.commit(change.requirements, change.updates);
    return loaded(found);
  }

  /** The first commit of a staged table: what it was staged with comes again as updates. */
  async #create(name: TableName, updates: readonly TableUpdate[]): Promise<LoadedTable> {
    const folder = await this.#newFolder(name);
    const nowMs = this.#registry.context.clock.now();
    const metadata = applyUpdates(emptyTable(folder, nowMs), updates, nowMs);
    await this.#store(name, folder, metadata);
    return this.table(name);
  }

  async commitAll(changes: readonly (TableChange & { readonly name: TableName })[]): Promise<void> {
    const parts = [];
    for (const { name, ...change } of changes) {
      const table = await this.#registry.table(name);
      if (!table && change.requirements.some(({ type }) => type === 'assert-create')) {
        await this.#create(name, change.updates);
        continue;
      }
      const found = table ?? (await this.#table(name));
      requireOwnerAllows(found, change.updates);
      parts.push({ table: found, change });
    }
    await commitTogether(this.#registry, parts);
  }

  async renameTable(from: TableName, to: TableName): Promise<void> {
    const table = await this.#table(from);
    requireNotDefined(table, 'renamed');
    await this.#registry.rename(from, to, 'table');
  }

  async dropTable(name: TableName, purge: boolean): Promise<void> {
    const table = await this.#table(name);
    requireNotDefined(table, 'dropped');
    const entry = await this.#registry.remove(name, 'table');
    // Of a table that was registered the files are somebody else's.
    const isOurs = table.metadata.location === this.#registry.folderOf(entry).location;
    if (purge && isOurs) await this.#registry.removeFolder(entry);
  }

  async views(namespace: string): Promise<readonly string[]> {
    requireNamespace(await this.#registry.contents(), namespace);
    return (await this.#registry.entries(namespace, 'view')).map((entry) => entry.name).sort();
  }

  async view(name: TableName): Promise<LoadedView> {
    const entry = requireEntry(await this.#registry.contents(), name, 'view');
    const folder = this.#registry.folderOf(entry);
    const stored = await folder.readText();
    if (!stored)
      throw new MillraceError('MR_STORAGE_DAMAGED', `${folder.path} has no view any more.`);
    return {
      metadata: parseIcebergJson(stored.text) as ViewMetadata,
      metadataLocation: folder.metadataLocation(stored.version),
    };
  }

  async createView(name: TableName, request: ViewRequest): Promise<LoadedView> {
    const folder = await this.#newFolder(name);
    await folder.create();
    const view = newView({
      uuid: randomUUID(),
      location: request.location ?? folder.location,
      schema: request.schema,
      version: request.version,
      properties: request.properties,
    });
    await this.#storeView(folder, 1, view);
    await this.#registry.add({ ...name, kind: 'view' }, folder);
    return this.view(name);
  }

  async #storeView(folder: TableFolder, version: number, view: ViewMetadata): Promise<void> {
    await folder.writeNew(folder.metadataFile(version), Buffer.from(icebergJson(view)));
    await folder.files.syncFolder(folder.metadataFolder);
    await folder.point(version);
  }

  commitView(name: TableName, { requirements, updates }: ViewChange): Promise<LoadedView> {
    return this.#registry.inTurn(async () => {
      const entry = requireEntry(await this.#registry.contents(), name, 'view');
      const folder = this.#registry.folderOf(entry);
      const version = (await folder.readText())?.version ?? 0;
      const next = changeView((await this.view(name)).metadata, requirements, updates);
      await this.#storeView(folder, version + 1, next);
      return this.view(name);
    });
  }

  renameView(from: TableName, to: TableName): Promise<void> {
    return this.#registry.rename(from, to, 'view');
  }

  async dropView(name: TableName): Promise<void> {
    const entry = await this.#registry.remove(name, 'view');
    await this.#registry.removeFolder(entry);
  }
}

const loaded = ({ metadata, metadataLocation }: FileTable): LoadedTable => ({
  metadata,
  metadataLocation,
});

function emptyTable(folder: TableFolder, nowMs: number): TableMetadata {
  return {
    ...newTable({
      uuid: randomUUID(),
      location: folder.location,
      schema: { type: 'struct', 'schema-id': 0, fields: [] },
      lastColumnId: 0,
      spec: { 'spec-id': 0, fields: [] },
      nowMs,
    }),
    schemas: [],
    'partition-specs': [],
    'sort-orders': [],
    properties: {},
  };
}

function requireNotDefined(table: FileTable, what: string): void {
  if (!table.isDefined) return;
  throw new MillraceError(
    'MR_TABLE_DEFINED',
    `${table.namespace}.${table.name} belongs to a definition of the pipeline and is not ${what} from outside. Take the definition out of the pipeline file; \`millrace drop ${table.name}\` removes its data then.`,
  );
}

import { randomUUID } from 'node:crypto';
import { MillraceError } from '../../core/errors.ts';
import type {
  Catalog,
  ChangedProperties,
  ClientSettings,
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
import { checkSchema, checkSortOrder, checkSpec, requireWhole } from '../iceberg/check-metadata.ts';
import { newTable } from '../iceberg/commit.ts';
import { icebergJson, parseIcebergJson } from '../iceberg/json.ts';
import { FORMAT_VERSION, parseMetadata, type TableMetadata } from '../iceberg/metadata.ts';
import { checkForm } from '../iceberg/metadata-form.ts';
import { applyUpdates, type TableUpdate } from '../iceberg/updates.ts';
import { changeView, newView, type ViewMetadata } from '../iceberg/view.ts';
import { requireForeign, withoutOwn } from './defined-table.ts';
import type { FileTable } from './file-table.ts';
import { freshIds } from './fresh-ids.ts';
import type { TableFolder } from './table-folder.ts';
import {
  requireEntry,
  requireFree,
  requireNamespace,
  type TableRegistry,
} from './table-registry.ts';
import { commitTogether, type NewTable } from './transaction.ts';

/** The tables of a folder as a catalog. */
export class FileCatalog implements Catalog {
  readonly clientSettings: ClientSettings;
  readonly #registry: TableRegistry;

  /** @param clientSettings how programs reach the files of tables */
  constructor(registry: TableRegistry, clientSettings: ClientSettings = {}) {
    this.#registry = registry;
    this.clientSettings = clientSettings;
  }

  async namespaces(): Promise<readonly string[]> {
    return Object.keys((await this.#registry.contents()).namespaces).sort();
  }

  async namespace(name: string): Promise<NamespaceProperties> {
    const contents = await this.#registry.contents();
    requireNamespace(contents, name);
    // Trino stages a new table only where it is told a place for it, and refuses one that is there already.
    return { location: this.#registry.namespaceLocation(name), ...contents.namespaces[name] };
  }

  createNamespace(name: string, properties: NamespaceProperties): Promise<void> {
    return this.#registry.change((contents) => {
      requireName(name, 'namespace');
      if (Object.hasOwn(contents.namespaces, name))
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
          removed: removals.filter((key) => Object.hasOwn(before, key)),
          missing: removals.filter((key) => !Object.hasOwn(before, key)),
        },
      };
    });
  }

  async tables(namespace: string): Promise<readonly string[]> {
    requireNamespace(await this.#registry.contents(), namespace);
    return (await this.#registry.entries(namespace, 'table')).map((entry) => entry.name).sort();
  }

  /** @throws MillraceError MR_NOT_READY while other programs would read its deletes wrong */
  async table(name: TableName): Promise<LoadedTable> {
    const table = await this.#table(name);
    if (table.isMoved)
      throw new MillraceError(
        'MR_NOT_READY',
        `The lake was moved, and ${name.namespace}.${name.name} has deleted rows that are named by their old paths. They are being folded in; ask again in a minute, or run \`millrace compact ${name.namespace}.${name.name}\`.`,
      );
    return loaded(table);
  }

  /** @throws MillraceError MR_TABLE_NOT_FOUND */
  async #table(name: TableName): Promise<FileTable> {
    const table = await this.#registry.table(name);
    if (table) return table;
    requireEntry(await this.#registry.contents(), name, 'table');
    throw new MillraceError('MR_TABLE_NOT_FOUND', `Table ${name.name} was dropped just now.`);
  }

  createTable(name: TableName, request: TableRequest): Promise<LoadedTable> {
    return this.#registry.making(async () => {
      const folder = await this.#newFolder(name, request.location);
      return this.#add(await this.#write(name, folder, this.#newMetadata(request, folder)));
    });
  }

  stageTable(name: TableName, request: TableRequest): Promise<TableMetadata> {
    return this.#registry.making(async () => {
      const folder = await this.#newFolder(name, request.location);
      const metadata = this.#newMetadata(request, folder);
      // Who writes its first files expects the folders to be there (iceberg.md §4.7).
      await folder.create();
      return metadata;
    });
  }

  async #newFolder(name: TableName, location?: string): Promise<TableFolder> {
    requireName(name.name, 'table or view');
    const contents = await this.#registry.contents();
    requireNamespace(contents, name.namespace);
    requireFree(contents, name);
    return this.#registry.folderFor(name, location);
  }

  #newMetadata(request: TableRequest, folder: TableFolder): TableMetadata {
    const { 'format-version': version, ...properties } = request.properties;
    requireForeign(properties);
    checkSchema(request.schema);
    if (request.spec) checkSpec(request.spec, [request.schema]);
    if (request.sortOrder) checkSortOrder(request.sortOrder, [request.schema]);
    const { schema, spec, sortOrder, lastColumnId } = freshIds(request);
    return newTable({
      uuid: randomUUID(),
      location: (request.location ?? folder.location).replace(/\/$/, ''),
      schema,
      lastColumnId,
      spec,
      sortOrder,
      formatVersion: version === undefined ? FORMAT_VERSION : formatVersion(version),
      properties,
      nowMs: this.#registry.context.clock.now(),
    });
  }

  /** In its folder, and known to be readable (C5); nothing names it yet. */
  async #write(
    name: TableName,
    folder: TableFolder,
    metadata: TableMetadata,
    { isPointed = true } = {},
  ): Promise<MadeTable> {
    const registry = this.#registry;
    await registry.load(name, folder, { version: 0, metadata });
    await folder.create();
    const made = { version: 0, metadata };
    const stored = isPointed
      ? await folder.commit(made, metadata)
      : await folder.write(made, metadata);
    return {
      entry: { ...name, kind: 'table', isForeign: true, folder: registry.below(folder.path) },
      version: stored.version,
      table: await registry.load(name, folder, stored),
    };
  }

  async #add({ entry, table }: MadeTable): Promise<LoadedTable> {
    await this.#registry.add(entry, table);
    return loaded(table);
  }

  registerTable(
    name: TableName,
    metadataLocation: string,
    overwrite: boolean,
  ): Promise<LoadedTable> {
    return this.#registry.making(async () => {
      const metadata = await this.#foreignMetadata(metadataLocation);
      const known = await this.#registry.table(name);
      if (known && overwrite) requireNotDefined(known, 'replaced');
      await this.#registry.requireLocation(metadata.location, overwrite ? known?.path : undefined);
      const folder =
        known && overwrite ? await this.#registry.newFolder(name) : await this.#newFolder(name);
      const made = await readableAsTable(metadataLocation, () =>
        this.#write(name, folder, metadata),
      );
      if (!known || !overwrite) return this.#add(made);
      await this.#registry.replace(made.entry, made.table);
      return loaded(made.table);
    });
  }

  /** The metadata that another catalog left, without what made it a table of a pipeline. */
  async #foreignMetadata(location: string): Promise<TableMetadata> {
    const path = this.#registry.places.path(location);
    return readableAsTable(location, async () => {
      const text = await this.#registry.context.files.readFile(path);
      const metadata = parseMetadata(location, text.toString());
      checkForm(metadata);
      requireWhole(metadata);
      for (const schema of metadata.schemas) checkSchema(schema);
      return { ...metadata, properties: withoutOwn(metadata.properties) };
    });
  }

  async commit(name: TableName, change: TableChange): Promise<LoadedTable> {
    const table = await this.#registry.table(name);
    if (!table && createsTable(change))
      return this.#registry.making(async () => this.#add(await this.#staged(name, change.updates)));
    const found = table ?? (await this.#table(name));
    await found.commit(change);
    return loaded(found);
  }

  /** The first commit of a staged table: what it was staged with comes again as updates. */
  async #staged(
    name: TableName,
    updates: readonly TableUpdate[],
    options: { readonly isPointed?: boolean } = {},
  ): Promise<MadeTable> {
    const place = updates.findLast((update) => update.action === 'set-location');
    const folder = await this.#newFolder(name, place?.location);
    const nowMs = this.#registry.context.clock.now();
    const metadata = applyUpdates(emptyTable(folder, nowMs), updates, nowMs);
    requireForeign(metadata.properties);
    return this.#write(name, folder, metadata, options);
  }

  async commitAll(changes: readonly (TableChange & { readonly name: TableName })[]): Promise<void> {
    const names = changes.map(({ name }) => JSON.stringify([name.namespace, name.name]));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined)
      throw new MillraceError(
        'MR_TABLE_COMMIT_INVALID',
        `A transaction changes each table once; ${twice} is in it twice.`,
      );
    await this.#registry.making(async () => {
      const parts = [];
      const made = [];
      for (const { name, ...change } of changes) {
        const table = await this.#registry.table(name);
        if (table || !createsTable(change))
          parts.push({ table: table ?? (await this.#table(name)), change });
        else made.push(await this.#staged(name, change.updates, { isPointed: false }));
      }
      await commitTogether(this.#registry, parts, made);
    });
  }

  async renameTable(from: TableName, to: TableName): Promise<void> {
    const table = await this.#table(from);
    requireNotDefined(table, 'renamed');
    requireName(to.name, 'table or view');
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

  createView(name: TableName, request: ViewRequest): Promise<LoadedView> {
    return this.#registry.making(async () => {
      const folder = await this.#newFolder(name);
      checkSchema(request.schema);
      await folder.create();
      const view = newView({
        uuid: randomUUID(),
        location: request.location ?? folder.location,
        schema: request.schema,
        version: request.version,
        properties: request.properties,
      });
      await this.#storeView(folder, 1, view);
      await this.#registry.add({
        ...name,
        kind: 'view',
        folder: this.#registry.below(folder.path),
      });
      return this.view(name);
    });
  }

  async #storeView(folder: TableFolder, version: number, view: ViewMetadata): Promise<void> {
    await folder.point(await folder.writeVersion(version, icebergJson(view)));
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

  async renameView(from: TableName, to: TableName): Promise<void> {
    requireName(to.name, 'table or view');
    return this.#registry.rename(from, to, 'view');
  }

  async dropView(name: TableName): Promise<void> {
    const entry = await this.#registry.remove(name, 'view');
    await this.#registry.removeFolder(entry);
  }
}

interface MadeTable extends NewTable {
  readonly table: FileTable;
}

const createsTable = ({ requirements }: TableChange): boolean =>
  requirements.some(({ type }) => type === 'assert-create');

function formatVersion(text: string): number {
  if (/^[123]$/.test(text)) return Number(text);
  throw new MillraceError(
    'MR_TABLE_COMMIT_INVALID',
    `Property 'format-version' must be 1, 2 or 3, not ${JSON.stringify(text)}.`,
  );
}

/** What a client names as a table and is none is the client's mistake. */
async function readableAsTable<T>(location: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MillraceError && error.status < 500) throw error;
    throw new MillraceError(
      'MR_TABLE_COMMIT_INVALID',
      `${location} cannot be read as a table: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

const NAME_BYTES_MAX = 255;

function requireName(name: string, what: string): void {
  const isGood =
    name !== '' &&
    Buffer.byteLength(name) <= NAME_BYTES_MAX &&
    name.isWellFormed() &&
    ![...name].some((character) => character < ' ' || character === '\u007f');
  if (isGood) return;
  throw new MillraceError(
    'MR_TABLE_COMMIT_INVALID',
    `The name of a ${what} has 1 to ${NAME_BYTES_MAX} bytes and no control characters.`,
  );
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

import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { folderBytes } from '../../core/folder-bytes.ts';
import type { Logger } from '../../core/logger.ts';
import type { DataFiles } from '../data-files.ts';
import { newTable } from '../iceberg/commit.ts';
import { fieldProperties, sortOrder, sortProperties } from '../iceberg/evolution.ts';
import { evolveSchema } from '../iceberg/schema.ts';
import { partitionSpec } from '../iceberg/transform.ts';
import type { LakeTable, TableSettings, TableStore } from '../table-store.ts';
import type { TableRegistry } from './table-registry.ts';

export interface LakeContext {
  readonly files: FileSystem;
  /** Where it is absent, files of tables are files of this machine. */
  readonly dataFiles?: DataFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folders beside the lake that tables of other programs may have files in. */
  readonly allowedLocations?: readonly string[];
}

/** Tables as folders `<lake>/<namespace>/<table>/{metadata,data}` that any Iceberg reader opens. */
export class FileTableStore implements TableStore {
  readonly #registry: TableRegistry;

  constructor(registry: TableRegistry) {
    this.#registry = registry;
  }

  find(namespace: string, name: string): Promise<LakeTable | undefined> {
    return this.#registry.table({ namespace, name });
  }

  async foreign() {
    const { entries } = await this.#registry.contents();
    return entries.filter(({ kind, isForeign }) => kind === 'table' && isForeign);
  }

  async namespaces(): Promise<string[]> {
    return Object.keys((await this.#registry.contents()).namespaces);
  }

  catalogFiles(isCopied: (table: string) => boolean) {
    return this.#registry.files(isCopied);
  }

  async names(namespace: string): Promise<string[]> {
    return (await this.#registry.entries(namespace, 'table')).map((entry) => entry.name);
  }

  async bytes(namespace: string, name: string): Promise<number> {
    const entry = await this.#registry.entry({ namespace, name });
    const { files } = this.#registry.context;
    return entry ? folderBytes(files, this.#registry.folderOf(entry).path) : 0;
  }

  async remove(namespace: string, name: string): Promise<void> {
    const entry = await this.#registry.entry({ namespace, name });
    if (!entry) return;
    await this.#registry.remove(entry, entry.kind);
    await this.#registry.removeFolder(entry);
  }

  /** Its files stay where they are: paths inside are absolute. */
  async rename(namespace: string, from: string, to: string): Promise<void> {
    const names = [from, to].map((name) => ({ namespace, name }));
    const [before, after] = names as [(typeof names)[0], (typeof names)[0]];
    if (!(await this.#registry.entry(before)) || (await this.#registry.entry(after))) return;
    await this.#registry.rename(before, after, 'table');
  }

  async open(settings: TableSettings): Promise<LakeTable> {
    await this.#requireOwn(settings);
    const existing = await this.#registry.table(settings);
    if (existing) {
      await existing.evolve(settings);
      return existing;
    }
    await this.#registry.making(() => this.#create(settings));
    return (await this.#registry.table(settings)) as LakeTable;
  }

  /** What another program made under the name of a definition is not written over. */
  async #requireOwn({ namespace, name }: TableSettings): Promise<void> {
    const entry = await this.#registry.entry({ namespace, name });
    if (!entry?.isForeign) return;
    throw new MillraceError(
      'MR_TABLE_EXISTS',
      `There is a ${entry.kind} '${namespace}.${name}' that another program made through the Iceberg catalog. Rename it there (ALTER TABLE … RENAME TO …), or give the definition another name.`,
    );
  }

  async #create(settings: TableSettings): Promise<void> {
    const { namespace, name, fields, partitionBy, sortBy = [] } = settings;
    const folder = await this.#registry.newFolder({ namespace, name });
    await folder.create();
    const evolved = evolveSchema(fields, undefined);
    const { schema, lastColumnId } = evolved;
    const order = sortOrder(sortBy, schema.fields, []);
    const nowMs = this.#registry.context.clock.now();
    const metadata = newTable({
      uuid: randomUUID(),
      location: folder.location,
      schema,
      lastColumnId,
      spec: partitionSpec(
        partitionBy,
        schema.fields,
        schema.fields.map((field) => field.name),
        [],
      ),
      sortOrder: order,
      properties: { ...fieldProperties(evolved, settings), ...sortProperties(order) },
      nowMs,
    });
    await folder.commit({ version: 0, metadata }, metadata);
    await this.#registry.add({
      namespace,
      name,
      kind: 'table',
      folder: this.#registry.below(folder.path),
    });
  }
}

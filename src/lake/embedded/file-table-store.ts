import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { folderBytes } from '../../core/folder-bytes.ts';
import type { Logger } from '../../core/logger.ts';
import { newTable } from '../iceberg/commit.ts';
import { evolveSchema, FIELDS_PROPERTY } from '../iceberg/schema.ts';
import { partitionSpec } from '../iceberg/transform.ts';
import type { LakeTable, TableSettings, TableStore } from '../table-store.ts';
import type { TableRegistry } from './table-registry.ts';

export interface LakeContext {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
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
    const existing = await this.#registry.table(settings);
    if (existing) {
      await existing.evolve(settings.fields, settings.partitionBy);
      return existing;
    }
    await this.#create(settings);
    return (await this.#registry.table(settings)) as LakeTable;
  }

  async #create({ namespace, name, fields, partitionBy }: TableSettings): Promise<void> {
    const folder = await this.#registry.newFolder({ namespace, name });
    await folder.create();
    const { schema, lastColumnId, map } = evolveSchema(fields, undefined);
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
      properties: { [FIELDS_PROPERTY]: JSON.stringify(map) },
      nowMs,
    });
    await folder.commit({ version: 0, metadata }, metadata);
    await this.#registry.add({ namespace, name, kind: 'table' }, folder);
  }
}

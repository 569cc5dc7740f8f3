import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { folderBytes } from '../../core/folder-bytes.ts';
import type { Logger } from '../../core/logger.ts';
import { newTable } from '../iceberg/commit.ts';
import { evolveSchema } from '../iceberg/schema.ts';
import { partitionSpec } from '../iceberg/transform.ts';
import type { LakeTable, TableSettings, TableStore } from '../table-store.ts';
import { FileTable } from './file-table.ts';
import { moveTable } from './move-table.ts';
import { TableFolder } from './table-folder.ts';

export interface LakeContext {
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tables as folders `<lake>/<namespace>/<table>/{metadata,data}` that any Iceberg reader opens. */
export class FileTableStore implements TableStore {
  readonly #folder: string;
  readonly #context: LakeContext;

  constructor(folder: string, context: LakeContext) {
    this.#folder = folder;
    this.#context = context;
  }

  async find(namespace: string, name: string): Promise<LakeTable | undefined> {
    return this.#find(namespace, name);
  }

  async names(namespace: string): Promise<string[]> {
    return (await this.#context.files.list(join(this.#folder, namespace)))
      .filter((entry) => entry.isFolder)
      .map((entry) => entry.name);
  }

  bytes(namespace: string, name: string): Promise<number> {
    return folderBytes(this.#context.files, join(this.#folder, namespace, name));
  }

  async remove(namespace: string, name: string): Promise<void> {
    const { files } = this.#context;
    const path = join(this.#folder, namespace, name);
    if (!(await files.exists(path))) return;
    await files.remove(path);
    await files.syncFolder(join(this.#folder, namespace));
  }

  /** The paths inside follow when the table is opened, as when the whole data folder was moved. */
  async rename(namespace: string, from: string, to: string): Promise<void> {
    const { files } = this.#context;
    const [before, after] = [from, to].map((name) => join(this.#folder, namespace, name)) as [
      string,
      string,
    ];
    if (!(await files.exists(before)) || (await files.exists(after))) return;
    await files.rename(before, after);
    await files.syncFolder(join(this.#folder, namespace));
  }

  async #find(namespace: string, name: string): Promise<FileTable | undefined> {
    const folder = new TableFolder(join(this.#folder, namespace, name), this.#context.files);
    const stored = await folder.read();
    if (!stored) return undefined;
    const moved =
      stored.metadata.location === folder.path
        ? stored
        : await moveTable(folder, stored, this.#context);
    return FileTable.load({ namespace, name }, folder, moved, this.#context);
  }

  async open(settings: TableSettings): Promise<LakeTable> {
    const existing = await this.#find(settings.namespace, settings.name);
    if (existing) {
      await existing.evolve(settings.fields, settings.partitionBy);
      return existing;
    }
    const folder = new TableFolder(
      join(this.#folder, settings.namespace, settings.name),
      this.#context.files,
    );
    await folder.create();
    const { schema, lastColumnId } = evolveSchema(settings.fields, undefined, 0);
    const spec = partitionSpec(settings.partitionBy, schema, []);
    const metadata = newTable({
      uuid: randomUUID(),
      location: folder.path,
      schema,
      lastColumnId,
      spec,
      nowMs: this.#context.clock.now(),
    });
    await folder.commit({ version: 0, metadata }, metadata, this.#context.clock.now());
    return FileTable.load(settings, folder, { version: 1, metadata }, this.#context);
  }
}

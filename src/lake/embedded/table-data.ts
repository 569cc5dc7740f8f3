import type { WriteTarget, WrittenDeletes, WrittenFile } from '../../engine/protocol.ts';
import { type DataFiles, type FetchWait, FILES_IN_PLACE } from '../data-files.ts';
import { type LiveFiles, type TableScan, tableScan } from '../iceberg/live-files.ts';
import {
  currentSchema,
  type IcebergField,
  type Snapshot,
  type TableMetadata,
} from '../iceberg/metadata.ts';
import { fieldsOf } from '../iceberg/schema.ts';
import type { Merge, RewriteState } from '../table-store.ts';
import { writeTarget } from './table-view.ts';

/** Data files of one table, as the engine writes and reads them. */
export class TableData {
  readonly #dataFiles: DataFiles;
  readonly #folder: string;

  constructor(folder: string, dataFiles: DataFiles = FILES_IN_PLACE) {
    this.#folder = folder;
    this.#dataFiles = dataFiles;
  }

  target(metadata: TableMetadata, fields: readonly IcebergField[]): WriteTarget {
    return writeTarget(metadata, this.#dataFiles.writeFolder(this.#folder), fields);
  }

  /** @throws MillraceError MR_TABLE_UNSUPPORTED for files that the engine cannot read */
  scan(live: LiveFiles, metadata: TableMetadata, fields: readonly IcebergField[]): TableScan {
    return this.#dataFiles.readable(tableScan(live, metadata, fields));
  }

  /** The table as it was at a snapshot, whose files these are. */
  at(metadata: TableMetadata, snapshot: Snapshot, live: LiveFiles) {
    const schemaId = snapshot['schema-id'] ?? metadata['current-schema-id'];
    const fields = fieldsOf(metadata, schemaId);
    return {
      snapshotId: String(snapshot['snapshot-id']),
      columns: fields.map(({ name, id, type }) => ({ name, id, type })),
      scan: this.scan(live, metadata, fields),
    };
  }

  rewriting(metadata: TableMetadata, live: LiveFiles): RewriteState {
    const { fields } = currentSchema(metadata);
    return {
      live: live.data,
      scan: this.scan(live, metadata, fields),
      target: this.target(metadata, fields),
      sequence: BigInt(metadata['last-sequence-number']),
    };
  }

  /** Before the turn of a commit: others commit while files are on their way. */
  store(files: readonly WrittenFile[]): Promise<readonly WrittenFile[]> {
    return this.#dataFiles.store(files, this.#folder);
  }

  /** All or nothing. */
  async storeMerge({ files, deletes }: Merge): Promise<Pick<Merge, 'files' | 'deletes'>> {
    const all: readonly (WrittenFile | WrittenDeletes)[] = [...files, ...deletes];
    const stored = await this.#dataFiles.store(all, this.#folder);
    return {
      files: stored.slice(0, files.length) as WrittenFile[],
      deletes: stored.slice(files.length) as WrittenDeletes[],
    };
  }

  fetch(scan: TableScan, wait: FetchWait): Promise<void> {
    return this.#dataFiles.fetch(scan, wait);
  }

  readPath(path: string): string {
    return this.#dataFiles.readPath(path);
  }
}

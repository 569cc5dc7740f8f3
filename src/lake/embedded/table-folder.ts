import { join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { TableMetadata } from '../iceberg/metadata.ts';

export interface StoredTable {
  /** N of `v{N}.metadata.json`. */
  readonly version: number;
  readonly metadata: TableMetadata;
}

/** Metadata files younger than this stay: another reader may still be at one of them (iceberg.md §4.0). */
const METADATA_KEPT_MS = 60 * 60_000;
const METADATA_LOG_KEPT = 100;
/** Holds the version that is the table. */
export const POINTER = 'version-hint.text';

/** The files of one table. The pointer `version-hint.text` moves by a rename and a folder sync. */
export class TableFolder {
  readonly path: string;
  readonly metadataFolder: string;
  readonly dataFolder: string;
  readonly files: FileSystem;

  constructor(path: string, files: FileSystem) {
    this.path = path;
    this.metadataFolder = join(path, 'metadata');
    this.dataFolder = join(path, 'data');
    this.files = files;
  }

  async create(): Promise<void> {
    await this.files.makeFolder(this.metadataFolder);
    await this.files.makeFolder(this.dataFolder);
  }

  async read(): Promise<StoredTable | undefined> {
    const pointer = join(this.metadataFolder, POINTER);
    if (!(await this.files.exists(pointer))) return undefined;
    const version = Number((await this.files.readFile(pointer)).toString().trim());
    const file = this.metadataFile(version);
    if (!Number.isInteger(version))
      throw new MillraceError('MR_STORAGE_DAMAGED', `${pointer} does not name a version.`);
    const metadata = JSON.parse((await this.files.readFile(file)).toString()) as TableMetadata;
    if (metadata['format-version'] !== 2)
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `${file} has Iceberg format version ${String(metadata['format-version'])}; only version 2 can be written.`,
      );
    return { version, metadata };
  }

  metadataFile(version: number): string {
    return join(this.metadataFolder, `v${version}.metadata.json`);
  }

  /** Writes a file that nothing names yet; durable after the folder sync of the commit. */
  async writeNew(path: string, bytes: Uint8Array): Promise<void> {
    const handle = await this.files.open(path, 'write');
    try {
      // A commit that failed may have left a longer file of this name.
      await handle.truncate(0);
      await handle.write(bytes, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Makes `next` the table. The caller holds the table's queue. */
  async commit(current: StoredTable, next: TableMetadata, nowMs: number): Promise<StoredTable> {
    const version = current.version + 1;
    const log = [...current.metadata['metadata-log']];
    if (current.version > 0)
      log.push({
        'metadata-file': this.metadataFile(current.version),
        'timestamp-ms': current.metadata['last-updated-ms'],
      });
    const kept = log.filter(
      (entry, index) =>
        index >= log.length - METADATA_LOG_KEPT || entry['timestamp-ms'] > nowMs - METADATA_KEPT_MS,
    );
    const metadata: TableMetadata = { ...next, 'metadata-log': kept };
    await this.writeNew(this.metadataFile(version), Buffer.from(JSON.stringify(metadata)));
    await this.files.syncFolder(this.metadataFolder);
    await this.files.replaceFile(join(this.metadataFolder, POINTER), String(version));
    for (const dropped of log)
      if (!kept.includes(dropped)) await this.files.remove(dropped['metadata-file']);
    return { version, metadata };
  }
}

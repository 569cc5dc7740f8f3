import { basename, dirname } from 'node:path';
import { MillraceError, systemErrorCode } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { metadataText, parseMetadata, type TableMetadata } from '../iceberg/metadata.ts';
import { fileLocation, localPath, placeIn, plainPlace } from '../location.ts';
import { isInside } from './places.ts';

export interface StoredTable {
  /** N of `v{N}.metadata.json`. */
  readonly version: number;
  readonly metadata: TableMetadata;
}

/** Each commit writes them all again. */
const METADATA_LOG_KEPT = 100;

/** The files of one table. The pointer `version-hint.text` moves by a rename and a folder sync. */
export class TableFolder {
  readonly path: string;
  readonly location: string;
  readonly metadataFolder: string;
  readonly dataFolder: string;
  readonly files: FileSystem;

  constructor(path: string, files: FileSystem) {
    this.path = path;
    this.location = fileLocation(path);
    this.metadataFolder = placeIn(path, 'metadata');
    this.dataFolder = placeIn(path, 'data');
    this.files = files;
  }

  async create(): Promise<void> {
    await this.files.makeFolder(this.metadataFolder);
    await this.files.makeFolder(this.dataFolder);
  }

  /** Holds the version that is the table. */
  get pointer(): string {
    return placeIn(this.metadataFolder, 'version-hint.text');
  }

  async read(): Promise<StoredTable | undefined> {
    const text = await this.readText();
    if (!text) return undefined;
    const { version } = text;
    return { version, metadata: parseMetadata(this.metadataFile(version), text.text) };
  }

  /** True where there is a table or a view. */
  exists(): Promise<boolean> {
    return this.files.exists(this.pointer);
  }

  /** The current metadata file as it is: a view has one too. */
  async readText(): Promise<{ readonly version: number; readonly text: string } | undefined> {
    const version = await this.currentVersion();
    if (version === undefined) return undefined;
    return { version, text: (await this.files.readFile(this.metadataFile(version))).toString() };
  }

  async currentVersion(): Promise<number | undefined> {
    if (!(await this.exists())) return undefined;
    const text = (await this.files.readFile(this.pointer)).toString().trim();
    if (/^\d{1,15}$/.test(text)) return Number(text);
    throw new MillraceError('MR_STORAGE_DAMAGED', `${this.pointer} does not name a version.`);
  }

  /** Files that may end with snapshots: others name files of the table by location, and may name any. */
  owns(path: string): boolean {
    const file = plainPlace(path);
    const isMetadata =
      dirname(file) === this.metadataFolder &&
      /\.metadata\.json$|^version-hint\./.test(basename(file));
    return isInside(file, this.path) && file !== this.path && !isMetadata;
  }

  metadataFile(version: number): string {
    return placeIn(this.metadataFolder, `v${version}.metadata.json`);
  }

  metadataLocation(version: number): string {
    return fileLocation(this.metadataFile(version));
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
  async commit(current: StoredTable, next: TableMetadata): Promise<StoredTable> {
    const stored = await this.write(current, next);
    await this.point(stored.version);
    return stored;
  }

  /** Writes the metadata file that would make `next` the table; nothing points to it yet. */
  async write(current: StoredTable, next: TableMetadata): Promise<StoredTable> {
    const metadata = { ...next, 'metadata-log': this.#log(current) };
    const version = await this.writeVersion(current.version + 1, metadataText(metadata));
    return { version, metadata };
  }

  /** Writes a metadata file that nothing points to yet; its version, the first that is free. */
  async writeVersion(from: number, text: string): Promise<number> {
    for (let version = from; ; version++) {
      try {
        await this.writeNew(this.metadataFile(version), Buffer.from(text));
        await this.files.syncFolder(this.metadataFolder);
        return version;
      } catch (error) {
        // In a bucket there may be one of another process, or of a commit that was not made: it stays.
        if (systemErrorCode(error) !== 'EEXIST') throw error;
      }
    }
  }

  #log(current: StoredTable): TableMetadata['metadata-log'] {
    const log = [...current.metadata['metadata-log']];
    if (current.version > 0)
      log.push({
        'metadata-file': this.metadataLocation(current.version),
        'timestamp-ms': current.metadata['last-updated-ms'],
      });
    return log.slice(-METADATA_LOG_KEPT);
  }

  /** Metadata files of before that the table does not know any more; a reader may still be at one of them. */
  forgotten(before: TableMetadata, after: TableMetadata): string[] {
    const kept = new Set(after['metadata-log'].map((entry) => entry['metadata-file']));
    const paths = before['metadata-log']
      .filter((entry) => !kept.has(entry['metadata-file']))
      .map((entry) => localPath(entry['metadata-file']));
    // A table that was registered has its earlier ones elsewhere: they are not ours.
    return paths.filter((path) => dirname(path) === this.metadataFolder);
  }

  /** For a transaction that is ended late: the table may be further than that. */
  async pointForward(version: number): Promise<void> {
    const now = await this.currentVersion();
    if (now === undefined || now < version) await this.point(version);
  }

  async point(version: number): Promise<void> {
    await this.files.replaceFile(this.pointer, String(version));
  }

  /** After a commit that failed: the table if it was made all the same, durable now. */
  async confirm(current: StoredTable, next: TableMetadata): Promise<StoredTable | undefined> {
    const found = await this.read();
    if (!found || found.version <= current.version) return undefined;
    const expected = { ...next, 'metadata-log': found.metadata['metadata-log'] };
    if (metadataText(found.metadata) !== metadataText(expected)) return undefined;
    await this.point(found.version);
    return found;
  }
}

import { MillraceError } from '../../core/errors.ts';
import type { FileEntry, FileHandle, FileSystem, OpenMode } from '../../core/file-system.ts';
import type { S3Objects } from './s3-objects.ts';

const REMOVED_AT_ONCE = 8;

/** What commits never replace, so that nobody asks how it was. */
const WRITTEN_ONCE = /\.(avro|parquet|puffin|stats|metadata\.json)$/;

/**
 * A bucket as a file system, for tables. Paths are locations: `s3://bucket/key`.
 *
 * Contract, beside that of the interface:
 * B1  A file that is opened for writing is a new one: where there is one already, `sync` throws EEXIST.
 * B2  `replaceFile` replaces what this process last read or wrote there, by its ETag: where another process
 *     came between, it throws MR_TABLE_COMMIT_CONFLICT and changes nothing.
 * B3  What was written is durable when that resolves; folders are names, and there is nothing to sync.
 */
export class S3FileSystem implements FileSystem {
  readonly #objects: S3Objects;
  /** By location; null where nothing was. */
  readonly #etags = new Map<string, string | null>();

  constructor(objects: S3Objects) {
    this.#objects = objects;
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    return mode === 'read' || mode === 'scan'
      ? this.#openStored(path)
      : new NewObject(path, this.#objects);
  }

  async #openStored(path: string): Promise<FileHandle> {
    const info = await this.#objects.info(path);
    if (!info) throw missing(path);
    const refuse = async () => {
      throw new MillraceError('MR_INTERNAL', `Defect: ${path} is open for reading only`);
    };
    return {
      read: async (position, length) => {
        const end = Math.min(position + length, info.size);
        if (end <= position) return Buffer.alloc(0);
        const headers = { range: `bytes=${position}-${end - 1}` };
        return this.#objects.retried(async () => {
          const response = await this.#objects.requestOnce(path, { method: 'GET', headers });
          return Buffer.from(await response.arrayBuffer());
        });
      },
      size: async () => info.size,
      write: refuse,
      truncate: refuse,
      sync: async () => {},
      close: async () => {},
    };
  }

  async readFile(path: string): Promise<Buffer> {
    const stored = await this.#objects.read(path);
    this.#seen(path, stored?.etag ?? null);
    if (!stored) throw missing(path);
    return stored.bytes;
  }

  async replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
    const known = this.#etags.get(path);
    const last = known === undefined ? ((await this.#objects.read(path))?.etag ?? null) : known;
    this.#seen(path, await this.#objects.swap(path, Buffer.from(bytes), last));
  }

  #seen(path: string, etag: string | null): void {
    if (!WRITTEN_ONCE.test(path)) this.#etags.set(path, etag);
  }

  async list(folder: string): Promise<FileEntry[]> {
    const { objects, folders } = await this.#objects.list(folder, { deep: false });
    const names = (locations: readonly string[], isFolder: boolean): FileEntry[] =>
      locations.map((location) => ({ name: location.slice(folder.length + 1), isFolder }));
    return [...names(objects, false), ...names(folders, true)].sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
  }

  async makeFolder(): Promise<void> {}

  async syncFolder(): Promise<void> {}

  /** With all that is below it. */
  async remove(path: string): Promise<void> {
    const { objects } = await this.#objects.list(path, { deep: true });
    for (let at = 0; at < objects.length; at += REMOVED_AT_ONCE)
      await Promise.all(
        objects.slice(at, at + REMOVED_AT_ONCE).map((location) => this.#removeObject(location)),
      );
    await this.#removeObject(path);
  }

  async #removeObject(location: string): Promise<void> {
    await this.#objects.remove(location);
    this.#seen(location, null);
  }

  /** Not in one step: a failure between leaves both. */
  async rename(from: string, to: string): Promise<void> {
    const bytes = await this.readFile(from);
    await this.replaceFile(to, bytes);
    await this.remove(from);
  }

  async exists(path: string): Promise<boolean> {
    if (await this.#objects.info(path)) return true;
    this.#seen(path, null);
    return false;
  }

  async changedMs(path: string): Promise<number> {
    const info = await this.#objects.info(path);
    if (!info) throw missing(path);
    return info.changedMs;
  }

  async stamp(path: string): Promise<string> {
    const info = await this.#objects.info(path);
    if (!info) throw missing(path);
    return info.etag;
  }
}

/** Bytes of a small object; they go there with `sync`. */
class NewObject implements FileHandle {
  readonly #path: string;
  readonly #objects: S3Objects;
  #bytes = Buffer.alloc(0);

  constructor(path: string, objects: S3Objects) {
    this.#path = path;
    this.#objects = objects;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const next = Buffer.alloc(Math.max(this.#bytes.length, position + bytes.length));
    this.#bytes.copy(next);
    next.set(bytes, position);
    this.#bytes = next;
  }

  async read(position: number, length: number): Promise<Buffer> {
    return this.#bytes.subarray(position, position + length);
  }

  async truncate(length: number): Promise<void> {
    this.#bytes = this.#bytes.subarray(0, length);
  }

  async size(): Promise<number> {
    return this.#bytes.length;
  }

  async sync(): Promise<void> {
    if (!(await this.#objects.create(this.#path, this.#bytes)))
      throw systemError('EEXIST', `${this.#path} is there already`);
  }

  async close(): Promise<void> {}
}

const missing = (path: string): Error => systemError('ENOENT', `${path} is not there`);

const systemError = (code: string, message: string): Error =>
  Object.assign(new Error(`${code}: ${message}`), { code });

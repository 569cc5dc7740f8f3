import { dirname, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { fileBytes } from '../../core/folder-bytes.ts';

const ROOM_POLL_MS = 1000;

export interface FileCacheOptions {
  /** Of this machine. */
  readonly files: FileSystem;
  readonly folder: string;
  readonly bytesMax: number;
  readonly clock: Clock;
}

interface Held {
  readonly bytes: number;
  readonly keptUntilMs: number;
}

/** Files that never change, kept here for being read; those not read for longest go first. */
export class FileCache {
  readonly #options: FileCacheOptions;
  /** By path, those used last at the end. */
  readonly #held = new Map<string, Held>();
  readonly #coming = new Map<string, Promise<void>>();
  #bytes = 0;
  #isClosed = false;

  private constructor(options: FileCacheOptions) {
    this.#options = options;
  }

  /** With what an earlier process left in the folder. */
  static async open(options: FileCacheOptions): Promise<FileCache> {
    const cache = new FileCache(options);
    await options.files.makeFolder(options.folder);
    await cache.#find(options.folder);
    return cache;
  }

  async #find(folder: string): Promise<void> {
    const { files } = this.#options;
    for (const { name, isFolder } of await files.list(folder)) {
      const path = join(folder, name);
      if (isFolder) await this.#find(path);
      // Half of a file, of a process that ended.
      else if (name.endsWith('~')) await files.remove(path);
      else this.#hold(path, { bytes: await fileBytes(files, path), keptUntilMs: 0 });
    }
  }

  get folder(): string {
    return this.#options.folder;
  }

  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  #hold(path: string, held: Held): void {
    this.#forget(path);
    this.#held.set(path, held);
    this.#bytes += held.bytes;
  }

  #forget(path: string): void {
    this.#bytes -= this.#held.get(path)?.bytes ?? 0;
    this.#held.delete(path);
  }

  /** True where it is here, and then it stays so for as long. */
  keep(path: string, keepMs: number): boolean {
    const held = this.#held.get(path);
    if (!held) return false;
    const keptUntilMs = Math.max(held.keptUntilMs, this.#options.clock.now() + keepMs);
    this.#hold(path, { ...held, keptUntilMs });
    return true;
  }

  /** Takes a file over that lies elsewhere on this disk; where there is no room, it is gone. */
  async adopt(from: string, path: string, bytes: number): Promise<void> {
    const { files } = this.#options;
    if (!(await this.#makeRoom(bytes))) {
      await files.remove(from);
      return;
    }
    await files.makeFolder(dirname(path));
    await files.rename(from, path);
    this.#hold(path, { bytes, keptUntilMs: 0 });
  }

  /** Has a file written that is not here, once there is room for it; who asks for it meanwhile waits for the same. */
  bring(path: string, bytes: number, write: () => Promise<void>): Promise<void> {
    const known = this.#coming.get(path);
    if (known) return known;
    const coming = this.#bring(path, bytes, write).finally(() => this.#coming.delete(path));
    this.#coming.set(path, coming);
    return coming;
  }

  async #bring(path: string, bytes: number, write: () => Promise<void>): Promise<void> {
    // What is being read fills it until its time is over; who asks gives up by itself.
    while (!(await this.#makeRoom(bytes))) {
      if (this.#isClosed) throw new MillraceError('MR_STOPPING', 'The server is shutting down.');
      await new Promise<void>((resolve) => this.#options.clock.after(ROOM_POLL_MS, resolve));
    }
    // Its room is taken from now on.
    this.#bytes += bytes;
    try {
      await write();
    } finally {
      this.#bytes -= bytes;
    }
    this.#hold(path, { bytes: await fileBytes(this.#options.files, path), keptUntilMs: 0 });
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#isClosed = true;
  }

  async #makeRoom(bytes: number): Promise<boolean> {
    const { bytesMax, clock, files } = this.#options;
    while (this.#bytes + bytes > bytesMax) {
      const nowMs = clock.now();
      const [path] = [...this.#held].find(([, { keptUntilMs }]) => keptUntilMs <= nowMs) ?? [];
      if (path === undefined) return false;
      this.#forget(path);
      await files.remove(path);
    }
    return true;
  }
}

import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import {
  type FileEntry,
  type FileHandle,
  type FileSystem,
  type OpenMode,
  SECTOR_BYTES,
} from '../../src/core/file-system.ts';

/** mulberry32: a fault is found again by its seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Fault {
  /** The call, counted from 1, that it hits. */
  readonly call: number;
  /**
   * `error`: fails and does nothing. `full`: ENOSPC. `short`: some sectors are written, then ENOSPC.
   * `cut`: power goes in the middle of the call. `drop`: power goes before it.
   * `forget`: a durable write is reported done, and is gone when power goes.
   */
  readonly kind: 'error' | 'full' | 'short' | 'cut' | 'drop' | 'forget';
}

interface File {
  /** What a reader of this run sees. */
  seen: Buffer;
  /** What is on disk. */
  kept: Buffer;
}

/**
 * A disk in memory that loses what was not synced when power goes, tears the write it goes in, and
 * fails the n-th call. `keepUnsynced` is the control that must fail: a disk that never loses anything
 * would hide every missing sync.
 */
export class FaultFileSystem implements FileSystem {
  readonly #random: () => number;
  readonly #files = new Map<string, File>();
  readonly #folders = new Set<string>();
  /** Names that survive a power cut. */
  #keptNames = new Map<string, File>();
  calls = 0;
  #fault: Fault | undefined;
  #off = false;
  /** With this off, writes of `durable` handles stay in the cache: the control. */
  readonly #honestDurable: boolean;

  constructor(seed: number, options: { honestDurable?: boolean } = {}) {
    this.#random = seededRandom(seed);
    this.#honestDurable = options.honestDurable ?? true;
  }

  plan(fault: Fault | undefined): void {
    this.#fault = fault;
    this.calls = 0;
  }

  get isOff(): boolean {
    return this.#off;
  }

  /** Power comes back: what was not on disk is gone. */
  restart(): void {
    this.#off = false;
    this.#fault = undefined;
    this.#files.clear();
    for (const [path, file] of this.#keptNames) {
      file.seen = Buffer.from(file.kept);
      this.#files.set(path, file);
    }
  }

  cutPower(): void {
    this.#off = true;
  }

  /** Flips one bit of a file, on disk and in the cache. */
  flipBit(path: string, at: number): void {
    const file = this.#file(path);
    for (const bytes of [file.seen, file.kept])
      if (at < bytes.length)
        bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(this.#random() * 8));
  }

  /** The same disk once more, to do something else to it. */
  copy(seed: number): FaultFileSystem {
    const copy = new FaultFileSystem(seed, { honestDurable: this.#honestDurable });
    for (const [path, { seen, kept }] of this.#files)
      copy.#files.set(path, { seen: Buffer.from(seen), kept: Buffer.from(kept) });
    for (const path of this.#keptNames.keys()) {
      const file = copy.#files.get(path);
      if (file) copy.#keptNames.set(path, file);
    }
    for (const folder of this.#folders) copy.#folders.add(folder);
    return copy;
  }

  /** All files, sorted. */
  get paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  sizeOf(path: string): number {
    return this.#file(path).seen.length;
  }

  /** Cuts a file off, on disk and in the cache. */
  cutFile(path: string, length: number): void {
    const file = this.#file(path);
    file.seen = Buffer.from(file.seen.subarray(0, length));
    file.kept = Buffer.from(file.kept.subarray(0, length));
  }

  /** Counts the call and lets it fail. What comes back is for calls that can be met in their middle. */
  #step(hasMiddle = false): Fault['kind'] | undefined {
    if (this.#off) throw systemError('EIO', 'the power is off');
    this.calls += 1;
    if (this.#fault?.call !== this.calls) return undefined;
    const { kind } = this.#fault;
    if (kind === 'error') throw systemError('EIO', `call ${this.calls} fails`);
    if (kind === 'full' || (kind === 'short' && !hasMiddle))
      throw systemError('ENOSPC', 'no space left on device');
    if (kind === 'drop' || (kind === 'cut' && !hasMiddle)) this.#goOff();
    return kind;
  }

  #goOff(): never {
    this.#off = true;
    throw systemError('EIO', 'the power went during this call');
  }

  #file(path: string): File {
    const file = this.#files.get(path);
    if (!file) throw systemError('ENOENT', path);
    return file;
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    this.#step();
    if (mode !== 'read' && !this.#files.has(path))
      this.#files.set(path, { seen: Buffer.alloc(0), kept: Buffer.alloc(0) });
    const file = this.#file(path);
    return this.#handle(file, mode === 'durable' && this.#honestDurable);
  }

  #handle(file: File, durable: boolean): FileHandle {
    const keep = () => {
      file.kept = Buffer.from(file.seen);
    };
    return {
      write: async (bytes, position) => {
        const fault = this.#step(true);
        if (fault === 'cut') {
          this.#tear(file, bytes, position);
          this.#goOff();
        }
        if (fault === 'short') {
          const whole = Math.floor((bytes.length * this.#random()) / SECTOR_BYTES) * SECTOR_BYTES;
          file.seen = written(file.seen, bytes.subarray(0, whole), position);
          throw systemError('ENOSPC', `only ${whole} of ${bytes.length} bytes were written`);
        }
        file.seen = written(file.seen, bytes, position);
        if (durable && fault !== 'forget') file.kept = written(file.kept, bytes, position);
      },
      read: async (position, length) => {
        this.#step();
        return Buffer.from(file.seen.subarray(position, position + length));
      },
      sync: async () => {
        this.#step();
        keep();
      },
      truncate: async (length) => {
        this.#step();
        file.seen = Buffer.from(file.seen.subarray(0, length));
      },
      size: async () => {
        this.#step();
        return file.seen.length;
      },
      close: async () => {},
    };
  }

  /** Some sectors of the write reach the disk, others do not. */
  #tear(file: File, bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      if (this.#random() < 0.5)
        file.kept = written(file.kept, bytes.subarray(at, at + SECTOR_BYTES), position + at);
    }
  }

  async readFile(path: string): Promise<Buffer> {
    this.#step();
    return Buffer.from(this.#file(path).seen);
  }

  async replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
    const fault = this.#step(true);
    if (fault === 'short') throw systemError('ENOSPC', 'no space left on device');
    if (fault !== 'cut' || this.#random() < 0.5) {
      const file = { seen: Buffer.from(bytes as string), kept: Buffer.from(bytes as string) };
      this.#files.set(path, file);
      this.#keptNames.set(path, file);
    }
    if (fault === 'cut') this.#goOff();
  }

  async list(folder: string): Promise<FileEntry[]> {
    this.#step();
    const inside = [...this.#files.keys()]
      .filter((path) => dirname(path) === folder)
      .map((path) => ({ name: path.slice(folder.length + 1), isFolder: false }));
    const folders = [...this.#folders]
      .filter((path) => dirname(path) === folder)
      .map((path) => ({ name: path.slice(folder.length + 1), isFolder: true }));
    return [...inside, ...folders].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async makeFolder(path: string): Promise<void> {
    this.#step();
    for (let folder = path; folder !== dirname(folder); folder = dirname(folder))
      this.#folders.add(folder);
  }

  /** What is not synced away comes back when power goes. */
  async remove(path: string): Promise<void> {
    this.#step();
    const isBelow = (other: string) => other === path || other.startsWith(`${path}/`);
    for (const other of [...this.#files.keys()].filter(isBelow)) this.#files.delete(other);
    for (const other of [...this.#folders].filter(isBelow)) this.#folders.delete(other);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step();
    this.#files.set(to, this.#file(from));
    this.#files.delete(from);
  }

  async syncFolder(path: string): Promise<void> {
    this.#step();
    const kept = [...this.#keptNames].filter(([name]) => dirname(name) !== path);
    const now = [...this.#files].filter(([name]) => dirname(name) === path);
    this.#keptNames = new Map([...kept, ...now]);
  }

  async exists(path: string): Promise<boolean> {
    return this.#files.has(path) || this.#folders.has(path);
  }

  /** Everything here is old. */
  async changedMs(): Promise<number> {
    return 0;
  }

  async stamp(path: string): Promise<string> {
    this.#step();
    return createHash('sha256').update(this.#file(path).seen).digest('hex');
  }
}

function written(before: Buffer, bytes: Uint8Array, position: number): Buffer {
  const after = Buffer.alloc(Math.max(before.length, position + bytes.length));
  before.copy(after);
  after.set(bytes, position);
  return after;
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

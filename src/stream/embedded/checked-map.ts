import { writeChecked } from '../../core/checked-file.ts';
import type { FileSystem } from '../../core/file-system.ts';

export interface MapFile<T> {
  readonly files: FileSystem;
  readonly path: string;
  /** What the file says around its entries. */
  stored(entries: { readonly [name: string]: T }): object;
}

/** A small map in a checked file. Changes come one after the other, and are seen once they are on disk. */
export class CheckedMap<T> {
  readonly #file: MapFile<T>;
  #entries: ReadonlyMap<string, T>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: MapFile<T>, entries: { readonly [name: string]: T }) {
    this.#file = file;
    this.#entries = new Map(Object.entries(entries));
  }

  get entries(): ReadonlyMap<string, T> {
    return this.#entries;
  }

  /** Made of the entry that is known when its turn has come; undefined removes it. What it throws changes nothing. */
  change(name: string, change: (known: T | undefined) => T | undefined): Promise<void> {
    const changed = this.#turn.then(() => this.#change(name, change));
    this.#turn = changed.catch(() => undefined);
    return changed;
  }

  async #change(name: string, change: (known: T | undefined) => T | undefined): Promise<void> {
    const changed = change(this.#entries.get(name));
    const entries = new Map(this.#entries);
    if (changed === undefined) entries.delete(name);
    else entries.set(name, changed);
    const { files, path, stored } = this.#file;
    await writeChecked(files, path, stored(Object.fromEntries(entries)));
    this.#entries = entries;
  }
}

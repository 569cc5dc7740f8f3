import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { AttributeStore } from '../stream-attributes.ts';
import { readChecked, writeChecked } from './checked-file.ts';

/** Attributes in one file, in two checked copies: they are few. A change counts once it is on disk. */
export class FileAttributeStore<T> implements AttributeStore<T> {
  readonly #files: FileSystem;
  readonly #path: string;
  #known: ReadonlyMap<string, T>;
  /** One change after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(files: FileSystem, path: string, known: ReadonlyMap<string, T>) {
    this.#files = files;
    this.#path = path;
    this.#known = known;
  }

  /** @throws MillraceError MR_STORAGE_DAMAGED where both copies are damaged */
  static async open<T>(files: FileSystem, path: string): Promise<FileAttributeStore<T>> {
    const { value, damaged } = await readChecked(files, path);
    if (!value && damaged.length > 0)
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${path} and its copy are damaged: they say which streams programs have made. Restore one of them from a backup; nothing was changed.`,
      );
    const { names = {} } = (value ?? {}) as { readonly names?: { readonly [name: string]: T } };
    return new FileAttributeStore(files, path, new Map(Object.entries(names)));
  }

  get(name: string): T | undefined {
    return this.#known.get(name);
  }

  names(): readonly string[] {
    return [...this.#known.keys()].sort();
  }

  change(name: string, change: (known: T | undefined) => T | undefined): Promise<void> {
    const done = this.#turn.then(() => this.#change(name, change));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #change(name: string, change: (known: T | undefined) => T | undefined): Promise<void> {
    const changed = change(this.#known.get(name));
    const next = new Map(this.#known);
    if (changed === undefined) next.delete(name);
    else next.set(name, changed);
    await writeChecked(this.#files, this.#path, { names: Object.fromEntries(next) });
    this.#known = next;
  }
}

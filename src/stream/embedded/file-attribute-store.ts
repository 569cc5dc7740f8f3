import { readChecked } from '../../core/checked-file.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { AttributeStore } from '../stream-attributes.ts';
import { CheckedMap } from './checked-map.ts';

/** Attributes in one file, in two checked copies: they are few. A change counts once it is on disk. */
export class FileAttributeStore<T> implements AttributeStore<T> {
  readonly #known: CheckedMap<T>;

  private constructor(known: CheckedMap<T>) {
    this.#known = known;
  }

  /** @throws MillraceError MR_STORAGE_DAMAGED where both copies are damaged */
  static async open<T>(files: FileSystem, path: string): Promise<FileAttributeStore<T>> {
    const { value, damaged } = await readChecked(files, path);
    if (!value && damaged.length > 0)
      throw new MillraceError(
        'MR_STORAGE_DAMAGED',
        `${path} and its copy are damaged, and nothing else has what they say. Restore one of them from a backup; nothing was changed.`,
      );
    const { names = {} } = (value ?? {}) as { readonly names?: { readonly [name: string]: T } };
    return new FileAttributeStore(
      new CheckedMap({ files, path, stored: (entries) => ({ names: entries }) }, names),
    );
  }

  get(name: string): T | undefined {
    return this.#known.entries.get(name);
  }

  names(): readonly string[] {
    return [...this.#known.entries.keys()].sort();
  }

  change(name: string, change: (known: T | undefined) => T | undefined): Promise<void> {
    return this.#known.change(name, change);
  }
}

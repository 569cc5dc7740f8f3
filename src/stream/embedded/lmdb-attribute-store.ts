import type { Database, RootDatabase } from 'lmdb';
import { committed } from '../../core/lmdb-commit.ts';
import type { AttributeStore } from '../stream-attributes.ts';

/** Attributes in the system's LMDB environment, and in memory: a change counts for the next one before it is on disk. */
export class LmdbAttributeStore<T> implements AttributeStore<T> {
  readonly #stored: Database<T, string>;
  readonly #known: Map<string, T>;

  constructor(root: RootDatabase, name: string) {
    this.#stored = root.openDB<T, string>({ name, encoding: 'json' });
    this.#known = new Map([...this.#stored.getRange()].map(({ key, value }) => [key, value]));
  }

  get(name: string): T | undefined {
    return this.#known.get(name);
  }

  names(): readonly string[] {
    return [...this.#known.keys()].sort();
  }

  async set(name: string, attributes: T): Promise<void> {
    this.#known.set(name, attributes);
    await committed(this.#stored.put(name, attributes));
  }

  async remove(name: string): Promise<void> {
    this.#known.delete(name);
    await committed(this.#stored.remove(name));
  }
}

import { join } from 'node:path';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import { readChecked, writeChecked } from './checked-file.ts';
import type { Damage } from './segment.ts';

interface Stored {
  readonly format: 2;
  readonly consumers: { readonly [name: string]: number };
}

const NAME = /^[a-z][a-z0-9_-]{0,62}$/;

export const CONSUMERS = 'consumers.json';

/** `consumers.json`: positions of consumers that have no place of their own for them. */
export class NamedConsumers {
  readonly #files: FileSystem;
  readonly #path: string;
  #positions: Map<string, number>;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(files: FileSystem, path: string, positions: Map<string, number>) {
    this.#files = files;
    this.#path = path;
    this.#positions = positions;
  }

  /** Damaged in both copies, consumers are not known any more: each says anew where it is. */
  static async open(
    files: FileSystem,
    folder: string,
  ): Promise<{ consumers: NamedConsumers; damaged: readonly Damage[] }> {
    const path = join(folder, CONSUMERS);
    const { value, damaged } = await readChecked(files, path);
    const { consumers } = (value ?? { consumers: {} }) as Pick<Stored, 'consumers'>;
    return {
      consumers: new NamedConsumers(files, path, new Map(Object.entries(consumers))),
      damaged,
    };
  }

  /** What the file holds. */
  get stored(): object {
    return { format: 2, consumers: Object.fromEntries(this.#positions) } satisfies Stored;
  }

  get positions(): ReadonlyMap<string, number> {
    return this.#positions;
  }

  /** @throws MillraceError MR_REQUEST_INVALID for a name that cannot be, or one too many */
  async commit(name: string, next: number): Promise<void> {
    if (!NAME.test(name))
      throw invalid(
        `'${name}' is no name of a consumer: it starts with a letter and has only a-z, 0-9, _ and -, up to 63 characters.`,
      );
    if (!this.#positions.has(name) && this.#positions.size >= LIMITS.namedConsumersMax)
      throw invalid(
        `A stream has at most ${LIMITS.namedConsumersMax} named consumers. Remove one that reads no more.`,
      );
    await this.#change((positions) => positions.set(name, next));
  }

  async remove(name: string): Promise<boolean> {
    if (!this.#positions.has(name)) return false;
    await this.#change((positions) => positions.delete(name));
    return true;
  }

  /** One after the other; what is seen is on disk. */
  #change(apply: (positions: Map<string, number>) => unknown): Promise<void> {
    const changed = this.#writing.then(async () => {
      const positions = new Map(this.#positions);
      apply(positions);
      const stored: Stored = { format: 2, consumers: Object.fromEntries(positions) };
      await writeChecked(this.#files, this.#path, stored);
      this.#positions = positions;
    });
    this.#writing = changed.catch(() => undefined);
    return changed;
  }
}

const invalid = (message: string): MillraceError =>
  new MillraceError('MR_REQUEST_INVALID', message);

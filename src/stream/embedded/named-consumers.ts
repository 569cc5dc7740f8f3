import { join } from 'node:path';
import type { Damage } from '../../core/checked-file.ts';
import { readChecked } from '../../core/checked-file.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { LIMITS } from '../../core/limits.ts';
import { CheckedMap } from './checked-map.ts';

interface Stored {
  readonly format: 2;
  readonly consumers: { readonly [name: string]: number };
}

const NAME = /^[a-z][a-z0-9_-]{0,62}$/;

export const CONSUMERS = 'consumers.json';

/** `consumers.json`: positions of consumers that have no place of their own for them. */
export class NamedConsumers {
  readonly #known: CheckedMap<number>;

  private constructor(known: CheckedMap<number>) {
    this.#known = known;
  }

  /** Damaged in both copies, consumers are not known any more: each says anew where it is. */
  static async open(
    files: FileSystem,
    folder: string,
  ): Promise<{ consumers: NamedConsumers; damaged: readonly Damage[] }> {
    const path = join(folder, CONSUMERS);
    const { value, damaged } = await readChecked(files, path);
    const { consumers } = (value ?? { consumers: {} }) as Pick<Stored, 'consumers'>;
    const stored = (positions: Stored['consumers']): Stored => ({
      format: 2,
      consumers: positions,
    });
    const known = new CheckedMap({ files, path, stored }, consumers);
    return { consumers: new NamedConsumers(known), damaged };
  }

  /** What the file holds. */
  get stored(): object {
    return { format: 2, consumers: Object.fromEntries(this.positions) } satisfies Stored;
  }

  get positions(): ReadonlyMap<string, number> {
    return this.#known.entries;
  }

  /** @throws MillraceError MR_REQUEST_INVALID for a name that cannot be, or one too many */
  async commit(name: string, next: number): Promise<void> {
    if (!NAME.test(name))
      throw invalid(
        `'${name}' is no name of a consumer: it starts with a letter and has only a-z, 0-9, _ and -, up to 63 characters.`,
      );
    if (!this.positions.has(name) && this.positions.size >= LIMITS.namedConsumersMax)
      throw invalid(
        `A stream has at most ${LIMITS.namedConsumersMax} named consumers. Remove one that reads no more.`,
      );
    await this.#known.change(name, () => next);
  }

  async remove(name: string): Promise<boolean> {
    if (!this.positions.has(name)) return false;
    await this.#known.change(name, () => undefined);
    return true;
  }
}

const invalid = (message: string): MillraceError =>
  new MillraceError('MR_REQUEST_INVALID', message);

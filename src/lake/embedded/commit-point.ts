import { MillraceError } from '../../core/errors.ts';
import type { TableMetadata } from '../iceberg/metadata.ts';
import type { StoredTable, TableFolder } from './table-folder.ts';

/** Where a commit is made: the pointer of a table moves, or it is found out whether it did (L6). */
export class CommitPoint {
  readonly #folder: TableFolder;
  /** Why nothing can be committed until the table was read again. */
  #doubt: MillraceError | undefined;

  constructor(folder: TableFolder) {
    this.#folder = folder;
  }

  get doubt(): MillraceError | undefined {
    return this.#doubt;
  }

  distrust(why: MillraceError): void {
    this.#doubt = why;
  }

  /** @throws MillraceError MR_TABLE_COMMIT_UNKNOWN where nobody can say; else what kept it from being made */
  async move(from: StoredTable, metadata: TableMetadata): Promise<StoredTable> {
    try {
      return await this.#folder.commit(from, metadata);
    } catch (error) {
      return this.#resolve(from, metadata, error as Error);
    }
  }

  /** What went wrong may have done so after the pointer had moved. */
  async #resolve(from: StoredTable, metadata: TableMetadata, error: Error): Promise<StoredTable> {
    const doubt = new MillraceError(
      'MR_TABLE_COMMIT_UNKNOWN',
      `It is not known whether a commit of the table in ${this.#folder.path} was made: ${error.message}`,
      { cause: error },
    );
    let found: StoredTable | undefined;
    this.#doubt = doubt;
    try {
      found = await this.#folder.confirm(from, metadata);
    } catch {
      throw doubt;
    }
    // Where it was not made, another process may have made one: the next commit here is made upon that.
    if (!found) throw error;
    this.#doubt = undefined;
    return found;
  }

  /** Reads what is there; in a folder it is on disk from then on. @throws the doubt where it cannot be read */
  async readAgain(): Promise<StoredTable> {
    const stored = await this.#folder.read();
    if (!stored) throw this.#doubt;
    await this.#folder.point(stored.version);
    return stored;
  }

  trust(): void {
    this.#doubt = undefined;
  }
}

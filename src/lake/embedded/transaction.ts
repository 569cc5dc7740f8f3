import { readChecked, removeChecked, writeChecked } from '../../core/checked-file.ts';
import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { TableChange } from '../catalog.ts';
import { placeIn } from '../location.ts';
import type { CatalogEntry } from './catalog-file.ts';
import type { FileTable } from './file-table.ts';
import type { StoredTable } from './table-folder.ts';
import type { TableRegistry } from './table-registry.ts';
import type { PreparedCommit } from './table-view.ts';

interface Part {
  readonly table: FileTable;
  readonly change: TableChange;
}

/** What a transaction makes: which metadata file each table points to, and tables that were not there before. */
export interface Journal {
  /** Folders are below the lake's. */
  readonly pointers: readonly { readonly folder: string; readonly version: number }[];
  readonly entries: readonly CatalogEntry[];
}

/** A table that a transaction makes: written in its folder, named by nothing yet. */
export interface NewTable {
  readonly entry: CatalogEntry;
  readonly version: number;
}

const FORMAT = 2;

/** `transaction.json`: there while a transaction is made and not yet done everywhere. */
export class JournalFile {
  readonly #path: string;
  readonly #lake: string;
  readonly #files: FileSystem;

  constructor(lake: string, files: FileSystem) {
    this.#path = placeIn(lake, 'transaction.json');
    this.#lake = lake;
    this.#files = files;
  }

  async read(): Promise<Journal | undefined> {
    const { value, damaged } = await readChecked(this.#files, this.#path);
    if (value) return value as Journal & { format: number };
    if (damaged.length === 0) return undefined;
    throw new MillraceError(
      'MR_STORAGE_DAMAGED',
      `${this.#path} and its copy are damaged: a transaction over several tables was made, and which is not known. Restore the file from a backup, or remove it and its copy to go on without what was not done yet.`,
    );
  }

  async write(journal: Journal): Promise<void> {
    await writeChecked(this.#files, this.#path, { format: FORMAT, ...journal });
  }

  async remove(): Promise<void> {
    await removeChecked(this.#files, this.#path);
    await this.#files.syncFolder(this.#lake);
  }
}

/**
 * C3: all new metadata is written first; the journal is the commit; then the pointers move and new names are
 * added. Where a crash or a failure comes between, the next start, or the next commit, does the rest.
 */
export async function commitTogether(
  registry: TableRegistry,
  parts: readonly Part[],
  made: readonly NewTable[],
): Promise<void> {
  // In one order, so that two transactions cannot wait for each other.
  const ordered = [...parts].sort((a, b) => (a.table.path < b.table.path ? -1 : 1));
  await inAllTurns(
    ordered.map(({ table }) => table),
    async () => {
      const prepared: PreparedCommit[] = [];
      for (const { table, change } of ordered) prepared.push(await table.prepare(change));
      const written: StoredTable[] = [];
      for (const [index, { table }] of ordered.entries())
        written.push(await table.write((prepared[index] as PreparedCommit).metadata));
      const changed = ordered.map(({ table }, index) => ({
        folder: registry.below(table.path),
        version: (written[index] as StoredTable).version,
      }));
      const added = made.map(({ entry, version }) => ({ folder: entry.folder, version }));
      const journal = {
        pointers: [...changed, ...added],
        entries: made.map(({ entry }) => entry),
      };
      try {
        await makeSurely(registry, journal);
      } catch (error) {
        if (error instanceof MillraceError && error.code === 'MR_TABLE_COMMIT_UNKNOWN')
          for (const { table } of ordered) table.distrust(error);
        throw error;
      }
      for (const [index, { table }] of ordered.entries())
        table.switchTo(written[index] as StoredTable, (prepared[index] as PreparedCommit).live);
    },
  );
}

/** L6: what went wrong may have done so after the journal was there. */
async function makeSurely(registry: TableRegistry, journal: Journal): Promise<void> {
  try {
    await registry.make(journal);
  } catch (error) {
    // A name that is taken was found before anything was written.
    if (error instanceof MillraceError && error.status < 500) throw error;
    let isMade: boolean;
    try {
      await registry.settle();
      isMade = await registry.isMade(journal);
    } catch {
      throw new MillraceError(
        'MR_TABLE_COMMIT_UNKNOWN',
        `It is not known whether a transaction was made: ${(error as Error).message}`,
        { cause: error },
      );
    }
    if (!isMade) throw error;
  }
}

/** Holds the turns of all tables at once. */
function inAllTurns(tables: readonly FileTable[], action: () => Promise<void>): Promise<void> {
  const [first, ...rest] = tables;
  return first ? first.inTurn(() => inAllTurns(rest, action)) : action();
}

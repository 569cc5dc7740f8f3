import { MillraceError } from '../../core/errors.ts';
import type { TableChange } from '../catalog.ts';
import { placeIn } from '../location.ts';
import type { FileTable, PreparedCommit } from './file-table.ts';
import { type StoredTable, TableFolder } from './table-folder.ts';
import type { TableRegistry } from './table-registry.ts';

interface Part {
  readonly table: FileTable;
  readonly change: TableChange;
}

/** Which metadata file each table of a transaction points to once it is made. */
interface Journal {
  readonly pointers: readonly { readonly folder: string; readonly version: number }[];
}

const journalPath = (registry: TableRegistry): string => placeIn(registry.root, 'transaction.json');

/**
 * C3: all new metadata is written first; the journal is the commit; then the pointers move. Where a crash
 * comes between, the next start moves the rest.
 */
export async function commitTogether(
  registry: TableRegistry,
  parts: readonly Part[],
): Promise<void> {
  const { files } = registry.context;
  // In one order, so that two transactions cannot wait for each other.
  const ordered = [...parts].sort((a, b) => (a.table.path < b.table.path ? -1 : 1));
  await inAllTurns(
    ordered.map(({ table }) => table),
    async () => {
      await finishTransaction(registry);
      const prepared: PreparedCommit[] = [];
      for (const { table, change } of ordered)
        prepared.push(await table.prepare(change.requirements, change.updates));
      const written: StoredTable[] = [];
      for (const [index, { table }] of ordered.entries())
        written.push(await table.write((prepared[index] as PreparedCommit).metadata));
      const journal: Journal = {
        pointers: ordered.map(({ table }, index) => ({
          folder: table.path,
          version: (written[index] as StoredTable).version,
        })),
      };
      try {
        await files.replaceFile(journalPath(registry), JSON.stringify(journal));
        await finishTransaction(registry);
      } catch (error) {
        const doubt = unknownOutcome(error as Error);
        for (const { table } of ordered) table.distrust(doubt);
        throw doubt;
      }
      for (const [index, { table }] of ordered.entries())
        table.switchTo(written[index] as StoredTable, (prepared[index] as PreparedCommit).live);
    },
  );
}

const unknownOutcome = (error: Error): MillraceError =>
  new MillraceError(
    'MR_TABLE_COMMIT_UNKNOWN',
    `It is not known whether a transaction was made: ${error.message}`,
    { cause: error },
  );

/** Holds the turns of all tables at once. */
function inAllTurns(tables: readonly FileTable[], action: () => Promise<void>): Promise<void> {
  const [first, ...rest] = tables;
  return first ? first.inTurn(() => inAllTurns(rest, action)) : action();
}

/** Ends a transaction that was made: a crash may have left some of its pointers where they were. */
export async function finishTransaction(registry: TableRegistry): Promise<void> {
  const { files } = registry.context;
  const path = journalPath(registry);
  if (!(await files.exists(path))) return;
  const { pointers } = JSON.parse((await files.readFile(path)).toString()) as Journal;
  for (const { folder, version } of pointers) await new TableFolder(folder, files).point(version);
  await files.remove(path);
  await files.syncFolder(registry.root);
}

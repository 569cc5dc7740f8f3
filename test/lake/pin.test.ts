import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import { temporaryFolder } from '../support/folder.ts';

/** So many commits that the first snapshots are expired. */
const COMMITS = 140;

async function replaced(isPinned: boolean) {
  let now = systemClock.now();
  // Commits are far apart: none is young when the next one comes.
  const clock = { now: () => (now += 10_000), after: () => () => {} };
  const context = { files: nodeFileSystem(), clock, logger: silentLogger };
  const store = new FileTableStore(new TableRegistry(join(temporaryFolder(), 'lake'), context));
  const table = await store.open({
    namespace: 'warehouse',
    name: 'totals',
    fields: [{ name: 'n', type: { kind: 'int' }, optional: false }],
    partitionBy: [],
  });
  const replace = async (name: string) => {
    const path = join(table.target.folder, `${name}.parquet`);
    writeFileSync(path, name);
    await table.replace(
      [
        {
          path,
          rows: 1,
          bytes: name.length,
          statistics: {},
          partition: [],
          specId: 0,
          sortOrderId: 0,
        },
      ],
      {},
    );
    return path;
  };
  const first = await replace('first');
  const pins = isPinned ? [await table.pin(), await table.pin()] : [];
  for (let commit = 0; commit < COMMITS; commit++) await replace(`file-${commit}`);
  const later = () => table.removeEnded(now + LIMITS.tableFilesGraceMs);
  return { first, pins, later };
}

test('L7: what a pinned table reaches stays until the last pin is released, and then goes', async () => {
  const { first, pins, later } = await replaced(true);
  const [pin, other] = pins;
  const reached = (await pin?.files()) ?? [];
  expect(reached.map(({ data }) => data).filter((data) => data)).toEqual([
    { readPath: expect.stringMatching(/first.parquet$/), bytes: 5, rows: 1, isCurrent: true },
  ]);
  for (const { path } of reached) expect(existsSync(path), path).toBe(true);
  await other?.release();
  await later();
  expect(existsSync(first), 'one pin is enough').toBe(true);
  await pin?.release();
  await later();
  expect(existsSync(first)).toBe(false);
});

test('control: of a table that is not pinned the same file goes', async () => {
  const { first, later } = await replaced(false);
  await later();
  expect(existsSync(first)).toBe(false);
});

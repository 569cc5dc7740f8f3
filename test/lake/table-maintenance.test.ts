import { expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import type { Logger } from '../../src/core/logger.ts';
import { TableMaintenance } from '../../src/lake/embedded/table-maintenance.ts';
import type { LakeTable } from '../../src/lake/table-store.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import {
  compactIds,
  HandMovedClock,
  idsOf,
  openLakeTable,
  writeIds,
} from '../support/lake-table.ts';

const MINUTE_MS = LIMITS.maintenanceIntervalMs;
const upTo = (end: number) => Array.from({ length: end }, (_, index) => index);

/** Tables that are looked after, each with so many files of one row. */
async function lookedAfter(
  counts: readonly number[],
  { compactMs = 0, failing }: { compactMs?: number; failing?: string } = {},
) {
  const files = new FaultFileSystem(1);
  const clock = new HandMovedClock();
  const tables: LakeTable[] = [];
  for (const [index, count] of counts.entries()) {
    const table = await openLakeTable(files, clock, `t${index}`);
    for (const id of upTo(count))
      await table.append([await writeIds(files, `/lake/lake/t${index}/data`, [id])], {});
    tables.push(table);
  }
  const began: string[] = [];
  const errors: object[] = [];
  const logger = { error: (fields: object) => errors.push(fields), info: () => {} };
  const maintenance = new TableMaintenance({
    tables: () => tables,
    compact: async (request) => {
      began.push(request.folder);
      clock.pass(compactMs);
      if (failing && request.folder.includes(failing)) throw new Error('the engine ended');
      return compactIds(files)(request);
    },
    removeFiles: async () => {},
    clock,
    logger: logger as unknown as Logger,
  });
  maintenance.start();
  return { files, clock, tables, maintenance, began, errors };
}

const countsOf = (tables: readonly LakeTable[]) => tables.map(({ live }) => live.length);

test('M2: once a minute one job for each table, of those that are due', async () => {
  const { files, clock, tables, began } = await lookedAfter([7, 8, 20]);
  await clock.move(MINUTE_MS - 1);
  expect(began).toEqual([]);
  await clock.move(1);
  expect(began).toEqual(['/lake/lake/t1/data', '/lake/lake/t2/data']);
  expect(countsOf(tables)).toEqual([7, 1, 1]);
  for (const [index, table] of tables.entries())
    expect(await idsOf(files, table.scan), 'M1').toEqual(upTo([7, 8, 20][index] as number));
  await clock.move(MINUTE_MS);
  expect(began, 'what is done is done').toHaveLength(2);
});

test('M2: what takes long rests three times as long', async () => {
  const { clock, tables, began } = await lookedAfter([8], { compactMs: 100_000 });
  const again = async () => {
    for (const id of upTo(8)) await tables[0]?.append([{ ...(await fileFor(id)) }], {});
  };
  const fileFor = async (id: number) => ({
    path: `/lake/lake/t0/data/more-${began.length}-${id}.parquet`,
    rows: 1,
    bytes: 100,
    statistics: {},
    partition: [],
    specId: 0,
    sortOrderId: 0,
  });
  await clock.move(MINUTE_MS);
  expect(began).toHaveLength(1);
  await again();
  await clock.move(299_999);
  expect(began, 'after 100 s of work').toHaveLength(1);
  await clock.move(1);
  expect(began).toHaveLength(2);
});

test('one table that cannot be looked after keeps no other from its turn, and is tried again', async () => {
  const { clock, tables, began, errors } = await lookedAfter([8, 8], { failing: 't0' });
  await clock.move(MINUTE_MS);
  expect(countsOf(tables)).toEqual([8, 1]);
  expect(errors).toEqual([{ table: 'lake.t0', error: 'the engine ended' }]);
  await clock.move(MINUTE_MS);
  expect(began.filter((folder) => folder.includes('t0'))).toHaveLength(2);
});

test('M3: files of what was compacted go once their snapshots and their time are over', async () => {
  const { files, clock, tables } = await lookedAfter([8]);
  const stored = async () => (await files.list('/lake/lake/t0/data')).length;
  await clock.move(MINUTE_MS);
  expect(await stored(), 'older snapshots name them').toBe(9);
  await tables[0]?.expire(clock.now(), { snapshotsMin: 1 });
  await clock.move(MINUTE_MS);
  expect(await stored(), 'for ten minutes a reader may be there').toBe(9);
  await clock.move(LIMITS.tableFilesGraceMs);
  expect(await stored()).toBe(1);
});

test('what nothing names is swept once it is a day old', async () => {
  const { files, clock, tables } = await lookedAfter([1]);
  await files.replaceFile('/lake/lake/t0/data/left.parquet', 'behind');
  await files.replaceFile('/lake/lake/t0/metadata/left-m0.avro', 'behind');
  const isLeft = () => files.exists('/lake/lake/t0/data/left.parquet');
  // In this file system everything changed at 0, and the clock began at 1,000 s.
  await clock.move(LIMITS.tableOrphanAgeMs - 1_000_000);
  expect(await isLeft()).toBe(true);
  for (const _ of upTo(8)) await clock.move(LIMITS.tableOrphanAgeMs / 8);
  expect(await isLeft()).toBe(false);
  expect(await files.exists('/lake/lake/t0/metadata/left-m0.avro')).toBe(false);
  expect(await idsOf(files, (tables[0] as LakeTable).scan)).toEqual([0]);
});

test('nothing happens after close: a job under way is waited for, no other begins', async () => {
  const { files, clock, tables, maintenance, began } = await lookedAfter([8, 8]);
  const round = clock.move(MINUTE_MS);
  while (began.length === 0) await Promise.resolve();
  await maintenance.close();
  const { calls } = files;
  await round;
  await clock.move(100 * MINUTE_MS);
  expect(files.calls, 'no file was touched after close').toBe(calls);
  expect(began, 'the second table had no turn').toHaveLength(1);
  expect(countsOf(tables)).toEqual([1, 8]);
  expect(clock.waiting).toBe(0);
});

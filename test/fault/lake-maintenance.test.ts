import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { FileTable } from '../../src/lake/embedded/file-table.ts';
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

const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);
const EVERY = Number(process.env['FAULT_EVERY'] ?? 7);
const DATA = '/lake/lake/s/data';
const METADATA = '/lake/lake/s/metadata';
const upTo = (end: number) => Array.from({ length: end }, (_, index) => index);

const maintenanceOf = (files: FaultFileSystem, clock: HandMovedClock) =>
  new TableMaintenance({
    tables: () => [],
    compact: compactIds(files),
    removeFiles: async (paths) => {
      for (const path of paths) await files.remove(path);
    },
    clock,
    logger: silentLogger,
  });

/** Commits, compaction, expiry and removal by turns; says how many commits were acknowledged. */
async function workload(files: FaultFileSystem, clock: HandMovedClock): Promise<number> {
  let acknowledged = 0;
  try {
    const table = await openLakeTable(files, clock);
    const maintenance = maintenanceOf(files, clock);
    for (const index of upTo(10)) {
      clock.pass(1000);
      await table.append([await writeIds(files, DATA, [index])], {
        'millrace.checkpoint': String(index + 1),
      });
      acknowledged = index + 1;
      if (index % 4 !== 3) continue;
      await maintenance.compact(table, 9);
      await maintenance.expire(table, { snapshotsMin: 2 });
      clock.pass(LIMITS.tableFilesGraceMs);
      await table.removeEnded(clock.now());
      await table.sweep(clock.now());
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  return acknowledged;
}

/** Every file that a snapshot names is there, and after a sweep no other. */
async function expectWhole(files: FaultFileSystem, table: LakeTable, why: string): Promise<void> {
  const named = new Set<string>();
  for (const { id } of table.snapshots) {
    const { scan } = await table.at({ id: Number(id) });
    await idsOf(files, scan);
    for (const { path } of scan.files) named.add(path);
  }
  await table.sweep(Number.MAX_SAFE_INTEGER);
  const left = (await files.list(DATA)).map(({ name }) => `${DATA}/${name}`);
  expect(left.sort(), why).toEqual([...named].sort());
}

describe('maintenance with a disk that fails', () => {
  for (const kind of ['error', 'cut', 'full', 'drop'] as const) {
    test(`M1, M3: after '${kind}' at call n each acknowledged row is there once and no file is missing, for every ${EVERY}th n (seed ${SEED})`, async () => {
      const whole = new FaultFileSystem(SEED);
      expect(await workload(whole, new HandMovedClock())).toBe(10);
      const { calls } = whole;
      for (let call = 1; call <= calls; call += EVERY) {
        const why = `call ${call}`;
        const files = new FaultFileSystem(SEED + call);
        const clock = new HandMovedClock();
        files.plan({ call, kind });
        const acknowledged = await workload(files, clock);
        files.restart();
        const table = await openLakeTable(files, clock);
        const ids = await idsOf(files, table.scan);
        expect(ids, why).toEqual(upTo(ids.length));
        expect(ids.length, why).toBeGreaterThanOrEqual(acknowledged);
        expect(Number(table.properties['millrace.checkpoint'] ?? 0), why).toBe(ids.length);
        await expectWhole(files, table, why);
        await table.append([await writeIds(files, DATA, [ids.length])], {});
        await maintenanceOf(files, clock).compact(table, 9);
        const again = await openLakeTable(files, clock);
        expect(await idsOf(files, again.scan), why).toEqual(upTo(ids.length + 1));
        expect(again.scan.files, why).toHaveLength(1);
      }
    });
  }

  test('a failure of the disk that passes is made good by the next turn', async () => {
    const files = new FaultFileSystem(SEED);
    const clock = new HandMovedClock();
    const table = await openLakeTable(files, clock);
    for (const index of upTo(8)) await table.append([await writeIds(files, DATA, [index])], {});
    const maintenance = maintenanceOf(files, clock);
    const whole = files.copy(SEED);
    whole.plan(undefined);
    await maintenanceOf(whole, clock).compact(await openLakeTable(whole, clock), 9);
    for (let call = 1; call <= whole.calls; call++) {
      files.plan({ call, kind: 'error' });
      await maintenance.compact(table, 9).catch(() => undefined);
      files.plan(undefined);
      expect(await idsOf(files, table.scan), `call ${call}`).toEqual(upTo(8));
    }
    await maintenance.compact(table, 9);
    expect(table.scan.files).toHaveLength(1);
    await expectWhole(files, table, 'at the end');
  });
});

describe('L7: who reads a state that ends', () => {
  async function tableThatMovedOn() {
    const files = new FaultFileSystem(SEED);
    const clock = new HandMovedClock();
    const table = await openLakeTable(files, clock);
    for (const index of upTo(3)) await table.append([await writeIds(files, DATA, [index])], {});
    const { scan } = await table.at({ id: Number(table.snapshotId) });
    await table.replace([await writeIds(files, DATA, [7])], {});
    clock.pass(1);
    return { files, clock, table, read: () => idsOf(files, scan) };
  }

  test('has the grace, also from a sweep that takes everything', async () => {
    const { clock, table, read } = await tableThatMovedOn();
    expect(await table.expire(clock.now(), { snapshotsMin: 1 })).toBe(3);
    expect(await table.removeEnded(clock.now() + LIMITS.tableFilesGraceMs - 1)).toBe(0);
    await table.sweep(Number.MAX_SAFE_INTEGER);
    expect(await read()).toEqual([0, 1, 2]);
  });

  test('has all the time there is while it holds the table', async () => {
    const { clock, table, read } = await tableThatMovedOn();
    const [first, second] = [table.hold(), table.hold()];
    await table.expire(clock.now(), { snapshotsMin: 1 });
    first();
    first();
    expect(await table.removeEnded(Number.MAX_SAFE_INTEGER)).toBe(0);
    expect(await table.sweep(Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(await read()).toEqual([0, 1, 2]);
    second();
    expect(await table.removeEnded(Number.MAX_SAFE_INTEGER)).toBeGreaterThan(0);
  });

  test('control: without either its files are gone', async () => {
    const { files, clock, table, read } = await tableThatMovedOn();
    await table.expire(clock.now(), { snapshotsMin: 1 });
    await table.removeEnded(clock.now() + LIMITS.tableFilesGraceMs);
    await expect(read()).rejects.toThrow(/ENOENT/);
    expect(await idsOf(files, table.scan), 'what is the table now is not touched').toEqual([7]);
  });

  test('a table whose files are not to be removed keeps them', async () => {
    const { clock, table, read } = await tableThatMovedOn();
    await table.append([], { 'gc.enabled': 'false' });
    await table.expire(clock.now(), { snapshotsMin: 1 });
    await table.removeEnded(Number.MAX_SAFE_INTEGER);
    expect(await table.sweep(Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(await read()).toEqual([0, 1, 2]);
  });

  test('metadata files that are forgotten stay for the grace, and the metadata stays small', async () => {
    const { files, clock, table } = await tableThatMovedOn();
    for (const _ of upTo(150)) await table.append([], {});
    const stored = async () =>
      (await files.list(METADATA)).filter(({ name }) => name.endsWith('.metadata.json')).length;
    expect(await stored()).toBeGreaterThan(150);
    await table.removeEnded(clock.now() + LIMITS.tableFilesGraceMs);
    expect(await stored()).toBe(101);
  });
});

describe('a table and those that change it', () => {
  test('files that were replaced while they were rewritten stay as the other commit left them', async () => {
    const files = new FaultFileSystem(SEED);
    const clock = new HandMovedClock();
    const table = await openLakeTable(files, clock);
    for (const index of upTo(4)) await table.append([await writeIds(files, DATA, [index])], {});
    const maintenance = new TableMaintenance({
      tables: () => [],
      compact: async (request) => {
        await table.replace([await writeIds(files, DATA, [9])], {});
        return compactIds(files)(request);
      },
      removeFiles: async (paths) => {
        for (const path of paths) await files.remove(path);
      },
      clock,
      logger: silentLogger,
    });
    expect(await maintenance.compact(table, 9)).toMatchObject({ jobs: 0, conflicts: 1 });
    expect(await idsOf(files, table.scan)).toEqual([9]);
    await expectWhole(files, table, 'what was written for nothing is removed');
  });

  test('a commit that counts on a position that was set back is not made', async () => {
    const files = new FaultFileSystem(SEED);
    const table = await openLakeTable(files, new HandMovedClock());
    for (const index of upTo(3))
      await table.append([await writeIds(files, DATA, [index])], { position: String(index) });
    const [first] = table.snapshots;
    const were = { position: table.properties['position'] };
    await table.rollback({ id: Number(first?.id) }, ['position']);
    await expect(
      table.append([await writeIds(files, DATA, [3])], { position: '3' }, were),
    ).rejects.toMatchObject({ code: 'MR_TABLE_COMMIT_CONFLICT' });
    expect(await idsOf(files, table.scan)).toEqual([0]);
    expect(table.properties['position']).toBe('0');
    await table.append([await writeIds(files, DATA, [1])], { position: '1' }, { position: '0' });
    expect(await idsOf(files, table.scan)).toEqual([0, 1]);
  });

  test('what somebody said of the branch outlives our commits, and counts', async () => {
    const files = new FaultFileSystem(SEED);
    const clock = new HandMovedClock();
    const table = await openLakeTable(files, clock);
    await table.append([await writeIds(files, DATA, [0])], {});
    await (table as FileTable).commit({
      requirements: [],
      updates: [
        {
          action: 'set-snapshot-ref',
          'ref-name': 'main',
          type: 'branch',
          'snapshot-id': Number(table.snapshotId),
          'min-snapshots-to-keep': 3,
        },
      ],
    });
    for (const index of upTo(5)) await table.append([await writeIds(files, DATA, [index])], {});
    clock.pass(1);
    await table.expire(clock.now(), { snapshotsMin: 1 });
    expect(table.snapshots).toHaveLength(3);
  });

  test('a table whose young snapshots are kept is not looked through at each commit', async () => {
    const files = new FaultFileSystem(SEED);
    const clock = new HandMovedClock();
    const table = await openLakeTable(files, clock);
    await table.append([], {
      'history.expire.max-snapshot-age-ms': '60000',
      'history.expire.min-snapshots-to-keep': '1',
    });
    const counts: number[] = [];
    for (const _ of upTo(300)) {
      clock.pass(1000);
      await table.append([], {});
      counts.push(table.snapshots.length);
    }
    const expiries = counts.filter((count, index) => count < (counts[index - 1] ?? 0));
    expect(Math.max(...counts)).toBeLessThanOrEqual(61 + 2 * LIMITS.snapshotsExpiredAtOnce);
    expect(expiries.length).toBeGreaterThan(5);
    expect(expiries.length).toBeLessThanOrEqual(300 / LIMITS.snapshotsExpiredAtOnce + 1);
  });
});

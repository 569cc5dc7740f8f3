import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { PlanState } from '../../src/app/plan-state.ts';
import { RemovedData } from '../../src/app/removed-data.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { nodeFileSystem } from '../../src/core/node-file-system.ts';
import { field as f, stream } from '../../src/index.ts';
import { FileTableStore } from '../../src/lake/embedded/file-table-store.ts';
import { TableRegistry } from '../../src/lake/embedded/table-registry.ts';
import { openLookups } from '../../src/lookup/embedded/lmdb-environment.ts';
import { LmdbLookupStore } from '../../src/lookup/embedded/lmdb-lookup-store.ts';
import { compile } from '../../src/plan/compile.ts';
import { EMPTY_PLAN } from '../../src/plan/plan.ts';
import { LmdbRunStore } from '../../src/schedule/embedded/lmdb-run-store.ts';
import type { Run } from '../../src/schedule/run-store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { batchOf, LOG_SETTINGS, storeOn } from '../support/stream.ts';

/** The files of a process that dies at its n-th change of them: nothing is changed from there on. */
function dyingAt(step: number): { files: FileSystem; steps: () => number } {
  const files = nodeFileSystem();
  let steps = 0;
  const change =
    <A extends unknown[]>(action: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      steps += 1;
      if (steps > step) throw new Error('the process is dead');
      await action(...args);
    };
  const dying: FileSystem = {
    ...files,
    replaceFile: change(files.replaceFile),
    remove: change(files.remove),
    syncFolder: change(files.syncFolder),
  };
  return { files: dying, steps: () => steps };
}

interface Opened {
  readonly removed: RemovedData;
  readonly planState: PlanState;
  readonly lookups: LmdbLookupStore;
  readonly runs: LmdbRunStore;
  close(): Promise<void>;
}

const tablesOn = (files: FileSystem, folder: string) =>
  new FileTableStore(
    new TableRegistry(join(folder, 'lake'), { files, clock: systemClock, logger: silentLogger }),
  );

/** The stores of a data folder, as they are in a running pipeline. */
function openOn(folder: string, files: FileSystem): Opened {
  const system = open({ path: join(folder, 'system', 'system.mdb'), overlappingSync: false });
  const lookups = new LmdbLookupStore(join(folder, 'system', 'lookups.mdb'));
  const runs = new LmdbRunStore(system);
  const planState = new PlanState(folder, files);
  const stores = {
    files,
    streams: storeOn(files, join(folder, 'streams')),
    deadLetters: storeOn(files, join(folder, 'deadletters')),
    tables: tablesOn(files, folder),
    lookups,
    runs,
  };
  const removed = new RemovedData(folder, stores, planState);
  const close = async () => {
    await lookups.close();
    await system.close();
  };
  return { removed, planState, lookups, runs, close };
}

const RUN: Run = {
  ...{ id: '1', model: 'old', startMs: 1, endMs: 2, rows: 1, error: null, checks: [] },
  cause: 'manual',
  state: 'succeeded',
};

/** Everything that one name can have left, and a stream beside it. */
async function filled(): Promise<string> {
  const folder = temporaryFolder();
  const files = nodeFileSystem();
  await files.makeFolder(join(folder, 'system'));
  for (const place of ['streams', 'deadletters'])
    for (const name of ['old', 'new']) {
      const log = await storeOn(files, join(folder, place)).open({ ...LOG_SETTINGS, name });
      await log.append(batchOf(['{"n":1}']));
      await log.close();
    }
  const opened = openOn(folder, files);
  const tables = tablesOn(files, folder);
  for (const namespace of ['lake', 'warehouse'] as const)
    await tables.open({
      namespace,
      name: 'old',
      fields: LOG_SETTINGS.schema.fields,
      partitionBy: [],
    });
  const environment = openLookups(join(folder, 'system', 'lookups.mdb'));
  await environment.lookup('old').put(['a'], Buffer.from('entry'));
  await environment.positions.put('old', '{}');
  await environment.root.close();
  await opened.runs.save(RUN);
  await opened.runs.save({ ...RUN, id: '2', model: 'other' });
  const both = ['old', 'new'].map((name) => stream(name, { fields: { n: f.int() } }));
  await opened.planState.accept(compile(both).plan, false);
  await opened.close();
  return folder;
}

async function left(folder: string): Promise<readonly string[] | string> {
  const opened = openOn(folder, nodeFileSystem());
  try {
    return (await opened.removed.find('old', EMPTY_PLAN)).map(({ what }) => what);
  } catch (error) {
    return (error as Error).message;
  } finally {
    await opened.close();
  }
}

const WHOLE = [
  'stream old',
  'dead letters of old',
  'table lake.old',
  'table warehouse.old',
  'lookup old',
  'runs of old',
];
const NOTHING =
  "Nothing is stored under the name 'old'. Removed definitions with data are: new, other.";

test('a drop that a crash cuts short is finished at the next start, or has left everything', async () => {
  let steps = 1;
  const outcomes = new Set<string>();
  for (let at = 0; at < steps; at++) {
    const folder = await filled();
    const dying = dyingAt(at);
    const first = openOn(folder, dying.files);
    onTestFinished(() => first.close().catch(() => undefined));
    await expect(first.removed.drop('old', EMPTY_PLAN), `step ${at}`).rejects.toThrow(/dead/);
    await first.close();
    const whole = dyingAt(Number.POSITIVE_INFINITY);
    const next = openOn(folder, whole.files);
    await next.removed.finish();
    await next.close();
    const found = await left(folder);
    if (Array.isArray(found)) expect(found, `step ${at}`).toEqual(WHOLE);
    else expect(found, `step ${at}`).toBe(NOTHING);
    outcomes.add(String(found));
    expect(readdirSync(join(folder, 'streams')), `step ${at}`).toContain('new');
    expect(readdirSync(join(folder, 'system')), `step ${at}`).not.toContain('drop.json');
    if (at === 0) {
      const counted = dyingAt(Number.POSITIVE_INFINITY);
      const all = openOn(folder, counted.files);
      expect((await all.removed.drop('old', EMPTY_PLAN)).map(({ what }) => what)).toEqual(WHOLE);
      await all.close();
      steps = counted.steps();
    }
  }
  expect(steps).toBeGreaterThan(8);
  expect([...outcomes], 'both were seen').toHaveLength(2);
}, 60_000);

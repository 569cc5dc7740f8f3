import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import {
  type ModelRunnerOptions,
  type RunnableModel,
  TableModelRunner,
} from '../../src/model/embedded/table-model-runner.ts';
import type { Run } from '../../src/schedule/run-store.ts';

/** A runner over a stream of one number, with a clock that is moved by hand and runs that are saved when told to. */
function bench() {
  let now = 1_000_000;
  let position = 0;
  const timers = new Set<{ at: number; action: () => void }>();
  const clock: Clock = {
    now: () => now,
    after: (delayMs, action) => {
      const timer = { at: now + delayMs, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const saved: Run[] = [];
  const begun: string[] = [];
  const saves: (() => void)[] = [];
  let commit = () => {};
  const properties: Record<string, string> = {};
  const model = {
    plan: { name: 'totals', schedule: 'on-change', timezone: 'UTC' },
    streams: ['sales'],
    tables: [],
    checks: [],
    sql: '',
    table: {
      snapshotId: '1',
      properties,
      replace: async (_: unknown, changed: object) => void Object.assign(properties, changed),
    },
  } as unknown as RunnableModel;
  const runner = new TableModelRunner({
    models: [model],
    catalog: () => ({ streams: [], models: [], lookups: [] }),
    deliver: async () => ({ position: String(position), scan: undefined }),
    position: () => String(position),
    onCommit: (_, listener) => {
      commit = listener;
      return () => {};
    },
    execute: async () => ({ files: [], rows: 0, checks: [] }),
    removeFiles: async () => {},
    runs: {
      save: (run) =>
        new Promise((resolve) => {
          if (run.state === 'running') begun.push(run.id);
          saves.push(() => {
            saved.unshift(run);
            resolve();
          });
        }),
      remove: async () => {},
      list: () => saved,
      latest: () => saved[0],
    },
    clock,
    logger: silentLogger,
  } satisfies ModelRunnerOptions);
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    runner,
    begun,
    change: () => {
      position += 1;
      commit();
    },
    pass: async (ms: number) => {
      now += ms;
      for (const timer of timers)
        if (timer.at <= now) {
          timers.delete(timer);
          timer.action();
        }
      await settle();
    },
    save: async () => {
      while (saves.length > 0) {
        saves.shift()?.();
        await settle();
      }
    },
  };
}

test('a change while a run is on its way waits its 60 s, however late the run is recorded', async () => {
  const { runner, begun, change, pass, save } = bench();
  await runner.start();
  await pass(0);
  expect(begun).toHaveLength(1);
  for (let count = 0; count < 5; count++) {
    change();
    await pass(100);
  }
  expect(begun, 'the first run is not saved yet').toHaveLength(1);
  await save();
  change();
  await pass(59_000);
  expect(begun).toHaveLength(1);
  await pass(1000);
  expect(begun, 'what changed since has its own run').toHaveLength(2);
  await save();
  await runner.close();
});

test('a change before a queued run begins is seen by that run, and needs no other', async () => {
  const { runner, begun, change, pass, save } = bench();
  await runner.start();
  await pass(0);
  const asked = runner.run('totals', 'manual');
  change();
  await pass(60_000);
  await save();
  await asked;
  await pass(60_000);
  await save();
  expect(begun, 'the first and the one that was asked for').toHaveLength(2);
  await runner.close();
});

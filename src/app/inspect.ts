import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { nodeFileSystem } from '../core/node-file-system.ts';
import type { PlanChange } from '../plan/diff.ts';
import type { Plan } from '../plan/plan.ts';
import { createEngine } from './children.ts';
import { loadPipeline } from './load-pipeline.ts';
import { PlanState } from './plan-state.ts';
import { type PreparedPipeline, prepare } from './prepare.ts';

/** Loads a pipeline and has an engine of its own describe it; no data folder is touched. */
export async function prepareWithoutRunning(file: string): Promise<PreparedPipeline> {
  const loaded = await loadPipeline(file);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
  const engine = createEngine({ folder, clock: systemClock, logger: silentLogger });
  try {
    return await prepare(loaded, (request) => engine.call('describe', request));
  } finally {
    await engine.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the plan would change in a folder; reading needs no ownership. */
export function storedPlanChanges(folder: string, plan: Plan): Promise<PlanChange[]> {
  return new PlanState(folder, nodeFileSystem()).changes(plan);
}

import { dirname, join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Plan } from '../plan/plan.ts';
import type { RemovedPart } from '../serve/services.ts';
import type { Target } from '../target/target.ts';
import type { PlanState } from './plan-state.ts';

type Stores = Pick<Target, 'files' | 'streams' | 'deadLetters' | 'tables' | 'lookups' | 'runs'>;

/**
 * What definitions left stored when they were taken out of the pipeline. A drop is written down before its
 * first step: where a crash cuts it short, the next start finishes it. Callers keep the plan from changing
 * meanwhile.
 */
export class RemovedData {
  readonly #stores: Stores;
  readonly #planState: PlanState;
  /** Names the drop under way. */
  readonly #path: string;

  constructor(folder: string, stores: Stores, planState: PlanState) {
    this.#stores = stores;
    this.#planState = planState;
    this.#path = join(folder, 'system', 'drop.json');
  }

  /** @throws MillraceError MR_PLAN_DEFINED, MR_PLAN_UNKNOWN where nothing is stored under the name */
  async find(name: string, plan: Plan): Promise<RemovedPart[]> {
    const kind = kindOf(name, plan);
    if (kind !== undefined)
      throw new MillraceError(
        'MR_PLAN_DEFINED',
        `'${name}' is a ${kind} of the pipeline, so its data stays. Take its definition out of the pipeline file first; then \`millrace drop ${name}\` removes the data.`,
      );
    const names = await this.#names();
    if (names.has(name)) return this.#parts(name);
    const others = [...names].filter((other) => kindOf(other, plan) === undefined).sort();
    throw new MillraceError(
      'MR_PLAN_UNKNOWN',
      `Nothing is stored under the name '${name}'. Removed definitions with data are: ${others.join(', ') || 'none'}.`,
    );
  }

  /** Removes what `find` found, for good. */
  async drop(name: string, plan: Plan): Promise<RemovedPart[]> {
    const parts = await this.find(name, plan);
    await this.#stores.files.replaceFile(this.#path, JSON.stringify({ name }));
    await this.finish();
    return parts;
  }

  /** Ends a drop that was begun. */
  async finish(): Promise<void> {
    const { files, streams, deadLetters, tables, lookups, runs } = this.#stores;
    if (!(await files.exists(this.#path))) return;
    const { name } = JSON.parse((await files.readFile(this.#path)).toString()) as { name: string };
    await streams.remove(name);
    await deadLetters.remove(name);
    await tables.remove('lake', name);
    await tables.remove('warehouse', name);
    await lookups.remove(name);
    await runs.remove(name);
    await this.#planState.forget(name);
    await files.remove(this.#path);
    await files.syncFolder(dirname(this.#path));
  }

  async #names(): Promise<ReadonlySet<string>> {
    const { streams, deadLetters, tables, lookups, runs } = this.#stores;
    const { streams: planned } = await this.#planState.read();
    return new Set([
      ...planned.map((stream) => stream.name),
      ...(await streams.names()),
      ...(await deadLetters.names()),
      ...(await tables.names('lake')),
      ...(await tables.names('warehouse')),
      ...lookups.names(),
      ...runs.list(LIMITS.runsKept).map((run) => run.model),
    ]);
  }

  async #parts(name: string): Promise<RemovedPart[]> {
    const { streams, deadLetters, tables, lookups, runs } = this.#stores;
    const stored: [string, Promise<string[]>, () => Promise<number>][] = [
      [`stream ${name}`, streams.names(), () => streams.bytes(name)],
      [`dead letters of ${name}`, deadLetters.names(), () => deadLetters.bytes(name)],
      [`table lake.${name}`, tables.names('lake'), () => tables.bytes('lake', name)],
      [`table warehouse.${name}`, tables.names('warehouse'), () => tables.bytes('warehouse', name)],
    ];
    const parts: RemovedPart[] = [];
    for (const [what, names, bytes] of stored)
      if ((await names).includes(name)) parts.push({ what, bytes: await bytes(), entries: null });
    if (lookups.names().includes(name))
      parts.push({ what: `lookup ${name}`, bytes: null, entries: lookups.entries(name) });
    const ran = runs.list(LIMITS.runsKept).filter((run) => run.model === name).length;
    if (ran > 0) parts.push({ what: `runs of ${name}`, bytes: null, entries: ran });
    return parts;
  }
}

function kindOf(name: string, plan: Plan): string | undefined {
  const kinds = {
    stream: plan.streams,
    lookup: plan.lookups,
    model: plan.models,
    dashboard: plan.dashboards,
    endpoint: plan.endpoints,
  };
  return Object.entries(kinds).find(([, nodes]) => nodes.some((node) => node.name === name))?.[0];
}

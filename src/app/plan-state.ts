import { join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { diffPlans, type PlanChange, renamedStreams } from '../plan/diff.ts';
import { EMPTY_PLAN, type Plan } from '../plan/plan.ts';

/** The plan that the stored data was written under. */
export class PlanState {
  readonly #files: FileSystem;
  readonly #path: string;

  constructor(folder: string, files: FileSystem) {
    this.#files = files;
    this.#path = join(folder, 'system', 'plan.json');
  }

  async read(): Promise<Plan> {
    if (!(await this.#files.exists(this.#path))) return EMPTY_PLAN;
    const plan = JSON.parse((await this.#files.readFile(this.#path)).toString()) as Plan;
    // One that an earlier version wrote has not all kinds of definitions.
    if (plan.format === 1) return { ...EMPTY_PLAN, ...plan };
    throw new MillraceError(
      'MR_STORAGE_FORMAT',
      `${this.#path} has format ${String(plan.format)}; this version reads format 1. Use the version of millrace that wrote it.`,
    );
  }

  async changes(next: Plan): Promise<PlanChange[]> {
    return diffPlans(await this.read(), next);
  }

  /**
   * Makes `next` the plan of the folder. Streams that left the pipeline stay known, so that a definition
   * that comes back is held against its data.
   * @throws MillraceError MR_PLAN_BREAKING listing the breaking changes.
   */
  async accept(next: Plan, allowBreaking: boolean): Promise<PlanChange[]> {
    const before = await this.read();
    const changes = diffPlans(before, next);
    const breaking = changes.filter((change) => change.kind === 'breaking');
    if (breaking.length > 0 && !allowBreaking)
      throw new MillraceError(
        'MR_PLAN_BREAKING',
        `The definition would break stored data:\n${breaking.map((change) => `  ${change.what}: ${change.detail}`).join('\n')}\nUndo the change, or accept it with --allow-breaking.`,
      );
    const renamed = renamedStreams(before, next);
    const removed = before.streams.filter(
      ({ name }) => !renamed.has(name) && !next.streams.some((other) => other.name === name),
    );
    const plan = { ...next, streams: [...next.streams, ...removed] };
    if (JSON.stringify(plan) !== JSON.stringify(before)) await this.#write(plan);
    return changes;
  }

  /** Forgets a stream that left the pipeline, once its data is gone. */
  async forget(name: string): Promise<void> {
    const plan = await this.read();
    const streams = plan.streams.filter((stream) => stream.name !== name);
    if (streams.length < plan.streams.length) await this.#write({ ...plan, streams });
  }

  #write(plan: Plan): Promise<void> {
    return this.#files.replaceFile(this.#path, JSON.stringify(plan));
  }
}

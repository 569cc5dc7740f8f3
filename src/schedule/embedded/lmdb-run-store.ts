import type { Database, RootDatabase } from 'lmdb';
import { LIMITS } from '../../core/limits.ts';
import { committed } from '../../core/lmdb-commit.ts';
import type { Run, RunStore } from '../run-store.ts';

/** Runs in the system's LMDB environment, under ids that sort by start. */
export class LmdbRunStore implements RunStore {
  readonly #runs: Database<Run, string>;

  constructor(root: RootDatabase) {
    this.#runs = root.openDB<Run, string>({ name: 'runs', encoding: 'json' });
  }

  async save(run: Run): Promise<void> {
    await committed(this.#runs.put(run.id, run));
    const surplus = this.#runs.getCount() - LIMITS.runsKept;
    if (surplus > 0)
      for (const id of this.#runs.getKeys({ limit: surplus }))
        await committed(this.#runs.remove(id));
  }

  list(limit: number): readonly Run[] {
    return [...this.#runs.getRange({ reverse: true, limit })].map(({ value }) => value);
  }

  async remove(model: string): Promise<void> {
    const ids = this.list(LIMITS.runsKept).flatMap((run) => (run.model === model ? [run.id] : []));
    for (const id of ids) await committed(this.#runs.remove(id));
  }

  latest(model: string): Run | undefined {
    for (const { value } of this.#runs.getRange({ reverse: true }))
      if (value.model === model) return value;
    return undefined;
  }
}

/** Runs that a crash cut short are marked so when the folder is opened again. */
export async function markInterrupted(store: RunStore): Promise<void> {
  for (const run of store.list(LIMITS.runsKept)) {
    if (run.state === 'running')
      await store.save({
        ...run,
        state: 'interrupted',
        error: 'The process ended during the run.',
      });
  }
}

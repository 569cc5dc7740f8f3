import { MillraceError } from '../core/errors.ts';
import { CHECKPOINT_PROPERTY } from '../deliver/delivery.ts';
import { planCompaction } from '../lake/compaction.ts';
import type { LakeTable } from '../lake/table-store.ts';
import type { LakeTableServices } from '../serve/services.ts';
import { lakeTables } from './lake-tables.ts';
import type { Runtime } from './runtime.ts';

/** Looking after tables when somebody asks for it. */
export function createLakeTableServices(current: () => Promise<Runtime>): LakeTableServices {
  const find = async (asked: { readonly namespace: string; readonly name: string }) => {
    const runtime = await current();
    const tables = await lakeTables(runtime);
    const table = tables.find(
      ({ namespace, name }) => namespace === asked.namespace && name === asked.name,
    );
    if (table) return { runtime, table };
    throw new MillraceError(
      'MR_TABLE_NOT_FOUND',
      `There is no table '${asked.namespace}.${asked.name}'. Tables are: ${tables.map(textOf).join(', ') || 'none'}.`,
    );
  };
  return {
    names: async () =>
      (await lakeTables(await current())).map(({ namespace, name, isDefined }) => ({
        namespace,
        name,
        isDefined,
      })),
    compact: async (asked, jobs) => {
      const { runtime, table } = await find(asked);
      const done = await runtime.maintenance.compact(table, jobs);
      return { ...done, left: planCompaction(table.live, table.scan, 'all').length };
    },
    expire: async (asked, retention) => {
      const { runtime, table } = await find(asked);
      return runtime.maintenance.expire(table, retention);
    },
    rollback: async (asked, to, redeliver) => {
      const { runtime, table } = await find(asked);
      const snapshot = await table.rollback(to, redeliver ? [CHECKPOINT_PROPERTY] : []);
      for (const stream of runtime.streams.values())
        if (stream.table === table) stream.delivery?.wake();
      return snapshot;
    },
  };
}

const textOf = ({ namespace, name }: LakeTable): string => `${namespace}.${name}`;

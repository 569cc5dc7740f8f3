import { MillraceError } from '../core/errors.ts';
import { CHECKPOINT_PROPERTY, parseCheckpoint } from '../deliver/delivery.ts';
import { planCompaction } from '../lake/compaction.ts';
import type { LakeTable, Properties } from '../lake/table-store.ts';
import type { LakeTableServices } from '../serve/services.ts';
import type { StreamLog } from '../stream/stream-store.ts';
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
      const stream = [...runtime.streams.values()].find((one) => one.table === table);
      if (!redeliver) return table.rollback(to, []);
      if (!stream)
        throw new MillraceError(
          'MR_REQUEST_INVALID',
          `${textOf(table)} is no table of a stream: nothing can be delivered into it again.`,
        );
      const snapshot = await table.rollback(to, [CHECKPOINT_PROPERTY], (restored) =>
        requireKept(stream.log, restored),
      );
      stream.delivery?.wake();
      return snapshot;
    },
  };
}

/** What retention has removed cannot come again. */
function requireKept(log: StreamLog, restored: Properties): void {
  const checkpoint = parseCheckpoint(restored[CHECKPOINT_PROPERTY]);
  if (!checkpoint || checkpoint.epoch !== log.epoch || checkpoint.next >= log.firstSequence) return;
  throw new MillraceError(
    'MR_STREAM_EXPIRED',
    `Stream '${log.name}' keeps its records from ${log.firstSequence} on; those from ${checkpoint.next} cannot be delivered again. Roll back to a later snapshot, or without delivering again.`,
  );
}

const textOf = ({ namespace, name }: LakeTable): string => `${namespace}.${name}`;

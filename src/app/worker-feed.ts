import { createHash } from 'node:crypto';
import type { ChildProcess } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import { LIMITS } from '../core/limits.ts';
import { APART_PROPERTY, parseApart } from '../deliver/delivery.ts';
import type { EngineMethods } from '../engine/protocol.ts';
import { WORK_FETCH } from '../lake/data-files.ts';
import type { LookupSchema } from '../lookup/lookup-store.ts';
import { renamesOf } from '../plan/field-history.ts';
import type { LookupPlan } from '../plan/plan.ts';
import { waitForRecords } from '../stream/wait-for-records.ts';
import { servedCatalog } from './query-sync.ts';
import type { Runtime } from './runtime.ts';
import type { RecordsAnswer, WorkerHostMethods, WorkerSetup } from './worker-protocol.ts';

/** `records` of a feed are waited for this long before an empty answer. */
const FEED_WAIT_MS = 1000;
const FEED_BYTES_MAX = 4 * 1024 * 1024;
const ENTRY_FORMAT = 3;
const CONSUMER = 'lookups';
/** How often a pipeline that ends looks whether its lookups are done. */
const LOOK_MS = 20;

/** The lookups the worker keeps, by the stream they are made of. */
export function workerSetup(runtime: Runtime): WorkerSetup {
  const { lookups } = runtime.plan;
  const names = [...new Set(lookups.map((lookup) => lookup.from))];
  return {
    streams: names.map((name) => ({
      name,
      lookups: lookups
        .filter((lookup) => lookup.from === name)
        .map((plan) => {
          const schema = runtime.lookup(plan.name);
          return {
            ...schema,
            ...(plan.tombstone === undefined ? {} : { tombstone: plan.tombstone }),
            fingerprint: fingerprint(plan, schema, renamesOf(runtime.stream(name).log.schemas)),
          };
        }),
    })),
  };
}

/** Of what decides which entries there are, and of how they are stored: where it changes they are built anew. */
function fingerprint(
  { tombstone }: LookupPlan,
  { from, key, sort }: LookupSchema,
  renames: readonly string[],
): string {
  const parts = [key, ...sort].map((part) => part && [part.name, part.type]);
  return createHash('sha256')
    .update(JSON.stringify([ENTRY_FORMAT, from, parts, tombstone ?? null, ...renames]))
    .digest('hex')
    .slice(0, 16);
}

/** The feed of the worker: what it asks for from `from` is what it has durably used before it. */
export async function feedRecords(
  runtime: Runtime,
  { stream, from }: WorkerHostMethods['records'][0],
): Promise<RecordsAnswer> {
  const { log } = runtime.stream(stream);
  if (from !== null) {
    log.setConsumer(CONSUMER, from);
    await waitForRecords(log, { next: from, clock: runtime.context.clock, waitMs: FEED_WAIT_MS });
  }
  const slices =
    from === null || runtime.isClosed
      ? []
      : await log.slices(from, log.nextSequence, FEED_BYTES_MAX);
  return {
    epoch: log.epoch,
    lineage: log.lineage,
    firstSequence: log.firstSequence,
    oldest: runtime.stream(stream).table ? 0 : log.firstRetained,
    nextSequence: log.nextSequence,
    slices,
    schemas: slices.length > 0 ? log.schemas : [],
  };
}

/**
 * Waits until the lookups have all records, as long as a last delivery may take. What is missing then is
 * in the log, and is written after the next start.
 */
export async function lookupsCaughtUp(runtime: Runtime): Promise<void> {
  const { clock, logger } = runtime.context;
  const end = clock.now() + LIMITS.drainDeadlineMs;
  const behind = () => runtime.plan.lookups.filter((lookup) => isBehind(lookup, runtime));
  while (behind().length > 0 && clock.now() < end)
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  const late = behind().map(({ name }) => name);
  if (late.length > 0)
    logger.error(
      { lookups: late },
      'lookups could not be brought up to date before the end; the records wait in the log',
    );
}

/** Where the worker has not asked for records yet, what it stored before counts. */
function isBehind({ name, from }: LookupPlan, { streams, context }: Runtime): boolean {
  const log = streams.get(from)?.log;
  if (!log) return false;
  const stored = context.target.lookups.position(name);
  const next = log.consumers.get(CONSUMER) ?? (stored?.epoch === log.epoch ? stored.next : 0);
  return next < log.nextSequence;
}

/** Records that a lookup has no place for become dead letters of their stream. */
export async function keepRefused(
  runtime: Runtime,
  { stream, letters }: WorkerHostMethods['refused'][0],
): Promise<null> {
  await runtime.stream(stream).letters?.store(
    letters.map(({ record, message }) => ({
      code: 'MR_LOOKUP_KEY_TOO_LARGE',
      message,
      bytes: Buffer.from(record),
    })),
  );
  return null;
}

/** The rows that a lookup has once it has all records below `until`; `take` gets them as NDJSON. */
export async function lookupRows(
  runtime: Runtime,
  engine: Pick<ChildProcess<EngineMethods>, 'call'>,
  { lookup, until }: WorkerHostMethods['lookupRows'][0],
  { emit, signal }: CallContext,
): Promise<null> {
  const catalog = servedCatalog(runtime);
  const asked = catalog.lookups.find((one) => one.name === lookup);
  const stream = catalog.streams.find((one) => one.schema === 'lake' && one.name === asked?.from);
  if (!asked || !stream) return null;
  const { log, table, delivery } = runtime.stream(stream.name);
  const pin = await table?.pin();
  try {
    if (table && pin) await table.fetch(pin.scan, WORK_FETCH);
    const apart = parseApart(table?.properties[APART_PROPERTY]).map(({ from }) => from);
    // Rows beside those of the log are in no lookup: from there on the log says which there are.
    const delivered = Math.min(delivery?.next ?? log.firstRetained, ...apart);
    const from = Math.max(delivered, log.firstRetained);
    const slices = await log.slices(from, until, Number.MAX_SAFE_INTEGER);
    await engine.call(
      'lookupRows',
      { stream, lookup: asked, scan: pin?.scan, delivered: from, slices, until },
      { onChunk: (chunk) => emit(chunk), signal },
    );
  } finally {
    await pin?.release();
  }
  return null;
}

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { ChildProcess } from '../children/child-process.ts';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { fieldNamed, type NamedField } from '../core/field-types.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import { CHECKPOINT_PROPERTY, type Delivery, parseCheckpoint } from '../deliver/delivery.ts';
import type { EngineMethods } from '../engine/protocol.ts';
import type { DedupeWindow } from '../ingest/dedupe-window.ts';
import {
  Ingest,
  type IngestOptions,
  type IngestResult,
  type RequestOptions,
} from '../ingest/ingest.ts';
import type { PutEntry, PutOutcome, Puts } from '../ingest/puts.ts';
import { recordIds } from '../ingest/record-id.ts';
import { StreamPuts } from '../ingest/stream-puts.ts';
import { WORK_FETCH } from '../lake/data-files.ts';
import type { Maintenance } from '../lake/maintenance.ts';
import type { LakeTable } from '../lake/table-store.ts';
import type { LookupSchema } from '../lookup/lookup-store.ts';
import type { RunnableModel } from '../model/embedded/table-model-runner.ts';
import type { ModelRunner } from '../model/model-runner.ts';
import type { LookupPlan, ModelPlan, Plan, StreamPlan } from '../plan/plan.ts';
import { renderCheck, renderSql } from '../plan/render-sql.ts';
import type { LogPosition, StreamLog } from '../stream/stream-store.ts';
import type { Target } from '../target/target.ts';
import {
  DEAD_LETTER_LOG,
  DEAD_LETTER_SHARDS,
  DeadLetters,
  keepsDeadLetters,
} from './dead-letters.ts';
import { engineStream, type PreparedPipeline } from './prepare.ts';
import { servedCatalog } from './query-sync.ts';
import { startTrimming } from './start-trimming.ts';
import { lookupsCaughtUp } from './worker-feed.ts';

export interface RuntimeContext {
  readonly target: Target;
  readonly engine: ChildProcess<EngineMethods>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One stream while it runs. */
export interface RunningStream {
  readonly plan: StreamPlan;
  readonly log: StreamLog;
  readonly letters: DeadLetters | undefined;
  readonly table: LakeTable | undefined;
  readonly delivery: Delivery | undefined;
  /** Of files beside the table. */
  readonly files: Delivery | undefined;
  readonly dedupe: DedupeWindow | undefined;
  readonly ingest: Ingest;
  readonly puts: Puts;
}

/** A changed pipeline waits this long for requests under way. */
const REQUESTS_WAIT_MS = 5000;

/** Rows that other programs write into the table have none of them. */
const PLACE_FIELDS: readonly NamedField[] = [
  { name: '_shard', type: { kind: 'int' }, optional: true },
  { name: '_sequence_number', type: { kind: 'long' }, optional: true },
  { name: '_arrived_at', type: { kind: 'timestamptz' }, optional: true },
];

/** Everything that depends on the plan: opened together, closed together, replaced on reload. */
export class Runtime {
  /** No other has it. */
  readonly id = randomUUID();
  readonly pipeline: PreparedPipeline;
  readonly streams: ReadonlyMap<string, RunningStream>;
  readonly tables: ReadonlyMap<string, LakeTable>;
  readonly models: ModelRunner;
  readonly maintenance: Maintenance;
  readonly context: RuntimeContext;
  readonly #lookups: ReadonlyMap<string, LookupSchema>;
  readonly #stopTrimming: readonly (() => void)[];
  readonly #closing = new AbortController();
  #closed = false;
  #taking = 0;
  #idle: (() => void) | undefined;

  private constructor(
    pipeline: PreparedPipeline,
    context: RuntimeContext,
    streams: ReadonlyMap<string, RunningStream>,
    tables: ReadonlyMap<string, LakeTable>,
  ) {
    // One listener for each open reader.
    setMaxListeners(LIMITS.readersMax, this.#closing.signal);
    this.pipeline = pipeline;
    this.context = context;
    this.streams = streams;
    this.tables = tables;
    this.#lookups = new Map(
      pipeline.plan.lookups.map((plan) => [
        plan.name,
        lookupSchema(plan, this.stream(plan.from).plan),
      ]),
    );
    this.models = this.#modelRunner();
    this.maintenance = this.#maintenance();
    // Each stream on its own: what waits for its raw zone keeps no other from its turn.
    this.#stopTrimming = [...streams.values()].map(({ log, letters }) => {
      const trim = async () => (await log.trim()) + ((await letters?.trim()) ?? 0);
      return startTrimming(context, () => [{ stream: log.name, trim }]);
    });
  }

  static async open(pipeline: PreparedPipeline, context: RuntimeContext): Promise<Runtime> {
    const streams = new Map<string, RunningStream>();
    for (const plan of pipeline.plan.streams)
      streams.set(plan.name, await openStream(plan, pipeline.plan, context));
    const tables = new Map<string, LakeTable>();
    for (const model of pipeline.plan.models) {
      if (model.materialize !== 'table') continue;
      const fields = pipeline.columns.get(model.name) ?? [];
      tables.set(
        model.name,
        await context.target.tables.open({
          namespace: 'warehouse',
          name: model.name,
          fields,
          partitionBy: [],
        }),
      );
    }
    return new Runtime(pipeline, context, streams, tables);
  }

  get plan(): Plan {
    return this.pipeline.plan;
  }

  /** True once its logs are about to close: they feed no lookup any more. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Aborted once it ends: whoever reads its logs goes on with those of the next one. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** @throws MillraceError MR_PLAN_UNKNOWN listing the streams there are. */
  stream(name: string): RunningStream {
    const found = this.streams.get(name);
    if (found) return found;
    throw new MillraceError(
      'MR_PLAN_UNKNOWN',
      `There is no stream '${name}'. Streams are: ${[...this.streams.keys()].join(', ') || 'none'}.`,
    );
  }

  /** Stores a request's records; a reload waits for it. */
  async take(
    stream: string,
    body: AsyncIterable<Buffer>,
    request: RequestOptions,
  ): Promise<IngestResult> {
    const { ingest } = this.stream(stream);
    return this.#counted(() => ingest.take(body, request));
  }

  /** The same for what producers put that speak Kinesis or Firehose. */
  async put(
    stream: string,
    entries: readonly PutEntry[],
    producer: string | undefined,
  ): Promise<readonly PutOutcome[]> {
    const { puts } = this.stream(stream);
    return this.#counted(() => puts.put(entries, producer));
  }

  async #counted<T>(take: () => Promise<T>): Promise<T> {
    this.#taking += 1;
    try {
      return await take();
    } finally {
      this.#taking -= 1;
      if (this.#taking === 0) this.#idle?.();
    }
  }

  /** Requests that still send when the time is over are answered with MR_STOPPING. */
  #requestsDone(): Promise<void> {
    if (this.#taking === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.context.clock.after(REQUESTS_WAIT_MS, resolve);
      this.#idle = () => {
        cancel();
        resolve();
      };
    });
  }

  /** @throws MillraceError MR_PLAN_UNKNOWN listing the lookups there are. */
  lookup(name: string): LookupSchema {
    const found = this.#lookups.get(name);
    if (found) return found;
    throw new MillraceError(
      'MR_PLAN_UNKNOWN',
      `There is no lookup '${name}'. Lookups are: ${[...this.#lookups.keys()].join(', ') || 'none'}.`,
    );
  }

  #modelRunner(): ModelRunner {
    const { target, engine, clock, logger } = this.context;
    const runnable = this.plan.models.flatMap((plan): RunnableModel[] => {
      const table = this.tables.get(plan.name);
      return table
        ? [
            {
              plan,
              sql: renderSql(plan.query),
              checks: this.#checks(plan),
              table,
              ...this.#inputs(plan.name),
            },
          ]
        : [];
    });
    return target.createModelRunner({
      models: runnable,
      catalog: () => servedCatalog(this),
      deliver: async (name) => {
        const { delivery, table } = this.stream(name);
        await delivery?.deliverNow();
        const delivered = { position: this.#position(name), scan: table?.scan };
        if (delivered.scan) await table?.fetch(delivered.scan, WORK_FETCH);
        return delivered;
      },
      position: (name) => this.#position(name),
      onCommit: (name, listener) => this.stream(name).log.onCommit(listener),
      execute: (request, signal) => engine.call('runModel', request, { signal }),
      removeFiles: (paths) => removeAll(paths, target),
      runs: target.runs,
      clock,
      logger,
    });
  }

  /** Of the pipeline's own tables; those of other programs are theirs to look after. */
  #maintenance(): Maintenance {
    const { target, engine, clock, logger } = this.context;
    const own = [
      ...[...this.streams.values()].flatMap(({ table }) => (table ? [table] : [])),
      ...this.tables.values(),
    ];
    return target.createMaintenance({
      tables: () => own,
      compact: (request, signal) => engine.call('compact', request, { signal }),
      removeFiles: (paths) => removeAll(paths, target),
      clock,
      logger,
    });
  }

  /** Where the stream is now: a model that ran at the same place is up to date. */
  #position(name: string): string {
    const { log } = this.stream(name);
    return `${log.epoch}:${log.nextSequence}`;
  }

  /** The stored inputs of a model, views looked through. */
  #inputs(name: string): { streams: string[]; tables: string[] } {
    const streams = new Set<string>();
    const tables = new Set<string>();
    const visit = (model: string): void => {
      for (const relation of this.pipeline.reads.get(model) ?? []) {
        const lookup =
          relation.schema === 'lookups'
            ? this.plan.lookups.find((candidate) => candidate.name === relation.name)
            : undefined;
        if (lookup) streams.add(lookup.from);
        else if (relation.schema === 'warehouse')
          this.tables.has(relation.name) ? tables.add(relation.name) : visit(relation.name);
        else streams.add(relation.name);
      }
    };
    visit(name);
    return { streams: [...streams], tables: [...tables] };
  }

  /** The checks of a model; required `fields` are checks of their own, as a table cannot hold nulls there. */
  #checks(plan: ModelPlan): RunnableModel['checks'] {
    const required = (plan.fields ?? [])
      .filter((field) => !field.optional)
      .map((field) => ({
        rule: 'notNull' as const,
        column: field.name,
        name: `${field.name} is required`,
        severity: 'error' as const,
      }));
    return [...required, ...plan.checks.map(renderCheck)];
  }

  /** What is not delivered when the time is over waits in the log. */
  async #deliverRest(stream: string, delivery: Delivery): Promise<void> {
    const { clock, logger } = this.context;
    let late = () => {};
    const deadline = new Promise<void>((resolve) => {
      late = clock.after(LIMITS.drainDeadlineMs, resolve);
    });
    const delivered = delivery
      .deliverNow()
      .catch((error: Error) =>
        logger.error(
          { stream, error: error.message },
          'could not deliver before the end; the records wait in the log',
        ),
      );
    await Promise.race([delivered, deadline]);
    late();
  }

  /** `deliver`: also bring what waits into tables and lookups. Runs and deliveries under way end first. */
  async close({ deliver }: { deliver: boolean }): Promise<void> {
    this.#closed = !deliver;
    this.#closing.abort();
    for (const stop of this.#stopTrimming) stop();
    await Promise.all([this.models.close(), this.maintenance.close()]);
    await this.#requestsDone();
    const lookups = deliver ? lookupsCaughtUp(this) : undefined;
    for (const { delivery, files, plan } of this.streams.values())
      for (const one of [delivery, files]) {
        if (deliver && one) await this.#deliverRest(plan.name, one);
        await one?.close();
      }
    await lookups;
    this.#closed = true;
    for (const { log, letters, dedupe } of this.streams.values()) {
      await log.close();
      await dedupe?.close();
      await letters?.log.close();
    }
  }
}

async function removeAll(paths: readonly string[], { files }: Target): Promise<void> {
  for (const path of paths) await files.remove(path);
}

function lookupSchema({ name, from, key, sort }: LookupPlan, { fields }: StreamPlan): LookupSchema {
  return {
    name,
    from,
    fields,
    key: fieldNamed(fields, key),
    sort: sort.map((part) => (part === null ? null : fieldNamed(fields, part))),
  };
}

async function openDedupe(
  { fields }: StreamPlan,
  { by, withinMs }: NonNullable<StreamPlan['dedupe']>,
  log: StreamLog,
  target: Target,
) {
  const ids = recordIds(fieldNamed(fields, by));
  return { ids, window: await target.openDedupeWindow({ log, ids, withinMs }) };
}

async function openLetters(
  { name, retention }: StreamPlan,
  { target }: RuntimeContext,
): Promise<DeadLetters> {
  const log = await target.deadLetters.open({
    name,
    shards: DEAD_LETTER_SHARDS,
    retention,
    schema: { fields: DEAD_LETTER_LOG, unknown: 'refuse' },
  });
  return DeadLetters.open(log, target.files);
}

async function openStream(
  plan: StreamPlan,
  whole: Plan,
  context: RuntimeContext,
): Promise<RunningStream> {
  const { target, engine, clock, logger } = context;
  if (plan.renamedFrom !== undefined) {
    await target.tables.rename('lake', plan.renamedFrom, plan.name);
    await target.deadLetters.rename(plan.renamedFrom, plan.name);
    await target.streams.rename(plan.renamedFrom, plan.name);
  }
  // Before the log: the table knows how far a log was that was put back.
  const stored = plan.table === false ? undefined : await target.tables.find('lake', plan.name);
  const log = await target.streams.open({
    name: plan.name,
    shards: plan.shards,
    retention: plan.retention,
    raw: plan.raw,
    checkpoints: checkpointsOf(plan, whole, stored, context),
    schema: { fields: plan.fields, unknown: plan.unknown },
  });
  const rest: NamedField[] =
    plan.unknown === 'keep' ? [{ name: '_rest', type: { kind: 'string' }, optional: true }] : [];
  const table =
    plan.table === false
      ? undefined
      : await target.tables.open({
          namespace: 'lake',
          name: plan.name,
          fields: [...plan.fields, ...rest, ...PLACE_FIELDS],
          partitionBy: plan.table.partitionBy,
          sortBy: plan.table.sortBy,
          versions: log.schemas.map(({ version, fields }) => ({
            version,
            fields: [...fields, ...rest, ...PLACE_FIELDS],
          })),
        });
  const letters = keepsDeadLetters(plan, whole) ? await openLetters(plan, context) : undefined;
  const delivery =
    table && plan.table !== false
      ? target.createDelivery({
          log,
          table,
          stream: { ...engineStream(plan), schemas: log.schemas, columns: table.columns },
          everyMs: plan.table.everyMs,
          bytesMax: plan.table.bytesMax,
          write: (request) => engine.call('deliver', request),
          clock,
          logger,
        })
      : undefined;
  const files = await openFiles(plan, log, context);
  const keepLetters = plan.invalid === 'deadletter' && letters ? letters : undefined;
  const dedupe = plan.dedupe && (await openDedupe(plan, plan.dedupe, log, target));
  const taking: IngestOptions = {
    log,
    key: plan.key,
    deadLetters: keepLetters && ((...refused) => keepLetters.store(...refused)),
    dedupe,
  };
  const [ingest, puts] = [new Ingest(taking), new StreamPuts(taking)];
  return { plan, log, letters, table, delivery, files, dedupe: dedupe?.window, ingest, puts };
}

async function openFiles(
  plan: StreamPlan,
  log: StreamLog,
  { target, engine, clock, logger }: RuntimeContext,
): Promise<Delivery | undefined> {
  if (!plan.files) return undefined;
  return target.openFilesDelivery({
    log,
    settings: plan.files,
    stream: engineStream(plan),
    write: (request) => engine.call('deliverFiles', request),
    clock,
    logger,
  });
}

/** Where those are that keep their positions in table and lookups: they tell whether the log was put back. */
function checkpointsOf(
  { name }: StreamPlan,
  { lookups }: Plan,
  table: LakeTable | undefined,
  { target }: RuntimeContext,
): LogPosition[] {
  const ofTable = parseCheckpoint(table?.properties[CHECKPOINT_PROPERTY]);
  const ofLookups = lookups
    .filter(({ from }) => from === name)
    .map((lookup) => target.lookups.position(lookup.name));
  return [ofTable, ...ofLookups].filter((position) => position !== undefined);
}

import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { DataVersion } from '../dashboard/answer.ts';
import type { Renderer } from '../dashboard/renderer.ts';
import { Logins } from '../govern/logins.ts';
import type { LiveEngine } from '../live/live-engine.ts';
import { EMPTY_PLAN } from '../plan/plan.ts';
import type { QueryEngine } from '../query/query-engine.ts';
import type { Principal, Services, StatusReport, StreamConsumer } from '../serve/services.ts';
import { ReadTurns } from '../stream/read-turns.ts';
import type { StreamLog } from '../stream/stream-store.ts';
import type { Target } from '../target/target.ts';
import type { App, AppOptions } from './app.ts';
import type { CreatedStreams } from './created-streams.ts';
import { createLakeTableServices } from './lake-table-services.ts';
import { openRecordFeed } from './record-feed.ts';
import { redrive } from './redrive.ts';
import type { Runtime } from './runtime.ts';
import { createWireStreams } from './wire-streams.ts';

export interface ServiceParts extends AppOptions {
  readonly query: QueryEngine;
  readonly live: LiveEngine;
  readonly renderer: Renderer;
  readonly target: Target;
  readonly created: CreatedStreams;
  readonly rebuild: (lookup: string) => Promise<{ entries: number }>;
}

const instant = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString();

/** What the doors are given of the app. */
export function createServices(app: App, parts: ServiceParts): Services {
  const { target, clock, logger, allowedHosts, mode, query } = parts;
  const logins = new Logins({ users: target.users, clock, logger });
  return {
    logger,
    clock,
    folder: parts.folder,
    allowedHosts,
    query: target.queryLog.watched(query),
    queryLog: target.queryLog,
    savedQueries: target.savedQueries,
    requiresKeys: mode === 'start',
    authenticate: (token) => authenticate(app, target, token),
    signer: (id) => signer(target, id, logger),
    isClaimable: () => app.claim.isOpen,
    claimKey: async (token) => {
      const create = () => target.keys.create(['admin'], 'claimed at first start', clock.now());
      const { key, secret } = await app.claim.use(token, create);
      return { id: key.id, secret };
    },
    claimUser: (token, user) => app.claim.use(token, () => logins.claim(user)),
    logins,
    keys: keyServices(target, clock),
    wireStreams: createWireStreams({
      runtime: () => app.runtime(),
      created: parts.created,
      target,
      clock,
    }),
    catalog: target.catalog,
    lakeTables: createLakeTableServices(() => app.runtime()),
    plan: () => app.current?.plan ?? EMPTY_PLAN,
    answerDashboard: async (request, signal) => {
      await app.runtime();
      return parts.live.answer(request, signal);
    },
    drawPicture: (picture, signal) => parts.renderer.draw(picture, signal),
    dataVersion: () => dataVersion(app),
    ...streamServices(app, { query, turns: new ReadTurns() }),
    readLookup: async (name, asked) =>
      target.lookups.read((await app.runtime()).lookup(name), asked),
    runModel: async (name) => (await app.runtime()).models.run(name, 'manual'),
    replay: async (stream, lookup) => {
      const schema = (await app.runtime()).lookup(lookup);
      if (schema.from !== stream)
        throw new MillraceError(
          'MR_REQUEST_INVALID',
          `Lookup '${lookup}' is made of stream '${schema.from}', not of '${stream}'.`,
        );
      return (await parts.rebuild(lookup)).entries;
    },
    removedData: (name) => app.removedData((data, plan) => data.find(name, plan)),
    drop: (name) => app.removedData((data, plan) => data.drop(name, plan)),
    backUp: (...asked) => app.backUp(...asked),
    verify: (...asked) => app.verify(...asked),
    status: async () => statusOf(await app.runtime(), app, target),
    notReady: () =>
      app.current ? undefined : new MillraceError('MR_NOT_READY', 'The pipeline is starting.'),
  };
}

function keyServices({ keys }: Target, clock: Clock): Services['keys'] {
  return {
    create: async (roles, label) => {
      const { key, secret } = await keys.create(roles, label, clock.now());
      return { id: key.id, secret };
    },
    list: () =>
      keys.list().map(({ id, roles, label, createdMs, revokedMs }) => ({
        id,
        roles,
        label,
        created: instant(createdMs) as string,
        revoked: instant(revokedMs),
      })),
    revoke: (id) => keys.revoke(id, clock.now()),
  };
}

type StreamServices = Pick<
  Services,
  | 'take'
  | 'redrive'
  | 'shards'
  | 'reshard'
  | 'consumers'
  | 'commitConsumer'
  | 'removeConsumer'
  | 'readRecords'
>;

/** What is done with the log of a stream. */
function streamServices(
  app: App,
  { query, turns }: { readonly query: QueryEngine; readonly turns: ReadTurns },
): StreamServices {
  const logOf = async (stream: string) => (await app.runtime()).stream(stream).log;
  return {
    take: async (stream, body, request) => (await app.runtime()).take(stream, body, request),
    redrive: async (stream, where) =>
      redrive({ runtime: await app.runtime(), query }, stream, where),
    shards: async (stream) => (await logOf(stream)).shards,
    reshard: async (stream, change) => (await logOf(stream)).reshard(change),
    consumers: async (stream) => consumersOf(await logOf(stream)),
    commitConsumer: async (stream, consumer, next) =>
      (await logOf(stream)).commitConsumer(consumer, next),
    removeConsumer: async (stream, consumer) => (await logOf(stream)).removeConsumer(consumer),
    readRecords: (stream, asked) =>
      openRecordFeed({ runtime: () => app.runtime(), turns }, stream, asked),
  };
}

function dataVersion(app: App): DataVersion {
  const streams = [...(app.current?.streams.values() ?? [])];
  const tables = [...(app.current?.tables.entries() ?? [])];
  return {
    streams: Object.fromEntries(streams.map(({ plan, log }) => [plan.name, log.nextSequence])),
    tables: Object.fromEntries(tables.map(([name, table]) => [name, table.version])),
    newestMs: Object.fromEntries(
      streams.map(({ plan, log }) => [plan.name, log.status().lastAppendMs]),
    ),
    plan: app.planVersion,
    problem: app.problem,
  };
}

function authenticate(app: App, target: Target, token: string): Principal | undefined {
  const [given, local] = [Buffer.from(token), Buffer.from(app.localKey)];
  if (given.length === local.length && timingSafeEqual(given, local))
    return { kind: 'key', id: 'local', roles: ['admin'] };
  const key = target.keys.find(token);
  return key && { kind: 'key', id: key.id, roles: key.roles };
}

/** A key whose secret cannot be unsealed any more is no key that signs. */
function signer({ keys }: Target, id: string, logger: Logger) {
  let found: ReturnType<typeof keys.signer>;
  try {
    found = keys.signer(id);
  } catch (error) {
    logger.error({ key: id, error: (error as Error).message }, 'a key cannot sign');
  }
  if (!found) return undefined;
  const principal: Principal = { kind: 'key', id, roles: found.key.roles };
  return { principal, secret: found.token };
}

function consumersOf({ consumers, namedConsumers, nextSequence }: StreamLog): StreamConsumer[] {
  return [...consumers].map(([name, next]) => ({
    name,
    named: namedConsumers.has(name),
    next: String(next),
    lag: Math.max(0, nextSequence - next),
  }));
}

function statusOf(runtime: Runtime, app: App, target: Target): StatusReport {
  return {
    streams: [...runtime.streams.values()].map(({ plan, log, letters, delivery, files }) => {
      const { records, bytes, held } = log.status();
      const status = delivery?.status();
      const ofFiles = files?.status();
      const consumers = consumersOf(log).map(({ name, lag }) => [name, lag]);
      return {
        name: plan.name,
        records,
        bytes,
        undelivered: status?.lag ?? null,
        deliveryError: status?.error ?? null,
        files:
          files && ofFiles
            ? { target: files.target, lag: ofFiles.lag, error: ofFiles.error }
            : null,
        deadLetters: letters?.outstanding ?? 0,
        consumers: Object.fromEntries(consumers),
        held,
      };
    }),
    models: runtime.plan.models.map((model) => {
      const run = target.runs.latest(model.name);
      const table = runtime.tables.get(model.name);
      return {
        name: model.name,
        rows: table?.rows ?? null,
        state: run?.state ?? (table ? 'never run' : 'view'),
        error: run?.error ?? null,
        lastRun: instant(run?.startMs ?? null),
      };
    }),
    lookups: runtime.plan.lookups.map((lookup) => ({
      name: lookup.name,
      entries: target.lookups.entries(lookup.name),
    })),
    processes: [{ name: 'main', pid: process.pid, restarts: 0 }, ...app.children],
  };
}

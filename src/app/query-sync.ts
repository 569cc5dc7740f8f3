import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { unlessAborted } from '../core/waiting.ts';
import type {
  EngineStream,
  PastState,
  PastTable,
  QueryMoment,
  ResultBasis,
  ServedCatalog,
  StreamKnown,
  StreamNews,
  StreamStand,
  SyncAnswer,
  SyncRequest,
} from '../engine/protocol.ts';
import { PLACE_COLUMNS } from '../engine/record-columns.ts';
import type { FetchWait } from '../lake/data-files.ts';
import { idOf } from '../lake/iceberg/json.ts';
import type { LakeTable } from '../lake/table-store.ts';
import { renderSql } from '../plan/render-sql.ts';
import type { ServedPipeline } from '../query/embedded/duckdb-query-engine.ts';
import { tableOf } from './lake-tables.ts';
import { deadLetterStream, engineLookups, engineStream } from './prepare.ts';
import type { Runtime } from './runtime.ts';
import { systemTable } from './system-tables.ts';

const KEEP_MS = LIMITS.queryDeadlineMs + LIMITS.queryCatchUpMs;

/** What the sql child knows of the pipeline. */
export function servedCatalog(runtime: Runtime): ServedCatalog {
  const { plan } = runtime;
  const streams = [...runtime.streams.values()].flatMap(
    ({ plan: stream, log, letters, table }): EngineStream[] => [
      { ...engineStream(stream), schemas: log.schemas, columns: table?.columns ?? [] },
      ...(letters ? [{ ...deadLetterStream(stream.name), schemas: letters.log.schemas }] : []),
    ],
  );
  const models = plan.models.map((model) => ({
    name: model.name,
    materialize: model.materialize,
    sql: renderSql(model.query),
    columns: runtime.tables.get(model.name)?.columns ?? [],
  }));
  return { id: runtime.id, streams, models, lookups: engineLookups(plan) };
}

/**
 * The news for somebody's query. What has no result yet would be taken for one without rows.
 * @throws MillraceError MR_QUERY_NO_RESULT naming the model and its last run
 */
export async function newsForQuery(runtime: Runtime, request: SyncRequest): Promise<SyncAnswer> {
  for (const { schema, name } of request.tables) {
    const table = schema === 'warehouse' ? runtime.tables.get(name) : undefined;
    if (table && table.snapshotId === undefined) throw noResult(name, runtime);
  }
  // What is not here yet it has fetched, out of the turn of others.
  return newsFor(runtime, request, 0);
}

/** @throws MillraceError MR_NOT_READY saying how far the files of the tables have come, MR_QUERY_CANCELLED */
export async function fetchForQuery(
  runtime: Runtime,
  request: SyncRequest,
  signal: AbortSignal,
): Promise<null> {
  try {
    await unlessAborted(fetched(runtime, request, LIMITS.lakeFetchWaitMs), signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.', { cause: error });
  }
  return null;
}

function noResult(model: string, { context }: Runtime): MillraceError {
  const run = context.target.runs.latest(model);
  const why = {
    never: `it has never run. Run it with: millrace run ${model}`,
    running: 'its first run is under way. Ask again once that is done.',
    interrupted: `its last run was cut off by a stop of the process. Run it with: millrace run ${model}`,
    failed: `its last run failed: ${run?.error} Correct that, then run it with: millrace run ${model}`,
    // The table was made anew since.
    succeeded: `it has not run since its columns changed. Run it with: millrace run ${model}`,
  }[run?.state ?? 'never'];
  return new MillraceError('MR_QUERY_NO_RESULT', `Model '${model}' has no result yet: ${why}`);
}

/** What queries are about: `current`, once there is one. */
export function servedPipeline(current: () => Runtime | undefined): ServedPipeline {
  return {
    isCurrent: (basis) => {
      const runtime = current();
      return runtime !== undefined && isCurrent(runtime, basis);
    },
    catalogId: () => current()?.id ?? '',
    moment: () => {
      const runtime = current();
      return runtime && momentOf(runtime);
    },
  };
}

function isCurrent(runtime: Runtime, { catalog, streams, tables }: ResultBasis): boolean {
  return (
    catalog === runtime.id &&
    streams.every((known) => isSame(runtime, known)) &&
    tables.every(
      ({ schema, name, version }) =>
        schema === 'warehouse' && runtime.tables.get(name)?.version === version,
    )
  );
}

/** Deliveries, and what other programs do with the table, are another version of its files. */
function isSame(runtime: Runtime, known: StreamKnown): boolean {
  const { delivered, end, filesVersion, rowsVersion } = standOf(runtime, known);
  if (end !== known.next || rowsVersion !== known.rowsVersion) return false;
  if (tableBehind(runtime, known)) return filesVersion === known.filesVersion;
  // Without a table rows end with the log's retention.
  return delivered <= known.first;
}

/** The news for a query: everything acknowledged at this moment. */
export async function newsFor(
  runtime: Runtime,
  request: SyncRequest,
  fetchWaitMs: number = LIMITS.lakeFetchLiveWaitMs,
): Promise<SyncAnswer> {
  const system = await Promise.all(request.system.map((name) => systemTable(name, runtime)));
  const { tables: found, past } = await fetched(runtime, request, fetchWaitMs);
  // From here on in one step: what is read together is of one moment.
  const streams = request.streams.map((known) => streamNews(runtime, known));
  const tables = request.tables.flatMap(({ schema, name, version }, index) => {
    const table = found[index] as LakeTable;
    return table.version === version
      ? []
      : [{ schema, name, version: table.version, columns: table.columns, scan: table.scan }];
  });
  return { streams: await Promise.all(streams), tables, past, system };
}

interface PastRead {
  readonly table: LakeTable;
  readonly state: PastState;
}

async function pastRead(runtime: Runtime, { when, ...relation }: PastTable): Promise<PastRead> {
  // `records` is the table of `lake` with all its columns.
  const schema = relation.schema === 'records' ? 'lake' : relation.schema;
  const table = await tableOf(runtime, { ...relation, schema });
  const { columns, scan } = await table.at(
    'snapshotId' in when ? { id: idOf(when.snapshotId) } : when,
  );
  const isUsers = relation.schema === 'lake' && runtime.streams.has(relation.name);
  const places = new Set(PLACE_COLUMNS.map(({ name }) => name));
  const shown = isUsers ? columns.filter(({ name }) => !places.has(name)) : columns;
  return { table, state: { columns: shown, scan } };
}

interface FetchedTables {
  readonly tables: readonly LakeTable[];
  readonly past: readonly PastState[];
}

/** The tables of a request, once the files of all can be read: of the state they have then, and of the past. */
async function fetched(
  runtime: Runtime,
  request: SyncRequest,
  waitMs: number,
): Promise<FetchedTables> {
  const wait: FetchWait = { keepMs: KEEP_MS, waitMs };
  const tables = await Promise.all(request.tables.map((table) => tableOf(runtime, table)));
  const past = await Promise.all(request.past.map((table) => pastRead(runtime, table)));
  await Promise.all(past.map(({ table, state }) => table.fetch(state.scan, wait)));
  const ofStreams = request.streams.flatMap(({ schema, name }) =>
    schema === 'lake' ? (runtime.stream(name).table ?? []) : [],
  );
  const all = [...ofStreams, ...tables];
  for (let isCurrent = false; !isCurrent; ) {
    const reads = all.map((table) => ({ table, scan: table.scan }));
    await Promise.all(reads.map(({ table, scan }) => table.fetch(scan, wait)));
    isCurrent = reads.every(({ table, scan }) => table.scan === scan);
  }
  return { tables, past: past.map(({ state }) => state) };
}

/** Undefined where files may have to come first. */
function momentOf(runtime: Runtime): QueryMoment | undefined {
  if (runtime.context.target.bucket !== undefined) return undefined;
  const streams = [...runtime.streams.values()].flatMap(({ plan: { name }, letters }) => [
    standOf(runtime, { schema: 'lake', name }),
    ...(letters ? [standOf(runtime, { schema: 'deadletters', name })] : []),
  ]);
  const tables = [...runtime.tables].flatMap(([name, { snapshotId, version }]) =>
    snapshotId === undefined ? [] : [{ schema: 'warehouse', name, version }],
  );
  return { catalog: runtime.id, streams, tables };
}

/** Files, delivered position and end are read in one step; a delivery cannot come between them. */
function standOf(runtime: Runtime, stream: Pick<StreamKnown, 'schema' | 'name'>): StreamStand {
  const { schema, name } = stream;
  const { delivery } = runtime.stream(name);
  const source = sourceOf(runtime, stream);
  const table = tableBehind(runtime, stream);
  return {
    schema,
    name,
    filesVersion: table?.version ?? 0,
    rowsVersion: table?.rowsVersion ?? 0,
    delivered: schema === 'lake' && delivery ? delivery.status().next : source.firstRetained,
    end: source.nextSequence,
  };
}

function sourceOf(runtime: Runtime, { schema, name }: Pick<StreamKnown, 'schema' | 'name'>) {
  const { log, letters } = runtime.stream(name);
  return schema === 'deadletters' && letters ? letters.log : log;
}

function tableBehind(runtime: Runtime, { schema, name }: Pick<StreamKnown, 'schema' | 'name'>) {
  return schema === 'lake' ? runtime.stream(name).table : undefined;
}

function streamNews(runtime: Runtime, known: StreamKnown): Promise<StreamNews> {
  const stand = standOf(runtime, known);
  const table = tableBehind(runtime, known);
  const { rowsVersion, delivered } = stand;
  const news = {
    ...stand,
    ...(known.filesVersion !== stand.filesVersion && table
      ? { table: { columns: table.columns, scan: table.scan } }
      : {}),
  };
  return sourceOf(runtime, known)
    .slices(
      known.rowsVersion === rowsVersion ? Math.max(known.next, delivered) : delivered,
      news.end,
      LIMITS.hotBatchBytesMax,
    )
    .then((slices) => ({ ...news, slices }));
}

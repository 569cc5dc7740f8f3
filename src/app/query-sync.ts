import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type {
  CatalogState,
  EngineStream,
  StreamNews,
  SyncAnswer,
  SyncRequest,
} from '../engine/protocol.ts';
import type { FetchWait } from '../lake/data-files.ts';
import type { TableScan } from '../lake/iceberg/live-files.ts';
import type { LakeTable } from '../lake/table-store.ts';
import { renderSql } from '../plan/render-sql.ts';
import { deadLetterStream, engineLookups, engineStream } from './prepare.ts';
import type { Runtime } from './runtime.ts';
import { systemTable } from './system-tables.ts';

const KEEP_MS = LIMITS.queryDeadlineMs + LIMITS.queryCatchUpMs;

/** What the sql child knows of the pipeline. */
export function servedCatalog(runtime: Runtime): CatalogState {
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
  return { streams, models, lookups: engineLookups(plan) };
}

/**
 * The news for somebody's query. What has no result yet would be taken for one without rows.
 * @throws MillraceError MR_QUERY_NO_RESULT naming the model and its last run
 */
export async function newsForQuery(runtime: Runtime, request: SyncRequest): Promise<SyncAnswer> {
  for (const { name } of request.tables) {
    const table = runtime.tables.get(name);
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
  const cancelled = new Promise<never>((_, reject) => {
    const cancel = () =>
      reject(new MillraceError('MR_QUERY_CANCELLED', 'The query was cancelled.'));
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
  });
  await Promise.race([fetched(runtime, request, LIMITS.lakeFetchWaitMs), cancelled]);
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

/** The news for a query: everything acknowledged at this moment. */
export async function newsFor(
  runtime: Runtime,
  request: SyncRequest,
  fetchWaitMs: number = LIMITS.lakeFetchLiveWaitMs,
): Promise<SyncAnswer> {
  await fetched(runtime, request, fetchWaitMs);
  const streams = request.streams.map((known) => streamNews(runtime, known));
  const tables = request.tables.flatMap(({ name, version }) => {
    const table = runtime.tables.get(name);
    return table && table.version !== version
      ? [{ name, version: table.version, columns: table.columns, scan: table.scan }]
      : [];
  });
  const system = request.system.map((name) => systemTable(name, runtime));
  return { streams: await Promise.all(streams), tables, system };
}

/** Waits until the files of all tables of the request can be read, of the state they have then. */
async function fetched(
  runtime: Runtime,
  { streams, tables }: SyncRequest,
  waitMs: number,
): Promise<void> {
  const wait: FetchWait = { keepMs: KEEP_MS, waitMs };
  const all = [
    ...streams.flatMap(({ schema, name }) =>
      schema === 'lake' ? [runtime.stream(name).table] : [],
    ),
    ...tables.map(({ name }) => runtime.tables.get(name)),
  ].filter((table) => table !== undefined);
  for (let late: readonly LakeTable[] = all; late.length > 0; ) {
    const scans = late.map((table) => table.scan);
    await Promise.all(late.map((table, index) => table.fetch(scans[index] as TableScan, wait)));
    late = late.filter((table, index) => table.scan !== scans[index]);
  }
}

/** Files, delivered position and end are read in one step; a delivery cannot come between them. */
function streamNews(runtime: Runtime, known: SyncRequest['streams'][number]): Promise<StreamNews> {
  const { log, letters, table, delivery } = runtime.stream(known.name);
  const source = known.schema === 'deadletters' && letters ? letters.log : log;
  const isLake = known.schema === 'lake';
  const filesVersion = isLake ? (table?.version ?? 0) : 0;
  const delivered = isLake && delivery ? delivery.status().next : source.firstRetained;
  const news = {
    schema: known.schema,
    name: known.name,
    filesVersion,
    delivered,
    end: source.nextSequence,
    ...(known.filesVersion !== filesVersion && isLake && table ? { scan: table.scan } : {}),
  };
  return source
    .slices(Math.max(known.next, delivered), news.end, LIMITS.hotBatchBytesMax)
    .then((slices) => ({ ...news, slices }));
}

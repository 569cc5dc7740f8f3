import type { DuckDBConnection } from '@duckdb/node-api';
import { typeText } from '../core/field-types.ts';
import { LIMITS } from '../core/limits.ts';
import { parseTime } from '../core/time-grain.ts';
import type { ChartAnswer, Choice, DashboardAnswer } from '../dashboard/answer.ts';
import { chartsOf, itemsOf } from '../definition/dashboard-items.ts';
import type { Dim } from '../live/constraint.ts';
import type { DashboardRequest, LiveDashboard, LivePlan } from '../live/live-plan.ts';
import { periodRange } from '../live/period.ts';
import { quoteText } from '../plan/render-sql.ts';
import type { Relation } from '../query/statement-gate.ts';
import { type ChartContext, constraintsFor, type PlannedChart, planChart } from './chart-query.ts';
import { queryError, textRows } from './database.ts';
import { NEWEST_PLACE, ROW_COUNT } from './grid-query.ts';
import type { LiveLimits } from './live-limits.ts';
import { LiveSourceState, relationOf } from './live-source.ts';
import { type Measure, MeasureReader, PartNames } from './measure-parts.ts';
import { rowsOf, SharedReads } from './shared-reads.ts';

/** One part could not be read; its error has ended the transaction for the others, too. */
export class PartFailure extends Error {
  readonly part: string;

  constructor(part: string, cause: unknown) {
    super(queryError(cause).message, { cause });
    this.part = part;
  }
}

export interface PlanOptions {
  /** Charts that could not be read, with the reason: they are answered so. */
  readonly failed: ReadonlyMap<string, string>;
  /** Charts share queries where they can. */
  readonly isSharing: boolean;
}

/** A dashboard's answer, planned: what is left is to read, in one transaction. */
export type PlannedDashboard = (connection: DuckDBConnection) => Promise<DashboardAnswer>;

/** The choices listed of a field, and how many there are. */
type PlannedChoices = (
  connection: DuckDBConnection,
) => Promise<{ readonly listed: readonly Choice[]; readonly count: number }>;

interface DashboardState {
  readonly dashboard: LiveDashboard;
  readonly sources: readonly LiveSourceState[];
  readonly filterTypes: ReadonlyMap<string, string>;
}

/** The dashboards of a pipeline with everything kept for them. */
export class LiveState {
  readonly #sources: ReadonlyMap<string, LiveSourceState>;
  readonly #dashboards: ReadonlyMap<string, DashboardState>;

  private constructor(
    sources: ReadonlyMap<string, LiveSourceState>,
    dashboards: ReadonlyMap<string, DashboardState>,
  ) {
    this.#sources = sources;
    this.#dashboards = dashboards;
  }

  static async create(
    connection: DuckDBConnection,
    plan: LivePlan,
    limits: LiveLimits,
  ): Promise<LiveState> {
    const reader = await MeasureReader.create(connection);
    const sources = new Map<string, LiveSourceState>();
    for (const source of plan.sources) {
      const names = new PartNames();
      const measures = new Map<string, Measure>();
      const places = source.kind === 'stream' ? [NEWEST_PLACE] : [];
      for (const sql of [ROW_COUNT, ...places, ...valuesOf(plan, source.name)])
        if (!measures.has(sql)) measures.set(sql, await reader.read(sql, names));
      const relation = relationOf(source);
      const numbers = await numbersOf(connection, [...measures.keys()], relation);
      const options = {
        connection,
        filterFields: filterFieldsOf(plan.dashboards, source.name),
        parts: names.all,
        limits,
        numbers,
        zeros: await zerosOf(connection, { reader, numbers, relation }),
      };
      sources.set(source.name, new LiveSourceState(source, measures, options));
    }
    const dashboards = plan.dashboards.map((dashboard): [string, DashboardState] => [
      dashboard.name,
      dashboardState(dashboard, sources),
    ]);
    return new LiveState(sources, new Map(dashboards));
  }

  source(name: string): LiveSourceState | undefined {
    return this.#sources.get(name);
  }

  get sources(): Iterable<LiveSourceState> {
    return this.#sources.values();
  }

  has(dashboard: string): boolean {
    return this.#dashboards.has(dashboard);
  }

  /** What a dashboard reads, for bringing it up to date. */
  relationsOf(dashboard: string): Relation[] {
    const sources = this.#dashboards.get(dashboard)?.sources ?? [];
    return sources.map(({ source }) => ({
      schema: source.schema,
      name: source.name,
    }));
  }

  /** Finds or builds what the answer needs. The relations are current, and stay so until this returns. */
  async plan(
    request: DashboardRequest,
    version: (source: LiveSourceState) => number,
    { failed, isSharing }: PlanOptions,
  ): Promise<PlannedDashboard> {
    const { dashboard, sources, filterTypes } = this.#dashboards.get(
      request.dashboard,
    ) as DashboardState;
    for (const source of sources) await source.begin(version(source));
    const words = request.state.period ?? dashboard.period;
    const period = periodRange(words, newestOf(sources));
    const reads = new SharedReads({ isSharing });
    const contextOf = (source: LiveSourceState): ChartContext => ({
      state: source,
      chosen: request.state,
      period,
      isSpan: !words.includes('..'),
      active: request.active,
      reads,
      filterTypes,
    });
    const charts: [string, PlannedChart][] = [];
    for (const chart of chartsOf(dashboard.items)) {
      if (request.charts && !request.charts.includes(chart.id)) continue;
      const reason = failed.get(chart.id);
      if (reason !== undefined) {
        charts.push([chart.id, async () => failure(reason)]);
        continue;
      }
      const context = contextOf(this.#sources.get(chart.from) as LiveSourceState);
      const value = dashboard.values[chart.id];
      charts.push([chart.id, await planOrFail(() => planChart(chart, value, context))]);
    }
    const choices = await this.#planChoices(dashboard, contextOf, request.find ?? {});
    const head = {
      version: Object.fromEntries(sources.map((one) => [one.source.name, version(one)])),
      newest: Object.fromEntries(sources.map((one) => [one.source.name, one.newest])),
      period: period ?? null,
      instants: instantsOf(sources, filterTypes),
    };
    return async (connection) => {
      const shown = await readAll(connection, charts);
      const found = Object.entries(await readAll(connection, choices));
      return {
        ...head,
        charts: shown,
        choices: Object.fromEntries(found.map(([field, { listed }]) => [field, listed])),
        choiceCounts: Object.fromEntries(found.map(([field, { count }]) => [field, count])),
      };
    };
  }

  async #planChoices(
    { items }: LiveDashboard,
    contextOf: (source: LiveSourceState) => ChartContext,
    find: NonNullable<DashboardRequest['find']>,
  ): Promise<[string, PlannedChoices][]> {
    const planned: [string, PlannedChoices][] = [];
    for (const item of itemsOf(items)) {
      if (item.kind !== 'select') continue;
      const state = this.#sources.get(item.from) as LiveSourceState;
      const context = contextOf(state);
      const { constraints } = constraintsFor(context, [item.field]);
      planned.push([
        item.field,
        await planChoices(
          state,
          { dim: { field: item.field }, constraints, words: find[item.field] },
          context,
        ),
      ]);
    }
    return planned;
  }

  /** What makes ready what the first screen and the first click need, in its order. */
  warming(dashboard: string): (() => Promise<void>)[] {
    const { sources } = this.#dashboards.get(dashboard) as DashboardState;
    return sources.flatMap((source) => source.warming());
  }
}

const NUMBER = /^(DECIMAL|DOUBLE|FLOAT|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)/;

/** Which aggregates are numbers: others have no line, and no change in per cent. */
async function numbersOf(
  connection: DuckDBConnection,
  values: readonly string[],
  relation: string,
): Promise<ReadonlySet<string>> {
  const numbers = new Set<string>();
  for (const value of values) {
    const statement = await connection.prepare(`SELECT ${value} FROM ${relation}`);
    if (NUMBER.test(String(statement.columnType(0)))) numbers.add(value);
    statement.destroySync();
  }
  return numbers;
}

/** Which of them are 0 where there are no rows: sums and counts are, averages have no value there. */
async function zerosOf(
  connection: DuckDBConnection,
  {
    reader,
    numbers,
    relation,
  }: {
    readonly reader: MeasureReader;
    readonly numbers: ReadonlySet<string>;
    readonly relation: string;
  },
): Promise<ReadonlySet<string>> {
  const zeros = new Set<string>();
  for (const sql of numbers) {
    const value = await reader.ofNothing(sql);
    const query = `SELECT CAST(${value} AS DOUBLE) FROM ${relation} WHERE false`;
    try {
      if ((await rowsOf(connection, query))[0]?.[0] === 0) zeros.add(sql);
    } catch {
      // A sum of what is no number, such as intervals: 0 is not among its values.
    }
  }
  return zeros;
}

interface WantedChoices {
  readonly dim: Dim;
  readonly constraints: Parameters<LiveSourceState['scope']>[0]['constraints'];
  readonly words: string | undefined;
}

async function planChoices(
  state: LiveSourceState,
  { dim, constraints, words = '' }: WantedChoices,
  { active }: ChartContext,
): Promise<PlannedChoices> {
  const rows = state.measures.get(ROW_COUNT);
  if (!rows) throw new Error('every source counts its rows');
  const scope = await state.scope({ dims: [dim], constraints }, [rows], active);
  const all = `SELECT CAST(${scope.column(dim)} AS VARCHAR) AS value, CAST(${scope.value(rows)} AS VARCHAR) AS n FROM ${scope.from} ${scope.where} GROUP BY ALL`;
  const found = `contains(lower(coalesce(value, '')), lower(${quoteText(words.trim())}))`;
  const sql = `SELECT value, n, CAST(count(*) OVER () AS VARCHAR) FROM (${all}) WHERE ${found} ORDER BY CAST(n AS BIGINT) DESC, value LIMIT ${LIMITS.choicesMax}`;
  return async (connection) => {
    const read = await textRows(connection, sql);
    return {
      listed: read.map(([value, n]): Choice => ({ value: value ?? null, rows: Number(n) })),
      count: Number(read[0]?.[2] ?? 0),
    };
  };
}

function dashboardState(
  dashboard: LiveDashboard,
  sources: ReadonlyMap<string, LiveSourceState>,
): DashboardState {
  const items = itemsOf(dashboard.items);
  const names = new Set(items.flatMap((item) => ('from' in item ? [item.from] : [])));
  const filterTypes = new Map<string, string>();
  for (const item of items) {
    for (const field of fieldsOf(item)) {
      if (filterTypes.has(field) || !('from' in item)) continue;
      const columns = sources.get(item.from)?.source.columns;
      const column = columns?.find((candidate) => candidate.name === field);
      if (column) filterTypes.set(field, typeText(column.type));
    }
  }
  const own = [...names].flatMap((name) => {
    const source = sources.get(name);
    return source ? [source] : [];
  });
  return { dashboard, sources: own, filterTypes };
}

type Item = ReturnType<typeof itemsOf>[number];

/** Columns that an item lets people filter by. */
function fieldsOf(item: Item): string[] {
  if (item.kind === 'select' || item.kind === 'search') return [item.field];
  if (!('from' in item)) return [];
  return [item.x, item.color].filter((field) => field !== undefined);
}

function filterFieldsOf(dashboards: readonly LiveDashboard[], source: string): string[] {
  const items = dashboards.flatMap((dashboard) => itemsOf(dashboard.items));
  const fields = items.filter((item) => 'from' in item && item.from === source).flatMap(fieldsOf);
  return [...new Set(fields)];
}

function valuesOf(plan: LivePlan, source: string): string[] {
  return plan.dashboards.flatMap((dashboard) =>
    chartsOf(dashboard.items).flatMap((chart) => {
      const value = dashboard.values[chart.id];
      return chart.from === source && value !== undefined ? [value] : [];
    }),
  );
}

/** What the screen shows in the viewer's zone; where sources differ their times have none in common. */
function instantsOf(
  sources: readonly LiveSourceState[],
  filterTypes: ReadonlyMap<string, string>,
): DashboardAnswer['instants'] {
  const times = sources.flatMap(({ source: { time, columns } }) =>
    columns.filter(({ name }) => name === time).map(({ type }) => type.kind),
  );
  return {
    fields: [...filterTypes].filter(([, type]) => type === 'timestamptz').map(([field]) => field),
    time: times.length > 0 && times.every((kind) => kind === 'timestamptz'),
  };
}

/** One newest moment for the whole screen: spans of all sources end together. */
function newestOf(sources: readonly LiveSourceState[]): number | undefined {
  const times = sources
    .map(({ newest }) => parseTime(newest ?? ''))
    .filter((time) => !Number.isNaN(time));
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** What cannot be planned fails alone: nothing has been read yet. */
async function planOrFail(plan: () => Promise<PlannedChart>): Promise<PlannedChart> {
  try {
    return await plan();
  } catch (error) {
    const failed = failure(queryError(error).message);
    return async () => failed;
  }
}

function failure(message: string): ChartAnswer {
  return { kind: 'failed', message, notFiltered: [], from: 'full' };
}

async function readAll<T>(
  connection: DuckDBConnection,
  planned: readonly (readonly [string, (connection: DuckDBConnection) => Promise<T>])[],
): Promise<{ [id: string]: T }> {
  const read: [string, T][] = [];
  for (const [id, run] of planned) {
    try {
      read.push([id, await run(connection)]);
    } catch (error) {
      throw new PartFailure(id, error);
    }
  }
  return Object.fromEntries(read);
}

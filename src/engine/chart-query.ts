import type { DuckDBConnection } from '@duckdb/node-api';
import { durationMs } from '../core/duration.ts';
import type { FieldType } from '../core/field-types.ts';
import { type Grain, grainForSpan, parseTime, sparkGrain } from '../core/time-grain.ts';
import type {
  Bins,
  ChartAnswer,
  KpiAnswer,
  OfNothing,
  Series,
  SeriesAnswer,
} from '../dashboard/answer.ts';
import type { DashboardState } from '../dashboard/state.ts';
import type { Chart } from '../definition/chart.ts';
import {
  type Constraint,
  constraintsOf,
  type Dim,
  filteredColumn,
  type TimeRange,
} from '../live/constraint.ts';
import { compareRanges, periodBefore } from '../live/period.ts';
import { quoteText } from '../plan/render-sql.ts';
import type { Scope } from './cube-store.ts';
import { gridQuery } from './grid-query.ts';
import type { LiveSourceState } from './live-source.ts';
import type { Measure } from './measure-parts.ts';
import { type Read, type Rows, rowsOf, type SharedReads } from './shared-reads.ts';

/** Everything a chart is asked with. */
export interface ChartContext {
  readonly state: LiveSourceState;
  readonly chosen: DashboardState;
  readonly period: { readonly from: string; readonly until: string } | undefined;
  /** The period's words where it is a span: its end is then the newest value. */
  readonly isSpan: boolean;
  readonly active: string | undefined;
  readonly reads: SharedReads;
  /** The type of each field a filter may name, by its first definition on the dashboard. */
  readonly filterTypes: ReadonlyMap<string, string>;
}

/** Runs in the transaction whose state the whole screen shows. */
export type PlannedChart = (connection: DuckDBConnection) => Promise<ChartAnswer>;

/** Finds or builds the aggregates a chart needs, and returns how to ask them. */
export async function planChart(
  chart: Chart,
  value: string | undefined,
  context: ChartContext,
): Promise<PlannedChart> {
  const own = [chart.x, chart.color].filter((field) => field !== undefined);
  const { constraints, notFiltered } = constraintsFor(context, chart.kind === 'grid' ? [] : own);
  const measure = value === undefined ? undefined : context.state.measures.get(value);
  if (chart.kind === 'grid') {
    const run = await gridQuery(chart, context, constraints);
    return async (connection) => ({ ...(await run(connection)), notFiltered, from: 'full' });
  }
  if (!measure) throw new Error(`chart ${chart.id} has no value`);
  const query = new ChartQuery(chart, measure, context, constraints);
  const run = chart.kind === 'kpi' ? await query.kpi() : await query.series();
  const isAdded = measure.rollup !== undefined && measure.keys.length === 0;
  const from = isAdded && context.state.source.kind !== 'view' ? 'cube' : 'full';
  return async (connection) => ({ ...(await run(connection)), notFiltered, from });
}

/**
 * The conditions on a chart's source: the period, and the filters but for what is chosen on the chart
 * itself. Words are typed into a control beside it, and so hold for it, too.
 */
export function constraintsFor(
  { state, chosen, period, filterTypes }: ChartContext,
  own: readonly string[],
): { constraints: Constraint[]; notFiltered: string[] } {
  const { source } = state;
  const fields = Object.keys(chosen.filters);
  const columns = fields.map((field) => filteredColumn(source, field, filterTypes.get(field)));
  const filters = columns
    .flatMap((column) => (column ? constraintsOf(column, chosen.filters[column.name] ?? {}) : []))
    .filter((constraint) => 'has' in constraint || !own.includes(constraint.field));
  const inPeriod =
    period && source.time !== undefined ? [{ field: source.time, range: period }] : [];
  const withoutTime = period && source.time === undefined ? ['period'] : [];
  return {
    constraints: [...inPeriod, ...filters],
    notFiltered: [...withoutTime, ...fields.filter((_, index) => !columns[index])],
  };
}

const finite = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

class ChartQuery {
  readonly #chart: Chart;
  readonly #measure: Measure;
  readonly #context: ChartContext;
  readonly #constraints: readonly Constraint[];

  constructor(
    chart: Chart,
    measure: Measure,
    context: ChartContext,
    constraints: readonly Constraint[],
  ) {
    this.#chart = chart;
    this.#measure = measure;
    this.#context = context;
    this.#constraints = constraints;
  }

  get #time(): string | undefined {
    return this.#context.state.source.time;
  }

  /** The period alone: what there is without filters. */
  get #unfiltered(): Constraint[] {
    const { period } = this.#context;
    return period && this.#time !== undefined ? [{ field: this.#time, range: period }] : [];
  }

  #isSpanOfTime(constraint: Constraint): boolean {
    return 'range' in constraint && constraint.field === this.#time;
  }

  /** What is chosen of the source's time besides the period, where that filter applies here. */
  get #brush(): { readonly from: string; readonly until: string } | undefined {
    const isApplied = this.#constraints
      .slice(this.#unfiltered.length)
      .some((each) => this.#isSpanOfTime(each));
    return isApplied ? this.#context.chosen.filters[this.#time ?? '']?.range : undefined;
  }

  get #isFiltered(): boolean {
    return this.#constraints.length > this.#unfiltered.length;
  }

  #scope(dims: readonly Dim[], constraints: readonly Constraint[]): Promise<Scope> {
    const { state, active } = this.#context;
    return state.scope({ dims, constraints }, [this.#measure], active);
  }

  async kpi(): Promise<(connection: DuckDBConnection) => Promise<KpiAnswer>> {
    const one = async (constraints: readonly Constraint[]) => {
      const scope = await this.#scope([], constraints);
      return this.#context.reads.add(scope, `CAST(${scope.value(this.#measure)} AS VARCHAR)`);
    };
    const value = await one(this.#constraints);
    const total = this.#isFiltered ? await one(this.#unfiltered) : undefined;
    const ranges = this.#compared();
    const during = (range: TimeRange) => {
      const others = this.#constraints.filter((each) => !this.#isSpanOfTime(each));
      return one([...others, { field: this.#time as string, range }]);
    };
    // The earlier one first: what is kept for it serves the later one, too.
    const previous = ranges && (await during(ranges.previous));
    const current = ranges && (await during(ranges.current));
    const isNumber = this.#context.state.numbers.has(this.#measure.sql);
    const spark = this.#time && isNumber ? await this.#bins(this.#time) : undefined;
    return async (connection) => {
      const text = async (read: Read) =>
        ((await read(connection))[0]?.[0] ?? null) as string | null;
      return {
        kind: 'kpi',
        value: await text(value),
        ...(total === undefined
          ? {}
          : { total: await text(total), isShare: this.#measure.isAdditive }),
        ...(ranges && current && previous
          ? {
              compare: {
                span: ranges.span,
                current: await text(current),
                previous: await text(previous),
              },
            }
          : {}),
        ...(spark ? { spark: await spark(connection) } : {}),
      };
    };
  }

  /** The spans compared: `'1d'` ends at the newest value, `'previous'` is the period itself. */
  #compared(): { span: string; current: TimeRange; previous: TimeRange } | undefined {
    const { compare: span } = this.#chart;
    const { period, isSpan, state } = this.#context;
    if (span === undefined || this.#time === undefined) return undefined;
    const brush = this.#brush;
    if (span === 'previous') {
      const range = brush ?? period;
      return range && { span, current: range, previous: periodBefore(range) };
    }
    const length = durationMs(span) ?? 0;
    const fixed = brush ?? (isSpan ? undefined : period);
    if (fixed) {
      const current = periodBefore({ from: fixed.until, until: later(fixed.until, length) });
      return {
        span,
        current: { ...current, until: fixed.until },
        previous: periodBefore({ from: current.from, until: fixed.until }),
      };
    }
    return state.newest === null ? undefined : { span, ...compareRanges(state.newest, length) };
  }

  get #ofNothing(): OfNothing {
    return this.#context.state.zeros.has(this.#measure.sql) ? { ofNothing: 0 } : {};
  }

  async #bins(field: string): Promise<(connection: DuckDBConnection) => Promise<Bins>> {
    const grain = this.#grainOf(field, undefined, sparkGrain);
    const scope = await this.#scope([{ field, grain }], this.#constraints);
    const read = this.#readBins(scope, { field, grain });
    return async (connection) => {
      const rows = await read(connection);
      return {
        x: rows.map(([x]) => x as number),
        y: rows.map(([, y]) => finite(y)),
        grain,
        ...this.#ofNothing,
      };
    };
  }

  /** HAVING on the bin instead would group by the time itself. */
  #readBins(scope: Scope, x: Dim): Read {
    const bin = scope.column(x);
    const rows = {
      from: scope.from,
      where: alsoWhere(scope, `${bin} IS NOT NULL`),
      key: epoch(bin),
    };
    return this.#context.reads.add(rows, `CAST(${scope.value(this.#measure)} AS DOUBLE)`);
  }

  #grainOf(field: string, wanted: Grain | undefined, choose = grainForSpan): Grain {
    if (wanted) return wanted;
    const { period, state } = this.#context;
    const { min, max } = state.extent(field);
    const reach =
      period && field === this.#time
        ? parseTime(period.until) - parseTime(period.from)
        : parseTime(max ?? '') - parseTime(min ?? '');
    const grain = choose(Number.isNaN(reach) ? 0 : reach);
    const isDate = this.#typeOf(field) === 'date';
    return isDate && (grain === 'minute' || grain === 'hour') ? 'day' : grain;
  }

  #typeOf(field: string): FieldType['kind'] {
    const column = this.#context.state.source.columns.find(({ name }) => name === field);
    return column?.type.kind ?? 'string';
  }

  async series(): Promise<(connection: DuckDBConnection) => Promise<SeriesAnswer>> {
    const field = this.#chart.x as string;
    const type = this.#typeOf(field);
    const isTime = type === 'date' || type === 'timestamp' || type === 'timestamptz';
    const grain = isTime ? this.#grainOf(field, this.#chart.by) : undefined;
    const x: Dim = { field, ...(grain ? { grain } : {}) };
    const isRanked = !isTime && (this.#chart.kind === 'bar' || this.#chart.kind === 'stacked');
    const ranked = isRanked ? await this.#largest(x) : undefined;
    const points = await this.#pointsOf(x, { isTime, isRanked });
    // Lines by name have no common total to stand before.
    const isWhole = this.#chart.color === undefined || this.#chart.kind !== 'line';
    const ghost = isTime && isWhole && this.#isFiltered ? await this.#ghost(x) : undefined;
    const axis = {
      kind: isTime ? ('time' as const) : ('category' as const),
      ...(grain ? { grain } : {}),
      type,
    };
    return async (connection) => {
      const top = await ranked?.(connection);
      const found = await points(connection, top);
      const xs = top?.values ?? found.x;
      const before = await ghost?.(connection);
      const all = before ? [...new Set([...xs, ...before.keys()])].sort(byOrder) : xs;
      return {
        kind: 'series',
        axis,
        x: all,
        series: found.series.map(({ points: values, ...series }) => ({
          ...series,
          values: all.map((one) => values.get(one) ?? null),
        })),
        ...(isTime ? this.#ofNothing : {}),
        ...(before ? { ghost: all.map((one) => before.get(one as number) ?? null) } : {}),
        ...(top ? { categories: top.count } : {}),
      };
    };
  }

  /** The categories with the greatest values; those chosen are always among them. */
  async #largest(x: Dim) {
    const scope = await this.#scope([x], this.#constraints);
    const name = scope.column(x);
    const chosen = this.#context.chosen.filters[x.field]?.in ?? [];
    const isChosen = chosen.length > 0 ? isAmong(name, chosen) : 'false';
    const sql = `SELECT x, v, count(*) OVER () FROM (SELECT CAST(${name} AS VARCHAR) AS x, ${isChosen} AS chosen, CAST(${scope.value(this.#measure)} AS DOUBLE) AS v FROM ${scope.from} ${scope.where} GROUP BY ALL) ORDER BY chosen DESC, v DESC NULLS LAST, x LIMIT ${this.#chart.top ?? 12}`;
    return async (connection: DuckDBConnection) => {
      const rows = await rowsOf(connection, sql);
      const sorted = [...rows].sort(
        ([, a], [, b]) => (finite(b) ?? -Infinity) - (finite(a) ?? -Infinity),
      );
      const values = sorted.map(([value]) => value as string | null);
      const count = Number(rows[0]?.[2] ?? 0);
      return { rows: sorted, values, count };
    };
  }

  /** The points of every series, of the categories on top where there are such. */
  async #pointsOf(
    x: Dim,
    { isTime, isRanked }: { readonly isTime: boolean; readonly isRanked: boolean },
  ): Promise<(connection: DuckDBConnection, top: Top | undefined) => Promise<Points>> {
    if (this.#chart.color !== undefined) return this.#points(x, isTime);
    // Those on top were read with their values.
    if (isRanked) return async (_, top) => oneSeries(top?.rows ?? []);
    if (!isTime) return this.#points(x, isTime);
    const read = this.#readBins(await this.#scope([x], this.#constraints), x);
    return async (connection) => oneSeries(await read(connection));
  }

  async #points(x: Dim, isTime: boolean) {
    const { color } = this.#chart;
    const dims = color === undefined ? [x] : [x, { field: color }];
    const scope = await this.#scope(dims, this.#constraints);
    const named = color === undefined ? undefined : await this.#seriesNames(color);
    const xs = isTime ? epoch(scope.column(x)) : `CAST(${scope.column(x)} AS VARCHAR)`;
    const value = `CAST(${scope.value(this.#measure)} AS DOUBLE)`;
    return async (connection: DuckDBConnection, top: Top | undefined) => {
      const names = await named?.(connection);
      const by = color === undefined ? undefined : scope.column({ field: color });
      const isNamed = by && names ? isAmong(by, names.values) : 'true';
      const name = by ? `CASE WHEN ${isNamed} THEN CAST(${by} AS VARCHAR) END` : 'NULL';
      const conditions = [
        isTime ? `${scope.column(x)} IS NOT NULL` : 'true',
        // Its own column: those on top may have been read from elsewhere.
        top ? isAmong(scope.column(x), top.values) : 'true',
      ];
      const rows = await rowsOf(
        connection,
        `SELECT ${xs} AS x, ${name} AS name, ${by ? `NOT ${isNamed}` : 'false'} AS other, ${value} AS v FROM ${scope.from} ${alsoWhere(scope, ...conditions)} GROUP BY ALL ORDER BY x`,
      );
      return {
        x: [...new Set(rows.map(([one]) => one as string | number | null))],
        series: seriesOf(rows, names),
      };
    };
  }

  /** Series keep their names and colours whatever is filtered: the largest of all. */
  async #seriesNames(color: string) {
    const scope = await this.#scope([{ field: color }], this.#unfiltered);
    const name = scope.column({ field: color });
    const most = this.#chart.series ?? 6;
    const sql = `SELECT CAST(${name} AS VARCHAR), CAST(${scope.value(this.#measure)} AS DOUBLE) AS v FROM ${scope.from} ${scope.where} GROUP BY ALL ORDER BY v DESC NULLS LAST, 1 LIMIT ${most + 2}`;
    return async (connection: DuckDBConnection) => {
      const values = (await rowsOf(connection, sql)).map(([value]) => value as string | null);
      const hasOther = values.length > most + 1;
      return { values: hasOther ? values.slice(0, most) : values, hasOther };
    };
  }

  async #ghost(x: Dim) {
    const scope = await this.#scope([x], this.#unfiltered);
    const read = this.#readBins(scope, x);
    return async (connection: DuckDBConnection) =>
      new Map((await read(connection)).map(([at, v]) => [at as number, finite(v)]));
  }
}

/** The categories shown, and how to read only them. */
interface Top {
  readonly rows: Rows;
  readonly values: readonly (string | null)[];
}

interface Points {
  readonly x: readonly (string | number | null)[];
  readonly series: readonly NamedPoints[];
}

interface NamedPoints extends Omit<Series, 'values'> {
  readonly points: Map<unknown, number | null>;
}

function oneSeries(rows: Rows): Points {
  return {
    x: rows.map(([x]) => x as string | number | null),
    series: [{ points: new Map(rows.map(([x, value]) => [x, finite(value)])) }],
  };
}

function seriesOf(
  rows: Rows,
  names: { values: readonly (string | null)[]; hasOther: boolean } | undefined,
): NamedPoints[] {
  const pointsOf = (keep: (row: readonly unknown[]) => boolean) =>
    new Map(rows.filter(keep).map((row) => [row[0], finite(row[3])]));
  if (!names) return [{ points: pointsOf(() => true) }];
  const series: NamedPoints[] = names.values.map((name) => ({
    name,
    points: pointsOf((row) => row[1] === name && row[2] === false),
  }));
  if (names.hasOther) series.push({ isOther: true, points: pointsOf((row) => row[2] === true) });
  return series;
}

const alsoWhere = ({ where }: Scope, ...conditions: readonly string[]): string =>
  `${where === '' ? 'WHERE' : `${where} AND`} ${conditions.join(' AND ')}`;

const epoch = (value: string): string => `CAST(epoch_ms(CAST(${value} AS TIMESTAMP)) AS DOUBLE)`;

const byOrder = (a: string | number | null, b: string | number | null): number =>
  Number(a) - Number(b);

function later(until: string, ms: number): string {
  return new Date(parseTime(until) + ms).toISOString().replace('Z', '');
}

/** Whether the value, as text, is one of these; never NULL. */
function isAmong(value: string, texts: readonly (string | null)[]): string {
  const known = texts.filter((one) => one !== null).map(quoteText);
  const isNull = texts.includes(null) ? `${value} IS NULL` : 'false';
  const isIn =
    known.length > 0
      ? `coalesce(CAST(${value} AS VARCHAR) IN (${known.join(', ')}), false)`
      : 'false';
  return `(${isIn} OR ${isNull})`;
}

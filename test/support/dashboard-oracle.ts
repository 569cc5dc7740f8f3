import { expect } from 'vitest';
import type {
  ChartAnswer,
  DashboardAnswer,
  GridAnswer,
  KpiAnswer,
  SeriesAnswer,
} from '../../src/dashboard/answer.ts';
import type { DashboardState, FieldFilter } from '../../src/dashboard/state.ts';
import type { Chart, DashboardItem } from '../../src/definition/chart.ts';
import { chartsOf, itemsOf } from '../../src/definition/dashboard-items.ts';

/**
 * The numbers a dashboard must show, from full scans in plain SQL. It shares no query with the engine: a
 * mistake in how the engine asks cannot hide here.
 */
export interface Oracle {
  /** Rows of a query, values as `/v1/sql` answers them. */
  sql(query: string): Promise<unknown[][]>;
  /** The same, where only texts and numbers are asked for. */
  scan(query: string): Promise<unknown[][]>;
  readonly items: readonly DashboardItem[];
  readonly sources: { readonly [name: string]: OracleSource };
  /** The aggregate of each chart that has one. */
  readonly values: { readonly [chart: string]: string };
  readonly period: string;
  /** What bins of time without rows are, from the first to the last with some; without it they are not there. */
  readonly emptyBin?: 0;
}

export interface OracleSource {
  readonly kind: 'stream' | 'table' | 'view';
  /** Names and types as SQL has them. */
  readonly columns: { readonly [name: string]: string };
  readonly time?: string;
  /** Rows of a view at a version, where it has one. */
  readonly at?: (version: { readonly [name: string]: number }) => string;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const UNITS: { readonly [unit: string]: number } = {
  m: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
  y: 365 * DAY_MS,
};
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const named = (column: string) => `"${column}"`;
const isTime = (type: string | undefined) => type !== undefined && /^(DATE|TIMESTAMP)/.test(type);

/** Holds every number of the answer against the records below its version. Returns how many were held. */
export async function expectNumbers(
  oracle: Oracle,
  state: DashboardState,
  answer: DashboardAnswer,
): Promise<number> {
  const check = new Check(oracle, state, answer);
  return check.all();
}

/** Holds that a chart that says so has nothing to show. */
export async function expectNothing(
  oracle: Oracle,
  state: DashboardState,
  { answer, chart }: { answer: DashboardAnswer; chart: Chart },
): Promise<void> {
  await new Check(oracle, state, answer).nothing(chart);
}

/** The chosen span as the product promises it: spans end with the day or minute of the newest value. */
export function periodOf(
  words: string,
  newest: DashboardAnswer['newest'],
): { from: string; until: string } | undefined {
  const [from, until] = words.split('..');
  if (from && until) return { from, until };
  const match = /^(\d+)([mhdwy])$/.exec(words);
  if (!match) return undefined;
  const length = Number(match[1]) * (UNITS[match[2] as string] as number);
  const times = Object.values(newest)
    .filter((one) => one !== null)
    .map((one) => Date.parse(`${sixDigits(one).slice(0, 23)}Z`));
  if (times.length === 0) return undefined;
  const bin = length >= 2 * DAY_MS ? DAY_MS : MINUTE_MS;
  const end = Math.floor(Math.max(...times) / bin) * bin + bin;
  return { from: plain(end - length), until: plain(end) };
}

interface Condition {
  /** The filter's field; absent for the period. */
  readonly field?: string;
  readonly part?: keyof FieldFilter;
  readonly sql: string;
}

class Check {
  readonly #oracle: Oracle;
  readonly #state: DashboardState;
  readonly #answer: DashboardAnswer;
  #count = 0;

  constructor(oracle: Oracle, state: DashboardState, answer: DashboardAnswer) {
    this.#oracle = oracle;
    this.#state = state;
    this.#answer = answer;
  }

  async all(): Promise<number> {
    await this.#newest();
    for (const chart of chartsOf(this.#oracle.items)) {
      const shown = this.#answer.charts[chart.id];
      if (!shown) continue;
      await this.#chart(chart, shown);
    }
    await this.#choices();
    return this.#count;
  }

  #same(what: string, shown: unknown, wanted: unknown, tolerance = 0): void {
    this.#count += 1;
    const [a, b] = [Number(shown), Number(wanted)];
    const isNear =
      tolerance > 0 &&
      shown !== null &&
      wanted !== null &&
      Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
    if (!isNear) expect({ [what]: shown }).toEqual({ [what]: wanted });
  }

  #source(chart: { readonly from: string }): OracleSource {
    return this.#oracle.sources[chart.from] as OracleSource;
  }

  /** The rows of a source at the version shown. */
  #rows(name: string): string {
    const source = this.#oracle.sources[name] as OracleSource;
    if (source.kind === 'stream')
      return `(SELECT * FROM records.${named(name)} WHERE _sequence_number < ${this.#answer.version[name]})`;
    return source.at?.(this.#answer.version) ?? `warehouse.${named(name)}`;
  }

  async #newest(): Promise<void> {
    const names = new Set(
      itemsOf(this.#oracle.items).flatMap((item) => ('from' in item ? [item.from] : [])),
    );
    for (const name of names) {
      const { time } = this.#oracle.sources[name] as OracleSource;
      const [[text] = []] =
        time === undefined
          ? [[null]]
          : await this.#oracle.scan(
              `SELECT strftime(CAST(max(${named(time)}) AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%f') FROM ${this.#rows(name)}`,
            );
      const shown = this.#answer.newest[name] ?? null;
      this.#same(`newest of ${name}`, shown === null ? null : sixDigits(shown), text);
    }
    this.#same('period', this.#answer.period, this.#period() ?? null);
  }

  #period(): { from: string; until: string } | undefined {
    return periodOf(this.#state.period ?? this.#oracle.period, this.#answer.newest);
  }

  /** Types of fields by their first item. */
  #filterTypes(): Map<string, string> {
    const types = new Map<string, string>();
    for (const item of itemsOf(this.#oracle.items)) {
      if (!('from' in item)) continue;
      const fields = 'field' in item ? [item.field] : [item.x, item.color];
      for (const field of fields) {
        const type = field && this.#oracle.sources[item.from]?.columns[field];
        if (field && type && !types.has(field)) types.set(field, type);
      }
    }
    return types;
  }

  #conditions(name: string): { applying: Condition[]; notFiltered: string[] } {
    const source = this.#oracle.sources[name] as OracleSource;
    const types = this.#filterTypes();
    const applying: Condition[] = [];
    const notFiltered: string[] = [];
    const period = this.#period();
    if (period && source.time !== undefined)
      applying.push({ sql: within(source.time, { ...period }) });
    if (period && source.time === undefined) notFiltered.push('period');
    for (const [field, filter] of Object.entries(this.#state.filters)) {
      const type = source.columns[field];
      if (type === undefined || type !== types.get(field)) notFiltered.push(field);
      else applying.push(...filterConditions(field, filter, type));
    }
    return { applying, notFiltered };
  }

  async nothing(chart: Chart): Promise<void> {
    const { conditions } = this.#conditionsOf(chart);
    const { x } = chart;
    const isTimed = x !== undefined && isTime(this.#source(chart).columns[x]);
    const present = isTimed ? [{ sql: `${named(x)} IS NOT NULL` }] : [];
    // What is not filtered would stand behind it.
    const hasGhost = isTimed && (chart.color === undefined || chart.kind !== 'line');
    const all = [...(hasGhost ? this.#unfiltered(conditions) : conditions), ...present];
    const [[count] = []] = await this.#oracle.scan(
      `SELECT count(*) FROM ${this.#rows(chart.from)} ${where(all)}`,
    );
    this.#same(`${chart.id}: rows where none are shown`, 0, Number(count));
  }

  #conditionsOf(chart: Chart): { conditions: Condition[]; notFiltered: string[] } {
    const { applying, notFiltered } = this.#conditions(chart.from);
    const own = chart.kind === 'grid' ? [] : [chart.x, chart.color];
    // A chart is not filtered by what is chosen on it; words are typed beside it.
    const conditions = applying.filter(
      ({ field, part }) => field === undefined || part === 'has' || !own.includes(field),
    );
    return { conditions, notFiltered };
  }

  async #chart(chart: Chart, shown: ChartAnswer): Promise<void> {
    const { conditions, notFiltered } = this.#conditionsOf(chart);
    this.#same(`${chart.id}: notFiltered`, [...shown.notFiltered].sort(), [...notFiltered].sort());
    if (shown.kind === 'failed') expect.fail(`${chart.id} failed: ${shown.message}`);
    if (shown.kind === 'kpi') await this.#kpi(chart, shown, conditions);
    if (shown.kind === 'series') await this.#series(chart, shown, conditions);
    if (shown.kind === 'grid') await this.#grid(chart, shown, conditions);
  }

  #unfiltered(conditions: readonly Condition[]): Condition[] {
    return conditions.filter(({ field }) => field === undefined);
  }

  async #one(chart: Chart, conditions: readonly Condition[]): Promise<[unknown, number]> {
    const value = this.#oracle.values[chart.id];
    const [[text, type] = []] = await this.#oracle.scan(
      `SELECT CAST(v AS VARCHAR), typeof(v) FROM (SELECT ${value} AS v FROM ${this.#rows(chart.from)} ${where(conditions)})`,
    );
    return [text ?? null, toleranceOf(type)];
  }

  async #kpi(chart: Chart, shown: KpiAnswer, conditions: readonly Condition[]): Promise<void> {
    this.#same(`${chart.id}: value`, shown.value, ...(await this.#one(chart, conditions)));
    const unfiltered = this.#unfiltered(conditions);
    this.#same(
      `${chart.id}: has a total`,
      shown.total !== undefined,
      unfiltered.length < conditions.length,
    );
    if (shown.total !== undefined)
      this.#same(`${chart.id}: total`, shown.total, ...(await this.#one(chart, unfiltered)));
    const ranges = this.#compared(chart);
    this.#same(`${chart.id}: compares`, shown.compare !== undefined, ranges !== undefined);
    const { time } = this.#source(chart);
    if (ranges && shown.compare && time !== undefined)
      for (const which of ['current', 'previous'] as const) {
        const others = conditions.filter(
          ({ field, part }) => field !== undefined && (field !== time || part !== 'range'),
        );
        const during = [...others, { sql: within(time, ranges[which]) }];
        this.#same(
          `${chart.id}: ${which}`,
          shown.compare[which],
          ...(await this.#one(chart, during)),
        );
      }
    if (shown.spark && time !== undefined) {
      const bins = await this.#bins(chart, { field: time, grain: shown.spark.grain }, conditions);
      this.#sameBins(`${chart.id}: spark`, shown.spark.x, shown.spark.y, bins);
    }
  }

  /** `'1d'`: the last day that ends with the newest value, or with what is chosen, and the day before it. */
  #compared(chart: Chart): { current: Range; previous: Range } | undefined {
    const { time } = this.#source(chart);
    const { compare } = chart;
    if (compare === undefined || time === undefined) return undefined;
    const brush = this.#brush(chart.from, time);
    const period = this.#period();
    const whole = brush ?? period;
    if (compare === 'previous') {
      if (!whole) return undefined;
      const [from, until] = [msOf(whole.from), msOf(whole.until)];
      return { current: whole, previous: { from: plain(2 * from - until), until: whole.from } };
    }
    const [, count, unit] = /^(\d+)([mhdwy])$/.exec(compare) as unknown as [string, string, string];
    const length = Number(count) * (UNITS[unit] as number);
    const isChosen = (this.#state.period ?? this.#oracle.period).includes('..');
    const fixed = brush ?? (isChosen ? period : undefined);
    if (fixed) {
      const end = msOf(fixed.until);
      return {
        current: { from: plain(end - length), until: fixed.until },
        previous: { from: plain(end - 2 * length), until: plain(end - length) },
      };
    }
    const newest = this.#answer.newest[chart.from];
    if (newest == null) return undefined;
    const back = (ms: number) => ({ after: newest, ms });
    return {
      current: { after: back(length), upTo: back(0) },
      previous: { after: back(2 * length), upTo: back(length) },
    };
  }

  #brush(name: string, time: string): { from: string; until: string } | undefined {
    const type = this.#oracle.sources[name]?.columns[time];
    const isOurs = type !== undefined && this.#filterTypes().get(time) === type;
    return isOurs ? this.#state.filters[time]?.range : undefined;
  }

  async #bins(
    chart: Chart,
    { field, grain }: { field: string; grain: string },
    conditions: readonly Condition[],
  ): Promise<{ bins: Map<unknown, unknown>; tolerance: number }> {
    const rows = await this.#oracle.scan(
      `SELECT ${binStart(field, grain)} AS x, CAST(${this.#oracle.values[chart.id]} AS DOUBLE), typeof(${this.#oracle.values[chart.id]}) FROM ${this.#rows(chart.from)} ${where([...conditions, { sql: `${named(field)} IS NOT NULL` }])} GROUP BY x`,
    );
    return {
      bins: new Map(rows.map(([x, y]) => [Number(x), finite(y)])),
      tolerance: toleranceOf(rows[0]?.[2]),
    };
  }

  #sameBins(
    what: string,
    xs: readonly unknown[],
    ys: readonly unknown[],
    { bins, tolerance }: { bins: Map<unknown, unknown>; tolerance: number },
  ): void {
    this.#same(
      `${what}: bins`,
      [...xs],
      [...bins.keys()].sort((a, b) => Number(a) - Number(b)),
    );
    for (const [index, x] of xs.entries())
      this.#same(`${what}: at ${x}`, ys[index], bins.get(x) ?? null, tolerance);
  }

  async #series(
    chart: Chart,
    shown: SeriesAnswer,
    conditions: readonly Condition[],
  ): Promise<void> {
    const field = chart.x as string;
    const time = isTime(this.#source(chart).columns[field]);
    this.#same(`${chart.id}: axis`, shown.axis.kind, time ? 'time' : 'category');
    if (chart.by) this.#same(`${chart.id}: grain`, shown.axis.grain, chart.by);
    const names = await this.#seriesNames(chart, shown, this.#unfiltered(conditions));
    const x = time ? binStart(field, shown.axis.grain as string) : textOf(field);
    const label = names === undefined ? "'all'" : labelOf(chart.color as string, names);
    const present = time ? [{ sql: `${named(field)} IS NOT NULL` }] : [];
    const value = this.#oracle.values[chart.id];
    const rows = await this.#oracle.scan(
      `SELECT ${x} AS x, ${label} AS label, CAST(${value} AS DOUBLE), typeof(${value}) FROM ${this.#rows(chart.from)} ${where([...conditions, ...present])} GROUP BY ALL`,
    );
    const tolerance = toleranceOf(rows[0]?.[3]);
    const key = (at: unknown) => (time && at !== null ? Number(at) : at);
    const points = new Map(
      rows.map(([at, name, y]) => [JSON.stringify([key(at), name]), finite(y)]),
    );
    const empty = (time ? this.#oracle.emptyBin : undefined) ?? null;
    const isRanked = !time && (chart.kind === 'bar' || chart.kind === 'stacked');
    const xs = [...new Set(rows.map(([at]) => key(at)))];
    if (isRanked) await this.#ranked(chart, shown, conditions);
    else if (!shown.ghost && time && this.#oracle.emptyBin !== undefined)
      this.#expectFilled(chart.id, shown.x, xs);
    else if (!shown.ghost) this.#same(`${chart.id}: places`, sorted(shown.x), sorted(xs));
    for (const series of shown.series) {
      const name =
        names === undefined ? 'all' : series.isOther ? 'other' : `=${series.name ?? 'NULL'}`;
      const label = names !== undefined && !series.isOther && series.name === null ? 'null' : name;
      for (const [index, at] of shown.x.entries())
        this.#same(
          `${chart.id}: ${label} at ${at}`,
          series.values[index],
          points.get(JSON.stringify([at, label])) ?? empty,
          tolerance,
        );
    }
    await this.#ghost(chart, shown, { conditions, xs });
  }

  /** All bins that have rows are there, and the others lie between them. */
  #expectFilled(id: string, shown: readonly unknown[], xs: readonly unknown[]): void {
    const places = new Set(shown);
    const missing = xs.filter((x) => !places.has(x));
    this.#same(`${id}: bins that are missing`, missing, []);
    this.#same(`${id}: bins twice`, shown.length, places.size);
  }

  async #ghost(
    chart: Chart,
    shown: SeriesAnswer,
    { conditions, xs }: { conditions: readonly Condition[]; xs: readonly unknown[] },
  ): Promise<void> {
    const unfiltered = this.#unfiltered(conditions);
    const isWanted =
      shown.axis.kind === 'time' &&
      unfiltered.length < conditions.length &&
      (chart.color === undefined || chart.kind !== 'line');
    this.#same(`${chart.id}: ghost`, shown.ghost !== undefined, isWanted);
    if (!shown.ghost) return;
    const grain = shown.axis.grain as string;
    const { bins, tolerance } = await this.#bins(
      chart,
      { field: chart.x as string, grain },
      unfiltered,
    );
    const { emptyBin } = this.#oracle;
    const places = [...new Set([...xs, ...bins.keys()])];
    if (emptyBin !== undefined) this.#expectFilled(chart.id, shown.x, places);
    else this.#same(`${chart.id}: places`, sorted(shown.x), sorted(places));
    for (const [index, at] of shown.x.entries())
      this.#same(
        `${chart.id}: ghost at ${at}`,
        shown.ghost[index],
        bins.get(at) ?? emptyBin ?? null,
        tolerance,
      );
  }

  /** Series are named by the greatest values without filters; which of equals is open. */
  async #seriesNames(
    chart: Chart,
    shown: SeriesAnswer,
    unfiltered: readonly Condition[],
  ): Promise<readonly (string | null)[] | undefined> {
    const { color } = chart;
    if (color === undefined) {
      this.#same(`${chart.id}: series`, shown.series.length, 1);
      return undefined;
    }
    const value = this.#oracle.values[chart.id];
    const rows = await this.#oracle.scan(
      `SELECT ${textOf(color)} AS name, CAST(${value} AS DOUBLE), typeof(${value}) FROM ${this.#rows(chart.from)} ${where(unfiltered)} GROUP BY name`,
    );
    const most = chart.series ?? 6;
    const hasOther = rows.length > most + 1;
    const names = shown.series.filter((one) => !one.isOther).map((one) => one.name ?? null);
    this.#same(`${chart.id}: other`, shown.series.at(-1)?.isOther === true, hasOther);
    this.#same(`${chart.id}: names`, names.length, hasOther ? most : rows.length);
    const values = new Map(rows.map(([name, v]) => [name, finite(v)]));
    this.#greatest(`${chart.id}: names`, names, values, toleranceOf(rows[0]?.[2]));
    return names;
  }

  /** Holds that these are the first by value, in order; which of equals, and of nothing, is open. */
  #greatest(
    what: string,
    shown: readonly unknown[],
    values: ReadonlyMap<unknown, unknown>,
    tolerance: number,
    always: readonly unknown[] = [],
  ): void {
    const height = (name: unknown) => (values.get(name) ?? Number.NEGATIVE_INFINITY) as number;
    this.#count += 1;
    expect(new Set(shown).size, `${what} are each there once`).toBe(shown.length);
    for (const name of shown) expect(values.has(name), `${what}: ${name} is there`).toBe(true);
    const slack = (a: number) => tolerance * Math.max(1, Math.abs(a));
    const above = (a: number, b: number) => a >= b || a >= b - slack(b);
    for (const [index, name] of shown.entries())
      if (index > 0)
        expect(above(height(shown[index - 1]), height(name)), `${what}: order at ${name}`).toBe(
          true,
        );
    const least = Math.min(
      ...shown.filter((name) => !always.includes(name)).map((name) => height(name)),
    );
    for (const name of values.keys())
      if (!shown.includes(name))
        expect(above(least, height(name)), `${what}: ${name} is left out`).toBe(true);
  }

  async #ranked(
    chart: Chart,
    shown: SeriesAnswer,
    conditions: readonly Condition[],
  ): Promise<void> {
    const value = this.#oracle.values[chart.id];
    const rows = await this.#oracle.scan(
      `SELECT ${textOf(chart.x as string)} AS x, CAST(${value} AS DOUBLE), typeof(${value}) FROM ${this.#rows(chart.from)} ${where(conditions)} GROUP BY x`,
    );
    const values = new Map(rows.map(([x, v]) => [x, finite(v)]));
    this.#same(`${chart.id}: categories`, shown.categories, values.size);
    this.#same(`${chart.id}: bars`, shown.x.length, Math.min(chart.top ?? 12, values.size));
    const chosen = (this.#state.filters[chart.x as string]?.in ?? []).filter((one) =>
      values.has(one),
    );
    for (const one of chosen.slice(0, chart.top ?? 12))
      expect(shown.x, `${chart.id}: what is chosen is shown`).toContain(one);
    this.#greatest(`${chart.id}: bars`, shown.x, values, toleranceOf(rows[0]?.[2]), chosen);
  }

  async #grid(chart: Chart, shown: GridAnswer, conditions: readonly Condition[]): Promise<void> {
    const rows = this.#rows(chart.from);
    const [[count] = []] = await this.#oracle.scan(
      `SELECT count(*) FROM ${rows} ${where(conditions)}`,
    );
    this.#same(`${chart.id}: rowCount`, shown.rowCount, Number(count));
    const columns = (chart.columns ?? []).map(named).join(', ');
    const limit = chart.limit ?? 50;
    const { kind, time } = this.#source(chart);
    const isNewest = chart.sort === undefined && kind === 'stream';
    const sort = isNewest
      ? `${named(time ?? '')} DESC NULLS LAST, _sequence_number DESC`
      : `${named(chart.sort ?? '')} ${chart.order ?? 'desc'} NULLS LAST`;
    const wanted = await this.#oracle.sql(
      `SELECT ${columns}${isNewest || chart.sort === undefined ? '' : `, ${named(chart.sort)}`} FROM ${rows} ${where(conditions)} ${isNewest || chart.sort !== undefined ? `ORDER BY ${sort}` : ''}`,
    );
    this.#same(`${chart.id}: rows`, shown.rows.length, Math.min(limit, wanted.length));
    if (isNewest) {
      this.#same(`${chart.id}: cells`, shown.rows, wanted.slice(0, limit));
      return;
    }
    this.#ties(chart, shown, wanted);
  }

  /** Rows of equal places may come in any order: each must be one of those that can stand there. */
  #ties(chart: Chart, shown: GridAnswer, wanted: readonly unknown[][]): void {
    const width = chart.columns?.length ?? 0;
    const left = new Map<string, number>();
    const place = (row: readonly unknown[]) => (chart.sort === undefined ? null : row[width]);
    for (const row of wanted) {
      const key = JSON.stringify([row.slice(0, width), place(row)]);
      left.set(key, (left.get(key) ?? 0) + 1);
    }
    for (const [index, row] of shown.rows.entries()) {
      const key = JSON.stringify([row, place(wanted[index] as unknown[])]);
      this.#count += 1;
      expect(left.get(key) ?? 0, `${chart.id}: row ${index} ${key}`).toBeGreaterThan(0);
      left.set(key, (left.get(key) ?? 0) - 1);
    }
  }

  async #choices(): Promise<void> {
    for (const item of itemsOf(this.#oracle.items)) {
      if (item.kind !== 'select') continue;
      const { applying } = this.#conditions(item.from);
      const conditions = applying.filter(
        ({ field, part }) => field !== item.field || part === 'has',
      );
      const rows = await this.#oracle.scan(
        `SELECT ${textOf(item.field)} AS value, count(*) FROM ${this.#rows(item.from)} ${where(conditions)} GROUP BY value`,
      );
      const counts = new Map(rows.map(([value, count]) => [value, Number(count)]));
      const shown = this.#answer.choices[item.field] ?? [];
      this.#same(`choices of ${item.field}`, shown.length, Math.min(1000, counts.size));
      const count = this.#answer.choiceCounts[item.field];
      this.#same(`count of choices of ${item.field}`, count, counts.size);
      for (const { value, rows: count } of shown)
        this.#same(`choices of ${item.field}: ${value}`, count, counts.get(value) ?? 0);
      this.#greatest(
        `choices of ${item.field}`,
        shown.map(({ value }) => value),
        counts,
        0,
      );
    }
  }
}

type Moment = string | { readonly after: string; readonly ms: number };
interface Range {
  readonly from?: Moment;
  readonly until?: Moment;
  readonly after?: Moment;
  readonly upTo?: Moment;
}

/** A moment as SQL; a text that is none holds for no row. */
function moment(at: Moment): string {
  if (typeof at === 'string') return `TRY_CAST(${quoted(at)} AS TIMESTAMP)`;
  return `TIMESTAMP ${quoted(at.after)} - INTERVAL (${at.ms / 1000}) SECOND`;
}

function within(field: string, { from, until, after, upTo }: Range): string {
  const at = `CAST(${named(field)} AS TIMESTAMP)`;
  const parts = [
    ...(from === undefined ? [] : [`${at} >= ${moment(from)}`]),
    ...(after === undefined ? [] : [`${at} > ${moment(after)}`]),
    ...(until === undefined ? [] : [`${at} < ${moment(until)}`]),
    ...(upTo === undefined ? [] : [`${at} <= ${moment(upTo)}`]),
  ];
  return `(${parts.join(' AND ')})`;
}

function filterConditions(field: string, filter: FieldFilter, type: string): Condition[] {
  const conditions: Condition[] = [];
  if (filter.in) {
    const texts = filter.in.filter((one) => one !== null).map(quoted);
    const isIn = texts.length > 0 ? [`${textOf(field)} IN (${texts.join(', ')})`] : [];
    const isNull = filter.in.includes(null) ? [`${named(field)} IS NULL`] : [];
    conditions.push({ field, part: 'in', sql: `(${[...isIn, ...isNull].join(' OR ')})` });
  }
  if (filter.range && isTime(type))
    conditions.push({ field, part: 'range', sql: within(field, filter.range) });
  if (filter.has !== undefined) {
    const words = filter.has.split(/\s+/).filter((word) => word !== '');
    const has = words.map((word) => `strpos(lower(${textOf(field)}), lower(${quoted(word)})) > 0`);
    if (has.length > 0) conditions.push({ field, part: 'has', sql: `(${has.join(' AND ')})` });
  }
  return conditions;
}

const textOf = (field: string): string => `CAST(${named(field)} AS VARCHAR)`;

function where(conditions: readonly { readonly sql: string }[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`;
}

function labelOf(color: string, names: readonly (string | null)[]): string {
  const texts = names.filter((name) => name !== null).map(quoted);
  const isNamed =
    texts.length > 0
      ? `WHEN ${textOf(color)} IN (${texts.join(', ')}) THEN '=' || ${textOf(color)}`
      : '';
  const ofNull = names.includes(null) ? "'null'" : "'other'";
  return `CASE WHEN ${named(color)} IS NULL THEN ${ofNull} ${isNamed} ELSE 'other' END`;
}

/** Calendar arithmetic in SQL, in epoch milliseconds of UTC. */
function binStart(field: string, grain: string): string {
  const at = `CAST(${named(field)} AS TIMESTAMP)`;
  const ms = `epoch_us(${at}) / 1000.0`;
  const days = `CAST(floor(${ms} / ${DAY_MS}) AS BIGINT)`;
  const months = { month: 1, quarter: 3, year: 12 }[grain];
  if (grain === 'week') return `(${days} - ((${days} + 3) % 7 + 7) % 7) * ${DAY_MS}`;
  if (months === undefined) {
    const size = { minute: MINUTE_MS, hour: 60 * MINUTE_MS, day: DAY_MS }[grain];
    return `CAST(floor(${ms} / ${size}) AS BIGINT) * ${size}`;
  }
  const first = `(month(${at}) - 1) // ${months} * ${months} + 1`;
  return `CAST(epoch_ms(CAST(make_date(year(${at}), ${first}, 1) AS TIMESTAMP)) AS BIGINT)`;
}

/** Sums of doubles depend on the order of the rows in their last digits. */
function toleranceOf(type: unknown): number {
  return type === 'DOUBLE' || type === 'FLOAT' ? 1e-9 : 0;
}

const finite = (value: unknown): number | null => {
  if (value === null || value === undefined) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
};
const msOf = (text: string): number =>
  Date.parse(`${text.includes('T') ? text : `${text}T00:00`}Z`);
/** Midnight is a bare date. */
const plain = (ms: number): string => {
  const text = new Date(ms).toISOString();
  return ms % DAY_MS === 0 ? text.slice(0, 10) : text.replace(/(\.000)?Z$/, '');
};
/** `2011-03-01T08:26` with all digits of the second. */
function sixDigits(text: string): string {
  const [date, time = '00:00:00'] = text.replace(' ', 'T').split('T');
  const [seconds = '', fraction = ''] = time.split('.');
  return `${date}T${seconds}.${fraction.padEnd(6, '0')}`;
}
const sorted = (values: readonly unknown[]): unknown[] =>
  [...values].sort((a, b) => (String(a) < String(b) ? -1 : 1));

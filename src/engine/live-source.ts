import type { DuckDBConnection } from '@duckdb/node-api';
import type { NamedField } from '../core/field-types.ts';
import { parseTime } from '../core/time-grain.ts';
import type { Constraint, Dim, SpanConstraint, TimeRange } from '../live/constraint.ts';
import type { CubeNeed, CubeSpec } from '../live/cube-spec.ts';
import { narrowSpec } from '../live/cube-spec.ts';
import type { LiveSource } from '../live/live-plan.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import { CubeStore, type Extent, type Found, type Scope } from './cube-store.ts';
import { textRows } from './database.ts';
import type { RowsNews } from './hot-rows.ts';
import type { LiveLimits } from './live-limits.ts';
import type { Measure, Part } from './measure-parts.ts';
import { SpanCubes } from './span-cubes.ts';

/** What a stream without a time of its own goes by. */
const ARRIVED_AT = '_arrived_at';

/** The newest rows that match something, and what they were found by. */
interface ShownRows {
  readonly last: number;
  readonly matching: number;
  readonly rows: readonly unknown[][];
}

/** One source of charts while it is shown: its cubes, its aggregates, and how far its times reach. */
export class LiveSourceState {
  readonly source: LiveSource;
  readonly relation: string;
  readonly cubes: CubeStore;
  readonly limits: LiveLimits;
  /** The newest records of a stream, a table of the source's columns. */
  readonly tail: string;
  /** Aggregates that are numbers, by SQL. */
  readonly numbers: ReadonlySet<string>;
  /** Those of them that are 0 where there are no rows. */
  readonly zeros: ReadonlySet<string>;
  /** By SQL. */
  readonly measures: ReadonlyMap<string, Measure>;
  /** How the columns of grids are written, by their list. */
  readonly cells = new Map<string, readonly string[]>();
  /** Rows that grids of this source showed last. */
  readonly shownRows = new Map<string, ShownRows>();
  readonly #connection: DuckDBConnection;
  readonly #timeColumns: readonly string[];
  /** Columns that filters of a dashboard may name. */
  readonly #filterFields: readonly string[];
  readonly #spans: SpanCubes | undefined;
  #extents = new Map<string, Extent>();
  #isKnown = false;
  /** Every record below is in the cubes. */
  #next = 0;
  #tailFrom = 0;
  #olderThanTail: string | null = null;

  constructor(
    source: LiveSource,
    measures: ReadonlyMap<string, Measure>,
    options: {
      readonly connection: DuckDBConnection;
      readonly filterFields: readonly string[];
      readonly parts: readonly Part[];
      readonly limits: LiveLimits;
      readonly numbers: ReadonlySet<string>;
      readonly zeros: ReadonlySet<string>;
    },
  ) {
    this.source = source;
    this.measures = measures;
    this.relation = relationOf(source);
    this.tail = `cubes.${quoteIdentifier(`${source.name} tail`)}`;
    this.cubes = new CubeStore(source, this.relation, options);
    this.limits = options.limits;
    this.numbers = options.numbers;
    this.zeros = options.zeros;
    this.#connection = options.connection;
    this.#filterFields = options.filterFields;
    this.#timeColumns = source.columns
      .filter(({ type }) => ['date', 'timestamp', 'timestamptz'].includes(type.kind))
      .map(({ name }) => name);
    const time = source.columns.find(({ name }) => name === source.time);
    this.#spans =
      time &&
      new SpanCubes({
        cubes: this.cubes,
        connection: this.#connection,
        time,
        dims: this.#inDays(this.#filterFields),
        rowsMax: this.limits.spanRowsMax,
      });
  }

  extent(column: string): Extent {
    return this.#extents.get(column) ?? { min: null, max: null };
  }

  get newest(): string | null {
    return this.source.time === undefined ? null : this.extent(this.source.time).max;
  }

  /** Every record below is shown. */
  get next(): number {
    return this.#next;
  }

  /** Every record from here on is in `tail`. */
  get tailFrom(): number {
    return this.#tailFrom;
  }

  /** The column that says when a record of a stream happened, where it is not its arrival. */
  get eventTime(): NamedField | undefined {
    const { kind, columns, time } = this.source;
    if (kind !== 'stream' || time === ARRIVED_AT) return undefined;
    return columns.find(({ name }) => name === time);
  }

  /** The newest time of records that are not in `tail`; null where none has one. */
  get olderThanTail(): string | null | 'nothing' {
    return this.#tailFrom === 0 ? 'nothing' : this.#olderThanTail;
  }

  /** Called once the relations are current: what was not known of the rows is asked. */
  async begin(next: number): Promise<void> {
    if (this.source.kind === 'view') this.#isKnown = false;
    if (!this.#isKnown) {
      await this.cubes.clear(this.#connection);
      this.#extents = await this.#readExtents(this.relation);
      this.#next = next;
      if (this.source.kind === 'stream') await this.#fillTail();
      this.#isKnown = true;
    }
    this.cubes.beginTurn({ next: this.#next, since: (first) => this.#rowsSince(first) });
    await this.cubes.tend(this.#connection);
  }

  #rowsSince(first: number): string {
    const from = first >= this.#tailFrom ? this.tail : this.relation;
    return `(SELECT * FROM ${from} WHERE _sequence_number >= ${first} AND _sequence_number < ${this.#next})`;
  }

  /** New records, in the transaction that adds them. */
  async advance({ until, delivered, isChanged }: RowsNews): Promise<void> {
    // Nothing can be taken out of a greatest or a least: what is kept is made anew.
    if (isChanged) return this.forget();
    if (!this.#isKnown || until <= this.#next) return;
    const hot = `hot.${quoteIdentifier(`lake.${this.source.name}`)}`;
    const from = this.#next >= delivered ? hot : this.relation;
    const batch = `(SELECT * FROM ${from} WHERE _sequence_number >= ${this.#next} AND _sequence_number < ${until})`;
    await this.#advanceTail(batch, until);
    const extents = await this.#readExtents(batch);
    for (const [column, { min, max }] of extents) {
      const before = this.extent(column);
      this.#extents.set(column, {
        min: outer(before.min, min, (a, b) => a < b),
        max: outer(before.max, max, (a, b) => a > b),
      });
    }
    this.cubes.pass({ from: this.#next, until }, (column) => extents.get(column));
    this.#next = until;
  }

  /** The newest records once more, in memory: what most grids show. */
  async #fillTail(): Promise<void> {
    this.#tailFrom = Math.max(0, this.#next - this.limits.tailRecords);
    await this.#connection.run(
      `CREATE OR REPLACE TABLE ${this.tail} AS SELECT * FROM ${this.relation} WHERE _sequence_number >= ${this.#tailFrom}`,
    );
    this.#olderThanTail = await this.#newestBelow(this.#tailFrom, this.relation);
  }

  async #newestBelow(sequence: number, relation: string): Promise<string | null> {
    const time = this.eventTime?.name;
    if (time === undefined || sequence === 0) return null;
    const below = `(SELECT * FROM ${relation} WHERE _sequence_number < ${sequence})`;
    return (await this.#readExtents(below, [time])).get(time)?.max ?? null;
  }

  async #advanceTail(batch: string, until: number): Promise<void> {
    await this.#connection.run(`INSERT INTO ${this.tail} FROM ${batch}`);
    const { tailRecords } = this.limits;
    // What a cube lacks stays for it, but for one that nobody has looked at for long.
    const needed = Math.max(this.cubes.next, until - 10 * tailRecords);
    const from = Math.min(until - tailRecords, needed);
    if (from - this.#tailFrom <= tailRecords) return;
    this.#tailFrom = from;
    this.#olderThanTail = outer(
      this.#olderThanTail,
      await this.#newestBelow(this.#tailFrom, this.tail),
      (a, b) => a > b,
    );
    await this.#connection.run(
      `DELETE FROM ${this.tail} WHERE _sequence_number < ${this.#tailFrom}`,
    );
  }

  /**
   * The table was replaced, or a transaction that advanced was rolled back: what is kept is made anew when
   * the next turn begins. Nothing here can fail, as it is what comes after a failure.
   */
  forget(): void {
    this.#isKnown = false;
    this.cells.clear();
    this.shownRows.clear();
  }

  async #readExtents(
    relation: string,
    names: readonly string[] = this.#timeColumns,
  ): Promise<Map<string, Extent>> {
    if (names.length === 0) return new Map();
    const columns = names.flatMap((name) => {
      const column = quoteIdentifier(name);
      return [`min(${column})`, `max(${column})`];
    });
    // A time with a zone ends in +00, as the zone of every child is UTC.
    const texts = columns.map(
      (one) => `replace(replace(CAST(${one} AS VARCHAR), ' ', 'T'), '+00', '')`,
    );
    const [values = []] = await textRows(
      this.#connection,
      `SELECT ${texts.join(', ')} FROM ${relation}`,
    );
    return new Map(
      names.map((name, index) => [
        name,
        { min: values[2 * index] ?? null, max: values[2 * index + 1] ?? null },
      ]),
    );
  }

  #inDays(fields: readonly string[]): Dim[] {
    return fields.map((field) =>
      this.#timeColumns.includes(field) ? { field, grain: 'day' } : { field },
    );
  }

  /**
   * One cube of everything that filters can name, where it is not too large: any first click is then
   * answered from it. Then those of two fields, which a first click on one needs for a chart of the other.
   * Times are kept in days, what every longer period is made of.
   */
  warming(): (() => Promise<void>)[] {
    if (this.source.kind === 'view') return [];
    const dims = this.#inDays([
      ...new Set([...this.#filterFields, ...(this.source.time ? [this.source.time] : [])]),
    ]);
    const pairs = dims.flatMap((one, index) => dims.slice(index + 1).map((other) => [one, other]));
    const specs = [dims, ...pairs, ...dims.map((one) => [one])];
    return specs.map(
      (kept) => () => this.cubes.ensure(this.#connection, { dims: kept, where: [] }),
    );
  }

  /**
   * Where to read what is needed: kept aggregates, made where that pays, or the whole source.
   * `active`: the field whose filter is being changed.
   */
  async scope(
    wanted: CubeNeed,
    measures: readonly Measure[],
    active: string | undefined,
  ): Promise<Scope> {
    const canGroup = measures.every((measure) => measure.rollup !== undefined);
    if (!canGroup || this.source.kind === 'view') return this.cubes.full(wanted);
    const keys = measures.flatMap((measure) => measure.keys.map((field) => ({ field })));
    const need = { ...wanted, dims: [...wanted.dims, ...keys] };
    const span = need.constraints.find((one) => this.#isFreeSpan(one));
    const found = await (span && this.#spans
      ? this.#spans.scope({ need: without(need, span), range: this.#open(span.range) }, (bins) =>
          // It moves on with the time, whatever else is changed.
          this.#scopeOfBins(bins, this.source.time),
        )
      : this.#scopeOfBins(need, active));
    return found ?? this.cubes.full(need);
  }

  async #scopeOfBins(need: CubeNeed, active: string | undefined): Promise<Scope | undefined> {
    const found = await this.cubes.find(this.#connection, need);
    if (found?.isSmall) return found.scope;
    const spec = narrowSpec(need, active);
    const isServed = found !== undefined && (await this.#ensurePart(spec, found));
    if (!isServed) await this.cubes.ensure(this.#connection, spec);
    return (await this.cubes.find(this.#connection, need))?.scope;
  }

  /**
   * Under filters that stay, the part of what was found that they leave: it serves all charts of the screen, and is
   * mostly small enough for that.
   */
  async #ensurePart({ dims, where }: CubeSpec, found: Found): Promise<boolean> {
    if (where.length === 0) return false;
    await this.cubes.ensure(this.#connection, { dims: found.dims, where });
    const part = await this.cubes.find(this.#connection, { dims, constraints: where });
    return part?.isSmall ?? false;
  }

  /** One that begins and ends anywhere: as it moves on with each record, nothing is made for it alone. */
  #isFreeSpan(one: Constraint): one is SpanConstraint {
    return 'range' in one && one.field === this.source.time && one.range.closed === 'end';
  }

  /** Nothing comes after the newest. */
  #open(range: TimeRange): TimeRange {
    return range.until === this.newest ? { from: range.from, closed: 'end' } : range;
  }
}

const without = (need: CubeNeed, constraint: Constraint): CubeNeed => ({
  ...need,
  constraints: need.constraints.filter((one) => one !== constraint),
});

export function relationOf(source: LiveSource): string {
  return `${source.schema}.${quoteIdentifier(source.name)}`;
}

function outer(
  before: string | null,
  now: string | null,
  isFurther: (a: number, b: number) => boolean,
): string | null {
  if (before === null || now === null) return now ?? before;
  const [a, b] = [parseTime(now), parseTime(before)];
  // Within a millisecond the digits decide; both have the same form.
  if (a === b) return isFurther(Number(now > before), Number(before > now)) ? now : before;
  return isFurther(a, b) ? now : before;
}

import type { DuckDBConnection } from '@duckdb/node-api';
import type { NamedField } from '../core/field-types.ts';
import { type Constraint, type Dim, dimOf, type TimeRange } from '../live/constraint.ts';
import { type CubeNeed, uniqueDims } from '../live/cube-spec.ts';
import { type BinRange, cutSpan, SPAN_GRAINS, type SpanGrain, spanOfDates } from '../live/span.ts';
import type { CubeStore, Scope } from './cube-store.ts';

interface Span {
  /** What else is asked. */
  readonly need: CubeNeed;
  readonly range: TimeRange;
}

export interface SpanCubesOptions {
  readonly cubes: CubeStore;
  readonly connection: DuckDBConnection;
  readonly time: NamedField;
  /** What filters can name, times in days. */
  readonly dims: readonly Dim[];
  /** Rows of one bin that are kept one by one. */
  readonly rowsMax: number;
}

/**
 * Spans that begin and end between bins, such as a day up to the newest value: whole days, and of the days they begin
 * and end in the rows; where these are many, whole hours, and so on to the minute. What is kept serves
 * the span as it moves on, until it reaches the next bin.
 */
export class SpanCubes {
  readonly #options: SpanCubesOptions;

  constructor(options: SpanCubesOptions) {
    this.#options = options;
  }

  /** `inBins` answers for whole days. Undefined where too much would have to be kept. */
  async scope(
    { need, range }: Span,
    inBins: (need: CubeNeed) => Promise<Scope | undefined>,
  ): Promise<Scope | undefined> {
    if (this.#options.time.type.kind === 'date')
      return inBins(this.#within(need, spanOfDates(range)));
    const { whole, edges } = cutSpan(range, 'day');
    const days = whole ? [await inBins(this.#within(need, whole))] : [];
    const rest = await this.#edges({ need, range }, edges, 'day');
    return this.#together(need, [...days, ...rest]);
  }

  #within(need: CubeNeed, ...ranges: readonly TimeRange[]): CubeNeed {
    const { name: field } = this.#options.time;
    return {
      ...need,
      constraints: [...need.constraints, ...ranges.map((range) => ({ field, range }))],
    };
  }

  async #edges(
    span: Span,
    edges: readonly Required<BinRange>[],
    grain: SpanGrain,
  ): Promise<(Scope | undefined)[]> {
    const scopes: (Scope | undefined)[] = [];
    for (const edge of edges) scopes.push(...(await this.#edge(span, edge, grain)));
    return scopes;
  }

  /** Of one bin the part in the span. */
  async #edge(
    { need, range }: Span,
    home: Required<BinRange>,
    grain: SpanGrain,
  ): Promise<(Scope | undefined)[]> {
    const rows = await this.#kept(this.#within(need, home, range), home);
    const finer = SPAN_GRAINS[SPAN_GRAINS.indexOf(grain) + 1];
    if (rows || finer === undefined) return [rows];
    const { whole, edges } = cutSpan(range, finer, home);
    const bins = whole ? [await this.#kept(this.#within(need, whole), home, finer)] : [];
    return [...bins, ...(await this.#edges({ need, range }, edges, finer))];
  }

  /** Of the rows of `home`, groups by bins of the grain; without one, the rows themselves. */
  async #kept(
    need: CubeNeed,
    home: Required<BinRange>,
    grain?: SpanGrain,
  ): Promise<Scope | undefined> {
    const { cubes, connection, time, dims, rowsMax } = this.#options;
    const { name: field } = time;
    const others = [...dims, ...need.dims, ...need.constraints.map(dimOf)];
    const bins: Dim = grain ? { field, grain } : { field };
    const spec = {
      dims: [bins, ...uniqueDims(others.filter((dim) => dim.field !== field))],
      where: [{ field, range: home }] satisfies Constraint[],
    };
    await cubes.ensure(connection, spec, grain ? undefined : rowsMax);
    return (await cubes.find(connection, need))?.scope;
  }

  #together(need: CubeNeed, scopes: readonly (Scope | undefined)[]): Scope | undefined {
    const found = scopes.filter((scope) => scope !== undefined);
    return found.length === scopes.length ? this.#options.cubes.union(found, need.dims) : undefined;
  }
}

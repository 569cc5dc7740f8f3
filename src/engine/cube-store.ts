import type { DuckDBConnection } from '@duckdb/node-api';
import { parseTime } from '../core/time-grain.ts';
import { type Constraint, constraintSql, type Dim, dimKey, dimServes } from '../live/constraint.ts';
import {
  type CubeNeed,
  type CubeSpec,
  cubeColumn,
  cubeKey,
  servesNeed,
} from '../live/cube-spec.ts';
import type { LiveSource } from '../live/live-plan.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import { textRows } from './database.ts';
import type { LiveLimits } from './live-limits.ts';
import type { Measure, Part } from './measure-parts.ts';

/** A value and its share of the group's key, roughly. */
const CELL_BYTES = 24;

interface Cube {
  readonly spec: CubeSpec;
  readonly key: string;
  readonly table: string;
  /** Beyond so many it is dropped, and not made again. */
  readonly rowsMax: number;
  cells: number;
  /** Rows put behind since the groups were last merged. */
  appended: number;
  /** Every record below is in the groups. */
  next: number;
  usedAt: number;
}

/** How far the values of a column reach, as text; null where there are none. */
export interface Extent {
  readonly min: string | null;
  readonly max: string | null;
}

/** The rows there are in this turn. */
export interface CurrentRows {
  /** Every record below is there. */
  readonly next: number;
  /** Those from `first` on, as a relation like the source. */
  since(first: number): string;
}

/** Where a chart's numbers come from, as parts of a query. */
export interface Scope {
  readonly kind: 'cube' | 'full';
  readonly from: string;
  /** `WHERE …`, or nothing. */
  readonly where: string;
  column(dim: Dim): string;
  value(measure: Measure): string;
}

/** A cube that answers. */
export interface Found {
  readonly scope: Scope;
  /** What it is grouped by. */
  readonly dims: readonly Dim[];
  /** Fast enough without a smaller one. */
  readonly isSmall: boolean;
}

/**
 * Aggregates of one source, kept current.
 *
 * C1  A cube that was found holds the groups of exactly the rows that `beginTurn` has told of. The others
 *     may be behind: what nobody looks at costs nothing with each record.
 * C2  They are found, built and advanced in one turn (live-dashboards.ts); queries that run meanwhile
 *     see the state of their own transaction.
 * C3  The least used go once all together pass the limit; a cube that would be as large as its source is not built.
 */
export class CubeStore {
  readonly #source: LiveSource;
  readonly #relation: string;
  readonly #parts: readonly Part[];
  readonly #limits: LiveLimits;
  readonly #cubes = new Map<string, Cube>();
  readonly #tooLarge = new Set<string>();
  #clock = 0;
  /** Cubes used since are what this turn's queries will read. */
  #turnBegan = 0;
  #counter = 0;
  #rows: CurrentRows = { next: 0, since: () => this.#relation };

  constructor(
    source: LiveSource,
    relation: string,
    { parts, limits }: { readonly parts: readonly Part[]; readonly limits: LiveLimits },
  ) {
    this.#source = source;
    this.#relation = relation;
    this.#parts = parts;
    this.#limits = limits;
  }

  get cubes(): readonly { readonly dims: string; readonly cells: number }[] {
    return [...this.#cubes.values()].map(({ spec, cells }) => ({
      dims: spec.dims.map(dimKey).join(', '),
      cells,
    }));
  }

  beginTurn(rows: CurrentRows): void {
    this.#turnBegan = this.#clock;
    this.#rows = rows;
  }

  /** Every record below is in all cubes. */
  get next(): number {
    return Math.min(...[...this.#cubes.values()].map((cube) => cube.next));
  }

  /** New records, and how far each column of time reaches in them: cubes of other times are current without them. */
  pass(
    { from, until }: { readonly from: number; readonly until: number },
    extent: (column: string) => Extent | undefined,
  ): void {
    for (const cube of this.#cubes.values()) {
      const isApart = cube.spec.where.some((one) => isOutside(one, extent(one.field)));
      if (cube.next === from && isApart) cube.next = until;
    }
  }

  /** The whole source, for aggregates that do not add up. */
  full(need: CubeNeed): Scope {
    return {
      kind: 'full',
      from: this.#relation,
      where: this.#where(need.constraints, (field) => quoteIdentifier(field)),
      column: ({ field, grain }) => binned(quoteIdentifier(field), grain),
      value: (measure) => measure.sql,
    };
  }

  /** The smallest cube that answers, with all rows in it; or undefined. */
  async find(connection: DuckDBConnection, need: CubeNeed): Promise<Found | undefined> {
    const serving = [...this.#cubes.values()]
      .map((cube) => ({ cube, left: servesNeed(cube.spec, need) }))
      .filter((one): one is { cube: Cube; left: Constraint[] } => one.left !== undefined)
      .sort((a, b) => a.cube.cells - b.cube.cells)[0];
    if (!serving) return undefined;
    const { cube, left } = serving;
    cube.usedAt = ++this.#clock;
    await this.#advance(connection, cube);
    const isSmall = cube.cells <= this.#limits.smallCells;
    return { scope: this.#scopeOf(cube, left), dims: cube.spec.dims, isSmall };
  }

  #scopeOf(cube: Cube, left: readonly Constraint[]): Scope {
    const column = ({ field, grain }: Dim): string => {
      const have = cube.spec.dims.find((dim) =>
        dimServes(dim, { field, ...(grain ? { grain } : {}) }),
      );
      const name = quoteIdentifier(cubeColumn(have as Dim));
      return have?.grain === grain ? name : binned(name, grain);
    };
    const anyBin = (field: string) =>
      quoteIdentifier(cubeColumn(cube.spec.dims.find((dim) => dim.field === field) as Dim));
    return {
      kind: 'cube',
      from: cube.table,
      where: this.#where(left, anyBin),
      column,
      value: (measure) => measure.rollup as string,
    };
  }

  /** Cubes of different rows as one. */
  union(scopes: readonly Scope[], dims: readonly Dim[]): Scope {
    const name = (dim: Dim) => quoteIdentifier(cubeColumn(dim));
    const parts = this.#parts.map(({ column }) => quoteIdentifier(column));
    const selects = scopes.map(({ column, from, where }) => {
      const groups = dims.map((dim) => `${column(dim)} AS ${name(dim)}`);
      return `SELECT ${[...groups, ...parts].join(', ')} FROM ${from} ${where}`;
    });
    return {
      kind: 'cube',
      from: `(${selects.join(' UNION ALL ')})`,
      where: '',
      column: name,
      value: (measure) => measure.rollup as string,
    };
  }

  #where(constraints: readonly Constraint[], value: (field: string) => string): string {
    const conditions = constraints.map((constraint) => {
      const column = this.#source.columns.find(({ name }) => name === constraint.field);
      return column ? constraintSql(constraint, value(constraint.field), column) : 'true';
    });
    return conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  }

  /**
   * Builds the cube unless it is there or would be too large. `rowsMax`: also where it would be made of more
   * rows than that.
   */
  async ensure(connection: DuckDBConnection, spec: CubeSpec, rowsMax?: number): Promise<void> {
    const key = cubeKey(spec);
    if (this.#cubes.has(key) || this.#tooLarge.has(key)) return;
    const found = await this.find(connection, { dims: spec.dims, constraints: spec.where });
    const parent = found?.scope;
    const scope = parent ?? this.full({ dims: spec.dims, constraints: spec.where });
    const isTooLarge =
      rowsMax === undefined
        ? !parent && (await this.#estimate(connection, spec, scope)) > this.#limits.cubeCellsMax
        : await hasMoreRows(connection, scope, rowsMax);
    if (isTooLarge) {
      this.#tooLarge.add(key);
      return;
    }
    const table = `cubes.${quoteIdentifier(`${this.#source.name} ${this.#counter++}`)}`;
    const cells = await fill(connection, `CREATE TABLE ${table} AS ${this.#select(spec, scope)}`);
    const { next } = this.#rows;
    this.#cubes.set(key, {
      spec,
      key,
      table,
      rowsMax: 2 * (rowsMax ?? this.#limits.cubeCellsMax),
      cells,
      appended: 0,
      next,
      usedAt: ++this.#clock,
    });
    await this.#evict(connection);
  }

  #select(spec: CubeSpec, scope: Scope): string {
    const dims = spec.dims.map(
      (dim) => `${scope.column(dim)} AS ${quoteIdentifier(cubeColumn(dim))}`,
    );
    const parts = this.#parts.map(({ column, sql, merge }) => {
      const name = quoteIdentifier(column);
      return `${scope.kind === 'cube' ? `${merge}(${name})` : sql} AS ${name}`;
    });
    const groups = dims.length > 0 ? 'GROUP BY ALL' : '';
    return `SELECT ${[...dims, ...parts].join(', ')} FROM ${scope.from} ${scope.where} ${groups}`;
  }

  async #estimate(connection: DuckDBConnection, spec: CubeSpec, scope: Scope): Promise<number> {
    if (spec.dims.length === 0) return 1;
    const key = spec.dims.map((dim) => scope.column(dim)).join(', ');
    const [[count] = []] = await textRows(
      connection,
      `SELECT approx_count_distinct(hash(${key})) FROM ${scope.from} ${scope.where}`,
    );
    return Number(count);
  }

  /** Adds the rows that have come since. */
  async #advance(connection: DuckDBConnection, cube: Cube): Promise<void> {
    const { next, since } = this.#rows;
    if (cube.next >= next) return;
    const rows = this.full({ dims: cube.spec.dims, constraints: cube.spec.where });
    const { rowsChanged } = await connection.run(
      `INSERT INTO ${cube.table} ${this.#select(cube.spec, { ...rows, from: since(cube.next) })}`,
    );
    cube.appended += rowsChanged;
    cube.next = next;
  }

  /**
   * Keeps what is kept in order: groups are merged again where many rows were put behind, what has grown too
   * large is dropped. Of those that nobody looks at the one most behind comes along, so that none takes
   * long once it is wanted.
   */
  async tend(connection: DuckDBConnection): Promise<void> {
    const [last] = [...this.#cubes.values()].sort((a, b) => a.next - b.next);
    for (const cube of [...this.#cubes.values()]) {
      const isBehind = cube === last && this.#rows.next - cube.next > this.#limits.behindRecords;
      try {
        if (isBehind) await this.#advance(connection, cube);
        if (cube.appended > this.#scatterMax(cube)) await this.#merge(connection, cube);
      } catch {
        // Whoever asks for it next has it made anew, and is told why that cannot be.
        await this.#drop(connection, cube);
      }
    }
    await this.#evict(connection);
  }

  /** Rows behind the groups that cost less to read a few times than to merge. */
  #scatterMax({ cells }: Cube): number {
    return Math.max(1000, Math.min(4 * cells, this.#limits.smallCells), cells / 2);
  }

  async #merge(connection: DuckDBConnection, cube: Cube): Promise<void> {
    const spec = { dims: cube.spec.dims, where: [] };
    const merged = this.#select(spec, this.#scopeOf(cube, []));
    cube.cells = await fill(connection, `CREATE OR REPLACE TABLE ${cube.table} AS ${merged}`);
    cube.appended = 0;
    if (cube.cells <= cube.rowsMax) return;
    this.#tooLarge.add(cube.key);
    await this.#drop(connection, cube);
  }

  async #evict(connection: DuckDBConnection): Promise<void> {
    await this.#evictPassed(connection);
    const width = (cube: Cube) => CELL_BYTES * (cube.spec.dims.length + this.#parts.length);
    const bytes = () =>
      [...this.#cubes.values()].reduce(
        (sum, cube) => sum + (cube.cells + cube.appended) * width(cube),
        0,
      );
    while (
      this.#cubes.size > 1 &&
      (bytes() > this.#limits.cubeBytesMax || this.#cubes.size > this.#limits.cubesMax)
    ) {
      const [oldest] = [...this.#cubes.values()].sort((a, b) => a.usedAt - b.usedAt);
      if (!oldest || oldest.usedAt > this.#turnBegan) return;
      await this.#drop(connection, oldest);
    }
  }

  /** Spans move on: what was kept of the bins that one began or ended in does not push out what any filter may need. */
  async #evictPassed(connection: DuckDBConnection): Promise<void> {
    const ofSpans = [...this.#cubes.values()]
      .filter(({ spec }) => spec.where.some((one) => 'range' in one))
      .sort((a, b) => b.usedAt - a.usedAt);
    for (const cube of ofSpans.slice(this.#limits.cubesMax / 2))
      if (cube.usedAt <= this.#turnBegan) await this.#drop(connection, cube);
  }

  async #drop(connection: DuckDBConnection, cube: Cube): Promise<void> {
    this.#cubes.delete(cube.key);
    await connection.run(`DROP TABLE ${cube.table}`);
  }

  /** Forgets everything: the source was replaced. */
  async clear(connection: DuckDBConnection): Promise<void> {
    this.#tooLarge.clear();
    for (const cube of [...this.#cubes.values()]) await this.#drop(connection, cube);
  }
}

function binned(value: string, grain: Dim['grain']): string {
  return grain === undefined ? value : `date_trunc('${grain}', ${value})`;
}

/** Whether no value within the extent meets the condition; of spans alone is it told. */
function isOutside(constraint: Constraint, extent: Extent | undefined): boolean {
  if (!('range' in constraint) || !extent) return false;
  const { from, until } = constraint.range;
  const [min, max] = [parseTime(extent.min ?? ''), parseTime(extent.max ?? '')];
  // A value is less than a millisecond after what is read of it.
  return max + 1 <= parseTime(from) || (until !== undefined && min >= parseTime(until) + 1);
}

async function hasMoreRows(
  connection: DuckDBConnection,
  { from, where }: Scope,
  max: number,
): Promise<boolean> {
  const some = `SELECT 1 FROM ${from} ${where} LIMIT ${max + 1}`;
  const [[count] = []] = await textRows(connection, `SELECT count(*) FROM (${some})`);
  return Number(count) > max;
}

/** Runs a `CREATE TABLE … AS`; returns how many rows it has. */
async function fill(connection: DuckDBConnection, sql: string): Promise<number> {
  const [[count] = []] = await textRows(connection, sql);
  return Number(count);
}

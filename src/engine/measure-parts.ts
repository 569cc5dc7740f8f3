import type { DuckDBConnection } from '@duckdb/node-api';
import { cubeColumn } from '../live/cube-spec.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import { isAdditive } from './additive.ts';
import { textRows } from './database.ts';

/** An aggregate taken apart, so that groups can be added up to larger groups. */
export interface Measure {
  /** Over rows. */
  readonly sql: string;
  /** Over groups that have the parts as columns; absent where the aggregate cannot be had from groups. */
  readonly rollup?: string;
  readonly parts: readonly Part[];
  /** Columns whose distinct values are counted: groups must be told apart by them, and nothing adds up. */
  readonly keys: readonly string[];
  /** The value of all rows is the sum of those of their parts. */
  readonly isAdditive: boolean;
}

/** A column of a cube: an aggregate that merges with itself. */
export interface Part {
  readonly column: string;
  readonly sql: string;
  readonly merge: 'sum' | 'min' | 'max' | 'bool_and' | 'bool_or';
}

type Tree = { [key: string]: unknown };

const MERGES: { readonly [name: string]: Part['merge'] } = {
  sum: 'sum',
  min: 'min',
  max: 'max',
  bool_and: 'bool_and',
  bool_or: 'bool_or',
  // Of no rows it is NULL, and larger than a count.
  count_if: 'sum',
  countif: 'sum',
};
/** Nothing is 0 of them. */
const COUNTS: ReadonlySet<string> = new Set(['count', 'count_star']);
const MEANS: ReadonlySet<string> = new Set(['avg', 'mean']);

/** Names of parts by their text, so that charts of one source share columns. */
export class PartNames {
  readonly #names = new Map<string, Part>();

  part(sql: string, merge: Part['merge']): Part {
    const known = this.#names.get(sql);
    if (known) return known;
    const part = { column: `part:${this.#names.size}`, sql, merge };
    this.#names.set(sql, part);
    return part;
  }

  get all(): readonly Part[] {
    return [...this.#names.values()];
  }
}

/** Takes aggregates apart with the engine's own parser. */
export class MeasureReader {
  readonly #connection: DuckDBConnection;
  readonly #aggregates: ReadonlySet<string>;

  private constructor(connection: DuckDBConnection, aggregates: ReadonlySet<string>) {
    this.#connection = connection;
    this.#aggregates = aggregates;
  }

  static async create(connection: DuckDBConnection): Promise<MeasureReader> {
    const rows = await textRows(
      connection,
      "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'",
    );
    return new MeasureReader(connection, new Set(rows.map(([name]) => name as string)));
  }

  async read(sql: string, names: PartNames): Promise<Measure> {
    // The tree's numbers pass through JSON: longer ones would lose digits.
    if (/\d{16}/.test(sql)) return whole(sql, false);
    const tree = await this.#parse(sql);
    const adds = isAdditive(tree);
    const taken: Taken = { names, parts: [], keys: [] };
    const found: { aggregate: Tree; replace: (node: unknown) => void }[] = [];
    const isApart = this.#visit(tree, (node) => Object.assign(tree, node), found);
    if (!isApart || found.length === 0) return whole(sql, adds);
    for (const { aggregate, replace } of found) {
      const rollup = await this.#takeApart(aggregate, taken);
      if (rollup === undefined) return whole(sql, adds);
      replace(await this.#parse(rollup));
    }
    const { parts, keys } = taken;
    return { sql, rollup: await this.#text(tree), parts, keys, isAdditive: adds };
  }

  /**
   * The same where no rows are told of by 0 rather than by NULL: what is added up is nothing then. What an
   * average or a greatest of no rows is stays NULL.
   */
  async ofNothing(sql: string): Promise<string> {
    const tree = await this.#parse(sql);
    const found: { aggregate: Tree; replace: (node: unknown) => void }[] = [];
    if (!this.#visit(tree, (node) => Object.assign(tree, node), found)) return sql;
    for (const { aggregate, replace } of found)
      if (MERGES[nameOf(aggregate)] === 'sum')
        replace(await this.#parse(`coalesce(${await this.#text(aggregate)}, 0)`));
    return this.#text(tree);
  }

  /** Collects the aggregates below a node; false where something cannot be added up. */
  #visit(
    node: unknown,
    replace: (node: unknown) => void,
    found: { aggregate: Tree; replace: (node: unknown) => void }[],
  ): boolean {
    if (Array.isArray(node))
      return node.every((part, index) =>
        this.#visit(
          part,
          (next) => {
            node[index] = next;
          },
          found,
        ),
      );
    if (typeof node !== 'object' || node === null) return true;
    const tree = node as Tree;
    if (tree['class'] === 'SUBQUERY' || tree['class'] === 'WINDOW') return false;
    if (tree['class'] === 'FUNCTION' && this.#aggregates.has(nameOf(tree))) {
      found.push({ aggregate: tree, replace });
      return true;
    }
    return Object.keys(tree).every((key) =>
      this.#visit(
        tree[key],
        (next) => {
          tree[key] = next;
        },
        found,
      ),
    );
  }

  async #takeApart(aggregate: Tree, { names, parts, keys }: Taken): Promise<string | undefined> {
    const name = nameOf(aggregate);
    const merge = MERGES[name];
    const isOrdered = ((aggregate['order_bys'] as Tree)['orders'] as unknown[] | undefined)?.length;
    if (isOrdered) return undefined;
    // The greatest of distinct values is the greatest of all; their sum is another sum.
    if (aggregate['distinct'] === true && merge !== 'min' && merge !== 'max') {
      const key = name === 'count' ? plainColumn(aggregate) : undefined;
      if (key === undefined) return undefined;
      keys.push(key);
      return `count(DISTINCT ${quoteIdentifier(cubeColumn({ field: key }))})`;
    }
    const part = async (node: Tree, how: Part['merge']) => {
      const made = names.part(await this.#text(node), how);
      parts.push(made);
      return quoteIdentifier(made.column);
    };
    // min(x, n) is a list of the n least.
    if (merge) {
      const isPlain = (aggregate['children'] as unknown[]).length === 1;
      return isPlain ? `${merge}(${await part(aggregate, merge)})` : undefined;
    }
    if (COUNTS.has(name))
      return `CAST(coalesce(sum(${await part(aggregate, 'sum')}), 0) AS BIGINT)`;
    if (!MEANS.has(name)) return undefined;
    const sum = await part({ ...aggregate, function_name: 'sum' }, 'sum');
    const count = await part({ ...aggregate, function_name: 'count' }, 'sum');
    return `(CAST(sum(${sum}) AS DOUBLE) / sum(${count}))`;
  }

  async #parse(expression: string): Promise<Tree> {
    const [[text] = []] = await textRows(
      this.#connection,
      'SELECT json_serialize_sql($1::VARCHAR)',
      [`SELECT ${expression}`],
    );
    // Places in the text do not fit a double, and mean nothing in another text.
    const tree = JSON.parse(text as string, (key, value) => (key === 'query_location' ? 0 : value));
    return tree.statements[0].node.select_list[0] as Tree;
  }

  async #text(node: Tree): Promise<string> {
    const [[shell] = []] = await textRows(
      this.#connection,
      "SELECT json_serialize_sql('SELECT 1')",
    );
    const tree = JSON.parse(shell as string, (key, value) =>
      key === 'query_location' ? 0 : value,
    );
    tree.statements[0].node.select_list = [node];
    const [[text] = []] = await textRows(
      this.#connection,
      'SELECT json_deserialize_sql($1::JSON)',
      [JSON.stringify(tree)],
    );
    return (text as string).replace(/^SELECT /, '');
  }
}

interface Taken {
  readonly names: PartNames;
  readonly parts: Part[];
  readonly keys: string[];
}

const whole = (sql: string, isAdditive: boolean): Measure => ({
  sql,
  parts: [],
  keys: [],
  isAdditive,
});

/** The column of `count(distinct column)`; undefined where it counts anything else. */
function plainColumn(aggregate: Tree): string | undefined {
  const [child, ...others] = aggregate['children'] as Tree[];
  const names = child?.['class'] === 'COLUMN_REF' ? (child['column_names'] as string[]) : [];
  const isFiltered = aggregate['filter'] !== undefined && aggregate['filter'] !== null;
  return others.length === 0 && names.length === 1 && !isFiltered ? names[0] : undefined;
}

const nameOf = (tree: Tree): string => String(tree['function_name']).toLowerCase();

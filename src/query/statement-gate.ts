import { MillraceError } from '../core/errors.ts';

/**
 * What a person's SQL may be: one SELECT over relations of the pipeline. It works on the tree that the
 * engine's own parser made (`json_serialize_sql`), so there is no second grammar to disagree with.
 *
 * G1  Only what is listed passes: kinds of table reference, schemas, table functions.
 * G2  Every table named is one of the pipeline's, so the engine never looks for files of that name.
 * G3  Functions that read settings, other people's queries or the machine are refused.
 */
export interface Relation {
  readonly schema: string;
  readonly name: string;
}

/** The names a statement may use; answers undefined for what does not exist. */
export interface RelationNames {
  resolve(schema: string | undefined, name: string): Relation | undefined;
  /** Every name, for "did you mean". */
  all(): readonly string[];
}

const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'range',
  'generate_series',
  'unnest',
  'json_each',
  'json_tree',
]);

const REFERENCE_KINDS: ReadonlySet<string> = new Set([
  'BASE_TABLE',
  'SUBQUERY',
  'JOIN',
  'TABLE_FUNCTION',
  'EMPTY',
  'EXPRESSION_LIST',
  'PIVOT',
]);

const FUNCTIONS_REFUSED =
  /^(getenv|getvariable|current_setting|set_config|setseed|nextval|currval|write_log|query|query_table|read_.*|.*_scan|glob|sniff_csv|sql_auto_complete|json_execute_serialized_sql|json_serialize_plan|pg_.*sleep|duckdb_.*|pragma_.*|enable_.*|disable_.*|force_checkpoint|checkpoint|in_search_path|current_query|txid_current|current_database_.*)$/i;

type Tree = { readonly [key: string]: unknown };

export interface StatementParts {
  readonly reads: readonly Relation[];
  /**
   * Functions, and what may be one written without parentheses (`current_date`), in lower case; `sample` where rows are
   * drawn by chance.
   */
  readonly uses: ReadonlySet<string>;
}

/**
 * The relations a statement reads, and what it calls. `tree` is what json_serialize_sql answered.
 * @throws MillraceError MR_QUERY_SYNTAX, MR_QUERY_REFUSED, MR_QUERY_FAILED (unknown table)
 */
export function checkStatement(tree: unknown, names: RelationNames): StatementParts {
  const root = tree as Tree;
  if (root['error'] === true) throw parseError(root);
  const statements = root['statements'] as readonly Tree[];
  if (statements.length === 0)
    throw new MillraceError(
      'MR_QUERY_SYNTAX',
      'There is no statement in this text: write a SELECT.',
    );
  if (statements.length !== 1)
    throw new MillraceError(
      'MR_QUERY_REFUSED',
      `One statement at a time; this text has ${statements.length}.`,
    );
  const found = new Map<string, Relation>();
  const uses = new Set<string>();
  walk(statements[0], new Set(), { names, found, uses });
  return { reads: [...found.values()], uses };
}

function parseError(root: Tree): MillraceError {
  const message = String(root['error_message']);
  if (message.includes('Mixing named and positional parameters'))
    return new MillraceError(
      'MR_QUERY_SYNTAX',
      'Parameters of one statement all have names ($country) or all have places ($1, ?).',
    );
  if (root['error_type'] === 'not implemented')
    return new MillraceError(
      'MR_QUERY_REFUSED',
      'Only SELECT is allowed here: tables are written by streams and models.',
    );
  const position = Number(root['position']);
  return new MillraceError('MR_QUERY_SYNTAX', message, {
    details: Number.isFinite(position) ? { position } : {},
  });
}

interface Walk {
  readonly names: RelationNames;
  readonly found: Map<string, Relation>;
  readonly uses: Set<string>;
}

/** Where a tree holds table references. */
const REFERENCES_AT: ReadonlySet<string> = new Set(['from_table', 'left', 'right', 'source']);

/** `scope`: the names of WITH queries that can be seen here, in lower case of ASCII. */
function walk(node: unknown, scope: ReadonlySet<string>, context: Walk): void {
  if (Array.isArray(node)) {
    for (const part of node) walk(part, scope, context);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const tree = node as Tree;
  const inner = walkWith(tree, scope, context);
  if (tree['class'] === 'FUNCTION') checkFunction(tree);
  for (const name of usedNames(tree)) context.uses.add(name);
  for (const [key, part] of Object.entries(tree)) {
    if (key === 'cte_map') continue;
    if (isTree(part) && isReference(key, part)) checkReference(part, inner, context);
    if (key === 'function' && tree['type'] === 'TABLE_FUNCTION')
      walk((part as Tree)['children'], inner, context);
    else walk(part, key === 'right' ? withRecursion(tree, inner) : inner, context);
  }
}

/** Set operations hold whole queries at left and right; those are walked into. */
function isReference(key: string, part: Tree): boolean {
  if (part['type'] === 'BASE_TABLE' || part['type'] === 'TABLE_FUNCTION') return true;
  return (
    REFERENCES_AT.has(key) &&
    'type' in part &&
    !('class' in part) &&
    !('select_list' in part) &&
    !('setop_type' in part)
  );
}

function isTree(part: unknown): part is Tree {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

/**
 * Walks the queries of a WITH; returns the scope of what stands behind it. Each sees those before it. Where the gate took a
 * name for one of them and the engine does not, that would look for a table, or read a file.
 */
function walkWith(tree: Tree, scope: ReadonlySet<string>, context: Walk): ReadonlySet<string> {
  const map = (tree['cte_map'] as Tree | undefined)?.['map'];
  if (!Array.isArray(map)) return scope;
  const seen = new Set(scope);
  for (const { key, value } of map as readonly Tree[]) {
    walk(value, new Set(seen), context);
    seen.add(lowerAscii(String(key)));
  }
  return seen;
}

/** A recursive query has its own name in its second part alone. */
const withRecursion = (tree: Tree, scope: ReadonlySet<string>): ReadonlySet<string> =>
  tree['type'] === 'RECURSIVE_CTE_NODE'
    ? new Set([...scope, lowerAscii(String(tree['cte_name']))])
    : scope;

/** The engine takes no other letters for the same. */
const lowerAscii = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function checkReference(tree: Tree, scope: ReadonlySet<string>, context: Walk): void {
  const kind = String(tree['type']);
  if (kind === 'SHOW_REF') throw showRefused(tree);
  if (!REFERENCE_KINDS.has(kind))
    throw new MillraceError(
      'MR_QUERY_REFUSED',
      `${kind.replaceAll('_', ' ').toLowerCase()} is not allowed here; ask with SELECT.`,
      { details: position(tree) },
    );
  if (kind === 'BASE_TABLE') checkTable(tree, scope, context);
  if (kind === 'TABLE_FUNCTION') {
    const name = String((tree['function'] as Tree | undefined)?.['function_name']);
    if (!TABLE_FUNCTIONS.has(name.toLowerCase()))
      throw new MillraceError(
        'MR_QUERY_REFUSED',
        `The table function ${name}() is not allowed. Allowed are: ${[...TABLE_FUNCTIONS].join(', ')}.`,
        { details: position(tree) },
      );
  }
}

function checkTable(tree: Tree, scope: ReadonlySet<string>, { names, found }: Walk): void {
  const text = (key: string) =>
    typeof tree[key] === 'string' && tree[key] !== '' ? String(tree[key]) : undefined;
  const [catalog, schema, name] = [
    text('catalog_name'),
    text('schema_name'),
    text('table_name') ?? '',
  ];
  if (schema === undefined && scope.has(lowerAscii(name))) return;
  const relation =
    catalog === undefined || catalog === 'millrace' ? names.resolve(schema, name) : undefined;
  if (!relation) throw unknownTable(schema === undefined ? name : `${schema}.${name}`, tree, names);
  found.set(`${relation.schema}.${relation.name}`, relation);
}

function unknownTable(asked: string, tree: Tree, names: RelationNames): MillraceError {
  const close = closest(asked, names.all());
  const hint = close ? `Did you mean ${close}?` : `Tables are listed by: ${LIST_TABLES}.`;
  return new MillraceError('MR_QUERY_FAILED', `There is no table ${asked}. ${hint}`, {
    details: { ...position(tree), hint },
  });
}

/** What DESCRIBE, SHOW and `information_schema` are asked for, in SQL that is allowed. */
export const LIST_TABLES = 'select distinct table_schema, table_name from sys.columns order by all';

/** DESCRIBE, SHOW and SUMMARIZE. */
function showRefused(tree: Tree): MillraceError {
  const query = tree['query'] as Tree | undefined;
  const name = (query?.['from_table'] as Tree | undefined)?.['table_name'];
  const which = typeof name === 'string' && /^\w+$/.test(name) ? `'${name}'` : "'…'";
  const hint = `Columns of a table are listed by: select column_name, data_type from sys.columns where table_name = ${which}. Tables are listed by: ${LIST_TABLES}.`;
  return new MillraceError(
    'MR_QUERY_REFUSED',
    `DESCRIBE, SHOW and SUMMARIZE are not allowed here; ask with SELECT. ${hint}`,
    { details: { ...position(tree), hint } },
  );
}

function checkFunction(tree: Tree): void {
  const name = String(tree['function_name']);
  if (FUNCTIONS_REFUSED.test(name))
    throw new MillraceError('MR_QUERY_REFUSED', `The function ${name}() is not allowed.`, {
      details: position(tree),
    });
}

function usedNames(tree: Tree): string[] {
  if (isTree(tree['sample'])) return ['sample'];
  const { column_names: names, function_name: called } = tree;
  const bare = tree['class'] === 'COLUMN_REF' && Array.isArray(names) && names.length === 1;
  return [...(bare ? names : []), ...(typeof called === 'string' ? [called] : [])].map((name) =>
    String(name).toLowerCase(),
  );
}

function position(tree: Tree): { position?: number } {
  const at = Number(tree['query_location']);
  return Number.isSafeInteger(at) ? { position: at } : {};
}

/** The name nearest by edit distance, if it is near enough to be meant. */
export function closest(asked: string, names: readonly string[]): string | undefined {
  const wanted = asked.toLowerCase();
  const ranked = names
    .map((name) => ({
      name,
      distance: Math.min(
        distance(wanted, name.toLowerCase()),
        distance(wanted, name.toLowerCase().split('.').at(-1) ?? ''),
      ),
    }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(asked.length / 3)) ? best.name : undefined;
}

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution =
        (previous[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(
        Math.min(
          substitution,
          (previous[column] as number) + 1,
          (current[column - 1] as number) + 1,
        ),
      );
    }
    previous = current;
  }
  return previous[b.length] as number;
}

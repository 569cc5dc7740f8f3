import type { DuckDBConnection } from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import { icebergJson, parseIcebergJson } from '../lake/iceberg/json.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import type { Relation, RelationNames } from '../query/statement-gate.ts';
import type { Parameters, ParameterValue } from '../query/statement-parameters.ts';
import { type BoundValues, queryError, runBound, textRows } from './database.ts';
import type { PastMoment, PastState, PastTable, QueryRequest } from './protocol.ts';
import { bind } from './query-runner.ts';
import { scanSql } from './table-scan.ts';

/**
 * `lake.sales AT (TIMESTAMP => …)` and `AT (VERSION => snapshot id)`: a table as it was. The engine knows the
 * clause, but not of views; so each such reference is replaced by a view of the files of that moment.
 */

type Tree = { [key: string]: unknown };

export interface TravelledQuery {
  readonly sql: string;
  /** Those that are left once moments are known. */
  readonly params: Parameters;
  readonly past: readonly PastTable[];
}

const HISTORIC: ReadonlySet<string> = new Set(['lookups', 'sys', 'deadletters']);

/** The statement with its references to the past replaced; undefined where it has none. It has passed the gate. */
export async function travelled(
  connection: DuckDBConnection,
  { sql, params }: Pick<QueryRequest, 'sql' | 'params'>,
  names: RelationNames,
): Promise<TravelledQuery | undefined> {
  if (!/\bat\s*\(/i.test(sql)) return undefined;
  const rows = await textRows(connection, 'SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  // Places in the text are larger than JSON.parse keeps where there are none.
  const tree = parseIcebergJson(rows[0]?.[0] as string) as Tree;
  const past: PastTable[] = [];
  for (const reference of referencesToThePast(tree)) {
    const { schema_name: schema, table_name: name, at_clause: clause } = reference;
    const relation = names.resolve(schema === '' ? undefined : String(schema), String(name));
    if (!relation || HISTORIC.has(relation.schema)) throw noHistory(`${schema}.${name}`);
    const when = await momentOf(connection, clause as Tree, params);
    const table = { ...relation, when, view: nextView(relation) };
    past.push(table);
    if (reference['alias'] === '') reference['alias'] = name;
    Object.assign(reference, { schema_name: 'past', table_name: table.view, at_clause: null });
  }
  if (past.length === 0) return undefined;
  const left = parametersIn(tree, params);
  const [[replaced = ''] = []] = await textRows(
    connection,
    'SELECT json_deserialize_sql($1::JSON)',
    [icebergJson(tree)],
  );
  return { sql: replaced, past, params: left };
}

/** The parameters that this part of a statement has; those without names are counted anew in it. */
function parametersIn(part: Tree, params: Parameters): Parameters {
  const found = [...parameterNodes(part)];
  const names = new Set(found.map((node) => String(node['identifier']).toLowerCase()));
  const given = new Map<string, ParameterValue>(
    // Those by place are named 1, 2, …
    Array.isArray(params)
      ? params.map((value, index) => [String(index + 1), value])
      : Object.entries(params).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (![...names].every((name) => /^\d+$/.test(name)))
    return Object.fromEntries([...given].filter(([name]) => names.has(name)));
  const places = [...names].sort((a, b) => Number(a) - Number(b));
  for (const node of found)
    node['identifier'] = String(places.indexOf(String(node['identifier'])) + 1);
  return places.map((place) => given.get(place) ?? null);
}

function* parameterNodes(node: unknown): Generator<Tree> {
  if (typeof node !== 'object' || node === null) return;
  if ((node as Tree)['class'] === 'PARAMETER') yield node as Tree;
  for (const part of Object.values(node)) yield* parameterNodes(part);
}

function* referencesToThePast(node: unknown): Generator<Tree> {
  if (Array.isArray(node)) for (const part of node) yield* referencesToThePast(part);
  else if (typeof node === 'object' && node !== null) {
    const tree = node as Tree;
    if (tree['type'] === 'BASE_TABLE' && tree['at_clause']) yield tree;
    for (const part of Object.values(tree)) yield* referencesToThePast(part);
  }
}

function noHistory(asked: string): MillraceError {
  return new MillraceError(
    'MR_QUERY_REFUSED',
    `${asked} has no history: AT is for tables of the lake, which sys.tables lists.`,
  );
}

/** What the clause says, worked out by the engine: it may be any expression without a table. */
async function momentOf(
  connection: DuckDBConnection,
  clause: Tree,
  params: Parameters,
): Promise<PastMoment> {
  const bound = bind(parametersIn(clause, params));
  const rows = await textRows(connection, "SELECT json_serialize_sql('SELECT 1')");
  const tree = parseIcebergJson(rows[0]?.[0] as string) as {
    statements: [{ node: { select_list: unknown[] } }];
  };
  tree.statements[0].node.select_list = [clause['expr']];
  const [[text = ''] = []] = await textRows(connection, 'SELECT json_deserialize_sql($1::JSON)', [
    icebergJson(tree),
  ]);
  const expression = `(${text.replace(/;\s*$/, '')})`;
  const isVersion = clause['unit'] === 'VERSION';
  const value = await computed(
    connection,
    isVersion
      ? `SELECT (${expression})::HUGEINT::VARCHAR`
      : `SELECT epoch_ms((${expression})::TIMESTAMPTZ)::VARCHAR`,
    bound,
  );
  if (isVersion) {
    if (typeof value !== 'string')
      throw wrongMoment('VERSION', 'the id of a snapshot; sys.snapshots lists them');
    return { snapshotId: value };
  }
  if (typeof value !== 'string') throw wrongMoment('TIMESTAMP', 'a time');
  return { timeMs: Number(value) };
}

async function computed(
  connection: DuckDBConnection,
  sql: string,
  bound: BoundValues,
): Promise<unknown> {
  try {
    return (await (await runBound(connection, sql, bound)).getRows())[0]?.[0];
  } catch (error) {
    const { code, message } = queryError(error);
    throw new MillraceError(code, `AT: ${message}`, { cause: error });
  }
}

const wrongMoment = (unit: string, what: string): MillraceError =>
  new MillraceError('MR_QUERY_FAILED', `AT (${unit} => …) needs ${what}.`);

let views = 0;
/** One for each reference: which files a moment has may differ from one query to the next. */
function nextView({ schema, name }: Relation): string {
  views += 1;
  return `${schema}.${name} ${views}`;
}

export async function createPastView(
  connection: DuckDBConnection,
  { view }: PastTable,
  { scan, columns }: PastState,
): Promise<void> {
  await connection.run(
    `CREATE VIEW past.${quoteIdentifier(view)} AS ${await scanSql(connection, scan, columns)}`,
  );
}

export async function dropPastViews(
  connection: DuckDBConnection,
  past: readonly PastTable[],
): Promise<void> {
  for (const { view } of past)
    await connection.run(`DROP VIEW IF EXISTS past.${quoteIdentifier(view)}`);
}

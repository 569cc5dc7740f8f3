import type { DuckDBConnection } from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import { icebergJson, parseIcebergJson } from '../lake/iceberg/json.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
import type { Relation, RelationNames } from '../query/statement-gate.ts';
import { textRows } from './database.ts';
import type { PastMoment, PastState, PastTable } from './protocol.ts';
import { scanSql } from './table-scan.ts';

/**
 * `lake.sales AT (TIMESTAMP => …)` and `AT (VERSION => snapshot id)`: a table as it was. The engine knows the
 * clause, but not of views; so each such reference is replaced by a view of the files of that moment.
 */

type Tree = { [key: string]: unknown };

export interface TravelledQuery {
  readonly sql: string;
  readonly past: readonly PastTable[];
}

const HISTORIC: ReadonlySet<string> = new Set(['lookups', 'sys', 'deadletters']);

/** The statement with its references to the past replaced; undefined where it has none. It has passed the gate. */
export async function travelled(
  connection: DuckDBConnection,
  sql: string,
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
    const when = await momentOf(connection, clause as Tree);
    const table = { ...relation, when };
    past.push(table);
    if (reference['alias'] === '') reference['alias'] = name;
    Object.assign(reference, { schema_name: 'past', table_name: viewName(table), at_clause: null });
  }
  if (past.length === 0) return undefined;
  const [[replaced = ''] = []] = await textRows(
    connection,
    'SELECT json_deserialize_sql($1::JSON)',
    [icebergJson(tree)],
  );
  return { sql: replaced, past };
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
async function momentOf(connection: DuckDBConnection, clause: Tree): Promise<PastMoment> {
  const rows = await textRows(connection, "SELECT json_serialize_sql('SELECT 1')");
  const tree = parseIcebergJson(rows[0]?.[0] as string) as {
    statements: [{ node: { select_list: unknown[] } }];
  };
  tree.statements[0].node.select_list = [clause['expr']];
  const [[text = ''] = []] = await textRows(connection, 'SELECT json_deserialize_sql($1::JSON)', [
    icebergJson(tree),
  ]);
  const value = `(${text.replace(/;\s*$/, '')})`;
  if (clause['unit'] === 'VERSION') {
    const [[id] = []] = await textRows(connection, `SELECT (${value})::HUGEINT::VARCHAR`);
    if (!id) throw wrongMoment('VERSION', 'the id of a snapshot; sys.snapshots lists them');
    return { snapshotId: id };
  }
  const [[time] = []] = await textRows(
    connection,
    `SELECT epoch_ms((${value})::TIMESTAMPTZ)::VARCHAR`,
  );
  if (!time) throw wrongMoment('TIMESTAMP', 'a time');
  return { timeMs: Number(time) };
}

const wrongMoment = (unit: string, what: string): MillraceError =>
  new MillraceError('MR_QUERY_FAILED', `AT (${unit} => …) needs ${what}.`);

function viewName({ schema, name, when }: Relation & { readonly when: PastMoment }): string {
  const moment = 'snapshotId' in when ? when.snapshotId : `t${when.timeMs}`;
  return `${schema}.${name}@${moment}`;
}

/** Made anew for each query: at a time of the future there will be other files. */
export async function createPastView(
  connection: DuckDBConnection,
  table: PastTable,
  { scan, columns }: PastState,
): Promise<void> {
  await connection.run(
    `CREATE OR REPLACE VIEW past.${quoteIdentifier(viewName(table))} AS ${await scanSql(connection, scan, columns)}`,
  );
}

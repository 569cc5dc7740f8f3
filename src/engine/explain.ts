import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteText } from '../plan/render-sql.ts';
import type { Parameters } from '../query/statement-parameters.ts';
import { interruptible, queryError, runBound } from './database.ts';
import { bind } from './query-runner.ts';

/** What is asked for by EXPLAIN, as a statement whose places are those of the text. */
export interface Explained {
  readonly sql: string;
  /** Run it, and say what each step took. */
  readonly analyze: boolean;
}

/** Undefined where a text does not begin with EXPLAIN. */
export function explained(sql: string): Explained | undefined {
  const [beginning, analyze] = /^\s*explain(\s+analyze)?(?=[\s(])/i.exec(sql) ?? [];
  if (beginning === undefined) return undefined;
  return {
    sql: ' '.repeat(beginning.length) + sql.slice(beginning.length),
    analyze: analyze !== undefined,
  };
}

interface Operator {
  readonly name?: string;
  readonly operator_name?: string;
  readonly operator_timing?: number;
  readonly operator_cardinality?: number;
  readonly extra_info?: { readonly [name: string]: unknown };
  readonly children?: readonly Operator[];
}

export interface PlanRequest extends Explained {
  readonly params: Parameters;
  readonly signal: AbortSignal;
  readonly hasPlaces: boolean;
}

/**
 * The engine's plan of a statement that passed the gate, as a SELECT: a row for each step, `parent` is the step that takes
 * its rows. Rows and times are known where it was run.
 */
export async function planQuery(
  connection: DuckDBConnection,
  { sql, analyze, params, signal, hasPlaces }: PlanRequest,
): Promise<string> {
  const before = `EXPLAIN (${analyze ? 'ANALYZE, ' : ''}FORMAT json) `;
  try {
    const result = await interruptible(connection, signal, () =>
      runBound(connection, `${before}${sql}`, bind(params)),
    );
    return rowsOf(JSON.parse(String((await result.getRows())[0]?.[1])));
  } catch (error) {
    throw queryError(error, hasPlaces ? { sql, before: before.length } : undefined);
  }
}

/** What a step does, in the engine's words. Files, functions and tables of our own are nobody's business. */
const DETAILS: readonly string[] = [
  ...[
    'Join Type',
    'Conditions',
    'Filters',
    'Dynamic Filters',
    'Expression',
    'Groups',
    'Aggregates',
  ],
  ...['Order By', 'Top', 'Limit', 'CTE Name', 'Projections'],
];

function rowsOf(tree: Operator | readonly Operator[]): string {
  const rows: string[] = [];
  const visit = (operator: Operator, parent: number | undefined): void => {
    const { extra_info: info = {}, operator_cardinality: count, operator_timing: time } = operator;
    const id = rows.length + 1;
    const name = (operator.name ?? operator.operator_name ?? '').trim();
    rows.push(
      `(${[
        id,
        parent ?? 'NULL',
        quoteText(name.replaceAll('_', ' ').toLowerCase()),
        detailsOf(info),
        wholeOf(info['Estimated Cardinality']),
        count ?? 'NULL',
        time === undefined ? 'NULL' : `${(time * 1000).toFixed(3)}::DOUBLE`,
      ].join(', ')})`,
    );
    for (const child of operator.children ?? []) visit(child, id);
  };
  for (const root of rootsOf(tree)) visit(root, undefined);
  return `SELECT id::INTEGER AS id, parent::INTEGER AS parent, step, details::VARCHAR AS details, estimated_rows::BIGINT AS estimated_rows, rows::BIGINT AS rows, ms::DOUBLE AS ms FROM (VALUES ${rows.join(', ')}) AS plan(id, parent, step, details, estimated_rows, rows, ms) ORDER BY id`;
}

/** Of a plan that was run the first two steps are of the explaining itself. */
function rootsOf(tree: Operator | readonly Operator[]): readonly Operator[] {
  if ('length' in tree) return tree;
  if (tree.name !== undefined) return [tree];
  return (tree.children ?? []).flatMap((child) =>
    child.operator_name === 'EXPLAIN_ANALYZE' ? (child.children ?? []) : [child],
  );
}

function detailsOf(info: { readonly [name: string]: unknown }): string {
  const parts = DETAILS.flatMap((name) => {
    const given = info[name];
    if (given === undefined || given === '') return [];
    return [`${name.toLowerCase()}: ${Array.isArray(given) ? given.join(', ') : String(given)}`];
  });
  return parts.length === 0 ? 'NULL' : quoteText(parts.join('\n'));
}

const wholeOf = (text: unknown): string =>
  typeof text === 'string' && /^\d+$/.test(text) ? text : 'NULL';

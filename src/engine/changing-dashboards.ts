import type { DuckDBConnection } from '@duckdb/node-api';
import type { LiveDashboard, LivePlan } from '../live/live-plan.ts';
import { isRepeatable } from '../query/repeatable.ts';
import { checkStatement, type RelationNames } from '../query/statement-gate.ts';
import { parseStatement } from './describe.ts';

/** What a value reads was checked when the pipeline was loaded. */
const ANY: RelationNames = {
  all: () => [],
  resolve: (schema = '', name) => ({ schema, name }),
};

/** Names of the dashboards with a value that is another as time goes by, though no row comes. */
export async function changingDashboards(
  connection: DuckDBConnection,
  { dashboards }: LivePlan,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const dashboard of dashboards)
    if (!(await isSteady(connection, dashboard))) found.add(dashboard.name);
  return found;
}

async function isSteady(connection: DuckDBConnection, { values }: LiveDashboard): Promise<boolean> {
  const wanted = Object.values(values);
  if (wanted.length === 0) return true;
  const tree = await parseStatement(connection, `SELECT ${wanted.join(', ')}`);
  // What a value reads beside its source changes without it.
  const parts = checkStatement(tree, ANY);
  return parts.reads.length === 0 && isRepeatable(parts);
}

import { MillraceError } from '../core/errors.ts';
import type { LakeTable } from '../lake/table-store.ts';
import type { Relation } from '../query/statement-gate.ts';
import type { Runtime } from './runtime.ts';

/** Schemas that SQL has beside the lake's namespaces. */
const TAKEN: ReadonlySet<string> = new Set([
  'records',
  'lookups',
  'deadletters',
  'sys',
  'hot',
  'past',
  'main',
  'temp',
  'pg_catalog',
  // Databases of the engine.
  'millrace',
  'millrace_shapes',
  'memory',
  'system',
  'information_schema',
]);

/** Tables of the lake that no definition makes: other programs did. */
export async function foreignTables(runtime: Runtime): Promise<Relation[]> {
  const foreign = await runtime.context.target.tables.foreign();
  return foreign
    .filter(({ namespace }) => !TAKEN.has(namespace.toLowerCase()))
    .map(({ namespace: schema, name }) => ({ schema, name }));
}

function ownTable(runtime: Runtime, { schema, name }: Relation): LakeTable | undefined {
  if (schema === 'lake') return runtime.streams.get(name)?.table;
  return schema === 'warehouse' ? runtime.tables.get(name) : undefined;
}

/** @throws MillraceError MR_QUERY_FAILED where it is gone */
export async function tableOf(runtime: Runtime, relation: Relation): Promise<LakeTable> {
  const { schema, name } = relation;
  const table =
    ownTable(runtime, relation) ?? (await runtime.context.target.tables.find(schema, name));
  if (table) return table;
  if (schema === 'warehouse' && runtime.plan.models.some((model) => model.name === name))
    throw new MillraceError(
      'MR_QUERY_REFUSED',
      `${schema}.${name} has no history: it is a view. AT is for tables of the lake, which sys.tables lists.`,
    );
  throw new MillraceError('MR_QUERY_FAILED', `There is no table ${schema}.${name} any more.`);
}

/** All tables that can be read, the pipeline's first. */
export async function lakeTables(runtime: Runtime): Promise<LakeTable[]> {
  const own = [
    ...[...runtime.streams.values()].flatMap(({ table }) => (table ? [table] : [])),
    ...runtime.tables.values(),
  ];
  const foreign: LakeTable[] = [];
  for (const relation of await foreignTables(runtime)) {
    try {
      foreign.push(await tableOf(runtime, relation));
    } catch (error) {
      runtime.context.logger.warn(
        { table: `${relation.schema}.${relation.name}`, error: (error as Error).message },
        'a table of another program cannot be read',
      );
    }
  }
  return [...own, ...foreign];
}

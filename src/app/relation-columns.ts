import type { NamedField } from '../core/field-types.ts';
import { PLACE_COLUMNS } from '../engine/record-columns.ts';
import { duckdbTypeOf } from '../lake/iceberg/schema.ts';
import { duckdbType } from '../plan/type-mapping.ts';
import { DEAD_LETTER_FIELDS } from './dead-letters.ts';
import { foreignTables, lakeTables } from './lake-tables.ts';
import type { Runtime } from './runtime.ts';

interface RelationColumn {
  readonly name: string;
  readonly type: string;
  readonly description?: string;
}

interface NamedRelation {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly RelationColumn[];
}

const fieldColumn = (field: NamedField): RelationColumn => ({
  name: field.name,
  type: duckdbType(field.type),
  ...(field.description === undefined ? {} : { description: field.description }),
});

/** Every relation that SQL can name but `sys`, with its columns. The engine is not asked: no row is read. */
export function pipelineRelations(runtime: Runtime): NamedRelation[] {
  const ofStreams = [...runtime.streams.values()].flatMap(({ plan, letters }): NamedRelation[] => [
    { schema: 'lake', name: plan.name, columns: streamColumns(runtime, plan.name) },
    {
      schema: 'records',
      name: plan.name,
      columns: [...streamColumns(runtime, plan.name), ...PLACE_COLUMNS],
    },
    ...(letters
      ? [
          {
            schema: 'deadletters',
            name: plan.name,
            columns: [...DEAD_LETTER_FIELDS.map(fieldColumn), ...PLACE_COLUMNS],
          },
        ]
      : []),
  ]);
  const ofModels = runtime.plan.models.map(({ name }) => ({
    schema: 'warehouse',
    name,
    columns: (runtime.pipeline.columns.get(name) ?? []).map(fieldColumn),
  }));
  const ofLookups = runtime.plan.lookups.map(({ name, from }) => ({
    schema: 'lookups',
    name,
    columns: streamColumns(runtime, from),
  }));
  return [...ofModels, ...ofStreams, ...ofLookups];
}

/** The tables that other programs made. */
export async function foreignRelations(runtime: Runtime): Promise<NamedRelation[]> {
  const foreign = await foreignTables(runtime);
  return (await lakeTables(runtime))
    .filter(({ namespace, name }) =>
      foreign.some((one) => one.schema === namespace && one.name === name),
    )
    .map(({ namespace, name, columns }) => ({
      schema: namespace,
      name,
      columns: columns.map((column) => ({ name: column.name, type: duckdbTypeOf(column.type) })),
    }));
}

function streamColumns(runtime: Runtime, name: string): RelationColumn[] {
  const { plan } = runtime.stream(name);
  const rest = plan.unknown === 'keep' ? [{ name: '_rest', type: 'VARCHAR' }] : [];
  return [...plan.fields.map(fieldColumn), ...rest];
}

import { MillraceError } from '../core/errors.ts';
import { type NamedField, typeText } from '../core/field-types.ts';
import type { Check } from '../definition/check.ts';
import { invalidDefinition } from '../definition/invalid.ts';
import { locationText } from '../definition/location.ts';
import type {
  CatalogState,
  Described,
  DescribeRequest,
  EngineLookup,
  EngineModel,
  EngineStream,
} from '../engine/protocol.ts';
import { fitsWithoutLoss } from '../plan/lossless.ts';
import { orderByInputs } from '../plan/order.ts';
import type { ModelPlan, Plan, StreamPlan } from '../plan/plan.ts';
import { quoteIdentifier, renderCheck, renderSql } from '../plan/render-sql.ts';
import { duckdbType } from '../plan/type-mapping.ts';
import { type ChartQuery, chartQueries, partitionQueries } from './chart-queries.ts';
import { DEAD_LETTER_LOG, keepsDeadLetters } from './dead-letters.ts';
import type { LoadedPipeline } from './load-pipeline.ts';

/** A pipeline whose every query the engine has seen. */
export interface PreparedPipeline extends LoadedPipeline {
  /** Result columns of models, by name. */
  readonly columns: ReadonlyMap<string, readonly NamedField[]>;
  /** Those of endpoints. */
  readonly endpointColumns: ReadonlyMap<string, readonly NamedField[]>;
  /** Streams and models each model and its checks read, found in their text too. */
  readonly reads: ReadonlyMap<
    string,
    readonly { readonly schema: string; readonly name: string }[]
  >;
}

export function engineStream(stream: StreamPlan): EngineStream {
  return {
    name: stream.name,
    schema: 'lake',
    fields: stream.fields,
    rest: stream.unknown === 'keep',
    schemas: [],
    columns: [],
    ...upsertOf(stream),
  };
}

function upsertOf({ table }: StreamPlan): Pick<EngineStream, 'upsert'> {
  if (table === false || !table.upsert) return {};
  const { upsert: key, tombstone } = table;
  return { upsert: { key, ...(tombstone === undefined ? {} : { tombstone }) } };
}

export function deadLetterStream(name: string): EngineStream {
  return {
    name,
    schema: 'deadletters',
    fields: DEAD_LETTER_LOG,
    rest: false,
    schemas: [],
    columns: [],
  };
}

export function engineLookups(plan: Plan): EngineLookup[] {
  return plan.lookups.map(({ name, from, key, sort, tombstone }) => ({
    name,
    from,
    key,
    sort,
    ...(tombstone === undefined ? {} : { tombstone }),
  }));
}

function catalogOf(plan: Plan): CatalogState {
  const letters = plan.streams
    .filter((stream) => keepsDeadLetters(stream, plan))
    .map((stream) => deadLetterStream(stream.name));
  return {
    streams: [...plan.streams.map(engineStream), ...letters],
    models: plan.models.map(
      (model): EngineModel => ({
        name: model.name,
        materialize: model.materialize,
        sql: renderSql(model.query),
        columns: [],
      }),
    ),
    lookups: engineLookups(plan),
  };
}

/**
 * Has the engine describe every query of the pipeline before anything runs.
 * @throws MillraceError MR_PLAN_QUERY with file, line, definition and the engine's words.
 */
export async function prepare(
  pipeline: LoadedPipeline,
  describe: (request: DescribeRequest) => Promise<readonly Described[]>,
): Promise<PreparedPipeline> {
  const { plan } = pipeline;
  const charts = chartQueries(plan);
  const endpoints = plan.endpoints.map(({ name, query }) => ({ name, sql: renderSql(query) }));
  const others = [...charts, ...partitionQueries(plan)];
  const queries = [...others, ...endpoints];
  const checks = plan.models.flatMap((model) =>
    model.checks.map((check) => ({ model: model.name, check: renderCheck(check) })),
  );
  const described = await describe({ catalog: catalogOf(plan), queries, checks });
  const models = described.slice(0, plan.models.length);
  throwFirst(pipeline, models);
  const columns = new Map(models.map((model) => [model.name, pinned(pipeline, plan, model)]));
  for (const model of plan.models) requireColumns(pipeline, model, columns.get(model.name) ?? []);
  throwFirst(pipeline, described);
  requireNumbers(pipeline, charts, described.slice(plan.models.length));
  const afterQueries = plan.models.length + queries.length;
  const ofEndpoints = described.slice(plan.models.length + others.length, afterQueries);
  const ofChecks = described.slice(afterQueries);
  const endpointColumns = new Map(ofEndpoints.map(({ name, columns }) => [name, columns]));
  const reads = new Map(
    models.map(({ name, reads: ofQuery }) => {
      // What a check reads beside the result is an input of the run as well.
      const checked = ofChecks.filter((_, index) => checks[index]?.model === name);
      return [name, [...ofQuery, ...checked.flatMap((one) => one.reads)]];
    }),
  );
  const ordered = orderByInputs(
    plan.models.map((model) => ({
      ...model,
      inputs: [...model.inputs, ...(reads.get(model.name) ?? []).map((relation) => relation.name)],
    })),
    pipeline.locations,
  );
  const inOrder = ordered.map(
    (node) => plan.models.find((model) => model.name === node.name) as ModelPlan,
  );
  return { ...pipeline, plan: { ...plan, models: inOrder }, columns, endpointColumns, reads };
}

const NUMBERS: ReadonlySet<string> = new Set(['int', 'long', 'float', 'double', 'decimal']);

/** What has a length or a place on an axis is a number. */
function requireNumbers(
  pipeline: LoadedPipeline,
  queries: readonly ChartQuery[],
  described: readonly Described[],
): void {
  for (const [index, { isDrawn }] of queries.entries()) {
    const result = described[index] as Described;
    const [column] = result.columns;
    if (!isDrawn || !column || NUMBERS.has(column.type.kind)) continue;
    throw queryProblem(pipeline, {
      ...result,
      error: {
        message: `\`y\` is ${typeText(column.type)}; only a number can be drawn. A kpi or a grid shows other values.`,
      },
    });
  }
}

function throwFirst(pipeline: LoadedPipeline, described: readonly Described[]): void {
  for (const result of described) if (result.error) throw queryProblem(pipeline, result);
}

/** Columns that the definition names, held against those of the result. */
function requireColumns(
  { locations }: LoadedPipeline,
  model: ModelPlan,
  columns: readonly NamedField[],
): void {
  const names = columns.map((column) => column.name);
  const named = [
    ...model.key.map((column) => ({ option: '`key`', column })),
    ...model.checks.flatMap((check) =>
      checkedColumns(check).map((column) => ({ option: `check '${check.name}'`, column })),
    ),
  ];
  const wrong = named.find(({ column }) => !names.includes(column));
  if (!wrong) return;
  throw invalidDefinition(
    `model('${model.name}')`,
    `${wrong.option} names '${wrong.column}', which is not a column of its result. Columns are: ${names.join(', ')}.`,
    locations.get(model.name),
  );
}

function checkedColumns(check: Check): readonly string[] {
  if (check.rule === 'unique') return check.columns;
  return check.rule === 'sql' ? [] : [check.column];
}

function queryProblem({ locations }: LoadedPipeline, { name, error }: Described): MillraceError {
  const [definition = name] = name.split(',');
  const place = locationText(locations.get(name) ?? locations.get(definition));
  const at =
    error?.position === undefined ? '' : ` (at character ${error.position + 1} of its SQL)`;
  return new MillraceError('MR_PLAN_QUERY', `${place}: ${name}: ${error?.message ?? ''}${at}`, {
    details: { definition, ...(error?.position === undefined ? {} : { position: error.position }) },
  });
}

/** The model's own `fields` where it pins them, held against what the engine says. */
function pinned(pipeline: LoadedPipeline, plan: Plan, described: Described): readonly NamedField[] {
  const model = plan.models.find((candidate) => candidate.name === described.name);
  if (!model?.fields) return uniqueColumns(pipeline, described);
  const names = described.columns.map((column) => column.name);
  const wanted = model.fields.map((field) => field.name);
  if (JSON.stringify(names) !== JSON.stringify(wanted))
    throw queryProblem(pipeline, {
      ...described,
      error: {
        message: `its \`fields\` are ${wanted.join(', ')}, but the query returns ${names.join(', ')}.`,
      },
    });
  for (const [index, field] of model.fields.entries()) {
    const { type } = described.columns[index] as NamedField;
    if (fitsWithoutLoss(type, field.type)) continue;
    const cast = `${quoteIdentifier(field.name)}::${duckdbType(field.type)}`;
    throw queryProblem(pipeline, {
      ...described,
      error: {
        message: `field '${field.name}' is ${typeText(field.type)} in \`fields\`, but the query returns ${typeText(type)}, which does not fit without loss. Cast it in the SQL if that is meant, for example ${cast}, or change the field.`,
      },
    });
  }
  return model.fields;
}

function uniqueColumns(pipeline: LoadedPipeline, described: Described): readonly NamedField[] {
  const seen = new Set<string>();
  for (const { name } of described.columns) {
    if (seen.has(name.toLowerCase()))
      throw queryProblem(pipeline, {
        ...described,
        error: {
          message: `two result columns are named '${name}'. Give one another name with AS.`,
        },
      });
    seen.add(name.toLowerCase());
  }
  return described.columns;
}

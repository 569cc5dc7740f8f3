import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { MillraceError } from '../core/errors.ts';
import { type NamedField, typeText } from '../core/field-types.ts';
import { LIMITS } from '../core/limits.ts';
import type { TableScan } from '../lake/iceberg/live-files.ts';
import { evolveSchema } from '../lake/iceberg/schema.ts';
import { quoteIdentifier, type RenderedCheck } from '../plan/render-sql.ts';
import { duckdbType } from '../plan/type-mapping.ts';
import {
  checkStatement,
  type Relation,
  type RelationNames,
  type StatementParts,
} from '../query/statement-gate.ts';
import { fromBytes, fromCodePoints } from '../query/text-position.ts';
import { brokenRows, ruleConditions } from './check-sql.ts';
import { fieldTypeOf } from './column-types.ts';
import { connect, openDatabase, queryError, textRows } from './database.ts';
import type { CatalogState, Described, DescribeRequest, EngineModel } from './protocol.ts';
import { withHint } from './query-hint.ts';
import {
  createLookupView,
  createModelRelation,
  createSchemas,
  createStreamViews,
  hotTable,
  hotTableColumns,
  relationNames,
} from './relations.ts';
import { statementColumns } from './statement-columns.ts';

const PARSE = 'SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_empty := true)';
/** Of connections that are used again; prepared once, parsing takes half as long. */
const parsers = new WeakMap<DuckDBConnection, DuckDBPreparedStatement>();

/** The engine writes numbers that JSON has not; texts are passed over. */
const NO_JSON = /"(?:[^"\\]|\\.)*"|-?Infinity|-?NaN/g;
const quoted = (found: string): string => (found.startsWith('"') ? found : `"${found}"`);

/** The parser's tree of a text: the gate's food. */
export async function parseStatement(connection: DuckDBConnection, sql: string): Promise<unknown> {
  const parser = parsers.get(connection) ?? (await connection.prepare(PARSE));
  parsers.set(connection, parser);
  parser.bindVarchar(1, sql);
  const [row] = (await parser.runAndReadAll()).getRowsJson();
  return JSON.parse(String(row?.[0]).replace(NO_JSON, quoted));
}

/**
 * Parses and checks a text. Places in errors are characters of it.
 * @throws MillraceError as checkStatement does.
 */
export async function checkText(
  connection: DuckDBConnection,
  sql: string,
  names: RelationNames,
): Promise<StatementParts & { readonly tree: unknown }> {
  const tree = await parseStatement(connection, sql);
  try {
    return { tree, ...checkStatement(tree, names) };
  } catch (found) {
    const error = await withHint(connection, sql, found);
    if (!(error instanceof MillraceError) || typeof error.details['position'] !== 'number')
      throw error;
    const place = error.details['position'];
    const position =
      error.code === 'MR_QUERY_SYNTAX' ? fromCodePoints(sql, place) : fromBytes(sql, place);
    throw new MillraceError(error.code, error.message, {
      cause: error,
      details: { ...error.details, position },
    });
  }
}

/** Creates every relation of the catalog over its files, without hot rows. */
export async function createCatalog(
  connection: DuckDBConnection,
  catalog: CatalogState,
  scans: { readonly [relation: string]: TableScan } = {},
): Promise<void> {
  await createSchemas(connection);
  for (const stream of catalog.streams) {
    await connection.run(`CREATE TABLE ${hotTable(stream)} (${hotTableColumns(stream)})`);
    await createStreamViews(connection, stream, scans[`${stream.schema}.${stream.name}`], false);
  }
  for (const lookup of catalog.lookups) await createLookupView(connection, lookup, catalog);
  for (const model of catalog.models)
    await createModelRelation(connection, model, scans[`warehouse.${model.name}`]);
}

/** Asks the engine what every query of the pipeline returns, before anything runs. */
export async function describe(
  { catalog, queries, checks }: DescribeRequest,
  scratch: string,
): Promise<Described[]> {
  const instance = await openDatabase({ memory: LIMITS.engineMemory, scratch });
  const connection = await connect(instance);
  try {
    const empty = { ...catalog, models: [] };
    await createCatalog(connection, empty);
    const described: Described[] = [];
    const later = new Set(catalog.models.map((model) => model.name));
    for (const model of catalog.models) {
      const names = withoutLater(relationNames(catalog), model.name, later);
      const result = await describeQuery(connection, model.name, model.sql, names);
      later.delete(model.name);
      described.push(result);
      if (!result.error)
        await createModelRelation(connection, withColumns(model, result.columns), undefined);
    }
    const names = relationNames(catalog);
    for (const query of queries)
      described.push(await describeQuery(connection, query.name, query.sql, names));
    const columnsOf = new Map(described.map(({ name, columns }) => [name, columns]));
    for (const { model, check } of checks)
      described.push(await describeCheck(connection, model, check, { names, columnsOf }));
    return described;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The names a model may read: itself and models after it have no result yet when it runs. */
function withoutLater(
  names: RelationNames,
  model: string,
  later: ReadonlySet<string>,
): RelationNames {
  return {
    all: () => names.all(),
    resolve: (schema, name) => {
      const found = names.resolve(schema, name);
      if (found?.schema !== 'warehouse' || !later.has(found.name)) return found;
      throw new MillraceError(
        'MR_PLAN_QUERY',
        found.name === model
          ? 'it reads itself: its query names its own result. Read what that is made of instead.'
          : `it reads the model '${found.name}', which is run after it. Write it as a value in the query, \${${camelCase(found.name)}}, and it is run before.`,
      );
    },
  };
}

const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function withColumns(model: EngineModel, columns: readonly NamedField[]): EngineModel {
  return { ...model, columns: evolveSchema(columns, undefined).schema.fields };
}

async function describeQuery(
  connection: DuckDBConnection,
  name: string,
  sql: string,
  names: RelationNames,
): Promise<Described> {
  let reads: readonly Relation[] = [];
  try {
    ({ reads } = await checkText(connection, sql, names));
    const columns = (await statementColumns(connection, sql)).map((column) => ({
      name: column.name,
      type: fieldTypeOf(column.name, column.type),
      optional: true,
    }));
    return { name, columns, reads };
  } catch (error) {
    const { message, details } = queryError(error, { sql, before: 0 });
    const { position } = details;
    const problem = typeof position === 'number' ? { message, position } : { message };
    return { name, columns: [], reads, error: problem };
  }
}

/** In a check the new rows of the model are the table `result`. */
const RESULT: Relation = { schema: 'temp', name: 'result' };

interface CheckedModels {
  readonly names: RelationNames;
  readonly columnsOf: ReadonlyMap<string, readonly NamedField[]>;
}

async function describeCheck(
  connection: DuckDBConnection,
  model: string,
  check: RenderedCheck,
  { names, columnsOf }: CheckedModels,
): Promise<Described> {
  const name = `${model}, check '${check.name}'`;
  try {
    await connection.run(
      `CREATE OR REPLACE TEMP VIEW result AS SELECT * FROM warehouse.${quoteIdentifier(model)}`,
    );
    const described = await describeQuery(connection, name, brokenRows(check), withResult(names));
    if (described.error && check.rule !== 'sql')
      throw new MillraceError('MR_PLAN_QUERY', described.error.message);
    await requireRule(connection, check, columnsOf.get(model) ?? []);
    return { ...described, reads: described.reads.filter((relation) => relation !== RESULT) };
  } catch (error) {
    // The user did not write the SQL of these rules: a place in it would say nothing.
    return { name, columns: [], reads: [], error: { message: queryError(error).message } };
  }
}

function withResult(names: RelationNames): RelationNames {
  return {
    resolve: (schema, relation) =>
      schema === undefined && relation.toLowerCase() === RESULT.name
        ? RESULT
        : names.resolve(schema, relation),
    all: () => [RESULT.name, ...names.all()],
  };
}

async function requireRule(
  connection: DuckDBConnection,
  check: RenderedCheck,
  columns: readonly NamedField[],
): Promise<void> {
  const column = 'column' in check && columns.find(({ name }) => name === check.column);
  if (!column) return;
  for (const condition of ruleConditions(check, duckdbType(column.type))) {
    const rows = await textRows(connection, `SELECT (${condition})::VARCHAR`);
    if (rows[0]?.[0] === 'true') continue;
    throw new MillraceError(
      'MR_PLAN_QUERY',
      `no ${typeText(column.type)} is in the range: the lower end comes first.`,
    );
  }
}

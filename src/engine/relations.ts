import type { DuckDBConnection } from '@duckdb/node-api';
import { fieldNamed } from '../core/field-types.ts';
import { LIMITS } from '../core/limits.ts';
import { keyBytesSql } from '../lookup/lookup-key.ts';
import { quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { duckdbType } from '../plan/type-mapping.ts';
import type { Relation, RelationNames } from '../query/statement-gate.ts';
import type {
  CatalogState,
  EngineLookup,
  EngineModel,
  EngineStream,
  StoredColumn,
} from './protocol.ts';
import { PLACE_COLUMNS } from './record-columns.ts';

/** The relations of a pipeline as views of one DuckDB database. */

export const SYSTEM_TABLES: readonly string[] = Object.freeze([
  'streams',
  'shards',
  'consumers',
  'deliveries',
  'snapshots',
  'runs',
  'checks',
  'dead_letters',
  'columns',
]);

const SCHEMAS = ['lake', 'records', 'warehouse', 'lookups', 'deadletters', 'sys', 'hot'];

/** Where names without a schema are looked for. */
export const SEARCH_PATH = 'millrace.warehouse,millrace.lake';

export const hotTable = (stream: EngineStream): string =>
  `hot.${quoteIdentifier(`${stream.schema}.${stream.name}`)}`;

export async function createSchemas(connection: DuckDBConnection): Promise<void> {
  for (const schema of SCHEMAS)
    await connection.run(`CREATE SCHEMA IF NOT EXISTS millrace.${schema}`);
  await connection.run(`SET search_path = '${SEARCH_PATH}'`);
}

/** The user's columns of a stream, `_rest` included where it is kept. */
function userColumns(stream: EngineStream): string[] {
  return [
    ...stream.fields.map((field) => quoteIdentifier(field.name)),
    ...(stream.rest ? ['_rest'] : []),
  ];
}

export function hotTableColumns(stream: EngineStream): string {
  const fields = stream.fields.map(
    (field) => `${quoteIdentifier(field.name)} ${duckdbType(field.type)}`,
  );
  const rest = stream.rest ? ['_rest VARCHAR'] : [];
  return [...fields, ...rest, ...PLACE_COLUMNS.map(({ name, type }) => `${name} ${type}`)].join(
    ', ',
  );
}

/** Reads files by field id, so that columns added, widened or reordered since are read right. */
export function readFiles(files: readonly string[], columns: readonly StoredColumn[]): string {
  const schema = columns.map(
    (column) =>
      `${column.id}: {name: ${quoteText(column.name)}, type: ${quoteText(duckdbType(column.type))}, default_value: NULL}`,
  );
  return `read_parquet([${files.map(quoteText).join(', ')}], schema = MAP {${schema.join(', ')}})`;
}

/** `records.s` and `lake.s` over hot rows and files; one transaction switches both. */
export async function createStreamViews(
  connection: DuckDBConnection,
  stream: EngineStream,
  files: readonly string[],
  hot: boolean,
): Promise<void> {
  const columns = [...userColumns(stream), ...PLACE_COLUMNS.map(({ name }) => name)].join(', ');
  const name = quoteIdentifier(stream.name);
  const parts =
    files.length > 0 ? [`SELECT ${columns} FROM ${readFiles(files, stream.columns)}`] : [];
  if (hot || parts.length === 0) parts.push(`SELECT ${columns} FROM ${hotTable(stream)}`);
  if (stream.schema === 'deadletters') return createDeadLetterView(connection, stream);
  await connection.run(`CREATE OR REPLACE VIEW records.${name} AS ${parts.join(' UNION ALL ')}`);
  await connection.run(
    `CREATE OR REPLACE VIEW lake.${name} AS SELECT ${userColumns(stream).join(', ')} FROM records.${name}`,
  );
}

/** The letters that were not sent again. */
async function createDeadLetterView(
  connection: DuckDBConnection,
  stream: EngineStream,
): Promise<void> {
  const hot = hotTable(stream);
  await connection.run(
    `CREATE OR REPLACE VIEW deadletters.${quoteIdentifier(stream.name)} AS
       SELECT * EXCLUDE (settles) FROM ${hot} WHERE settles IS NULL
       AND _sequence_number NOT IN (SELECT unnest(settles) FROM ${hot} WHERE settles IS NOT NULL)`,
  );
}

export async function createLookupView(
  connection: DuckDBConnection,
  lookup: EngineLookup,
  catalog: CatalogState,
): Promise<void> {
  const stream = catalog.streams.find(
    (candidate) => candidate.name === lookup.from && candidate.schema === 'lake',
  );
  if (!stream) return;
  const rows = `records.${quoteIdentifier(stream.name)}`;
  await connection.run(
    `CREATE OR REPLACE VIEW lookups.${quoteIdentifier(lookup.name)} AS ${lookupQuery(lookup, stream, { rows, columns: userColumns(stream) })}`,
  );
}

/** The entries that the lookup has of `rows`: none where a part of the key is null, or where the key is too long. */
export function lookupQuery(
  lookup: EngineLookup,
  stream: EngineStream,
  { rows, columns: wanted }: { readonly rows: string; readonly columns: readonly string[] },
): string {
  const parts = [lookup.key, ...lookup.sort].map((part) =>
    part === null ? null : fieldNamed(stream.fields, part),
  );
  const columns = parts.map((part) => (part ? quoteIdentifier(part.name) : '_sequence_number'));
  const isEntry = [
    ...columns.map((column) => `${column} IS NOT NULL`),
    `${keyBytesSql(parts)} <= ${LIMITS.lookupKeyBytesMax}`,
  ].join(' AND ');
  const kept =
    lookup.tombstone === undefined
      ? ''
      : ` WHERE ${quoteIdentifier(lookup.tombstone)} IS DISTINCT FROM true`;
  return `SELECT ${wanted.join(', ')} FROM (
       SELECT * FROM ${rows} WHERE ${isEntry}
       QUALIFY row_number() OVER (PARTITION BY ${columns.join(', ')} ORDER BY _sequence_number DESC) = 1)${kept}`;
}

export async function createModelRelation(
  connection: DuckDBConnection,
  model: EngineModel,
  files: readonly string[],
): Promise<void> {
  const name = `warehouse.${quoteIdentifier(model.name)}`;
  if (model.materialize === 'view') {
    await connection.run(`CREATE OR REPLACE VIEW ${name} AS ${model.sql}`);
    return;
  }
  const source =
    files.length > 0
      ? `SELECT ${model.columns.map((column) => quoteIdentifier(column.name)).join(', ')} FROM ${readFiles(files, model.columns)}`
      : `SELECT ${model.columns.map((column) => `NULL::${duckdbType(column.type)} AS ${quoteIdentifier(column.name)}`).join(', ')} WHERE false`;
  await connection.run(`CREATE OR REPLACE VIEW ${name} AS ${source}`);
}

/** Which names a person's SQL may use: search path `warehouse, lake`, case ignored. */
export function relationNames(catalog: CatalogState): RelationNames {
  const known = new Map<string, Relation>();
  const add = (schema: string, name: string) =>
    known.set(`${schema}.${name}`.toLowerCase(), { schema, name });
  for (const model of catalog.models) add('warehouse', model.name);
  for (const { schema, name } of catalog.streams) {
    add(schema, name);
    if (schema === 'lake') add('records', name);
  }
  for (const lookup of catalog.lookups) add('lookups', lookup.name);
  for (const table of SYSTEM_TABLES) add('sys', table);
  return {
    resolve: (schema, name) => {
      const schemas = schema === undefined ? ['warehouse', 'lake'] : [schema];
      for (const candidate of schemas) {
        const found = known.get(`${candidate}.${name}`.toLowerCase());
        if (found) return found;
      }
      return undefined;
    },
    all: () => [...known.values()].map((relation) => `${relation.schema}.${relation.name}`),
  };
}

import type { DuckDBConnection } from '@duckdb/node-api';
import { fieldNamed } from '../core/field-types.ts';
import { LIMITS } from '../core/limits.ts';
import { NO_ROWS, type TableScan } from '../lake/iceberg/live-files.ts';
import { keyBytesSql } from '../lookup/lookup-key.ts';
import { quoteIdentifier } from '../plan/render-sql.ts';
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
import { scanSql } from './table-scan.ts';

/** The relations of a pipeline as views of one DuckDB database. */

export const SYSTEM_TABLES: readonly string[] = Object.freeze([
  'streams',
  'shards',
  'consumers',
  'deliveries',
  'snapshots',
  'files',
  'tables',
  'runs',
  'checks',
  'dead_letters',
  'columns',
]);

export const SCHEMAS: readonly string[] = [
  'lake',
  'records',
  'warehouse',
  'lookups',
  'deadletters',
  'sys',
  'hot',
  'past',
];

/** Where names without a schema are looked for. */
export const searchPathOf = (database: string): string => `${database}.warehouse,${database}.lake`;

export const hotTable = (stream: EngineStream): string =>
  `hot.${quoteIdentifier(`${stream.schema}.${stream.name}`)}`;

export async function createSchemas(connection: DuckDBConnection): Promise<void> {
  for (const schema of SCHEMAS)
    await connection.run(`CREATE SCHEMA IF NOT EXISTS millrace.${schema}`);
  await connection.run(`SET search_path = '${searchPathOf('millrace')}'`);
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

/** `records.s` and `lake.s` over hot rows and files; one transaction switches both. */
export async function createStreamViews(
  connection: DuckDBConnection,
  stream: EngineStream,
  scan: TableScan | undefined,
  hot: boolean,
): Promise<void> {
  const columns = [...userColumns(stream), ...PLACE_COLUMNS.map(({ name }) => name)].join(', ');
  const name = quoteIdentifier(stream.name);
  const parts =
    scan && scan.files.length > 0
      ? [`SELECT ${columns} FROM (${await scanSql(connection, scan, stream.columns)})`]
      : [];
  if (hot || parts.length === 0) parts.push(`SELECT ${columns} FROM ${hotTable(stream)}`);
  if (stream.schema === 'deadletters') return createDeadLetterView(connection, stream);
  await connection.run(`CREATE OR REPLACE VIEW records.${name} AS ${parts.join(' UNION ALL ')}`);
  await connection.run(`CREATE OR REPLACE VIEW lake.${name} AS ${lakeRows(stream, parts[0], hot)}`);
}

/**
 * The user's columns. Where each key has one row, that is the newest record that is not delivered yet, or else
 * the row of the table; files have one row a key already.
 */
function lakeRows(stream: EngineStream, delivered: string | undefined, hot: boolean): string {
  const name = quoteIdentifier(stream.name);
  const columns = userColumns(stream).join(', ');
  if (!stream.upsert || !hot || delivered === undefined)
    return `SELECT ${columns} FROM records.${name}`;
  const keys = stream.upsert.key.map(quoteIdentifier);
  const tombstone = stream.upsert.tombstone;
  const kept =
    tombstone === undefined ? '' : ` WHERE ${quoteIdentifier(tombstone)} IS DISTINCT FROM true`;
  const changes = hotTable(stream);
  const newest = `SELECT * FROM ${changes} QUALIFY row_number() OVER (PARTITION BY ${keys.join(', ')} ORDER BY _sequence_number DESC) = 1`;
  const rows = `SELECT ${columns} FROM (${newest})${kept}`;
  // The only part is that of hot rows where nothing is delivered.
  if (delivered.endsWith(` FROM ${changes}`)) return rows;
  const same = keys.map((key) => `d.${key} = h.${key}`).join(' AND ');
  return `SELECT ${columns} FROM (${delivered}) AS d ANTI JOIN ${changes} AS h ON ${same} UNION ALL ${rows}`;
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
  scan: TableScan | undefined,
): Promise<void> {
  const name = `warehouse.${quoteIdentifier(model.name)}`;
  if (model.materialize === 'view') {
    await connection.run(`CREATE OR REPLACE VIEW ${name} AS ${model.sql}`);
    return;
  }
  const source = await scanSql(connection, scan ?? NO_ROWS, model.columns);
  await connection.run(`CREATE OR REPLACE VIEW ${name} AS ${source}`);
}

/** A table that another program made. */
export async function createForeignView(
  connection: DuckDBConnection,
  { schema, name }: Relation,
  { scan, columns }: { readonly scan: TableScan; readonly columns: readonly StoredColumn[] },
): Promise<void> {
  await connection.run(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
  await connection.run(
    `CREATE OR REPLACE VIEW ${quoteIdentifier(schema)}.${quoteIdentifier(name)} AS ${await scanSql(connection, scan, columns)}`,
  );
}

/** Which names a person's SQL may use: search path `warehouse, lake`, case ignored. */
export function relationNames(
  catalog: CatalogState,
  foreign: readonly Relation[] = [],
): RelationNames {
  const known = new Map<string, Relation>();
  const add = (schema: string, name: string) =>
    known.set(`${schema}.${name}`.toLowerCase(), { schema, name });
  for (const { schema, name } of foreign) add(schema, name);
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

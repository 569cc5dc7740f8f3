import type { FieldSpec, NamedField } from '../core/field-types.ts';
import {
  type FieldHistory,
  fieldHistory,
  insideHistory,
  isUnchanged,
  partHistories,
  storedField,
} from '../plan/field-history.ts';
import { literal, quoteIdentifier, quoteText } from '../plan/render-sql.ts';
import { duckdbType } from '../plan/type-mapping.ts';
import type { RecordSchema, SchemaVersion } from '../stream/stream-store.ts';
import type { EngineStream } from './protocol.ts';

/** How the bytes of records become columns: what `read_json` reads, and what is made of it. */

export const PLACE_COLUMNS: readonly { readonly name: string; readonly type: string }[] = [
  { name: '_shard', type: 'INTEGER' },
  { name: '_sequence_number', type: 'BIGINT' },
  { name: '_arrived_at', type: 'TIMESTAMPTZ' },
];

/** The `columns = {…}` of read_json for records of this schema, as they lie in the log. */
export function readColumns(schema: RecordSchema): string {
  const fields = schema.fields.map(
    (field) => `${quoteText(field.name)}: ${quoteText(readType(field))}`,
  );
  return `{${fields.join(', ')}}`;
}

/** A scratch file (engine/scratch.ts) as a relation: a record's members as columns, and its place. */
export function scratchRelation(path: string, schema: RecordSchema): string {
  const rest = schema.unknown === 'keep' ? ", '_rest': 'VARCHAR'" : '';
  const parts = schema.fields.map((field) => `${quoteIdentifier(field.name)} ${readType(field)}`);
  const record = quoteText(`STRUCT(${parts.join(', ')})`);
  return `(SELECT * EXCLUDE ("+"), unnest("+") FROM read_json(${quoteText(path)}, format = 'newline_delimited', columns = {'.': 'BIGINT', ':': 'INTEGER', '/': 'BIGINT'${rest}, '+': ${record}}))`;
}

function readType(field: FieldSpec): string {
  const { type } = field;
  if (field.from === 'integer-text') return 'VARCHAR';
  if (field.from !== undefined) return 'DECIMAL(24,6)';
  switch (type.kind) {
    case 'binary':
      return 'VARCHAR';
    case 'list':
      return `${readType(type.element)}[]`;
    case 'map':
      return `MAP(${duckdbType(type.key.type)}, ${readType(type.value)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((part) => `${quoteIdentifier(part.name)} ${readType(part)}`).join(', ')})`;
    default:
      return duckdbType(type);
  }
}

/** The expressions that make today's columns of records stored under `stored`. */
export function selectColumns(
  { fields, schemas, rest }: Pick<EngineStream, 'fields' | 'schemas' | 'rest'>,
  stored: SchemaVersion,
): string {
  const columns = fields.map((field) => {
    const history = fieldHistory(field, schemas, stored.version);
    return `${columnValue(field, history)} AS ${quoteIdentifier(field.name)}`;
  });
  if (rest) columns.push(stored.unknown === 'keep' ? '_rest' : 'NULL::VARCHAR AS _rest');
  return [
    ...columns,
    '":" AS _shard',
    '"." AS _sequence_number',
    'make_timestamptz("/" * 1000) AS _arrived_at',
  ].join(', ');
}

/** A record keeps the defaults of its own time: one that was stored before its field existed has null. */
function columnValue(field: NamedField, history: FieldHistory<NamedField> | undefined): string {
  const type = duckdbType(field.type);
  if (!history) return `NULL::${type}`;
  const was = storedField(history);
  const typed = `CAST(${valueOfToday(history, quoteIdentifier(was.name), 0)} AS ${type})`;
  return was.default === undefined
    ? typed
    : `coalesce(${typed}, CAST(${defaultOfToday(history)} AS ${type}))`;
}

/** A default is read as a record's own value is, so that it becomes the same. */
function defaultOfToday(history: FieldHistory<NamedField>): string {
  const { from: _from, ...plain } = storedField(history);
  const isNested = typeof plain.default === 'object';
  const value = literal(plain.default ?? null);
  const asStored: FieldHistory = [...history.slice(0, -1), plain] as unknown as FieldHistory;
  return valueOfToday(asStored, isNested ? `CAST(${value} AS ${readType(plain)})` : value, 0);
}

/** Parts that were renamed, came or went since: the engine would cast parts of one name to each other. */
function valueOfToday(history: FieldHistory, value: string, depth: number): string {
  const stored = storedField(history);
  if (isUnchanged(history)) return convert(stored, value, depth);
  const [{ type }] = history;
  const item = `x${depth}`;
  switch (type.kind) {
    case 'list':
      return `list_transform(${value}, lambda ${item}: ${valueOfToday(insideHistory(history, 'element'), item, depth + 1)})`;
    case 'map':
      return `map_from_entries(list_transform(map_entries(${value}), lambda ${item}: {key: ${item}.key, value: ${valueOfToday(insideHistory(history, 'value'), `${item}.value`, depth + 1)}}))`;
    case 'struct': {
      const parts = partHistories(history).map(({ part, history: own }) => {
        const inside = own && `${value}.${quoteIdentifier(storedField(own).name)}`;
        const now = inside
          ? valueOfToday(own, inside, depth + 1)
          : `NULL::${duckdbType(part.type)}`;
        return `${quoteIdentifier(part.name)} := ${now}`;
      });
      return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
    }
    default:
      return `CAST(${convert(stored, value, depth)} AS ${duckdbType(type)})`;
  }
}

function convert(field: FieldSpec, value: string, depth: number): string {
  const { type } = field;
  switch (field.from) {
    case 'epoch-seconds':
      return `make_timestamptz((${value} * 1000000)::BIGINT)`;
    case 'epoch-milliseconds':
      return `make_timestamptz((${value} * 1000)::BIGINT)`;
    case 'integer-text':
      // Most ids have no point: the expression is for those that do.
      return `CASE WHEN contains(${value}, '.') THEN regexp_replace(${value}, '^(-?[0-9]+)\\.0+$', '\\1') ELSE ${value} END`;
  }
  if (type.kind === 'binary') return `from_base64(${value})`;
  if (!needsConversion(field)) return value;
  const item = `x${depth}`;
  if (type.kind === 'list')
    return `list_transform(${value}, lambda ${item}: ${convert(type.element, item, depth + 1)})`;
  if (type.kind === 'map')
    return `map_from_entries(list_transform(map_entries(${value}), lambda ${item}: {key: ${item}.key, value: ${convert(type.value, `${item}.value`, depth + 1)}}))`;
  if (type.kind === 'struct') {
    const parts = type.fields.map(
      (part) =>
        `${quoteIdentifier(part.name)} := ${convert(part, `${value}.${quoteIdentifier(part.name)}`, depth + 1)}`,
    );
    return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
  }
  return value;
}

function needsConversion(field: FieldSpec): boolean {
  const { type } = field;
  if (field.from !== undefined || type.kind === 'binary') return true;
  if (type.kind === 'list') return needsConversion(type.element);
  if (type.kind === 'map') return needsConversion(type.value);
  return type.kind === 'struct' && type.fields.some(needsConversion);
}

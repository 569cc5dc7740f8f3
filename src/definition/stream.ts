import type { NamedField } from '../core/field-types.ts';
import { LIMITS } from '../core/limits.ts';
import { type Fields, namedFields, type RowOf, type ValueOf } from './field.ts';
import { type FilesOptions, type FilesSettings, filesSettings } from './files.ts';
import {
  invalidDefinition,
  parseDuration,
  parseSize,
  refuseUnknownOptions,
  requireName,
  textOption,
} from './invalid.ts';
import { rememberLocation } from './location.ts';
import type { Partition } from './partition.ts';
import { requirePlace } from './place.ts';
import type { Sort } from './sort.ts';
import type { FieldReference, Sql } from './sql.ts';

export interface TableOptions<Name extends string = string> {
  readonly partitionBy?: readonly Partition<Name>[];
  /** What the rows of each file are sorted by, for readers that pass over parts of files: `['at', desc('amount')]`. */
  readonly sortBy?: readonly (Name | Sort<Name>)[];
  /** Records wait at most this long for their delivery. Default `'60s'`. */
  readonly every?: string;
  /** A delivery starts once this much waits. Default `'128MB'`. */
  readonly maxBytes?: string;
  /**
   * One row for each value of these fields: the last record wins, in the order of the stream. Without it each
   * record is a row.
   */
  readonly upsert?: Name | readonly Name[];
  /** A boolean field: a record where it is true deletes the row of its key. */
  readonly tombstone?: Name;
}

export interface RetentionOptions {
  /** Default `'7d'`. */
  readonly age?: string;
  /** Beyond this size the oldest records go before their time. Default: no such limit. */
  readonly maxBytes?: string;
}

export interface RawOptions {
  /** A folder (a relative one begins beside the data folder), or `s3://bucket/prefix`. */
  readonly to: string;
  /** How long records stay readable there, at least as long as `retention`. */
  readonly keep: string;
}

export interface DedupeOptions<Name extends string = string> {
  /** The field that tells records apart: string, int, long or uuid. Records without a value are always new. */
  readonly by: Name;
  /** How long a record is remembered, at most as long as it stays in the stream. */
  readonly within: string;
}

export interface StreamOptions<F extends Fields, M extends string = string> {
  readonly description?: string;
  /** E-mail of the person or team answering for the stream. */
  readonly owner?: string;
  readonly fields: F;
  /** Records with equal values of this field keep their order. Default: spread evenly. */
  readonly key?: keyof F & string;
  /** Ordered parts, 1 to 256. Default 1. */
  readonly shards?: number;
  /** How long records stay readable in the stream, and always until delivered. Default `'7d'`. */
  readonly retention?: string | RetentionOptions;
  /** Closed segments of the stream are also kept here, packed, and read from here once they are past `retention`. Default: nowhere. */
  readonly raw?: RawOptions;
  /** The field that says when a thing happened. Default: arrival. */
  readonly time?: keyof F & string;
  /** What happens to members of a record that are not fields. Default `'refuse'`. */
  readonly unknown?: 'refuse' | 'drop' | 'keep';
  /** What happens to invalid records: answered only, or also kept as dead letters. Default `'refuse'`. */
  readonly invalid?: 'refuse' | 'deadletter';
  /** Records that came before are not stored again; the answer names them. Default: each is new. */
  readonly dedupe?: DedupeOptions<keyof F & string>;
  /** The Iceberg table `lake.<name>`; `false` for none. */
  readonly table?: TableOptions<keyof F & string> | false;
  /** Files beside the table: Parquet, NDJSON, CSV, Avro or ORC in a folder or in S3. Default: none. */
  readonly files?: FilesOptions<keyof F & string>;
  /** Named aggregates, reused by charts and alerts. */
  readonly measures?: { readonly [K in M]: Sql };
  /** The former name, when a stream with data is renamed. */
  readonly renamedFrom?: string;
}

export interface Stream<
  N extends string = string,
  F extends Fields = Fields,
  M extends string = string,
> {
  readonly kind: 'stream';
  readonly name: N;
  readonly fields: { readonly [K in keyof F & string]: FieldReference<ValueOf<F[K]>, K> };
  readonly settings: StreamSettings;
  readonly _row?: RowOf<F>;
  readonly _measures?: M;
}

/** The options with defaults applied, as plain data. */
export interface StreamSettings {
  readonly description?: string;
  readonly owner?: string;
  readonly fields: readonly NamedField[];
  readonly key?: string;
  readonly shards: number;
  readonly retention: { readonly ageMs: number; readonly bytesMax?: number };
  readonly raw?: { readonly to: string; readonly keepMs: number };
  readonly time?: string;
  readonly unknown: 'refuse' | 'drop' | 'keep';
  readonly invalid: 'refuse' | 'deadletter';
  readonly dedupe?: { readonly by: string; readonly withinMs: number };
  readonly table:
    | {
        readonly partitionBy: readonly Partition[];
        readonly sortBy?: readonly Sort[];
        readonly everyMs: number;
        readonly bytesMax: number;
        /** Fields of which each value has one row. */
        readonly upsert?: readonly string[];
        readonly tombstone?: string;
      }
    | false;
  readonly files?: FilesSettings;
  readonly measures: { readonly [name: string]: Sql };
  readonly renamedFrom?: string;
}

const OPTIONS = [
  'description',
  'owner',
  'fields',
  'key',
  'shards',
  'retention',
  'raw',
  'time',
  'unknown',
  'invalid',
  'dedupe',
  'table',
  'files',
  'measures',
  'renamedFrom',
];

/**
 * A named, durable, ordered-per-shard sequence of records with an ingest endpoint and a lake table.
 * @throws MillraceError MR_DEFINITION_INVALID naming file, line and option.
 */
export function stream<const N extends string, F extends Fields, M extends string = never>(
  name: N,
  options: StreamOptions<F, M>,
): Stream<N, F, M> {
  requireName('stream', name);
  const title = `stream('${name}')`;
  refuseUnknownOptions(title, options, OPTIONS);
  const definition = { kind: 'stream' as const, name, ...partsOf(name, title, options) };
  rememberLocation(definition);
  return Object.freeze(definition) as Stream<N, F, M>;
}

function partsOf(name: string, title: string, options: StreamOptions<Fields>) {
  const fields = namedFields(title, options.fields);
  if (fields.length > LIMITS.fieldsMax)
    throw invalidDefinition(title, `a stream has at most ${LIMITS.fieldsMax} fields.`);
  const settings: StreamSettings = Object.freeze({
    ...textOption(title, 'description', options.description),
    ...textOption(title, 'owner', options.owner),
    fields: Object.freeze(fields),
    ...keyField(title, fields, options.key),
    shards: shardCount(title, options.shards ?? 1),
    retention: retentionSettings(title, options.retention ?? '7d'),
    ...rawSettings(title, options),
    ...timeField(title, fields, options.time),
    unknown: choice(title, 'unknown', options.unknown ?? 'refuse', ['refuse', 'drop', 'keep']),
    invalid: choice(title, 'invalid', options.invalid ?? 'refuse', ['refuse', 'deadletter']),
    ...dedupeSettings(title, fields, options),
    table: tableSettings(title, fields, options.table ?? {}),
    ...filesSettings({ name, title, fields }, options.files),
    measures: Object.freeze({ ...options.measures }),
    ...textOption(title, 'renamedFrom', options.renamedFrom),
  });
  const references = fields.map((field) => [
    field.name,
    Object.freeze({ kind: 'field-reference', of: name, field: field.name }),
  ]);
  return { fields: Object.freeze(Object.fromEntries(references)), settings };
}

function retentionSettings(
  title: string,
  retention: string | RetentionOptions,
): StreamSettings['retention'] {
  if (typeof retention !== 'object')
    return Object.freeze({ ageMs: parseDuration(title, 'retention', retention) });
  refuseUnknownOptions(`${title}, retention`, retention, ['age', 'maxBytes']);
  const { age = '7d', maxBytes } = retention;
  return Object.freeze({
    ageMs: parseDuration(title, 'retention.age', age),
    ...(maxBytes === undefined
      ? {}
      : { bytesMax: parseSize(title, 'retention.maxBytes', maxBytes) }),
  });
}

function rawSettings(
  title: string,
  { raw, retention }: StreamOptions<Fields>,
): Pick<StreamSettings, 'raw'> {
  if (raw === undefined) return {};
  refuseUnknownOptions(`${title}, raw`, raw, ['to', 'keep']);
  const to = requirePlace(title, 'raw.to', { place: raw.to, what: 'closed segments are kept' });
  const keepMs = parseDuration(title, 'raw.keep', raw.keep);
  const { ageMs } = retentionSettings(title, retention ?? '7d');
  if (keepMs < ageMs)
    throw invalidDefinition(
      title,
      '`raw.keep` is shorter than `retention`: records would be gone from there first. Lengthen the one, or shorten the other.',
    );
  return { raw: Object.freeze({ to, keepMs }) };
}

const ID_KINDS = ['string', 'int', 'long', 'uuid'];

function dedupeSettings(
  title: string,
  fields: readonly NamedField[],
  { dedupe, retention }: StreamOptions<Fields>,
): Pick<StreamSettings, 'dedupe'> {
  if (dedupe === undefined) return {};
  refuseUnknownOptions(`${title}, dedupe`, dedupe, ['by', 'within']);
  const { by } = dedupe;
  const field = fields.find(({ name }) => name === by);
  if (!field)
    throw invalidDefinition(
      title,
      `\`dedupe.by\` names '${by}', which is no field. Fields are: ${fields.map(({ name }) => name).join(', ')}.`,
    );
  if (!ID_KINDS.includes(field.type.kind))
    throw invalidDefinition(
      title,
      `\`dedupe.by\` names '${by}' of type ${field.type.kind}. It must be ${ID_KINDS.join(', ')}.`,
    );
  const withinMs = parseDuration(title, 'dedupe.within', dedupe.within);
  const { ageMs } = retentionSettings(title, retention ?? '7d');
  if (withinMs > ageMs)
    throw invalidDefinition(
      title,
      '`dedupe.within` is longer than `retention`: what is remembered is read from the stream. Shorten the one, or lengthen the other.',
    );
  return { dedupe: Object.freeze({ by, withinMs }) };
}

function choice<T extends string>(
  title: string,
  option: string,
  value: T,
  allowed: readonly T[],
): T {
  if (allowed.includes(value)) return value;
  throw invalidDefinition(
    title,
    `\`${option}\` must be one of ${allowed.map((name) => `'${name}'`).join(', ')}.`,
  );
}

function shardCount(title: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= LIMITS.shardsMax) return value;
  throw invalidDefinition(
    title,
    `\`shards\` must be a whole number from 1 to ${LIMITS.shardsMax}.`,
  );
}

/** The field `name`, or an error that lists the fields there are. */
export function requireField(
  title: string,
  option: string,
  fields: readonly NamedField[],
  name: unknown,
): NamedField {
  const found = fields.find((candidate) => candidate.name === name);
  if (found) return found;
  throw invalidDefinition(
    title,
    `\`${option}\` names ${JSON.stringify(name)}, which is not a field. Fields are: ${fields.map((f) => f.name).join(', ')}.`,
  );
}

const KEY_KINDS: ReadonlySet<string> = new Set([
  'string',
  'int',
  'long',
  'uuid',
  'date',
  'boolean',
  'timestamp',
]);

function keyField(title: string, fields: readonly NamedField[], key: unknown): { key?: string } {
  if (key === undefined) return {};
  const found = requireField(title, 'key', fields, key);
  if (!KEY_KINDS.has(found.type.kind) || found.from !== undefined)
    throw invalidDefinition(
      title,
      `\`key\`: a field of type ${found.type.kind}${found.from ? ` with .from()` : ''} cannot be a partition key; use a string or integer field.`,
    );
  return { key: found.name };
}

function timeField(title: string, fields: readonly NamedField[], time: unknown): { time?: string } {
  if (time === undefined) return {};
  const found = requireField(title, 'time', fields, time);
  if (['date', 'timestamp', 'timestamptz'].includes(found.type.kind)) return { time: found.name };
  throw invalidDefinition(
    title,
    `\`time\`: \`${found.name}\` is ${found.type.kind}, not date, timestamp or timestamptz.`,
  );
}

function tableSettings(
  title: string,
  fields: readonly NamedField[],
  table: TableOptions | false,
): StreamSettings['table'] {
  if (table === false) return false;
  refuseUnknownOptions(`${title}.table`, table, TABLE_OPTIONS);
  const partitionBy = table.partitionBy ?? [];
  if (!Array.isArray(partitionBy))
    throw invalidDefinition(title, "`table.partitionBy` must be a list, for example [day('at')].");
  for (const [index, partition] of partitionBy.entries()) {
    requirePartition(title, fields, partition);
    const isTwin = (other: Partition) => JSON.stringify(other) === JSON.stringify(partition);
    if (partitionBy.findIndex(isTwin) !== index)
      throw invalidDefinition(
        title,
        `\`table.partitionBy\` names ${partition.transform}('${partition.field}') twice.`,
      );
  }
  return Object.freeze({
    partitionBy: Object.freeze([...partitionBy]),
    ...sortSettings(title, fields, table.sortBy),
    everyMs: parseDuration(title, 'table.every', table.every ?? '60s'),
    bytesMax: parseSize(title, 'table.maxBytes', table.maxBytes ?? '128MB'),
    ...upsertSettings(title, fields, table),
  });
}

const TABLE_OPTIONS = ['partitionBy', 'sortBy', 'every', 'maxBytes', 'upsert', 'tombstone'];

function upsertSettings(
  title: string,
  fields: readonly NamedField[],
  { upsert, tombstone }: TableOptions,
): { upsert?: readonly string[]; tombstone?: string } {
  if (upsert === undefined) {
    if (tombstone === undefined) return {};
    throw invalidDefinition(
      title,
      '`table.tombstone` says which records delete a row; that needs `table.upsert`, the key of a row.',
    );
  }
  const key = [upsert].flat() as unknown[];
  if (key.length === 0)
    throw invalidDefinition(title, "`table.upsert` must name a field, for example 'id'.");
  const names = key.map((name) => {
    const found = requireField(title, 'table.upsert', fields, name);
    if (!UPSERT_KINDS.has(found.type.kind) || found.optional)
      throw invalidDefinition(
        title,
        `\`table.upsert\`: \`${found.name}\` is ${found.optional ? 'optional' : found.type.kind}; a key needs a value in every record, and is ${[...UPSERT_KINDS].join(', ')}.`,
      );
    return found.name;
  });
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw invalidDefinition(title, `\`table.upsert\` names \`${twice}\` twice.`);
  if (tombstone === undefined) return { upsert: Object.freeze(names) };
  const deleted = requireField(title, 'table.tombstone', fields, tombstone);
  if (deleted.type.kind !== 'boolean')
    throw invalidDefinition(
      title,
      `\`table.tombstone\`: \`${deleted.name}\` must be a boolean field.`,
    );
  return { upsert: Object.freeze(names), tombstone: deleted.name };
}

const UPSERT_KINDS: ReadonlySet<string> = new Set([
  'string',
  'int',
  'long',
  'uuid',
  'date',
  'timestamp',
  'timestamptz',
  'boolean',
  'decimal',
]);

function sortSettings(
  title: string,
  fields: readonly NamedField[],
  sortBy: TableOptions['sortBy'],
): { readonly sortBy?: readonly Sort[] } {
  if (sortBy === undefined) return {};
  if (!Array.isArray(sortBy) || sortBy.length === 0)
    throw invalidDefinition(
      title,
      "`table.sortBy` must be a list of at least one field, for example ['at', desc('amount')].",
    );
  const sorts = sortBy.map((part: string | Sort): Sort => {
    const isName = typeof part === 'string';
    if (!isName && part?.direction !== 'desc')
      throw invalidDefinition(title, "`table.sortBy` takes a field's name or desc('field').");
    const { name, type } = requireField(title, 'table.sortBy', fields, isName ? part : part.field);
    if (['list', 'map', 'struct'].includes(type.kind))
      throw invalidDefinition(
        title,
        `\`table.sortBy\`: '${name}' is a ${type.kind}, which has no order. Sort by a plain field.`,
      );
    return Object.freeze({ field: name, direction: isName ? 'asc' : 'desc' });
  });
  const twin = sorts.find(({ field }, at) => sorts.findIndex((one) => one.field === field) !== at);
  if (twin) throw invalidDefinition(title, `\`table.sortBy\` names '${twin.field}' twice.`);
  return { sortBy: Object.freeze(sorts) };
}

const TIMED_KINDS = ['date', 'timestamp', 'timestamptz'];
const HASHED_KINDS = ['int', 'long', 'string', 'uuid', 'decimal', ...TIMED_KINDS];
const PARTITION_KINDS: { readonly [transform: string]: readonly string[] } = {
  identity: ['boolean', ...HASHED_KINDS],
  year: TIMED_KINDS,
  month: TIMED_KINDS,
  day: TIMED_KINDS,
  hour: ['timestamp', 'timestamptz'],
  bucket: ['binary', ...HASHED_KINDS],
  truncate: ['int', 'long', 'string', 'decimal'],
};

function requirePartition(
  title: string,
  fields: readonly NamedField[],
  partition: Partition,
): void {
  const kinds = PARTITION_KINDS[partition?.transform];
  if (!kinds)
    throw invalidDefinition(
      title,
      "`table.partitionBy` takes day('field'), month('field'), identity('field') and so on.",
    );
  const found = requireField(title, 'table.partitionBy', fields, partition.field);
  if (!kinds.includes(found.type.kind))
    throw invalidDefinition(
      title,
      `\`table.partitionBy\`: ${partition.transform}('${found.name}') cannot be used on ${found.type.kind}.`,
    );
  const sized = partition.transform === 'bucket' || partition.transform === 'truncate';
  const size = partition.size as number;
  if (sized && !(Number.isInteger(size) && size > 0 && size < 2 ** 31))
    throw invalidDefinition(
      title,
      `\`table.partitionBy\`: ${partition.transform}('${found.name}', size) needs a whole number above 0, of 32 bits.`,
    );
}

import type { NamedField } from '../core/field-types.ts';
import { type Prefix, parsePrefix } from './file-prefix.ts';
import { invalidDefinition, parseDuration, parseSize, refuseUnknownOptions } from './invalid.ts';
import { requirePlace } from './place.ts';
import type { Sql } from './sql.ts';

export type DeliveredFormat = 'parquet' | 'ndjson' | 'csv' | 'avro' | 'orc';
export type FileCompression = 'none' | 'gzip' | 'zstd' | 'snappy';

export interface FilesOptions<Name extends string = string> {
  /** A folder (a relative one begins beside the data folder), or `s3://bucket/prefix`. */
  readonly to: string;
  readonly format: DeliveredFormat;
  /** Default `'zstd'` for Parquet, `'gzip'` for others. */
  readonly compression?: FileCompression;
  /**
   * What names of files begin with, with Firehose's expressions: `'day=!{timestamp:yyyy-MM-dd}/country=!{partitionKeyFromQuery:country}/'`.
   * Default `'!{timestamp:yyyy/MM/dd/HH}/'`, which also follows a prefix without any expression.
   */
  readonly prefix?: string;
  /** The same for records that have no place under `prefix`. Default `'errors/!{firehose:error-output-type}/'`. */
  readonly errorPrefix?: string;
  /** What `!{partitionKeyFromQuery:name}` stands for: a field, or SQL over the fields of a record. */
  readonly partitionKeys?: { readonly [name: string]: Name | Sql };
  /** Records wait at most this long for their delivery. Default `'60s'`. */
  readonly every?: string;
  /** A delivery starts once this much waits. Default `'128MB'`. */
  readonly maxBytes?: string;
}

export interface FilesSettings {
  readonly to: string;
  readonly format: DeliveredFormat;
  readonly compression: FileCompression;
  readonly prefix: Prefix;
  readonly errorPrefix: Prefix;
  readonly partitionKeys: readonly { readonly name: string; readonly value: Sql }[];
  readonly everyMs: number;
  readonly bytesMax: number;
}

const OPTIONS = [
  ...['to', 'format', 'compression', 'prefix', 'errorPrefix', 'partitionKeys', 'every', 'maxBytes'],
];
const COMPRESSIONS: { readonly [F in DeliveredFormat]: readonly FileCompression[] } = {
  parquet: ['zstd', 'snappy', 'gzip', 'none'],
  ndjson: ['gzip', 'zstd', 'none'],
  csv: ['gzip', 'zstd', 'none'],
  avro: ['gzip', 'none'],
  orc: ['gzip', 'none'],
};
const PREFIX_DEFAULT = '!{timestamp:yyyy/MM/dd/HH}/';
const ERROR_PREFIX_DEFAULT = 'errors/!{firehose:error-output-type}/';

/** @param of the stream's name and fields, and how its definition is called in messages */
export function filesSettings(
  of: { readonly name: string; readonly title: string; readonly fields: readonly NamedField[] },
  files: FilesOptions | undefined,
): { files?: FilesSettings } {
  if (files === undefined) return {};
  const { title } = of;
  refuseUnknownOptions(`${title}, files`, files, OPTIONS);
  const format = formatOf(title, files.format);
  const keys = partitionKeys(of, files.partitionKeys ?? {});
  return {
    files: Object.freeze({
      to: requirePlace(title, 'files.to', { place: files.to, what: 'files are delivered' }),
      format,
      compression: compressionOf(title, format, files.compression),
      prefix: prefixOf(title, files.prefix ?? PREFIX_DEFAULT, keys),
      errorPrefix: errorPrefixOf(title, files.errorPrefix ?? ERROR_PREFIX_DEFAULT),
      partitionKeys: Object.freeze(keys),
      everyMs: parseDuration(title, 'files.every', files.every ?? '60s'),
      bytesMax: parseSize(title, 'files.maxBytes', files.maxBytes ?? '128MB'),
    }),
  };
}

function formatOf(title: string, format: unknown): DeliveredFormat {
  if (typeof format === 'string' && format in COMPRESSIONS) return format as DeliveredFormat;
  throw invalidDefinition(
    title,
    `\`files.format\` must be one of ${Object.keys(COMPRESSIONS).join(', ')}.`,
  );
}

function compressionOf(
  title: string,
  format: DeliveredFormat,
  compression: unknown,
): FileCompression {
  const all = COMPRESSIONS[format];
  const found = all.find((one) => one === (compression ?? all[0]));
  if (found) return found;
  throw invalidDefinition(
    title,
    `\`files.compression\` of ${format} must be one of ${all.join(', ')}.`,
  );
}

type Keys = FilesSettings['partitionKeys'];

function partitionKeys(
  { name: stream, title, fields }: { name: string; title: string; fields: readonly NamedField[] },
  keys: { readonly [name: string]: unknown },
): Keys {
  if (typeof keys !== 'object' || Array.isArray(keys))
    throw invalidDefinition(title, "`files.partitionKeys` must be like { country: 'country' }.");
  return Object.entries(keys).map(([name, value]) => {
    const option = `\`files.partitionKeys.${name}\``;
    if (!/^\w{1,64}$/.test(name))
      throw invalidDefinition(title, `${option}: a name has only letters, digits and _, up to 64.`);
    return { name, value: keyValue({ stream, title, option, fields }, value) };
  });
}

interface KeyPlace {
  readonly stream: string;
  readonly title: string;
  readonly option: string;
  readonly fields: readonly NamedField[];
}

function keyValue({ stream, title, option, fields }: KeyPlace, value: unknown): Sql {
  const names = fields.map((field) => field.name);
  const among = `Fields are: ${names.join(', ')}.`;
  if (typeof value === 'string') {
    if (!names.includes(value))
      throw invalidDefinition(title, `${option} names '${value}', which is not a field. ${among}`);
    return { kind: 'sql', parts: [{ column: value, of: stream }] };
  }
  const query = value as Sql | undefined;
  if (query?.kind !== 'sql')
    throw invalidDefinition(title, `${option} must be a field's name, or sql\`upper(country)\`.`);
  if (query.parts.some((part) => 'table' in part || ('column' in part && part.of !== stream)))
    throw invalidDefinition(title, `${option} may only use fields of the stream. ${among}`);
  return query;
}

function prefixOf(title: string, text: unknown, keys: Keys): Prefix {
  const written = parsed(title, 'files.prefix', text);
  const isPlain = written.every((part) => 'text' in part);
  const prefix = isPlain ? parsed(title, 'files.prefix', `${text}${PREFIX_DEFAULT}`) : written;
  const named = prefix.flatMap((part) => ('key' in part ? [part.key] : []));
  const names = keys.map(({ name }) => name);
  const unknown = named.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalidDefinition(
      title,
      `\`files.prefix\` names the partition key '${unknown}'. Say in \`files.partitionKeys\` what it is; there are: ${names.join(', ') || 'none'}.`,
    );
  const unused = names.find((name) => !named.includes(name));
  if (unused !== undefined)
    throw invalidDefinition(
      title,
      `\`files.partitionKeys.${unused}\` is not used. Write !{partitionKeyFromQuery:${unused}} in \`files.prefix\`, or leave it out.`,
    );
  if (hasErrorType(prefix))
    throw invalidDefinition(
      title,
      '`files.prefix` has !{firehose:error-output-type}, which only records without a place have. Use it in `files.errorPrefix`.',
    );
  return prefix;
}

function errorPrefixOf(title: string, text: unknown): Prefix {
  const prefix = parsed(title, 'files.errorPrefix', text);
  if (prefix.some((part) => 'key' in part))
    throw invalidDefinition(
      title,
      '`files.errorPrefix` has !{partitionKeyFromQuery:…}: the records there are those that have no value for it. Take it out.',
    );
  if (hasErrorType(prefix)) return prefix;
  throw invalidDefinition(
    title,
    "`files.errorPrefix` must have !{firehose:error-output-type}, for example 'errors/!{firehose:error-output-type}/'.",
  );
}

const hasErrorType = (prefix: Prefix): boolean =>
  prefix.some((part) => 'firehose' in part && part.firehose === 'error-output-type');

function parsed(title: string, option: string, text: unknown): Prefix {
  if (typeof text !== 'string') throw invalidDefinition(title, `\`${option}\` must be text.`);
  const prefix = parsePrefix(text);
  if ('problem' in prefix) throw invalidDefinition(title, `\`${option}\`: ${prefix.problem}.`);
  const plain = prefix.map((part) => ('text' in part ? part.text : 'x')).join('');
  const names = plain.split('/').slice(0, -1);
  if (plain.startsWith('/') || plain.includes('\\') || names.some(isNoName))
    throw invalidDefinition(
      title,
      `\`${option}\` must be a path below \`files.to\`: without '/' at its beginning, '//', '.', '..' and '\\'.`,
    );
  if (plain.startsWith('.millrace'))
    throw invalidDefinition(title, `\`${option}\`: '.millrace' is where unfinished files are.`);
  return prefix;
}

const isNoName = (name: string): boolean => name === '' || name === '.' || name === '..';

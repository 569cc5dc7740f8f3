import type { Fields, RowOf } from './field.ts';
import { invalidDefinition, refuseUnknownOptions, requireName, textOption } from './invalid.ts';
import { rememberLocation } from './location.ts';
import { requireField, type Stream } from './stream.ts';

/** As a sort part: the record's place in the stream, so that every record keeps its own entry. */
export interface SequencePart {
  readonly kind: 'sequence';
}
export const sequence: SequencePart = Object.freeze({ kind: 'sequence' });

export interface LookupOptions<F extends Fields> {
  readonly from: Stream<string, F>;
  readonly description?: string;
  /** The field whose value is asked for. */
  readonly key: keyof F & string;
  /** Fields that order the entries of one key. Without them each key has one entry, the last written. */
  readonly sort?:
    | (keyof F & string)
    | SequencePart
    | readonly ((keyof F & string) | SequencePart)[];
  /** A boolean field: a record where it is true deletes the entry. */
  readonly tombstone?: keyof F & string;
}

export interface Lookup<N extends string = string, F extends Fields = Fields> {
  readonly kind: 'lookup';
  readonly name: N;
  readonly from: Stream<string, F>;
  readonly settings: LookupSettings;
  readonly _row?: RowOf<F>;
}

export interface LookupSettings {
  readonly description?: string;
  readonly key: string;
  /** Field names; null stands for `sequence`. */
  readonly sort: readonly (string | null)[];
  readonly tombstone?: string;
}

const KEY_KINDS: ReadonlySet<string> = new Set([
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

/**
 * A key → rows view of a stream, answered in microseconds.
 * @throws MillraceError MR_DEFINITION_INVALID naming file, line and option.
 */
export function lookup<const N extends string, F extends Fields>(
  name: N,
  options: LookupOptions<F>,
): Lookup<N, F> {
  requireName('lookup', name);
  const title = `lookup('${name}')`;
  refuseUnknownOptions(title, options, ['from', 'description', 'key', 'sort', 'tombstone']);
  if (options.from?.kind !== 'stream') throw invalidDefinition(title, '`from` must be a stream.');
  const definition = {
    kind: 'lookup' as const,
    name,
    from: options.from,
    settings: settingsOf(title, options),
  };
  rememberLocation(definition);
  return Object.freeze(definition) as Lookup<N, F>;
}

function settingsOf<F extends Fields>(title: string, options: LookupOptions<F>): LookupSettings {
  const { fields } = options.from.settings;
  const keyed = (option: string, name: unknown): string => {
    const found = requireField(title, option, fields, name);
    if (!KEY_KINDS.has(found.type.kind))
      throw invalidDefinition(
        title,
        `\`${option}\`: \`${found.name}\` is ${found.type.kind}, which cannot be part of a key.`,
      );
    return found.name;
  };
  const sort = options.sort === undefined ? [] : [options.sort].flat();
  const parts = sort.map((part) =>
    typeof part === 'object' && part?.kind === 'sequence' ? null : keyed('sort', part),
  );
  const key = keyed('key', options.key);
  const twice = parts.find((part, index) => part === key || parts.indexOf(part) !== index);
  if (twice !== undefined)
    throw invalidDefinition(
      title,
      `\`sort\`: ${twice === null ? '`sequence`' : `\`${twice}\``} is a part of the key already. Leave it out.`,
    );
  const tombstone =
    options.tombstone === undefined
      ? undefined
      : requireField(title, 'tombstone', fields, options.tombstone);
  if (tombstone && tombstone.type.kind !== 'boolean')
    throw invalidDefinition(title, `\`tombstone\`: \`${tombstone.name}\` must be a boolean field.`);
  return Object.freeze({
    ...textOption(title, 'description', options.description),
    key,
    sort: Object.freeze(parts),
    ...(tombstone ? { tombstone: tombstone.name } : {}),
  });
}

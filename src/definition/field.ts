import type { FieldSource, FieldSpec, FieldType } from '../core/field-types.ts';
import {
  boundValue,
  defaultValue,
  listedValues,
  patternSource,
  requireConsistent,
} from './field-rules.ts';
import { invalidDefinition } from './invalid.ts';

/**
 * One field of a stream, as built by `field.*`. Immutable: every modifier returns a new field.
 * `Value` is the TypeScript type of its values, `Optional` whether a record may leave it out.
 */
export interface Field<Value = unknown, Optional extends boolean = boolean> {
  readonly spec: FieldSpec;
  /** Only for the compiler: carries the value's type. */
  readonly _value?: Value;
  readonly _optional?: Optional;
}

interface Modifiers<Self, OptionalSelf, Value> {
  /** A record may leave the field out or send null. */
  optional(): OptionalSelf;
  describe(text: string): Self;
  /** Marks personal data; masking by role comes with governance. */
  pii(): Self;
  /** The value where a record has none. */
  default(value: Value): OptionalSelf;
  /** Its former name: what is stored under that name is this field's. For fields of streams and structs. */
  renamedFrom(name: string): Self;
}

interface Range<Self, Bound> {
  /** Lowest value allowed (for strings and binary: the smallest length). */
  min(bound: Bound): Self;
  max(bound: Bound): Self;
}

interface OneOf<Self, Value> {
  oneOf(values: readonly Value[]): Self;
}

export interface PlainField<V, O extends boolean = false>
  extends Field<V, O>,
    Modifiers<PlainField<V, O>, PlainField<V, true>, V> {}
export interface OrderedField<V, O extends boolean = false>
  extends Field<V, O>,
    Modifiers<OrderedField<V, O>, OrderedField<V, true>, V>,
    Range<OrderedField<V, O>, V> {}
export interface IntegerField<V, O extends boolean = false>
  extends Field<V, O>,
    Modifiers<IntegerField<V, O>, IntegerField<V, true>, V>,
    Range<IntegerField<V, O>, V>,
    OneOf<IntegerField<V, O>, V> {}
export interface StringField<O extends boolean = false>
  extends Field<string, O>,
    Modifiers<StringField<O>, StringField<true>, string>,
    Range<StringField<O>, number>,
    OneOf<StringField<O>, string> {
  /** A regular expression the whole value must match. */
  pattern(expression: RegExp | string): StringField<O>;
  /** `17850.0` or 17850 is read as the text `17850`. */
  from(source: 'integer-text'): StringField<O>;
}
export interface BinaryField<O extends boolean = false>
  extends Field<Uint8Array, O>,
    Modifiers<BinaryField<O>, BinaryField<true>, Uint8Array>,
    Range<BinaryField<O>, number> {}
export interface InstantField<O extends boolean = false>
  extends Field<Date, O>,
    Modifiers<InstantField<O>, InstantField<true>, Date>,
    Range<InstantField<O>, Date> {
  /** The producer sends a number of seconds or milliseconds since 1970. */
  from(source: 'epoch-seconds' | 'epoch-milliseconds'): InstantField<O>;
}

export type Fields = { readonly [name: string]: Field };
type Simplify<T> = { [K in keyof T]: T[K] };
export type ValueOf<F> =
  F extends Field<infer V, infer O> ? (O extends true ? V | null : V) : never;
/** The row of a set of fields: optional ones may be absent or null. */
export type RowOf<F extends Fields> = Simplify<
  { [K in keyof F as F[K] extends Field<unknown, true> ? never : K]: ValueOf<F[K]> } & {
    [K in keyof F as F[K] extends Field<unknown, true> ? K : never]?: ValueOf<F[K]>;
  }
>;

type MapKey = StringField | IntegerField<number> | IntegerField<bigint> | PlainField<string>;

const constructors = Object.freeze({
  boolean: (): PlainField<boolean> => make({ kind: 'boolean' }),
  /** 32-bit integer. */
  int: (): IntegerField<number> => make({ kind: 'int' }),
  /** 64-bit integer; a bigint in TypeScript. */
  long: (): IntegerField<bigint> => make({ kind: 'long' }),
  float: (): OrderedField<number> => make({ kind: 'float' }),
  double: (): OrderedField<number> => make({ kind: 'double' }),
  /** Exact number of `precision` digits, `scale` of them behind the point; text in TypeScript. */
  decimal: (precision: number, scale: number): OrderedField<string> =>
    make(decimalType(precision, scale)),
  string: (): StringField => make({ kind: 'string' }),
  uuid: (): PlainField<string> => make({ kind: 'uuid' }),
  /** Bytes; base64 text in JSON. */
  binary: (): BinaryField => make({ kind: 'binary' }),
  /** `YYYY-MM-DD`. */
  date: (): OrderedField<string> => make({ kind: 'date' }),
  /** Date and time without a zone, kept as written. */
  timestamp: (): OrderedField<string> => make({ kind: 'timestamp' }),
  /** An instant; an offset is required. */
  timestamptz: (): InstantField => make({ kind: 'timestamptz' }),
  list: <V, O extends boolean>(element: Field<V, O>): PlainField<ValueOf<Field<V, O>>[]> =>
    make({ kind: 'list', element: specOf('field.list', element) }),
  map: <V, O extends boolean>(
    key: MapKey,
    value: Field<V, O>,
  ): PlainField<Record<string, ValueOf<Field<V, O>>>> =>
    make({ kind: 'map', key: mapKeySpec(key), value: specOf('field.map', value) }),
  struct: <F extends Fields>(fields: F): PlainField<RowOf<F>> =>
    make({ kind: 'struct', fields: partFields(fields) }),
});

/**
 * Constructors of fields, one per type of an Iceberg table. One that is not there says so when it is
 * called: definitions also come from untyped callers.
 */
export const field: typeof constructors = new Proxy(constructors, {
  get: (known, name) =>
    name in known || typeof name !== 'string' || NOT_TYPES.has(name)
      ? Reflect.get(known, name)
      : () => {
          throw unknownType(name, Object.keys(known));
        },
});

const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,126}$/;

/** What programs ask any object for. */
const NOT_TYPES: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  'default',
  'nodeType',
  'asymmetricMatch',
]);

function unknownType(name: string, known: readonly string[]): Error {
  const time =
    name === 'time' ? ' A time of day is kept as text, f.string(), or in a timestamp.' : '';
  return invalidDefinition(
    `field.${name}()`,
    `there is no such type.${time} Types are: ${known.join(', ')}.`,
  );
}

const RANGED: ReadonlySet<string> = new Set<string>([
  'int',
  'long',
  'float',
  'double',
  'decimal',
  'string',
  'binary',
  'date',
  'timestamp',
  'timestamptz',
]);
const LISTED: ReadonlySet<string> = new Set<string>(['int', 'long', 'string']);
const SOURCES: { readonly [kind: string]: readonly FieldSource[] } = {
  string: ['integer-text'],
  timestamptz: ['epoch-seconds', 'epoch-milliseconds'],
};

/** Modifiers check again at run time: definitions also come from untyped callers. */
function make<Self>(type: FieldType, changes: Partial<FieldSpec> = {}): Self {
  const spec: FieldSpec = Object.freeze({ optional: false, ...changes, type: Object.freeze(type) });
  const but = (change: Partial<FieldSpec>): Self =>
    make(type, requireConsistent({ ...spec, ...change }));
  const refuse = (problem: string) => invalidDefinition(`field.${type.kind}()`, problem);
  const only = (allowed: boolean, modifier: string): void => {
    if (!allowed) throw refuse(`.${modifier}() is not a modifier of this type.`);
  };
  const bound = (name: 'min' | 'max') => (value: unknown) => {
    only(RANGED.has(type.kind), name);
    return but({ [name]: boundValue(spec, name, value) });
  };
  return Object.freeze({
    spec,
    optional: () => but({ optional: true }),
    describe: (text: unknown) => {
      if (typeof text !== 'string') throw refuse('.describe() takes a text.');
      return but({ description: text });
    },
    pii: () => but({ pii: true }),
    renamedFrom: (name: unknown) => {
      if (typeof name !== 'string' || !FIELD_NAME.test(name))
        throw refuse(`.renamedFrom(${JSON.stringify(name)}) takes the field's former name.`);
      return but({ renamedFrom: name });
    },
    default: (value: unknown) => but({ optional: true, default: defaultValue(spec, value) }),
    min: bound('min'),
    max: bound('max'),
    oneOf: (values: unknown) => {
      only(LISTED.has(type.kind), 'oneOf');
      return but({ oneOf: listedValues(spec, values) });
    },
    pattern: (expression: unknown) => {
      only(type.kind === 'string', 'pattern');
      return but({ pattern: patternSource(spec, expression) });
    },
    from: (source: FieldSource) => {
      if (!SOURCES[type.kind]?.includes(source))
        throw refuse(`.from(${JSON.stringify(source)}) is not known for this type.`);
      return but({ from: source });
    },
  }) as Self;
}

function decimalType(precision: number, scale: number): FieldType {
  const whole = Number.isInteger(precision) && Number.isInteger(scale);
  if (!whole || precision < 1 || precision > 38 || scale < 0 || scale > precision)
    throw invalidDefinition(
      `field.decimal(${precision}, ${scale})`,
      'precision is 1 to 38, scale 0 to precision.',
    );
  return { kind: 'decimal', precision, scale };
}

const MAP_KEY_KINDS: ReadonlySet<string> = new Set(['string', 'int', 'long', 'uuid', 'date']);

function mapKeySpec(key: Field): FieldSpec {
  const spec = specOf('field.map', key);
  if (!MAP_KEY_KINDS.has(spec.type.kind) || spec.optional)
    throw invalidDefinition(
      'field.map()',
      'keys are string, int, long, uuid or date, and not optional.',
    );
  return spec;
}

function specOf(definition: string, candidate: unknown): FieldSpec {
  const spec = (candidate as Field | undefined)?.spec;
  if (spec?.type === undefined)
    throw invalidDefinition(
      `${definition}()`,
      'its parts must be made with field.*, for example field.string().',
    );
  refuseDefault(definition, spec);
  if (spec.renamedFrom !== undefined)
    throw invalidDefinition(
      `${definition}()`,
      'what is inside it has no name, so it has no .renamedFrom(). Fields of streams and structs have.',
    );
  return spec;
}

function partFields(fields: Fields) {
  const parts = namedFields('field.struct', fields);
  for (const part of parts) refuseDefault('field.struct', part);
  return parts;
}

/** Tables and lookups fill in what a record leaves out; what is missing inside a value stays missing. */
function refuseDefault(definition: string, part: FieldSpec): void {
  if (part.default === undefined) return;
  throw invalidDefinition(
    `${definition}()`,
    'a part has no .default(). Make it .optional(), or give the whole field a default.',
  );
}

/** The fields of a stream or struct as plain data, in order; refuses names that differ by case only. */
export function namedFields(definition: string, fields: Fields): (FieldSpec & { name: string })[] {
  if (typeof fields !== 'object' || fields === null || Object.keys(fields).length === 0)
    throw invalidDefinition(
      definition,
      '`fields` must name at least one field, for example { id: field.string() }.',
    );
  const seen = new Map<string, string>();
  const named = Object.entries(fields).map(([name, candidate]) => {
    if (!FIELD_NAME.test(name))
      throw invalidDefinition(
        definition,
        `field name ${JSON.stringify(name)}: letters, digits and _, starting with a letter.`,
      );
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined)
      throw invalidDefinition(
        definition,
        `fields \`${twin}\` and \`${name}\` differ by case only; SQL could not tell them apart.`,
      );
    seen.set(name.toLowerCase(), name);
    if (/^_(shard|sequence_number|arrived_at|rest)$/i.test(name))
      throw invalidDefinition(definition, `field \`${name}\`: this name is millrace's own.`);
    const spec = (candidate as Field | undefined)?.spec;
    if (spec?.type === undefined)
      throw invalidDefinition(
        definition,
        `field \`${name}\` must be made with field.*, for example field.string().`,
      );
    return { name, ...spec };
  });
  requireRenames(definition, named);
  return named;
}

/** What is stored under a name can go to one field only. */
function requireRenames(
  definition: string,
  fields: readonly (FieldSpec & { readonly name: string })[],
): void {
  for (const { name, renamedFrom: former } of fields) {
    if (former === undefined) continue;
    const refuse = (problem: string) =>
      invalidDefinition(definition, `field \`${name}\`: .renamedFrom('${former}') ${problem}`);
    if (former === name) throw refuse('is its own name. Give the name it had before.');
    if (fields.some((other) => other.name === former))
      throw refuse(
        'names a field that is there. Take it away once data were renamed; a new field may have the name then.',
      );
    const twin = fields.find((other) => other.renamedFrom === former && other.name !== name);
    if (twin)
      throw refuse(`is said of \`${twin.name}\` too: only one of them can have its values.`);
  }
}

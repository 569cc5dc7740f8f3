import avro from 'avsc';
import { instantText, isStorable } from '../../core/calendar.ts';
import { LIMITS } from '../../core/limits.ts';
import type { AvroTap } from './tap.ts';

/**
 * Values as JSON that loses nothing: integers of 64 bits and decimals are texts, bytes are base64, times ISO 8601.
 * avsc reads the schema; the values are read here, because it takes a long for a double, and makes another text of
 * one that is not UTF-8.
 */
export type JsonReader = (tap: AvroTap) => string;

export interface AvroColumn {
  readonly name: string;
  readonly read: JsonReader;
}

/** The columns of a file of records. @throws Error for a schema that is none, or not of records */
export function columnsOf(schema: string): AvroColumn[] {
  const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema, {
    logicalTypes: LOGICAL_TYPES,
    wrapUnions: true,
  });
  const record = plainType(type);
  if (!isRecord(record) || record.fields.length === 0)
    throw new Error(`its schema is a ${record.typeName}; rows are records with fields`);
  return columnsOfRecord(record, new Map());
}

type ReaderOf<T> = (type: T, known: Map<avro.Type, JsonReader>) => JsonReader;

function columnsOfRecord(
  type: avro.types.RecordType,
  known: Map<avro.Type, JsonReader>,
): AvroColumn[] {
  return type.fields.map((field) => ({ name: field.name, read: readerOf(field.type, known) }));
}

const readerOf: ReaderOf<avro.Type> = (type, known) => {
  const found = known.get(type);
  if (found) return found;
  // A type can be part of itself: until it is made it is asked for when it is used.
  let made: JsonReader | undefined;
  known.set(type, (tap) => (made as JsonReader)(tap));
  made = makeReader(type, known);
  known.set(type, made);
  return made;
};

const makeReader: ReaderOf<avro.Type> = (type, known) => {
  if (type instanceof ExactType) return type.reader();
  if (isRecord(type)) return recordReader(type, known);
  if (type instanceof avro.types.ArrayType) return arrayReader(type, known);
  if (type instanceof avro.types.MapType) return mapReader(type, known);
  if (type instanceof avro.types.WrappedUnionType) return unionReader(type, known);
  if (type instanceof avro.types.EnumType) {
    const { symbols } = type;
    return (tap) => JSON.stringify(at(symbols, tap.count()));
  }
  if (type instanceof avro.types.FixedType) {
    const { size } = type;
    return (tap) => base64(tap.fixed(size));
  }
  const reader = PRIMITIVES[type.typeName];
  if (!reader) throw new Error(`its schema has the type ${type.typeName}, which is not known`);
  return reader;
};

const base64 = (bytes: Buffer): string => `"${bytes.toString('base64')}"`;

const PRIMITIVES: { readonly [name: string]: JsonReader } = {
  null: () => 'null',
  boolean: (tap) => String(tap.boolean()),
  int: (tap) => String(tap.long()),
  long: (tap) => `"${tap.long()}"`,
  float: (tap) => floatJson(tap.float()),
  double: (tap) => numberJson(tap.double()),
  bytes: (tap) => base64(tap.bytes()),
  string: (tap) => JSON.stringify(tap.text()),
};

function numberJson(value: number, text = String(value)): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0.0' : text;
}

/** The fewest digits that are this float and no other: as a double 0.1 would be 0.10000000149011612. */
function floatJson(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return numberJson(value, String(short));
  }
  return numberJson(value);
}

function at<T>(choices: readonly T[], index: number): T {
  const choice = choices[index];
  if (choice === undefined) throw new Error(`choice ${index} of ${choices.length}`);
  return choice;
}

const recordReader: ReaderOf<avro.types.RecordType> = (type, known) => {
  const columns = columnsOfRecord(type, known).map(({ name, read }) => ({
    name: `${JSON.stringify(name)}:`,
    read,
  }));
  let depth = 0;
  return (tap) => {
    depth += 1;
    if (depth > LIMITS.recordDepthMax)
      throw new Error(`a record is nested deeper than ${LIMITS.recordDepthMax} levels`);
    const members = columns.map(({ name, read }) => name + read(tap));
    depth -= 1;
    return `{${members.join(',')}}`;
  };
};

const arrayReader: ReaderOf<avro.types.ArrayType> = (type, known) => {
  const read = readerOf(type.itemsType, known);
  return (tap) => {
    const items: string[] = [];
    tap.items(() => items.push(read(tap)));
    return `[${items.join(',')}]`;
  };
};

const mapReader: ReaderOf<avro.types.MapType> = (type, known) => {
  const read = readerOf(type.valuesType as avro.Type, known);
  return (tap) => {
    const members: string[] = [];
    tap.items(() => members.push(`${JSON.stringify(tap.text())}:${read(tap)}`));
    return `{${members.join(',')}}`;
  };
};

/** The value without the name of its branch: a record has no other way to hold either of two things. */
const unionReader: ReaderOf<avro.types.WrappedUnionType> = (type, known) => {
  const branches = type.types.map((branch) => readerOf(branch, known));
  return (tap) => at(branches, tap.count())(tap);
};

const isRecord = (type: avro.Type): type is avro.types.RecordType =>
  type instanceof avro.types.RecordType;

const plainType = (type: avro.Type): avro.Type =>
  type instanceof avro.types.LogicalType ? type.underlyingType : type;

/** A logical type whose values are read as its meaning. What its schema has wrong makes it its underlying type. */
abstract class ExactType extends avro.types.LogicalType {
  abstract reader(): JsonReader;

  protected override _fromValue(value: unknown): unknown {
    return value;
  }

  protected override _toValue(value: unknown): unknown {
    return value;
  }

  protected override _resolve(): undefined {
    return undefined;
  }
}

class DecimalType extends ExactType {
  readonly #scale: number;

  constructor(schema: avro.Schema, options?: unknown) {
    super(schema, options);
    const { scale = 0, precision } = schema as { scale?: unknown; precision?: unknown };
    const isNumbers = Number.isInteger(scale) && Number.isInteger(precision);
    const { underlyingType } = this;
    const isBytes = underlyingType.typeName === 'bytes' || underlyingType.typeName === 'fixed';
    if (!isNumbers || !isBytes || Number(scale) < 0 || Number(scale) > Number(precision))
      throw new Error('not a decimal');
    this.#scale = scale as number;
  }

  reader(): JsonReader {
    const scale = this.#scale;
    const { underlyingType } = this;
    const size = underlyingType instanceof avro.types.FixedType ? underlyingType.size : undefined;
    return (tap) =>
      `"${decimalText(twosComplement(size === undefined ? tap.bytes() : tap.fixed(size)), scale)}"`;
  }
}

function twosComplement(bytes: Buffer): bigint {
  if (bytes.length === 0) return 0n;
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
}

function decimalText(value: bigint, scale: number): string {
  const sign = value < 0n ? '-' : '';
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Of a whole number: a text as its meaning. */
type TextOf = (value: bigint) => string;

function countedType(underlying: 'int' | 'long', textOf: TextOf): typeof ExactType {
  return class extends ExactType {
    constructor(schema: avro.Schema, options?: unknown) {
      super(schema, options);
      if (this.underlyingType.typeName !== underlying) throw new Error(`not of ${underlying}`);
    }

    reader(): JsonReader {
      return (tap) => `"${textOf(BigInt(tap.long()))}"`;
    }
  };
}

const DAY_MICROS = 86_400_000_000n;

/** A time beyond the years 1 to 9999 is told as it is: the stream says that it has no place for it. */
function microsText(micros: bigint, unit: string, value: bigint): string {
  return isStorable(micros) ? instantText(micros) : `${value} ${unit} since 1970`;
}

const dateText: TextOf = (days) =>
  microsText(days * DAY_MICROS, 'days', days).replace(/T00:00:00Z$/, '');

const instantOf =
  (unit: 'milliseconds' | 'microseconds'): TextOf =>
  (value) =>
    microsText(unit === 'milliseconds' ? value * 1000n : value, unit, value);

/** A microsecond is the most that a stream takes: what is finer stays to be seen, and is refused there. */
const nanosecondsText: TextOf = (value) => {
  const text = microsText((value - mod(value, 1000n)) / 1000n, 'nanoseconds', value);
  const nanos = mod(value, 1_000_000_000n);
  if (nanos % 1000n === 0n) return text;
  return `${text.slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;
};

const mod = (value: bigint, by: bigint): bigint => ((value % by) + by) % by;

const local =
  (textOf: TextOf): TextOf =>
  (value) =>
    textOf(value).replace(/Z$/, '');

/** Of day; one that no day has is told as the number it is. */
const timeText =
  (microsOf: (value: bigint) => bigint): TextOf =>
  (value) => {
    const micros = microsOf(value);
    return micros >= 0n && micros < DAY_MICROS ? instantText(micros).slice(11, -1) : String(value);
  };

class UuidType extends ExactType {
  constructor(schema: avro.Schema, options?: unknown) {
    super(schema, options);
    const { underlyingType } = this;
    const isText = underlyingType.typeName === 'string';
    const isFixed = underlyingType instanceof avro.types.FixedType && underlyingType.size === 16;
    if (!isText && !isFixed) throw new Error('not a UUID');
  }

  reader(): JsonReader {
    if (this.underlyingType.typeName === 'string') return PRIMITIVES['string'] as JsonReader;
    return (tap) =>
      `"${tap
        .fixed(16)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}"`;
  }
}

const LOGICAL_TYPES = {
  decimal: DecimalType,
  uuid: UuidType,
  date: countedType('int', dateText),
  'time-millis': countedType(
    'int',
    timeText((value) => value * 1000n),
  ),
  'time-micros': countedType(
    'long',
    timeText((value) => value),
  ),
  'timestamp-millis': countedType('long', instantOf('milliseconds')),
  'timestamp-micros': countedType('long', instantOf('microseconds')),
  'timestamp-nanos': countedType('long', nanosecondsText),
  'local-timestamp-millis': countedType('long', local(instantOf('milliseconds'))),
  'local-timestamp-micros': countedType('long', local(instantOf('microseconds'))),
  'local-timestamp-nanos': countedType('long', local(nanosecondsText)),
} as unknown as avro.ForSchemaOptions['logicalTypes'];

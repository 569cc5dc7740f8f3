import { deflateRawSync } from 'node:zlib';
import { instantText } from '../../core/calendar.ts';
import type { FieldSpec, FieldType, NamedField } from '../../core/field-types.ts';
import type { PlainValue } from '../../core/plain-value.ts';
import { AvroSink } from './sink.ts';

export interface AvroWriterOptions {
  readonly fields: readonly NamedField[];
  /** Of the record. */
  readonly name: string;
  readonly codec: 'null' | 'deflate';
  /** 16 bytes that nothing else has: what blocks are found by. */
  readonly sync: Uint8Array;
}

/** Blocks are packed once they have as much. */
const BLOCK_BYTES = 256 * 1024;

/**
 * An object container file (Avro specification 1.12) of rows, one block at a time. Fields and parts of structs may be
 * null whatever the stream says now: records that were stored before it said so have no value.
 */
export class AvroWriter {
  /** What a file begins with. */
  readonly header: Buffer;
  readonly #options: AvroWriterOptions;
  readonly #fields: readonly Encode[];
  readonly #block = new AvroSink();
  #records = 0;

  constructor(options: AvroWriterOptions) {
    const { fields, name, codec, sync } = options;
    this.#options = options;
    this.#fields = fields.map(({ type }) => nullable(encoderOf(type)));
    const sink = new AvroSink();
    sink.fixed(Buffer.from('Obj\x01'));
    sink.long(2);
    sink.text('avro.schema');
    sink.text(JSON.stringify(recordSchema(fields, name, undefined)));
    sink.text('avro.codec');
    sink.text(codec);
    sink.long(0);
    sink.fixed(sync);
    this.header = Buffer.from(sink.take());
  }

  /** @returns a block, once one is full */
  add(row: readonly PlainValue[]): Buffer | undefined {
    this.#fields.forEach((encode, index) => {
      encode(this.#block, row[index] ?? null);
    });
    this.#records += 1;
    return this.#block.length < BLOCK_BYTES ? undefined : this.end();
  }

  /** What is left, as a block; nothing where nothing is. */
  end(): Buffer {
    if (this.#records === 0) return Buffer.alloc(0);
    const { codec, sync } = this.#options;
    const plain = this.#block.take();
    const packed = codec === 'deflate' ? deflateRawSync(plain) : plain;
    const sink = new AvroSink();
    sink.long(this.#records);
    sink.bytes(packed);
    sink.fixed(sync);
    this.#records = 0;
    return Buffer.from(sink.take());
  }
}

type Schema = string | readonly Schema[] | { readonly [key: string]: unknown };

function recordSchema(
  fields: readonly NamedField[],
  name: string,
  namespace: string | undefined,
): Schema {
  const path = namespace === undefined ? name : `${namespace}.${name}`;
  return {
    type: 'record',
    name,
    ...(namespace === undefined ? {} : { namespace }),
    fields: fields.map((field) => ({
      name: field.name,
      type: ['null', schemaOf(field.type, field.name, path)],
      default: null,
      ...(field.description === undefined ? {} : { doc: field.description }),
    })),
  };
}

/** Names of records are the path to them, so that no two of a file are the same. */
function schemaOf(type: FieldType, name: string, path: string): Schema {
  const inside = (part: FieldSpec, role: string): Schema => {
    const schema = schemaOf(part.type, role, `${path}.${name}`);
    return part.optional ? ['null', schema] : schema;
  };
  switch (type.kind) {
    case 'decimal': {
      const { precision, scale } = type;
      return { type: 'bytes', logicalType: 'decimal', precision, scale };
    }
    case 'list':
      return { type: 'array', items: inside(type.element, 'element') };
    case 'map':
      return { type: 'map', values: inside(type.value, 'value') };
    case 'struct':
      return recordSchema(type.fields, name, path);
    default:
      return PRIMITIVES[type.kind];
  }
}

const PRIMITIVES = {
  boolean: 'boolean',
  int: 'int',
  long: 'long',
  float: 'float',
  double: 'double',
  string: 'string',
  binary: 'bytes',
  uuid: { type: 'string', logicalType: 'uuid' },
  date: { type: 'int', logicalType: 'date' },
  timestamp: { type: 'long', logicalType: 'local-timestamp-micros' },
  timestamptz: { type: 'long', logicalType: 'timestamp-micros' },
} as const;

type Encode = (sink: AvroSink, value: PlainValue) => void;

/** A union of null and something, in this order. */
function nullable(encode: Encode): Encode {
  return (sink, value) => {
    sink.long(value === null ? 0 : 1);
    if (value !== null) encode(sink, value);
  };
}

const partEncoder = ({ type, optional }: FieldSpec): Encode =>
  optional ? nullable(encoderOf(type)) : encoderOf(type);

function encoderOf(type: FieldType): Encode {
  switch (type.kind) {
    case 'boolean':
      return (sink, value) => sink.boolean(value as boolean);
    case 'float':
      return (sink, value) => sink.float(value as number);
    case 'double':
      return (sink, value) => sink.double(value as number);
    case 'string':
    case 'uuid':
      return (sink, value) => sink.text(value as string);
    case 'binary':
      return (sink, value) => sink.bytes(value as Uint8Array);
    case 'decimal':
      return (sink, value) => sink.bytes(twosComplement(value as bigint));
    case 'list':
      return listEncoder(partEncoder(type.element));
    case 'map':
      return mapEncoder(keyText(type.key.type), partEncoder(type.value));
    case 'struct': {
      const parts = type.fields.map((part) => nullable(encoderOf(part.type)));
      return (sink, value) =>
        parts.forEach((encode, index) => {
          encode(sink, (value as readonly PlainValue[])[index] ?? null);
        });
    }
    default:
      return (sink, value) => sink.long(value as number | bigint);
  }
}

function listEncoder(encode: Encode): Encode {
  return (sink, value) => {
    const items = value as readonly PlainValue[];
    if (items.length > 0) sink.long(items.length);
    for (const item of items) encode(sink, item);
    sink.long(0);
  };
}

function mapEncoder(textOf: (key: PlainValue) => string, encode: Encode): Encode {
  return (sink, value) => {
    const pairs = value as readonly (readonly [PlainValue, PlainValue])[];
    if (pairs.length > 0) sink.long(pairs.length);
    for (const [key, item] of pairs) {
      sink.text(textOf(key));
      encode(sink, item);
    }
    sink.long(0);
  };
}

const DAY_MICROS = 86_400_000_000n;

/** Keys are texts in Avro, as they are in JSON. */
function keyText(type: FieldType): (key: PlainValue) => string {
  if (type.kind !== 'date') return String;
  return (days) => instantText(BigInt(days as number) * DAY_MICROS).replace(/T.*$/, '');
}

/** The fewest bytes that hold the value, the highest first. */
function twosComplement(value: bigint): Buffer {
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes += 1;
  const hex = BigInt.asUintN(bytes * 8, value)
    .toString(16)
    .padStart(bytes * 2, '0');
  return Buffer.from(hex, 'hex');
}

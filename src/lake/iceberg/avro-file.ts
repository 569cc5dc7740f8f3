import { randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import avro from 'avsc';
import { MillraceError } from '../../core/errors.ts';

/**
 * Avro object container files (Avro specification 1.11, "Object Container Files"). avsc encodes the
 * values; the container is ours, because avsc drops Iceberg's `field-id` when it writes a schema.
 */
const MAGIC = Buffer.from('Obj\x01');
const SYNC_BYTES = 16;

export type AvroSchema = string | AvroSchema[] | { readonly [key: string]: unknown };

/** 64-bit longs as bigint: ids of other writers have 63 bits. */
const longType = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

/** A long with a logical type is an object of a schema, for which avsc does not ask the registry. */
function typeHook(schema: unknown): avro.Type | undefined {
  const isLong =
    typeof schema === 'object' && (schema as { type?: unknown } | null)?.type === 'long';
  return isLong ? longType : undefined;
}

/** Making one compiles code, which takes longer than to write a manifest. A table has one a partition spec. */
const TYPES = new Map<string, avro.Type>();
const TYPES_KEPT = 200;

function typeOf(schemaText: string): avro.Type {
  const known = TYPES.get(schemaText);
  if (known) return known;
  const type = avro.Type.forSchema(
    JSON.parse(schemaText) as avro.Schema,
    {
      registry: { long: longType },
      typeHook,
      wrapUnions: false,
    } as unknown as avro.ForSchemaOptions,
  );
  const [oldest] = TYPES.keys();
  if (TYPES.size >= TYPES_KEPT && oldest !== undefined) TYPES.delete(oldest);
  TYPES.set(schemaText, type);
  return type;
}

const METADATA = avro.Type.forSchema({ type: 'map', values: 'bytes' });
const HEADER_LONG = avro.Type.forSchema('long');

export function writeAvro(
  schema: AvroSchema,
  values: readonly object[],
  metadata: { readonly [key: string]: string },
): Buffer {
  const schemaText = JSON.stringify(schema);
  const type = typeOf(schemaText);
  const sync = randomBytes(SYNC_BYTES);
  const block = deflateRawSync(Buffer.concat(values.map((value) => type.toBuffer(value))));
  const head = METADATA.toBuffer(
    Object.fromEntries(
      Object.entries({
        ...metadata,
        'avro.schema': schemaText,
        'avro.codec': 'deflate',
      }).map(([key, value]) => [key, Buffer.from(value)]),
    ),
  );
  const body =
    values.length === 0
      ? []
      : [HEADER_LONG.toBuffer(values.length), HEADER_LONG.toBuffer(block.length), block, sync];
  return Buffer.concat([MAGIC, head, sync, ...body]);
}

/** The values of a container file, read by the schema it was written with. */
export function readAvro(
  path: string,
  file: Buffer,
): { values: object[]; metadata: { [key: string]: string } } {
  if (!file.subarray(0, 4).equals(MAGIC)) throw damaged(path);
  const head = METADATA.decode(file, 4) as { value: { [key: string]: Buffer }; offset: number };
  if (head.offset < 0) throw damaged(path);
  const metadata = Object.fromEntries(
    Object.entries(head.value).map(([key, value]) => [key, value.toString()]),
  );
  const type = typeOf(metadata['avro.schema'] ?? '"null"');
  const values: object[] = [];
  let at = head.offset + SYNC_BYTES;
  while (at < file.length) {
    const count = HEADER_LONG.decode(file, at) as { value: number; offset: number };
    const size = HEADER_LONG.decode(file, count.offset) as { value: number; offset: number };
    const raw = file.subarray(size.offset, size.offset + size.value);
    const block = inflate(path, metadata['avro.codec'], raw);
    let offset = 0;
    for (let index = 0; index < count.value; index++) {
      const decoded = type.decode(block, offset) as { value: object; offset: number };
      if (decoded.offset < 0) throw damaged(path);
      values.push(decoded.value);
      offset = decoded.offset;
    }
    at = size.offset + size.value + SYNC_BYTES;
  }
  return { values, metadata };
}

function inflate(path: string, codec: string | undefined, raw: Buffer): Buffer {
  switch (codec) {
    case undefined:
    case 'null':
      return raw;
    case 'deflate':
      return inflateRawSync(raw);
    default:
      throw new MillraceError(
        'MR_TABLE_UNSUPPORTED',
        `${path} is compressed with ${codec}; manifests can be read that are compressed with deflate (gzip) or not at all. Set write.manifest.compression-codec of the table to gzip in the program that writes it.`,
      );
  }
}

const damaged = (path: string): MillraceError =>
  new MillraceError('MR_STORAGE_DAMAGED', `${path} is not a whole Avro file.`);

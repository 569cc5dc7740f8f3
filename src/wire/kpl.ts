import { createHash } from 'node:crypto';

/** One of the records that the Kinesis Producer Library put together. */
export interface AggregatedRecord {
  readonly partitionKey: string;
  readonly hashKey: bigint | undefined;
  readonly data: Buffer;
}

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const DIGEST_BYTES = 16;
const KEY_CHARACTERS_MAX = 256;

/**
 * Takes an aggregated record apart: a magic number, a protobuf message, its MD5 (amazon-kinesis-producer,
 * aggregation-format.md). Undefined for what is none, as its readers have it: those bytes are a record of their own.
 *
 * Own code: four fields of two wire types, where libraries bring a compiler of schemas along.
 */
export function disaggregate(bytes: Buffer): AggregatedRecord[] | undefined {
  if (bytes.length < MAGIC.length + DIGEST_BYTES || !bytes.subarray(0, 4).equals(MAGIC))
    return undefined;
  const message = bytes.subarray(MAGIC.length, bytes.length - DIGEST_BYTES);
  const digest = bytes.subarray(bytes.length - DIGEST_BYTES);
  if (!createHash('md5').update(message).digest().equals(digest)) return undefined;
  try {
    return recordsOf(message);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** `1 repeated string` partition keys, `2 repeated string` hash keys, `3 repeated Record`. */
function recordsOf(message: Buffer): AggregatedRecord[] {
  const partitionKeys: string[] = [];
  const hashKeys: bigint[] = [];
  const records: Buffer[] = [];
  for (const { field, value } of fieldsOf(message)) {
    if (typeof value === 'number') continue;
    if (field === 1) partitionKeys.push(value.toString());
    if (field === 2) hashKeys.push(hashKeyOf(value.toString()));
    if (field === 3) records.push(value);
  }
  return records.map((record) => recordOf(record, partitionKeys, hashKeys));
}

/** `1 uint64` place of the partition key, `2 uint64` place of the hash key, `3 bytes` data. */
function recordOf(
  record: Buffer,
  partitionKeys: readonly string[],
  hashKeys: readonly bigint[],
): AggregatedRecord {
  let partitionKey: string | undefined;
  let hashKey: bigint | undefined;
  let data: Buffer = Buffer.alloc(0);
  for (const { field, value } of fieldsOf(record)) {
    if (field === 1 && typeof value === 'number') partitionKey = partitionKeys[value];
    if (field === 2 && typeof value === 'number') hashKey = hashKeys[value];
    if (field === 3 && typeof value !== 'number') data = value;
  }
  if (partitionKey === undefined || partitionKey.length > KEY_CHARACTERS_MAX)
    throw new RangeError('no partition key');
  return { partitionKey, hashKey, data };
}

function hashKeyOf(text: string): bigint {
  if (!/^(0|[1-9]\d{0,38})$/.test(text)) throw new RangeError('no hash key');
  return BigInt(text);
}

interface Field {
  readonly field: number;
  readonly value: number | Buffer;
}

/** Fields of a protobuf message: varints, and what has a length; others are passed over. */
function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
      if (!Number.isSafeInteger(value)) throw new RangeError('a varint is too long');
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) yield { field, value: varint() };
    else if (type === 2) {
      const length = varint();
      if (at + length > message.length) throw new RangeError('a field is cut off');
      yield { field, value: message.subarray(at, at + length) };
      at += length;
    } else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else throw new RangeError(`wire type ${type}`);
  }
}

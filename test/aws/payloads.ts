import { createHash } from 'node:crypto';

/** `json`: a row of the defined stream. `bytes`: no text in any encoding. As in `java/Payload.java`. */
export type Form = 'json' | 'bytes';

/** What an SDK was told of a record it put. */
export interface Acknowledged {
  readonly key: string;
  readonly n: number;
  readonly shardId: string;
  readonly sequenceNumber: string;
}

/** A record as an SDK read it. */
export interface ReadRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly arrivedMs: number;
  /** Base64. */
  readonly data: string;
}

export function keyOf(n: number, keys: number): string {
  return `key-${n % keys}`;
}

export function dataOf(form: Form, key: string, n: number): Buffer {
  if (form === 'json') return Buffer.from(JSON.stringify({ key, n }));
  const data = Buffer.alloc(6 + (n % 300));
  data[0] = 0xff;
  data.writeInt32BE(n, 2);
  for (let at = 6; at < data.length; at++) data[at] = ((at - 6) * 31 + n) & 0xff;
  return data;
}

/** The number of a record, from its bytes. */
export function numberOf(form: Form, data: string): number {
  const bytes = Buffer.from(data, 'base64');
  if (form === 'json') return (JSON.parse(bytes.toString()) as { n: number }).n;
  return bytes.readInt32BE(2);
}

/** Kinesis' rule: the MD5 of the partition key as a number. */
export function hashKeyOf(partitionKey: string): bigint {
  return BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection } from '../support/connection.mjs';

/** Produce requests (version 8) made beforehand: one batch of records each, acks=all, not compressed. */

const PRODUCE = 0;
const CREATE_TOPICS = 19;
const ACKS_ALL = -1;
const TIMEOUT_MS = 30_000;
const ALREADY_EXISTS = 36;

const int8 = (value) => Buffer.from([value & 0xff]);
const int16 = (value) => writing(2, (bytes) => bytes.writeInt16BE(value));
const int32 = (value) => writing(4, (bytes) => bytes.writeInt32BE(value));
const int64 = (value) => writing(8, (bytes) => bytes.writeBigInt64BE(BigInt(value)));
const string = (text) => Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);

function writing(size, write) {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return bytes;
}

/** Zigzag, seven bits a byte. */
function varint(value) {
  const bytes = [];
  let rest = (value << 1) ^ (value >> 31);
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function message(api, version, ...content) {
  const noClientId = int16(-1);
  const parts = [int16(api), int16(version), int32(1), noClientId, ...content];
  const bytes = Buffer.concat(parts);
  return Buffer.concat([int32(bytes.length), bytes]);
}

/** The request and the place in it of its partition, which is that of the connection that sends it. */
export function request(body, { topic }) {
  const batch = recordBatch(body.toString().trimEnd().split('\n'));
  const head = [int16(-1), int16(ACKS_ALL), int32(TIMEOUT_MS), int32(1), string(topic), int32(1)];
  const bytes = message(PRODUCE, 8, ...head, int32(0), int32(batch.length), batch);
  return { bytes, partitionAt: bytes.length - batch.length - 8 };
}

function recordBatch(lines) {
  const now = Date.now();
  const records = lines.map((line, index) => {
    const value = Buffer.from(line);
    const [noKey, noHeaders] = [varint(-1), varint(0)];
    const fields = [
      int8(0),
      varint(0),
      varint(index),
      noKey,
      varint(value.length),
      value,
      noHeaders,
    ];
    const record = Buffer.concat(fields);
    return Buffer.concat([varint(record.length), record]);
  });
  const noProducer = [int64(-1), int16(-1), int32(-1)];
  const checked = Buffer.concat([
    int16(0),
    int32(lines.length - 1),
    int64(now),
    int64(now),
    ...noProducer,
    int32(lines.length),
    ...records,
  ]);
  const behindLength = Buffer.concat([int32(-1), int8(2), int32(crc32c(checked) | 0), checked]);
  return Buffer.concat([int64(0), int32(behindLength.length), behindLength]);
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

function crc32c(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc;
}

export async function open({ port, topic, perRequest }, worker) {
  const connection = openConnection({ port });
  /** Behind length, correlation, one topic's name and one partition's number. */
  const errorAt = 4 + 4 + 4 + 2 + topic.length + 4 + 4;
  return {
    send: async ({ bytes, partitionAt }) => {
      bytes.writeInt32BE(worker, partitionAt);
      const answer = await connection.ask(bytes, wholeAnswer);
      const error = answer.readInt16BE(errorAt);
      if (error !== 0) throw new Error(`Kafka refused a batch with error ${error}`);
      return perRequest;
    },
    close: connection.close,
  };
}

function wholeAnswer(bytes) {
  return bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0) ? bytes : undefined;
}

/** Asks until the broker that has just begun to listen can do it. */
export async function makeTopic({ port, name, partitions, settings }) {
  const pairs = Object.entries(settings).flatMap((pair) => pair.map(string));
  const topic = [string(name), int32(partitions), int16(1), int32(0), int32(pairs.length / 2)];
  const noCheckOnly = int8(0);
  const bytes = message(
    CREATE_TOPICS,
    4,
    int32(1),
    ...topic,
    ...pairs,
    int32(TIMEOUT_MS),
    noCheckOnly,
  );
  const connection = openConnection({ port });
  for (let tries = 0; tries < 50; tries++) {
    const answer = await connection.ask(bytes, wholeAnswer);
    /** Behind length, correlation, throttle time, count of topics and the name. */
    const error = answer.readInt16BE(4 + 4 + 4 + 4 + 2 + name.length);
    if (error === 0) await sleep(500);
    if (error === ALREADY_EXISTS) return connection.close();
    await sleep(100);
  }
  throw new Error(`Kafka did not make the topic ${name}`);
}

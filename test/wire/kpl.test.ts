import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { disaggregate } from '../../src/wire/kpl.ts';

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
const bytesField = (field: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([field * 8 + 2, ...varint(bytes.length)]), bytes]);
const numberField = (field: number, value: number): Buffer =>
  Buffer.from([field * 8, ...varint(value)]);

function aggregate(message: Buffer): Buffer {
  const digest = createHash('md5').update(message).digest();
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, digest]);
}

const record = (key: number, data: string, hashKey?: number): Buffer =>
  bytesField(
    3,
    Buffer.concat([
      numberField(1, key),
      ...(hashKey === undefined ? [] : [numberField(2, hashKey)]),
      bytesField(3, Buffer.from(data)),
    ]),
  );

const MESSAGE = Buffer.concat([
  bytesField(1, Buffer.from('first')),
  bytesField(1, Buffer.from('zweiter ü')),
  bytesField(2, Buffer.from('170141183460469231731687303715884105728')),
  record(0, '{"n":1}'),
  record(1, 'x'.repeat(300), 0),
  record(0, ''),
]);

test('a record that the Kinesis Producer Library put together is taken apart, in its order', () => {
  const found = disaggregate(aggregate(MESSAGE));
  expect(
    found?.map(({ partitionKey, hashKey, data }) => [partitionKey, hashKey, data.toString()]),
  ).toEqual([
    ['first', undefined, '{"n":1}'],
    ['zweiter ü', 2n ** 127n, 'x'.repeat(300)],
    ['first', undefined, ''],
  ]);
});

test('what only begins like one is a record of its own', () => {
  const whole = aggregate(MESSAGE);
  const flipped = Buffer.from(whole);
  flipped.writeUInt8(flipped.readUInt8(10) ^ 1, 10);
  for (const bytes of [
    Buffer.alloc(0),
    whole.subarray(0, 3),
    whole.subarray(0, whole.length - 1),
    flipped,
    aggregate(record(7, 'no such key')),
    aggregate(Buffer.from([0x0a, 0xff])),
    aggregate(Buffer.from([0x0f])),
    Buffer.from('{"n":1}'),
  ])
    expect(disaggregate(bytes)).toBeUndefined();
});

test('fields that are not known are passed over', () => {
  const message = Buffer.concat([numberField(9, 300), bytesField(8, Buffer.from('tag')), MESSAGE]);
  expect(disaggregate(aggregate(message))).toHaveLength(3);
});

import { expect, test } from 'vitest';
import { hashBytes, hashDecimal, hashLong } from '../../src/lake/iceberg/bucket-hash.ts';

const micros = (text: string): bigint => BigInt(Date.parse(text)) * 1000n;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

// The values of the specification, appendix B, "32-bit hash requirements".
test.each<[string, number, number]>([
  ['int and long 34', hashLong(34n), 2017239379],
  ['decimal 14.20', hashDecimal('14.20'), -500754589],
  ['date 2017-11-16', hashLong(17486n), -653330422],
  ['timestamp 2017-11-16T22:31:08', hashLong(micros('2017-11-16T22:31:08Z')), -2047944441],
  ['a microsecond later', hashLong(micros('2017-11-16T22:31:08Z') + 1n), -1207196810],
  ['timestamptz with an offset', hashLong(micros('2017-11-16T14:31:08-08:00')), -2047944441],
  ['string iceberg', hashBytes(utf8('iceberg')), 1210000089],
  [
    'uuid f79c3e09-677c-4bbd-a479-3f349cb785e7',
    hashBytes(Buffer.from('f79c3e09677c4bbda4793f349cb785e7', 'hex')),
    1488055340,
  ],
  ['binary 00 01 02 03', hashBytes(Uint8Array.of(0, 1, 2, 3)), -188683207],
])('the hash of %s is that of the specification', (_, hash, expected) => {
  expect(hash).toBe(expected);
});

test('bytes hash the same wherever they lie in their buffer', () => {
  const buffer = new Uint8Array(11);
  buffer.set(utf8('iceberg'), 3);
  expect(hashBytes(buffer.subarray(3, 10))).toBe(1210000089);
});

test('decimals hash as the fewest bytes of two’s complement', () => {
  const bytes = (...values: number[]) => hashBytes(Uint8Array.from(values));
  expect(hashDecimal('0.00')).toBe(bytes(0));
  expect(hashDecimal('1.27')).toBe(bytes(0x7f));
  expect(hashDecimal('1.28')).toBe(bytes(0, 0x80));
  expect(hashDecimal('-1.28')).toBe(bytes(0x80));
  expect(hashDecimal('-1.29')).toBe(bytes(0xff, 0x7f));
  expect(hashDecimal('-0.01')).toBe(bytes(0xff));
  expect(hashDecimal('-327.68')).toBe(bytes(0x80, 0));
});

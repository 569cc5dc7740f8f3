import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { md5, md5Prefix } from '../../src/ingest/md5.ts';

test('the first 32 bits of MD5 are those of OpenSSL, for every key length', () => {
  for (let length = 0; length < 300; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 31 + length) % 256));
    expect(md5Prefix(bytes, 0, length), `${length} bytes`).toBe(
      createHash('md5').update(bytes).digest().readUInt32BE(0),
    );
  }
});

test('all 128 bits of MD5 are those of OpenSSL', () => {
  const bytes = Buffer.from('a key');
  const expected = createHash('md5').update(bytes).digest('hex');
  expect(md5(bytes, 0, bytes.length)).toBe(BigInt(`0x${expected}`));
});

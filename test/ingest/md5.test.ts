import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { md5Prefix } from '../../src/ingest/md5.ts';
import { router } from '../../src/ingest/route.ts';

test('the first 32 bits of MD5 are those of OpenSSL, for every key length', () => {
  for (let length = 0; length < 300; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 31 + length) % 256));
    expect(md5Prefix(bytes, 0, length), `${length} bytes`).toBe(
      createHash('md5').update(bytes).digest().readUInt32BE(0),
    );
  }
});

test('keys spread over all shards, and equal keys go to the same one', () => {
  const route = router(4);
  const counts = [0, 0, 0, 0];
  for (let key = 0; key < 4000; key++) {
    const bytes = Buffer.from(String(key));
    const shard = route.byKey(bytes, 0, bytes.length);
    counts[shard] = (counts[shard] as number) + 1;
    expect(route.byKey(bytes, 0, bytes.length)).toBe(shard);
  }
  for (const count of counts) expect(count).toBeGreaterThan(800);
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRouter } from '../../src/ingest/route.ts';
import { changeShards, evenShards, openShards, type ShardMap } from '../../src/stream/shard-map.ts';

const routerOf = (map: ShardMap) => createRouter({ version: 1, open: openShards(map) });
const hashKeyOf = (key: string): bigint =>
  BigInt(`0x${createHash('md5').update(key).digest('hex')}`);

test('a key goes to the shard whose range holds its MD5, as in Kinesis, however shards are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 80 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 12 }),
      (keys, count) => {
        let map = evenShards(count);
        // Cut between the hash keys of the keys themselves, where the first 32 bits do not decide.
        for (const key of keys.slice(0, 5)) {
          const at = hashKeyOf(key);
          const shard = openShards(map).find((one) => one.hashFrom < at && at <= one.hashLast);
          if (shard) map = changeShards(map, { split: shard.id, at }, 0);
        }
        const router = routerOf(map);
        for (const key of keys) {
          const bytes = Buffer.from(`x${key}`);
          const shard = openShards(map)[router.byKey(bytes, 1, bytes.length)];
          const hashKey = hashKeyOf(key);
          expect(shard && shard.hashFrom <= hashKey && hashKey <= shard.hashLast).toBe(true);
          expect(openShards(map)[router.byHashKey(hashKey)]).toBe(shard);
        }
      },
    ),
  );
});

test('keys spread over all shards, and equal keys go to the same one', () => {
  const router = routerOf(evenShards(4));
  const counts = [0, 0, 0, 0];
  for (let key = 0; key < 4000; key++) {
    const bytes = Buffer.from(String(key));
    const place = router.byKey(bytes, 0, bytes.length);
    counts[place] = (counts[place] as number) + 1;
    expect(router.byKey(bytes, 0, bytes.length)).toBe(place);
  }
  for (const count of counts) expect(count).toBeGreaterThan(800);
});

test('records without a key go to one shard after the other', () => {
  const router = routerOf(evenShards(3));
  expect(Array.from({ length: 6 }, () => router.next())).toEqual([1, 2, 0, 1, 2, 0]);
});

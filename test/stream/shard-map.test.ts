import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  changeShards,
  evenShards,
  forgetShards,
  HASH_KEYS,
  openShards,
  type ShardChange,
  type ShardMap,
} from '../../src/stream/shard-map.ts';

const ranges = (map: ShardMap) =>
  openShards(map).map(({ hashFrom, hashLast }) => [hashFrom, hashLast]);

test('any changes leave open shards that cover all hash keys once, and parents that covered the same', () => {
  const step = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ pick: fc.nat(), part: fc.bigInt({ min: 0n, max: 999n }) }),
    fc.record({ merge: fc.nat() }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(step, { maxLength: 12 }),
      (count, steps) => {
        let map = evenShards(count);
        steps.forEach((one, index) => {
          const open = openShards(map);
          let change: ShardChange | undefined;
          if ('count' in one) change = one;
          else if ('pick' in one) {
            const shard = open[one.pick % open.length];
            if (!shard) return;
            const at = shard.hashFrom + ((shard.hashLast - shard.hashFrom) * one.part) / 1000n + 1n;
            if (at <= shard.hashLast) change = { split: shard.id, at };
          } else {
            const [lower, upper] = open.slice(one.merge % open.length);
            if (lower && upper) change = { merge: [upper.id, lower.id] };
          }
          if (change) map = changeShards(map, change, index);
          let next = 0n;
          for (const [from, last] of ranges(map)) {
            expect(from).toBe(next);
            next = (last as bigint) + 1n;
          }
          expect(next).toBe(HASH_KEYS);
        });
        for (const child of map) {
          const parents = map.filter(({ id }) => child.parents.includes(id));
          if (parents.length === 0) continue;
          expect(parents.length).toBeLessThanOrEqual(2);
          for (const parent of parents) {
            expect(parent.closedAt).toBe(child.openedAt);
            expect(parent.hashFrom <= child.hashLast && child.hashFrom <= parent.hashLast).toBe(
              true,
            );
          }
        }
      },
    ),
  );
});

test('a number of shards gives the ranges that a new stream of that number has', () => {
  for (const from of [1, 2, 3, 5, 8])
    for (const to of [1, 2, 3, 4, 7])
      expect(ranges(changeShards(evenShards(from), { count: to }, 9))).toEqual(
        ranges(evenShards(to)),
      );
});

test('the number there is changes nothing', () => {
  const map = evenShards(4);
  expect(changeShards(map, { count: 4 }, 9)).toBe(map);
});

test.each([
  ['a shard that is not there', { split: 9 }, /no open shard 9. Open are: 0, 1, 2/],
  [
    'a hash key outside of it',
    { split: 0, at: HASH_KEYS - 1n },
    /Shard 0 can be split at a hash key from 1 to/,
  ],
  ['shards that are no neighbours', { merge: [0, 2] }, /not neighbours/],
  ['one shard with itself', { merge: [1, 1] }, /not neighbours/],
  ['no shards', { count: 0 }, /1 to 256 shards/],
] as const)('%s is refused', (_, change, message) => {
  expect(() => changeShards(evenShards(3), change, 0)).toThrow(message);
});

test('closed shards are forgotten once their records are gone; no id is used twice', () => {
  const map = changeShards(evenShards(2), { merge: [0, 1] }, 100);
  expect(forgetShards(map, 99)).toBe(map);
  const later = forgetShards(map, 100);
  expect(later.map(({ id }) => id)).toEqual([2]);
  expect(changeShards(later, { split: 2 }, 200).map(({ id }) => id)).toEqual([2, 3, 4]);
});

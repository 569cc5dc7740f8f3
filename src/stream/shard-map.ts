import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

/**
 * How the keys of a stream are divided: each shard takes a range of hash keys, which are MD5 sums as
 * numbers of 128 bits. A change closes shards and opens others in their place, as Kinesis does
 * (API reference: SplitShard, MergeShards, UpdateShardCount); a closed shard keeps its records.
 */
export interface Shard {
  /** Never used again. */
  readonly id: number;
  readonly hashFrom: bigint;
  /** Inclusive. */
  readonly hashLast: bigint;
  /** Whose records of the same keys came before: none, one (split) or two (merge). */
  readonly parents: readonly number[];
  /** Its records have sequence numbers from here on … */
  readonly openedAt: number;
  /** … and below here; null while it is open. */
  readonly closedAt: number | null;
}

/** In the order of their ids; the ranges of the open ones cover all hash keys once. */
export type ShardMap = readonly Shard[];

export type ShardChange =
  /** Into two; default in the middle. `at` is the first hash key of the upper one. */
  | { readonly split: number; readonly at?: bigint }
  /** Two neighbours into one. */
  | { readonly merge: readonly [number, number] }
  /** As many as that, evenly, by splits and merges. */
  | { readonly count: number };

export const HASH_KEYS: bigint = 2n ** 128n;

export function evenShards(count: number): ShardMap {
  return bounds(count).map((hashFrom, id, all) => ({
    id,
    hashFrom,
    hashLast: (all[id + 1] ?? HASH_KEYS) - 1n,
    parents: [],
    openedAt: 0,
    closedAt: null,
  }));
}

const bounds = (count: number): bigint[] =>
  Array.from({ length: count }, (_, index) => (HASH_KEYS * BigInt(index)) / BigInt(count));

/** By hash key: the place in this list is what a router gives a record. */
export function openShards(map: ShardMap): Shard[] {
  return map
    .filter(({ closedAt }) => closedAt === null)
    .sort((a, b) => (a.hashFrom < b.hashFrom ? -1 : 1));
}

/**
 * The map after a change that takes effect at sequence number `at`.
 * @throws MillraceError MR_REQUEST_INVALID naming what cannot be done.
 */
export function changeShards(map: ShardMap, change: ShardChange, at: number): ShardMap {
  if ('count' in change) return resize(map, change.count, at);
  const changed =
    'split' in change ? split(map, change.split, change.at, at) : merge(map, change.merge, at);
  const open = openShards(changed).length;
  if (open > LIMITS.shardsMax) throw invalid(`A stream has at most ${LIMITS.shardsMax} shards.`);
  return changed;
}

/** Without closed shards that have no record left. */
export function forgetShards(map: ShardMap, firstSequence: number): ShardMap {
  const newest = map.at(-1);
  const kept = map.filter(
    (shard) => shard.closedAt === null || shard.closedAt > firstSequence || shard === newest,
  );
  return kept.length === map.length ? map : kept;
}

function split(map: ShardMap, id: number, wanted: bigint | undefined, at: number): ShardMap {
  const shard = openShard(map, id);
  const middle = shard.hashFrom + (shard.hashLast - shard.hashFrom + 1n) / 2n;
  const upper = wanted ?? middle;
  if (upper <= shard.hashFrom || upper > shard.hashLast)
    throw invalid(
      `Shard ${id} can be split at a hash key from ${shard.hashFrom + 1n} to ${shard.hashLast}, not at ${upper}.`,
    );
  return replace(map, [shard], at, [
    { hashFrom: shard.hashFrom, hashLast: upper - 1n },
    { hashFrom: upper, hashLast: shard.hashLast },
  ]);
}

function merge(map: ShardMap, ids: readonly [number, number], at: number): ShardMap {
  const [lower, upper] = ids
    .map((id) => openShard(map, id))
    .sort((a, b) => (a.hashFrom < b.hashFrom ? -1 : 1)) as [Shard, Shard];
  if (lower.hashLast + 1n !== upper.hashFrom)
    throw invalid(
      `Shards ${ids.join(' and ')} are not neighbours: one must end where the other begins.`,
    );
  return replace(map, [lower, upper], at, [{ hashFrom: lower.hashFrom, hashLast: upper.hashLast }]);
}

/** First splits at all bounds that are wanted, then merges what lies between two of them. */
function resize(map: ShardMap, count: number, at: number): ShardMap {
  if (!Number.isInteger(count) || count < 1 || count > LIMITS.shardsMax)
    throw invalid(`A stream has 1 to ${LIMITS.shardsMax} shards.`);
  const wanted = bounds(count);
  let changed = map;
  for (const bound of wanted) {
    const shard = openShards(changed).find(
      ({ hashFrom, hashLast }) => hashFrom < bound && bound <= hashLast,
    );
    if (shard) changed = split(changed, shard.id, bound, at);
  }
  const isWanted = new Set(wanted);
  for (;;) {
    const open = openShards(changed);
    const index = open.findIndex(({ hashFrom }) => !isWanted.has(hashFrom));
    if (index === -1) return changed;
    const [lower, upper] = [open[index - 1] as Shard, open[index] as Shard];
    changed = merge(changed, [lower.id, upper.id], at);
  }
}

function replace(
  map: ShardMap,
  parents: readonly Shard[],
  at: number,
  ranges: readonly Pick<Shard, 'hashFrom' | 'hashLast'>[],
): ShardMap {
  const next = Math.max(...map.map(({ id }) => id)) + 1;
  return [
    ...map.map((shard) => (parents.includes(shard) ? { ...shard, closedAt: at } : shard)),
    ...ranges.map((range, index) => ({
      id: next + index,
      ...range,
      parents: parents.map(({ id }) => id),
      openedAt: at,
      closedAt: null,
    })),
  ];
}

function openShard(map: ShardMap, id: number): Shard {
  const shard = map.find((candidate) => candidate.id === id && candidate.closedAt === null);
  if (shard) return shard;
  const open = openShards(map).map((candidate) => candidate.id);
  throw invalid(`There is no open shard ${id}. Open are: ${open.join(', ')}.`);
}

const invalid = (message: string): MillraceError =>
  new MillraceError('MR_REQUEST_INVALID', message);

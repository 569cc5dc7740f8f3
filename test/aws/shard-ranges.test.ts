import { expect, test } from 'vitest';
import { call } from './kinesis-call.ts';
import { active, createStream, type Shard, shardsOf, startSubject } from './subjects.ts';

interface NumberedShard extends Shard {
  readonly SequenceNumberRange: {
    readonly StartingSequenceNumber: string;
    readonly EndingSequenceNumber?: string;
  };
}

interface Placed {
  readonly ShardId: string;
  readonly SequenceNumber: string;
}

/** As the examples of AWS's documentation have them. */
const DOCUMENTED = [
  [1, ['0', '340282366920938463463374607431768211455']],
  [2, ['0', '170141183460469231731687303715884105727']],
  [2, ['170141183460469231731687303715884105728', '340282366920938463463374607431768211455']],
  [3, ['0', '113427455640312821154458202477256070484']],
  [3, ['113427455640312821154458202477256070485', '226854911280625642308916404954512140969']],
  [3, ['226854911280625642308916404954512140970', '340282366920938463463374607431768211455']],
] as const;

test('hash keys of 1, 2 and 3 shards begin and end where AWS documents it', async () => {
  const { url } = await startSubject();
  for (const count of [1, 2, 3]) {
    await createStream(url, `of-${count}`, count);
    const ranges = (await shardsOf(url, `of-${count}`)).map(({ HashKeyRange: range }) => [
      range.StartingHashKey,
      range.EndingHashKey,
    ]);
    expect(ranges).toEqual(DOCUMENTED.filter(([of]) => of === count).map(([, range]) => range));
  }
});

test('records have numbers between those of their shard, and children begin after their parents ended', async () => {
  const { url } = await startSubject();
  const StreamName = 'numbered';
  await createStream(url, StreamName, 2);
  const put = async (ExplicitHashKey: string) => {
    const record = { StreamName, Data: 'AAAA', PartitionKey: 'key', ExplicitHashKey };
    return (await call(url, 'PutRecord', record)).body as unknown as Placed;
  };
  const placed: Placed[] = [];
  const putSome = async () => {
    for (const hashKey of ['0', `${2n ** 126n}`, `${2n ** 127n}`]) placed.push(await put(hashKey));
  };
  await putSome();
  const [first, second] = (await shardsOf(url, StreamName)).map(({ ShardId }) => ShardId);
  const split = { StreamName, ShardToSplit: first, NewStartingHashKey: `${2n ** 126n}` };
  expect(await call(url, 'SplitShard', split)).toMatchObject({ status: 200 });
  await active(url, StreamName);
  await putSome();
  const right = (await shardsOf(url, StreamName)).at(-1)?.ShardId;
  const merge = { StreamName, ShardToMerge: right, AdjacentShardToMerge: second };
  expect(await call(url, 'MergeShards', merge)).toMatchObject({ status: 200 });
  await active(url, StreamName);
  await putSome();
  const shards = (await shardsOf(url, StreamName)) as readonly NumberedShard[];
  expect(shards).toHaveLength(5);
  const rangeOf = (shardId: string | undefined) => {
    const { SequenceNumberRange: range } = shards.find(
      ({ ShardId }) => ShardId === shardId,
    ) as NumberedShard;
    const { StartingSequenceNumber: from, EndingSequenceNumber: until } = range;
    return { from: BigInt(from), until: until === undefined ? undefined : BigInt(until) };
  };
  for (const { ShardId, SequenceNumber } of placed) {
    const { from, until = BigInt(SequenceNumber) } = rangeOf(ShardId);
    expect(BigInt(SequenceNumber)).toBeGreaterThanOrEqual(from);
    expect(BigInt(SequenceNumber)).toBeLessThanOrEqual(until);
  }
  for (const { ShardId, ParentShardId, AdjacentParentShardId } of shards)
    for (const parent of [ParentShardId, AdjacentParentShardId].filter((id) => id !== undefined))
      expect(rangeOf(ShardId).from).toBeGreaterThan(rangeOf(parent).until as bigint);
});

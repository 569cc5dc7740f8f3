import type {
  DescribeStreamOutput,
  ListShardsOutput,
  PutRecordsOutput,
  UpdateShardCountOutput,
} from '@aws-sdk/client-kinesis';
import { expect, test } from 'vitest';
import { ANY_PIPELINE, awsPipeline } from '../support/aws-pipeline.ts';
import { eventually } from '../support/eventually.ts';
import {
  hashKeyOf,
  LARGEST_HASH_KEY,
  type ReadRecord,
  readShard,
  shardsOf,
  shardWith,
} from '../support/shards.ts';

/** Splitting and merging through boto3, and readers that go from parents to children. */
const aws = awsPipeline(ANY_PIPELINE);

const shardId = (number: number) => `shardId-${String(number).padStart(12, '0')}`;
const KEYS = Array.from({ length: 20 }, (_, index) => `customer-${index}`);

/** Changes shards, and waits as clients do until the stream is ACTIVE again. */
async function change(operation: string, stream: string, more: object): Promise<void> {
  await aws.kinesis.call(operation, { StreamName: stream, ...more });
  await aws.kinesis.wait('stream_exists', { StreamName: stream });
}

/** A record for each key, with a number that grows. */
async function putRound(stream: string, round: number): Promise<PutRecordsOutput> {
  const answer = await aws.kinesis.call<PutRecordsOutput>('put_records', {
    StreamName: stream,
    Records: KEYS.map((key) => ({ Data: Buffer.from(`${round}`), PartitionKey: key })),
  });
  expect(answer.FailedRecordCount).toBe(0);
  return answer;
}

/** As the Kinesis Client Library reads: a shard is begun when all its parents have been read to their end. */
async function readFromParentsToChildren(stream: string): Promise<ReadRecord[]> {
  const roots = await shardsOf(aws.kinesis, stream, { ShardFilter: { Type: 'AT_TRIM_HORIZON' } });
  const ready = roots.map(({ ShardId }) => ShardId as string);
  const [records, ended, begun] = [[] as ReadRecord[], new Set<string>(), new Set(ready)];
  for (let shard = ready.shift(); shard !== undefined; shard = ready.shift()) {
    const read = await readShard(aws.kinesis, stream, shard);
    records.push(...read.records);
    if (read.children === undefined) continue;
    ended.add(shard);
    for (const { ShardId, ParentShards } of read.children) {
      const child = ShardId as string;
      if (begun.has(child) || !ParentShards?.every((parent) => ended.has(parent))) continue;
      begun.add(child);
      ready.push(child);
    }
  }
  return records;
}

test('a split shard ends with two children that share its hash keys, and is read to its end before them', async () => {
  const stream = await aws.createdStream();
  await putRound(stream, 1);
  const [parent] = await shardsOf(aws.kinesis, stream);
  const middle = 2n ** 126n;
  await change('split_shard', stream, {
    ShardToSplit: parent?.ShardId,
    NewStartingHashKey: `${middle}`,
  });
  const shards = await shardsOf(aws.kinesis, stream);
  expect(shards.map(({ ShardId, ParentShardId }) => [ShardId, ParentShardId])).toEqual([
    [shardId(0), undefined],
    [shardId(1), shardId(0)],
    [shardId(2), shardId(0)],
  ]);
  expect(shards.map(({ HashKeyRange }) => HashKeyRange)).toEqual([
    { StartingHashKey: '0', EndingHashKey: `${LARGEST_HASH_KEY}` },
    { StartingHashKey: '0', EndingHashKey: `${middle - 1n}` },
    { StartingHashKey: `${middle}`, EndingHashKey: `${LARGEST_HASH_KEY}` },
  ]);
  const [ended, low, high] = shards.map(({ SequenceNumberRange }) => SequenceNumberRange);
  expect([low, high].map((range) => range?.EndingSequenceNumber)).toEqual([undefined, undefined]);
  for (const range of [low, high])
    expect(BigInt(range?.StartingSequenceNumber as string)).toBeGreaterThan(
      BigInt(ended?.EndingSequenceNumber as string),
    );

  const answer = await putRound(stream, 2);
  expect(answer.Records?.map(({ ShardId }) => ShardId)).toEqual(
    KEYS.map((key) => shardWith(shards, hashKeyOf(key))),
  );
  const read = await readShard(aws.kinesis, stream, shardId(0));
  expect(read.records.map(({ data }) => data.toString())).toEqual(KEYS.map(() => '1'));
  expect(read.children).toEqual([
    {
      ShardId: shardId(1),
      ParentShards: [shardId(0)],
      HashKeyRange: { StartingHashKey: '0', EndingHashKey: `${middle - 1n}` },
    },
    {
      ShardId: shardId(2),
      ParentShards: [shardId(0)],
      HashKeyRange: { StartingHashKey: `${middle}`, EndingHashKey: `${LARGEST_HASH_KEY}` },
    },
  ]);
});

test('adjacent shards merge into a child of both', async () => {
  const stream = await aws.createdStream(2);
  await putRound(stream, 1);
  await change('merge_shards', stream, {
    ShardToMerge: shardId(0),
    AdjacentShardToMerge: shardId(1),
  });
  const merged = (await shardsOf(aws.kinesis, stream)).at(-1);
  expect(merged).toMatchObject({
    ShardId: shardId(2),
    ParentShardId: shardId(0),
    AdjacentParentShardId: shardId(1),
    HashKeyRange: { StartingHashKey: '0', EndingHashKey: `${LARGEST_HASH_KEY}` },
  });
  await putRound(stream, 2);
  const ends = await Promise.all(
    [0, 1].map((number) => readShard(aws.kinesis, stream, shardId(number))),
  );
  for (const { children } of ends)
    expect(children).toMatchObject([
      { ShardId: shardId(2), ParentShards: [shardId(0), shardId(1)] },
    ]);
  const child = await readShard(aws.kinesis, stream, shardId(2));
  expect(child.records.map(({ data }) => data.toString())).toEqual(KEYS.map(() => '2'));
});

test('a reader that follows ChildShards gets each record once, those of a key in the order they were put', async () => {
  const stream = await aws.createdStream(2);
  await putRound(stream, 1);
  await change('split_shard', stream, {
    ShardToSplit: shardId(1),
    NewStartingHashKey: `${3n * 2n ** 126n}`,
  });
  await putRound(stream, 2);
  await change('merge_shards', stream, {
    ShardToMerge: shardId(0),
    AdjacentShardToMerge: shardId(2),
  });
  await putRound(stream, 3);
  await change('update_shard_count', stream, {
    TargetShardCount: 4,
    ScalingType: 'UNIFORM_SCALING',
  });
  await putRound(stream, 4);
  const read = await readFromParentsToChildren(stream);
  expect(read).toHaveLength(4 * KEYS.length);
  for (const key of KEYS) {
    const rounds = read.filter((record) => record.key === key).map(({ data }) => data.toString());
    expect(rounds, key).toEqual(['1', '2', '3', '4']);
  }
});

test('update_shard_count makes shards of one size', async () => {
  const stream = await aws.createdStream();
  const scale = (count: number) =>
    aws.kinesis.call<UpdateShardCountOutput>('update_shard_count', {
      StreamName: stream,
      TargetShardCount: count,
      ScalingType: 'UNIFORM_SCALING',
    });
  expect(await scale(2)).toMatchObject({
    StreamName: stream,
    CurrentShardCount: 1,
    TargetShardCount: 2,
  });
  await aws.kinesis.wait('stream_exists', { StreamName: stream });
  const open = async () => {
    const shards = await shardsOf(aws.kinesis, stream, { ShardFilter: { Type: 'AT_LATEST' } });
    return shards
      .map(({ HashKeyRange }) => BigInt(HashKeyRange?.StartingHashKey as string))
      .sort((a, b) => (a < b ? -1 : 1));
  };
  expect(await open()).toEqual([0n, 2n ** 127n]);
  await scale(4);
  await aws.kinesis.wait('stream_exists', { StreamName: stream });
  expect(await open()).toEqual([0n, 2n ** 126n, 2n ** 127n, 3n * 2n ** 126n]);
});

test('list_shards filters by time and by shard', async () => {
  const stream = await aws.createdStream(2);
  const created = new Date(Math.floor(Date.now() / 1000) * 1000 + 1000);
  await eventually(() => (Date.now() > created.getTime() + 1000 ? true : undefined));
  await putRound(stream, 1);
  await change('split_shard', stream, {
    ShardToSplit: shardId(0),
    NewStartingHashKey: `${2n ** 126n}`,
  });
  const listed = async (ShardFilter: object) =>
    (await shardsOf(aws.kinesis, stream, { ShardFilter })).map(({ ShardId }) => ShardId);
  const ids = (...numbers: number[]) => numbers.map(shardId);
  expect(await listed({ Type: 'AT_LATEST' })).toEqual(ids(1, 2, 3));
  expect(await listed({ Type: 'AT_TRIM_HORIZON' })).toEqual(ids(0, 1));
  expect(await listed({ Type: 'FROM_TRIM_HORIZON' })).toEqual(ids(0, 1, 2, 3));
  expect(await listed({ Type: 'AT_TIMESTAMP', Timestamp: created })).toEqual(ids(0, 1));
  expect(await listed({ Type: 'FROM_TIMESTAMP', Timestamp: created })).toEqual(ids(0, 1, 2, 3));
  expect(await listed({ Type: 'AFTER_SHARD_ID', ShardId: shardId(1) })).toEqual(ids(2, 3));
});

test('shards of an empty stream are listed from where they began', async () => {
  const stream = await aws.createdStream(2);
  await change('split_shard', stream, {
    ShardToSplit: shardId(0),
    NewStartingHashKey: `${2n ** 126n}`,
  });
  const ShardFilter = { Type: 'AT_TRIM_HORIZON' };
  const listed = await shardsOf(aws.kinesis, stream, { ShardFilter });
  expect(listed.map(({ ShardId }) => ShardId)).toEqual([0, 1].map(shardId));
});

test('list_shards and describe_stream come in pages', async () => {
  const stream = await aws.createdStream(5);
  const all = Array.from({ length: 5 }, (_, number) => shardId(number));
  const listed: (string | undefined)[] = [];
  let input: object | undefined = { StreamName: stream, MaxResults: 2 };
  let pages = 0;
  while (input) {
    const answer: ListShardsOutput = await aws.kinesis.call('list_shards', input);
    listed.push(...(answer.Shards ?? []).map(({ ShardId }) => ShardId));
    input =
      answer.NextToken === undefined ? undefined : { NextToken: answer.NextToken, MaxResults: 2 };
    pages += 1;
  }
  expect([listed, pages]).toEqual([all, 3]);
  expect(
    (await shardsOf(aws.kinesis, stream, { ExclusiveStartShardId: shardId(2) })).map(
      ({ ShardId }) => ShardId,
    ),
  ).toEqual(all.slice(3));

  const described = await aws.kinesis.pages<DescribeStreamOutput>('describe_stream', {
    StreamName: stream,
    PaginationConfig: { PageSize: 2 },
  });
  expect(described.map((page) => page.StreamDescription?.HasMoreShards)).toEqual([
    true,
    true,
    false,
  ]);
  expect(
    described.flatMap((page) => page.StreamDescription?.Shards?.map(({ ShardId }) => ShardId)),
  ).toEqual(all);
});

test('what cannot be split or merged is refused', async () => {
  const stream = await aws.createdStream(3);
  const asked = (operation: string, more: object) =>
    aws.kinesis.call(operation, { StreamName: stream, ...more });
  const invalid = { code: 'InvalidArgumentException', status: 400 };
  const missing = { code: 'ResourceNotFoundException', status: 400 };
  for (const NewStartingHashKey of ['0', '1', `${LARGEST_HASH_KEY}`])
    await expect(
      asked('split_shard', { ShardToSplit: shardId(0), NewStartingHashKey }),
      NewStartingHashKey,
    ).rejects.toMatchObject(invalid);
  await expect(
    asked('split_shard', { ShardToSplit: shardId(9), NewStartingHashKey: '5' }),
  ).rejects.toMatchObject(missing);
  await expect(
    asked('merge_shards', { ShardToMerge: shardId(0), AdjacentShardToMerge: shardId(2) }),
    'shards that are no neighbours',
  ).rejects.toMatchObject(invalid);
  await expect(
    asked('merge_shards', { ShardToMerge: shardId(0), AdjacentShardToMerge: shardId(9) }),
  ).rejects.toMatchObject(missing);
  await change('merge_shards', stream, {
    ShardToMerge: shardId(0),
    AdjacentShardToMerge: shardId(1),
  });
  await expect(
    asked('split_shard', { ShardToSplit: shardId(0), NewStartingHashKey: '5' }),
    'a closed shard',
  ).rejects.toMatchObject(invalid);
});

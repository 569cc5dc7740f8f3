import { MillraceError } from '../../../core/errors.ts';
import { openShards, type ShardChange } from '../../../stream/shard-map.ts';
import type { Output } from '../../../wire/aws-api/codec.ts';
import { ACCOUNT, type AwsCall, findStream, invalid, streamArn } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';
import type { Input } from './input.ts';
import { refuseTooManyShards } from './manage.ts';
import { findShard } from './shard-id.ts';

export async function splitShard(call: AwsCall, input: Input<'SplitShard'>): Promise<Output> {
  const stream = await findStream(call, input);
  const { id, hashFrom, hashLast } = findShard(stream, input.ShardToSplit);
  const at = BigInt(input.NewStartingHashKey);
  if (at <= hashFrom + 1n || at >= hashLast)
    throw invalid(
      `NewStartingHashKey ${at} used in SplitShard() on shard ${input.ShardToSplit} in stream ${stream.name} under account ${ACCOUNT} is not both greater than one plus the shard's StartingHashKey ${hashFrom} and less than the shard's EndingHashKey ${hashLast}.`,
    );
  await reshard(stream, { split: id, at });
  return {};
}

export async function mergeShards(call: AwsCall, input: Input<'MergeShards'>): Promise<Output> {
  const stream = await findStream(call, input);
  const shards = [input.ShardToMerge, input.AdjacentShardToMerge] as const;
  const [first, second] = shards.map((text) => findShard(stream, text).id) as [number, number];
  await reshard(stream, { merge: [first, second] });
  return {};
}

export async function updateShardCount(
  call: AwsCall,
  input: Input<'UpdateShardCount'>,
): Promise<Output> {
  const stream = await findStream(call, input);
  const count = input.TargetShardCount;
  refuseTooManyShards(count);
  const before = openShards(stream.log.shards).length;
  await reshard(stream, { count });
  return {
    StreamName: stream.name,
    StreamARN: streamArn(call, stream.name),
    CurrentShardCount: before,
    TargetShardCount: count,
  };
}

/** @throws AwsError InvalidArgumentException for a change that cannot be made */
async function reshard({ log }: WireStream, change: ShardChange): Promise<void> {
  try {
    await log.reshard(change);
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'MR_REQUEST_INVALID')
      throw invalid(error.message);
    throw error;
  }
}

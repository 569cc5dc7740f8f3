import { base64, type ScriptRun } from './oracle-run.ts';

const StreamName = 'three';
const [FIRST, SECOND, THIRD, FOURTH] = [0, 1, 2, 3].map(shardId) as [
  string,
  string,
  string,
  string,
];
/** Where two shards meet. */
const MIDDLE = 2n ** 127n;

function shardId(n: number): string {
  return `shardId-${`${n}`.padStart(12, '0')}`;
}

/** Splits, merges, and what shards, records and filters say afterwards. */
export async function reshardings(run: ScriptRun): Promise<void> {
  await run.call('create three', 'CreateStream', { StreamName, ShardCount: 2 });
  await run.settled(StreamName);
  await put(run, 'before the split');
  await splits(run);
  await merges(run);
  await filters(run);
  await counts(run);
}

function put(run: ScriptRun, name: string): Promise<unknown> {
  const record = { Data: base64(name), PartitionKey: 'key', ExplicitHashKey: '0' };
  return run.call(`put ${name}`, 'PutRecord', { StreamName, ...record });
}

async function splits(run: ScriptRun): Promise<void> {
  const split = (name: string, ShardToSplit: string, at: bigint | string) =>
    run.call(name, 'SplitShard', { StreamName, ShardToSplit, NewStartingHashKey: `${at}` });
  await split('split at the first hash key', FIRST, 0n);
  await split('split at the last hash key', FIRST, MIDDLE - 1n);
  await split('split at a hash key of the other shard', FIRST, MIDDLE + 1n);
  await split('split at a hash key of letters', FIRST, 'middle');
  await split('split no shard', shardId(9), 5n);
  await run.call('split of no stream', 'SplitShard', {
    ...{ StreamName: 'none', ShardToSplit: FIRST, NewStartingHashKey: '5' },
  });
  await run.call('split at nothing', 'SplitShard', { StreamName, ShardToSplit: FIRST });
  await split('split', FIRST, MIDDLE / 2n);
  await run.settled(StreamName);
  await split('split a closed shard', FIRST, 5n);
  await run.call('describe after the split', 'DescribeStream', { StreamName });
  await run.call('summary after the split', 'DescribeStreamSummary', { StreamName });
  await put(run, 'after the split');
  for (const ShardId of [FIRST, THIRD])
    await read(run, `${ShardId} after the split`, { ShardId, ShardIteratorType: 'TRIM_HORIZON' });
  await read(run, 'the latest of a closed shard', { ShardId: FIRST, ShardIteratorType: 'LATEST' });
}

async function merges(run: ScriptRun): Promise<void> {
  const merge = (name: string, ShardToMerge: string, AdjacentShardToMerge: string) =>
    run.call(name, 'MergeShards', { StreamName, ShardToMerge, AdjacentShardToMerge });
  await merge('merge a shard with itself', SECOND, SECOND);
  await merge('merge shards that do not meet', THIRD, SECOND);
  await merge('merge with a closed shard', FIRST, SECOND);
  await merge('merge with no shard', SECOND, shardId(9));
  await merge('merge', FOURTH, SECOND);
  await run.settled(StreamName);
  await run.call('describe after the merge', 'DescribeStream', { StreamName });
  await read(run, 'a parent of the merge', { ShardId: SECOND, ShardIteratorType: 'TRIM_HORIZON' });
}

async function read(run: ScriptRun, name: string, input: object): Promise<void> {
  const ShardIterator = await run.iterator({ StreamName, ...input });
  await run.call(`read ${name}`, 'GetRecords', { ShardIterator });
}

async function filters(run: ScriptRun): Promise<void> {
  const list = (name: string, ShardFilter: object) =>
    run.call(`list shards ${name}`, 'ListShards', { StreamName, ShardFilter });
  await list('after the second', { Type: 'AFTER_SHARD_ID', ShardId: SECOND });
  await list('at the trim horizon', { Type: 'AT_TRIM_HORIZON' });
  await list('from the trim horizon', { Type: 'FROM_TRIM_HORIZON' });
  await list('at the latest', { Type: 'AT_LATEST' });
  const now = Date.now() / 1000;
  await list('at this time', { Type: 'AT_TIMESTAMP', Timestamp: now });
  await list('from this time', { Type: 'FROM_TIMESTAMP', Timestamp: now });
  await list('from the beginning of time', { Type: 'FROM_TIMESTAMP', Timestamp: 1 });
}

async function counts(run: ScriptRun): Promise<void> {
  const update = (name: string, input: object) =>
    run.call(name, 'UpdateShardCount', { StreamName, ScalingType: 'UNIFORM_SCALING', ...input });
  await update('update to 4 shards', { TargetShardCount: 4 });
  await run.settled(StreamName);
  const { Shards } = await run.call('list shards of 4', 'ListShards', {
    ...{ StreamName, ShardFilter: { Type: 'AT_LATEST' } },
  });
  if ((Shards as unknown[]).length !== 4) throw new Error('the stream has not 4 open shards');
  await update('update to 9 shards', { TargetShardCount: 9 });
  await update('update to 1 shard', { TargetShardCount: 1 });
  await update('update to no shards', { TargetShardCount: 0 });
  await update('update without a count', {});
  await update('update in a way of its own', { TargetShardCount: 4, ScalingType: 'SOMEHOW' });
  await update('update no stream', { StreamName: 'none', TargetShardCount: 4 });
}

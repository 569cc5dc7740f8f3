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
  run.stream = StreamName;
  await run.call('create three', 'CreateStream', { StreamName, ShardCount: 2 });
  await run.settled(StreamName);
  await put(run, 'before the split');
  await splits(run);
  await merges(run);
  await filters(run);
  await refusedSplits(run);
  await counts(run);
}

function put(run: ScriptRun, name: string): Promise<unknown> {
  const record = { Data: base64(name), PartitionKey: 'key', ExplicitHashKey: '0' };
  return run.call(`put ${name}`, 'PutRecord', { StreamName, ...record });
}

async function splits(run: ScriptRun): Promise<void> {
  await run.call('split', 'SplitShard', {
    ...{ StreamName, ShardToSplit: FIRST, NewStartingHashKey: `${MIDDLE / 2n}` },
  });
  await run.settled(StreamName);
  await run.call('describe after the split', 'DescribeStream', { StreamName });
  await run.call('summary after the split', 'DescribeStreamSummary', { StreamName });
  await put(run, 'after the split');
  for (const ShardId of [FIRST, THIRD])
    await read(run, `${ShardId} after the split`, { ShardId, ShardIteratorType: 'TRIM_HORIZON' });
  await read(run, 'the latest of a closed shard', { ShardId: FIRST, ShardIteratorType: 'LATEST' });
}

/** On a stream of their own: where one does what the other refuses, the rest is not another story. */
async function refusedSplits(run: ScriptRun): Promise<void> {
  const refused = async (name: string, input: object) => {
    const own = `split-${run.steps.length}`;
    run.stream = own;
    await run.call(`create for ${name}`, 'CreateStream', { StreamName: own, ShardCount: 2 });
    await run.settled(own);
    await run.call(name, 'SplitShard', { StreamName: own, ShardToSplit: FIRST, ...input });
  };
  await refused('split at the first hash key', { NewStartingHashKey: '0' });
  await refused('split at the last hash key', { NewStartingHashKey: `${MIDDLE - 1n}` });
  await refused('split at a hash key of the other shard', { NewStartingHashKey: `${MIDDLE + 1n}` });
  await refused('split at a hash key of letters', { NewStartingHashKey: 'middle' });
  await refused('split no shard', { ShardToSplit: shardId(9), NewStartingHashKey: '5' });
  await refused('split of no stream', { StreamName: 'none', NewStartingHashKey: '5' });
  await refused('split at nothing', {});
}

async function merges(run: ScriptRun): Promise<void> {
  const merge = (name: string, ShardToMerge: string, AdjacentShardToMerge: string) =>
    run.call(name, 'MergeShards', { StreamName, ShardToMerge, AdjacentShardToMerge });
  await merge('merge a shard with itself', SECOND, SECOND);
  await merge('merge shards that do not meet', THIRD, SECOND);
  await merge('merge with a closed shard', FIRST, SECOND);
  await run.call('split a closed shard', 'SplitShard', {
    ...{ StreamName, ShardToSplit: FIRST, NewStartingHashKey: '5' },
  });
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
  // kinesis-local knows the second in which a shard ended.
  await run.later(2000);
  const now = Date.now() / 1000;
  await list('at this time', { Type: 'AT_TIMESTAMP', Timestamp: now });
  await list('from this time', { Type: 'FROM_TIMESTAMP', Timestamp: now });
  await list('from the beginning of time', { Type: 'FROM_TIMESTAMP', Timestamp: 1 });
}

async function counts(run: ScriptRun): Promise<void> {
  const own = { StreamName: 'six' };
  run.stream = own.StreamName;
  await run.call('create six', 'CreateStream', { ...own, ShardCount: 2 });
  await run.settled(own.StreamName);
  const update = (name: string, input: object) =>
    run.call(name, 'UpdateShardCount', { ...own, ScalingType: 'UNIFORM_SCALING', ...input });
  await update('update to no shards', { TargetShardCount: 0 });
  await update('update without a count', {});
  await update('update in a way of its own', { TargetShardCount: 4, ScalingType: 'SOMEHOW' });
  await update('update no stream', { StreamName: 'none', TargetShardCount: 4 });
  await update('update to 4 shards', { TargetShardCount: 4 });
  await run.settled(own.StreamName);
  await run.call('list the 4 shards', 'ListShards', {
    ...{ ...own, ShardFilter: { Type: 'AT_LATEST' } },
  });
  await update('update to more than double', { TargetShardCount: 9 });
  await run.settled(own.StreamName);
  await update('update to less than half', { TargetShardCount: 1 });
}

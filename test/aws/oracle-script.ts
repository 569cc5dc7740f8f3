import { administration, protocol } from './oracle-administration.ts';
import { reshardings } from './oracle-resharding.ts';
import { base64, ScriptRun, type Step } from './oracle-run.ts';

const SHARDS = ['shardId-000000000000', 'shardId-000000000001'] as const;

export async function runScript(endpoint: string): Promise<readonly Step[]> {
  const run = new ScriptRun(endpoint);
  await streams(run);
  await puts(run);
  await iterators(run);
  await reads(run);
  await lists(run);
  await reshardings(run);
  await administration(run);
  await protocol(run);
  return run.steps;
}

async function streams(run: ScriptRun): Promise<void> {
  run.stream = 'one';
  const create = (name: string, input: object) => run.call(name, 'CreateStream', input);
  await create('create', { StreamName: 'one', ShardCount: 2 });
  await run.settled('one');
  await create('create again', { StreamName: 'one', ShardCount: 2 });
  await create('create without a name', { ShardCount: 1 });
  await create('create with a name of nothing', { StreamName: '', ShardCount: 1 });
  await create('create with a name of 129', { StreamName: 'n'.repeat(129), ShardCount: 1 });
  await create('create with a name with a space', { StreamName: 'a b', ShardCount: 1 });
  await create('create with no shards', { StreamName: 'zero', ShardCount: 0 });
  await create('create with shards as text', { StreamName: 'text', ShardCount: 'two' });
  await create('create with a mode of its own', {
    StreamName: 'mode',
    StreamModeDetails: { StreamMode: 'SOMETIMES' },
  });
  const describe = (name: string, input: object) => run.call(name, 'DescribeStream', input);
  const { StreamDescription } = (await describe('describe', { StreamName: 'one' })) as {
    StreamDescription: { StreamARN: string };
  };
  await describe('describe by ARN', { StreamARN: StreamDescription.StreamARN });
  await describe('describe one shard', { StreamName: 'one', Limit: 1 });
  await describe('describe the next', { StreamName: 'one', ExclusiveStartShardId: SHARDS[0] });
  await describe('describe no stream', { StreamName: 'none' });
  await describe('describe nothing', {});
  await describe('describe with a limit of 0', { StreamName: 'one', Limit: 0 });
  await describe('describe with a limit of 10001', { StreamName: 'one', Limit: 10_001 });
  const summary = (name: string, input: object) => run.call(name, 'DescribeStreamSummary', input);
  await summary('summary', { StreamName: 'one' });
  await summary('summary of no stream', { StreamName: 'none' });
}

async function puts(run: ScriptRun): Promise<void> {
  const put = (name: string, input: object) => run.call(name, 'PutRecord', input);
  const StreamName = 'one';
  const [Data, PartitionKey] = [base64('data'), 'key'];
  await put('put', { StreamName, Data, PartitionKey });
  await put('put of nothing', { StreamName, Data: '', PartitionKey });
  await put('put to the lowest hash key', { StreamName, Data, PartitionKey, ExplicitHashKey: '0' });
  await put('put to the highest hash key', {
    ...{ StreamName, Data, PartitionKey },
    ExplicitHashKey: `${2n ** 128n - 1n}`,
  });
  await put('put beyond the highest hash key', {
    ...{ StreamName, Data, PartitionKey },
    ExplicitHashKey: `${2n ** 128n}`,
  });
  await put('put to a hash key that is none', {
    ...{ StreamName, Data, PartitionKey },
    ExplicitHashKey: 'half',
  });
  await put('put without data', { StreamName, PartitionKey });
  await put('put without a key', { StreamName, Data });
  await put('put with a key of nothing', { StreamName, Data, PartitionKey: '' });
  await put('put with a key of 256', { StreamName, Data, PartitionKey: 'k'.repeat(256) });
  await put('put with a key of 257', { StreamName, Data, PartitionKey: 'k'.repeat(257) });
  await put('put to no stream', { StreamName: 'none', Data, PartitionKey });
  await put('put without a stream', { Data, PartitionKey });
  await put('put of what is not base64', { StreamName, Data: 'not base64!', PartitionKey });
  await put('put of data that is a number', { StreamName, Data: 7, PartitionKey });
  await put('put of 1 MiB and a key', {
    ...{ StreamName, PartitionKey },
    Data: Buffer.alloc(1024 * 1024 - PartitionKey.length, 1).toString('base64'),
  });
  await put('put of more than 1 MiB', {
    ...{ StreamName, PartitionKey },
    Data: Buffer.alloc(1024 * 1024 + 1, 1).toString('base64'),
  });
  const batch = (name: string, input: object) => run.call(name, 'PutRecords', input);
  const record = (n: number) => ({ Data: base64(`${n}`), PartitionKey: `key-${n}` });
  await batch('put three', { StreamName, Records: [record(1), record(2), record(3)] });
  await batch('put none', { StreamName, Records: [] });
  await batch('put 501', { StreamName, Records: Array.from({ length: 501 }, (_, n) => record(n)) });
  await batch('put without records', { StreamName });
  await batch('put some without a key', { StreamName, Records: [record(4), { Data }] });
  await batch('put some beyond the highest hash key', {
    StreamName,
    Records: [record(5), { ...record(6), ExplicitHashKey: `${2n ** 128n}` }],
  });
  await batch('put three to no stream', { StreamName: 'none', Records: [record(1)] });
}

async function iterators(run: ScriptRun): Promise<void> {
  const StreamName = 'two';
  run.stream = StreamName;
  await run.call('create two', 'CreateStream', { StreamName, ShardCount: 2 });
  await run.settled(StreamName);
  const sequences: string[] = [];
  for (const n of [0, 1, 2, 3]) {
    const { SequenceNumber } = await run.call(`put ${n}`, 'PutRecord', {
      ...{
        StreamName,
        Data: base64(`record ${n}`),
        PartitionKey: `key ${n}`,
        ExplicitHashKey: '0',
      },
    });
    sequences.push(SequenceNumber as string);
    await run.later(20);
  }
  const shard = { StreamName, ShardId: SHARDS[0] };
  const read = async (name: string, input: object) => {
    const { ShardIterator } = await run.call(`iterator ${name}`, 'GetShardIterator', {
      ...shard,
      ...input,
    });
    return run.call(`records ${name}`, 'GetRecords', { ShardIterator });
  };
  const all = await read('from the beginning', { ShardIteratorType: 'TRIM_HORIZON' });
  const arrivals = (all['Records'] as { ApproximateArrivalTimestamp: number }[]).map(
    (record) => record.ApproximateArrivalTimestamp,
  );
  const StartingSequenceNumber = sequences[1];
  await read('at a sequence number', {
    ...{ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber },
  });
  await read('after a sequence number', {
    ...{ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber },
  });
  await read('after the last sequence number', {
    ...{ ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: sequences[3] },
  });
  await read('at a time', { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: arrivals[2] });
  await read('at a time before all', { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: 1 });
  await read('of the other shard', { ShardId: SHARDS[1], ShardIteratorType: 'TRIM_HORIZON' });
  const latest = await run.iterator({ ...shard, ShardIteratorType: 'LATEST' });
  await run.call('put 4', 'PutRecord', {
    ...{ StreamName, Data: base64('record 4'), PartitionKey: 'key 4', ExplicitHashKey: '0' },
  });
  await run.call('records after the latest', 'GetRecords', { ShardIterator: latest });
  await refusedIterators(run, sequences[0] as string);
}

async function refusedIterators(run: ScriptRun, sequence: string): Promise<void> {
  const shard = { StreamName: 'two', ShardId: SHARDS[0] };
  const refused = (name: string, input: object) =>
    run.call(`iterator ${name}`, 'GetShardIterator', { ...shard, ...input });
  await refused('of no stream', { StreamName: 'none', ShardIteratorType: 'LATEST' });
  await refused('of no shard', { ShardId: 'shardId-000000000009', ShardIteratorType: 'LATEST' });
  await refused('of a shard with a name of its own', { ShardId: 's', ShardIteratorType: 'LATEST' });
  await refused('without a type', {});
  await refused('of a type of its own', { ShardIteratorType: 'SOMEWHERE' });
  await refused('at no sequence number', { ShardIteratorType: 'AT_SEQUENCE_NUMBER' });
  await refused('at no time', { ShardIteratorType: 'AT_TIMESTAMP' });
  await refused('at a sequence number of letters', {
    ...{ ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: 'first' },
  });
  await refused("at another shard's sequence number", {
    ...{ ShardId: SHARDS[1], ShardIteratorType: 'AT_SEQUENCE_NUMBER' },
    StartingSequenceNumber: sequence,
  });
  await refused('at a time to come', {
    ...{ ShardIteratorType: 'AT_TIMESTAMP', Timestamp: Date.now() / 1000 + 3600 },
  });
  await refused('from the beginning with a sequence number', {
    ...{ ShardIteratorType: 'TRIM_HORIZON', StartingSequenceNumber: sequence },
  });
}

async function reads(run: ScriptRun): Promise<void> {
  const from = await run.iterator({
    ...{ StreamName: 'two', ShardId: SHARDS[0], ShardIteratorType: 'TRIM_HORIZON' },
  });
  const read = (name: string, input: object) => run.call(name, 'GetRecords', input);
  const first = await read('read two', { ShardIterator: from, Limit: 2 });
  const second = await read('read two more', {
    ShardIterator: first['NextShardIterator'],
    Limit: 2,
  });
  const last = await read('read the rest', { ShardIterator: second['NextShardIterator'] });
  await read('read beyond the rest', { ShardIterator: last['NextShardIterator'] });
  await read('read the same again', { ShardIterator: from, Limit: 2 });
  await read('read none', { ShardIterator: from, Limit: 0 });
  await read('read 10001', { ShardIterator: from, Limit: 10_001 });
  await read('read without an iterator', {});
  await read('read with an iterator of its own', { ShardIterator: 'iterator' });
  await read('read with an iterator of nothing', { ShardIterator: '' });
  await read('read with an iterator of 513', { ShardIterator: 'i'.repeat(513) });
}

async function lists(run: ScriptRun): Promise<void> {
  const streamsOf = (name: string, input: object) => run.call(name, 'ListStreams', input);
  await streamsOf('list streams', {});
  await streamsOf('list one stream', { Limit: 1 });
  await streamsOf('list streams after one', { ExclusiveStartStreamName: 'one' });
  await streamsOf('list no streams', { Limit: 0 });
  const shardsOf = (name: string, input: object) => run.call(name, 'ListShards', input);
  const StreamName = 'two';
  await shardsOf('list shards', { StreamName });
  const { NextToken } = await shardsOf('list one shard', { StreamName, MaxResults: 1 });
  await shardsOf('list the next shard', { NextToken, MaxResults: 1 });
  await shardsOf('list with a token and a name', { NextToken, StreamName });
  await shardsOf('list with a token of its own', { NextToken: 'token' });
  await shardsOf('list shards after the first', { StreamName, ExclusiveStartShardId: SHARDS[0] });
  await shardsOf('list shards of no stream', { StreamName: 'none' });
  await shardsOf('list shards of nothing', {});
  await shardsOf('list no shards', { StreamName, MaxResults: 0 });
  await shardsOf('list shards with a filter of its own', {
    ...{ StreamName, ShardFilter: { Type: 'SOME' } },
  });
  await shardsOf('list shards after an ID that is missing', {
    ...{ StreamName, ShardFilter: { Type: 'AFTER_SHARD_ID' } },
  });
  await shardsOf('list shards at a time that is missing', {
    ...{ StreamName, ShardFilter: { Type: 'AT_TIMESTAMP' } },
  });
}

import { createHash, randomBytes } from 'node:crypto';
import type { PutRecordOutput, PutRecordsOutput } from '@aws-sdk/client-kinesis';
import { expect, test } from 'vitest';
import { ANY_PIPELINE, awsPipeline } from '../support/aws-pipeline.ts';
import { eventually } from '../support/eventually.ts';
import {
  hashKeyOf,
  iteratorAt,
  LARGEST_HASH_KEY,
  readShard,
  readStream,
  shardsOf,
  shardWith,
} from '../support/shards.ts';

/** Records through boto3: whatever bytes were put are read back, in order, from the shard that Kinesis would have chosen. */
const aws = awsPipeline(ANY_PIPELINE);

const put = (stream: string, data: string | Buffer, more = {}) =>
  aws.kinesis.call<PutRecordOutput>('put_record', {
    StreamName: stream,
    Data: Buffer.from(data as string),
    PartitionKey: 'key',
    ...more,
  });

/** Short enough to be shown. */
const digestOf = (data: Buffer) => createHash('sha256').update(data).digest('hex').slice(0, 12);

const KEYS = ['a', 'Straße', '鍵', '🔑', ' ', 'x'.repeat(256), ...'0123456789'];

test('500 records of any bytes: all are read back as they were, by the MD5 of their keys, in order', async () => {
  const stream = await aws.createdStream(2);
  const shards = await shardsOf(aws.kinesis, stream);
  const records = Array.from({ length: 500 }, (_, index) => ({
    Data: randomBytes((index * 37) % 211),
    PartitionKey: KEYS[index % KEYS.length] as string,
  }));
  const expectedShard = ({ PartitionKey }: { PartitionKey: string }) =>
    shardWith(shards, hashKeyOf(PartitionKey));
  const before = Date.now();
  const answer = await aws.kinesis.call<PutRecordsOutput>('put_records', {
    StreamName: stream,
    Records: records,
  });
  expect(answer.FailedRecordCount).toBe(0);
  expect(answer.Records?.map(({ ShardId }) => ShardId)).toEqual(records.map(expectedShard));

  let found = 0;
  for (const { ShardId } of shards) {
    const shard = ShardId as string;
    const read = (await readShard(aws.kinesis, stream, shard, {}, 100)).records;
    const sent = records.filter((record) => expectedShard(record) === shard);
    expect(read.map(({ data, key }) => `${key} ${digestOf(data)}`)).toEqual(
      sent.map(({ Data, PartitionKey }) => `${PartitionKey} ${digestOf(Data)}`),
    );
    const numbers = answer.Records?.filter((entry) => entry.ShardId === shard);
    expect(read.map(({ sequence }) => sequence)).toEqual(
      numbers?.map(({ SequenceNumber }) => SequenceNumber),
    );
    for (const [index, { sequence, arrived }] of read.entries()) {
      expect(BigInt(sequence)).toBeGreaterThan(BigInt(read[index - 1]?.sequence ?? -1));
      expect(arrived.getTime()).toBeGreaterThanOrEqual(before - 1);
      expect(arrived.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    }
    expect(read.length, 'both shards have some').toBeGreaterThan(0);
    found += read.length;
  }
  expect(found).toBe(500);
});

test('two shards halve the hash keys where Kinesis does', async () => {
  const shards = await shardsOf(aws.kinesis, await aws.createdStream(2));
  expect(shards.map(({ ShardId, HashKeyRange }) => [ShardId, HashKeyRange])).toEqual([
    [
      'shardId-000000000000',
      { StartingHashKey: '0', EndingHashKey: '170141183460469231731687303715884105727' },
    ],
    [
      'shardId-000000000001',
      {
        StartingHashKey: '170141183460469231731687303715884105728',
        EndingHashKey: '340282366920938463463374607431768211455',
      },
    ],
  ]);
});

test('a record may be empty, and may have 1 MiB', async () => {
  const stream = await aws.createdStream();
  const largest = randomBytes(1024 * 1024);
  await put(stream, '');
  await put(stream, largest);
  const read = await readStream(aws.kinesis, stream);
  expect(read.map(({ data }) => data.length)).toEqual([0, largest.length]);
  expect(read[1]?.data.equals(largest)).toBe(true);
});

test('a record above 1 MiB is refused, alone and among others, and nothing of the call is stored', async () => {
  const stream = await aws.createdStream();
  const tooLarge = Buffer.alloc(1024 * 1024 + 1, 'x');
  await expect(put(stream, tooLarge)).rejects.toMatchObject({ status: 400 });
  const records = [Buffer.from('a'), tooLarge].map((Data) => ({ Data, PartitionKey: 'k' }));
  await expect(
    aws.kinesis.call('put_records', { StreamName: stream, Records: records }),
  ).rejects.toMatchObject({ status: 400 });
  expect(await readStream(aws.kinesis, stream)).toEqual([]);
});

test('ExplicitHashKey chooses the shard, and the partition key is kept', async () => {
  const stream = await aws.createdStream(4);
  const shards = await shardsOf(aws.kinesis, stream);
  for (const hashKey of [0n, 2n ** 126n - 1n, 2n ** 126n, 2n ** 127n, LARGEST_HASH_KEY]) {
    const { ShardId } = await put(stream, `${hashKey}`, { ExplicitHashKey: `${hashKey}` });
    expect(ShardId).toBe(shardWith(shards, hashKey));
  }
  const records = shards.map(({ HashKeyRange }) => ({
    Data: Buffer.from('batch'),
    PartitionKey: 'key',
    ExplicitHashKey: HashKeyRange?.EndingHashKey,
  }));
  const { Records } = await aws.kinesis.call<PutRecordsOutput>('put_records', {
    StreamName: stream,
    Records: records,
  });
  expect(Records?.map(({ ShardId }) => ShardId)).toEqual(shards.map(({ ShardId }) => ShardId));
  const keys = (await readStream(aws.kinesis, stream)).map(({ key }) => key);
  expect(keys).toEqual(Array.from({ length: 9 }, () => 'key'));
});

test('SequenceNumberForOrdering keeps the order of records put one after another', async () => {
  const stream = await aws.createdStream();
  let last: string | undefined;
  for (const text of ['one', 'two', 'three']) {
    const more = last === undefined ? {} : { SequenceNumberForOrdering: last };
    const { SequenceNumber } = await put(stream, text, more);
    expect(BigInt(SequenceNumber as string)).toBeGreaterThan(BigInt(last ?? -1));
    last = SequenceNumber;
  }
  const read = await readStream(aws.kinesis, stream);
  expect(read.map(({ data }) => data.toString())).toEqual(['one', 'two', 'three']);
});

test('a reader begins at each of the five places', async () => {
  const stream = await aws.createdStream();
  const shard = 'shardId-000000000000';
  const first = (await put(stream, 'first')).SequenceNumber as string;
  const read = async (position: object) =>
    (await readShard(aws.kinesis, stream, shard, position)).records.map(({ data }) =>
      data.toString(),
    );
  const latest = await iteratorAt(aws.kinesis, stream, shard, { ShardIteratorType: 'LATEST' });
  // boto3 sends whole seconds: the second record is put in a later one.
  const second = Math.floor(Date.now() / 1000) + 1;
  await eventually(() => (Date.now() / 1000 > second ? true : undefined));
  await put(stream, 'second');

  const at = (ShardIteratorType: string, more = {}) => ({ ShardIteratorType, ...more });
  expect(await read(at('TRIM_HORIZON'))).toEqual(['first', 'second']);
  const StartingSequenceNumber = first;
  expect(await read(at('AT_SEQUENCE_NUMBER', { StartingSequenceNumber }))).toEqual([
    'first',
    'second',
  ]);
  expect(await read(at('AFTER_SEQUENCE_NUMBER', { StartingSequenceNumber }))).toEqual(['second']);
  const Timestamp = new Date(second * 1000);
  expect(await read(at('AT_TIMESTAMP', { Timestamp }))).toEqual(['second']);
  expect(await read(at('AT_TIMESTAMP', { Timestamp: new Date(0) }))).toEqual(['first', 'second']);
  expect(await read(at('LATEST'))).toEqual([]);
  const behind = await aws.kinesis.call<{ Records: { Data: Buffer }[] }>('get_records', {
    ShardIterator: latest,
  });
  expect(
    behind.Records.map(({ Data }) => Data.toString()),
    'LATEST is where the iterator was asked for',
  ).toEqual(['second']);
});

test('an iterator may be used again, and gives the same', async () => {
  const stream = await aws.createdStream();
  for (const text of ['a', 'b', 'c']) await put(stream, text);
  const iterator = await iteratorAt(aws.kinesis, stream, 'shardId-000000000000');
  interface Answer {
    readonly Records: { Data: Buffer }[];
    readonly NextShardIterator: string;
    readonly MillisBehindLatest: number;
  }
  const ask = async (ShardIterator: string) => {
    const answer = await aws.kinesis.call<Answer>('get_records', { ShardIterator, Limit: 2 });
    return { ...answer, texts: answer.Records.map(({ Data }) => Data.toString()) };
  };
  const two = await ask(iterator);
  expect([two.texts, (await ask(iterator)).texts]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  expect(two.NextShardIterator.length).toBeLessThanOrEqual(512);
  const rest = await ask(two.NextShardIterator);
  expect([rest.texts, rest.MillisBehindLatest]).toEqual([['c'], 0]);
  expect((await ask(rest.NextShardIterator)).texts, 'an open shard has no end').toEqual([]);
});

test('a stream is called by its ARN as by its name', async () => {
  const stream = await aws.createdStream();
  const { StreamDescriptionSummary } = await aws.kinesis.call<{
    StreamDescriptionSummary: { StreamARN: string };
  }>('describe_stream_summary', { StreamName: stream });
  const StreamARN = StreamDescriptionSummary.StreamARN;
  expect(StreamARN).toMatch(new RegExp(`^arn:aws:kinesis:us-east-1:\\d{12}:stream/${stream}$`));
  await aws.kinesis.call('put_record', { StreamARN, Data: Buffer.from('x'), PartitionKey: 'k' });
  expect((await readStream(aws.kinesis, stream)).map(({ data }) => data.toString())).toEqual(['x']);
});

test('nothing is put into, or read from, a stream that is not there', async () => {
  const missing = { code: 'ResourceNotFoundException', status: 400 };
  await expect(put('nowhere', 'x')).rejects.toMatchObject(missing);
  for (const operation of ['describe_stream', 'describe_stream_summary', 'list_shards'])
    await expect(
      aws.kinesis.call(operation, { StreamName: 'nowhere' }),
      operation,
    ).rejects.toMatchObject(missing);
  const stream = await aws.createdStream();
  await expect(
    iteratorAt(aws.kinesis, stream, 'shardId-000000000007'),
    'no such shard',
  ).rejects.toMatchObject(missing);
});

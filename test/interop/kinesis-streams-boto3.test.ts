import { randomBytes } from 'node:crypto';
import type {
  DescribeLimitsOutput,
  DescribeStreamConsumerOutput,
  DescribeStreamOutput,
  DescribeStreamSummaryOutput,
  ListStreamConsumersOutput,
  ListStreamsOutput,
  ListTagsForStreamOutput,
  RegisterStreamConsumerOutput,
  StreamDescriptionSummary,
  SubscribeToShardEvent,
} from '@aws-sdk/client-kinesis';
import { expect, test } from 'vitest';
import { awsPipeline } from '../support/aws-pipeline.ts';
import { eventually } from '../support/eventually.ts';
import { readStream } from '../support/shards.ts';

/** What a stream is, and what becomes of it, through boto3. */
const aws = awsPipeline(`
import { field as f, stream } from 'millrace';
export const defined = stream('defined', { fields: { id: f.int() }, shards: 3, retention: '2d' });
`);

async function summaryOf(stream: string): Promise<StreamDescriptionSummary> {
  const answer = await aws.kinesis.call<DescribeStreamSummaryOutput>('describe_stream_summary', {
    StreamName: stream,
  });
  return answer.StreamDescriptionSummary as StreamDescriptionSummary;
}

const arnOf = async (stream: string) => (await summaryOf(stream)).StreamARN as string;
const active = (stream: string) =>
  eventually(async () => ((await summaryOf(stream)).StreamStatus === 'ACTIVE' ? true : undefined));
const put = (stream: string, Data: Buffer) =>
  aws.kinesis.call('put_record', { StreamName: stream, Data, PartitionKey: 'k' });

test('a created stream is described as Kinesis does', async () => {
  const before = Date.now();
  const stream = await aws.createdStream(2);
  const { StreamDescription } = await aws.kinesis.call<DescribeStreamOutput>('describe_stream', {
    StreamName: stream,
  });
  expect(StreamDescription).toMatchObject({
    StreamName: stream,
    StreamARN: `arn:aws:kinesis:us-east-1:${StreamDescription?.StreamARN?.split(':')[4]}:stream/${stream}`,
    StreamStatus: 'ACTIVE',
    StreamModeDetails: { StreamMode: 'PROVISIONED' },
    HasMoreShards: false,
    RetentionPeriodHours: 24,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
  });
  const created = StreamDescription?.StreamCreationTimestamp?.getTime() as number;
  expect(created).toBeGreaterThan(before - 1000);
  expect(created).toBeLessThan(Date.now() + 1000);
  expect(await summaryOf(stream)).toMatchObject({
    StreamName: stream,
    StreamStatus: 'ACTIVE',
    OpenShardCount: 2,
    ConsumerCount: 0,
    RetentionPeriodHours: 24,
  });
});

test('a stream of the pipeline is described with its shards and retention', async () => {
  expect(await summaryOf('defined')).toMatchObject({
    StreamName: 'defined',
    StreamStatus: 'ACTIVE',
    OpenShardCount: 3,
    RetentionPeriodHours: 48,
  });
});

test('list_streams comes in pages, in the order of names, with the streams of the pipeline', async () => {
  const names = await Promise.all([1, 2, 3].map(() => aws.createdStream()));
  const all = await aws.kinesis.call<ListStreamsOutput>('list_streams');
  expect(all.StreamNames).toEqual([...(all.StreamNames ?? [])].sort());
  expect(all.StreamNames).toEqual(expect.arrayContaining([...names, 'defined']));
  expect(all.HasMoreStreams).toBe(false);
  expect(all.StreamSummaries).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ StreamName: 'defined', StreamStatus: 'ACTIVE' }),
    ]),
  );
  const pages = await aws.kinesis.pages<ListStreamsOutput>('list_streams', {
    PaginationConfig: { PageSize: 1 },
  });
  expect(pages.flatMap(({ StreamNames }) => StreamNames)).toEqual(all.StreamNames);
  expect(pages.map(({ HasMoreStreams }) => HasMoreStreams)).toEqual(
    all.StreamNames?.map((_, index) => index < (all.StreamNames?.length ?? 0) - 1),
  );
  const { StreamNames } = await aws.kinesis.call<ListStreamsOutput>('list_streams', {
    ExclusiveStartStreamName: all.StreamNames?.[0],
    Limit: 1,
  });
  expect(StreamNames).toEqual([all.StreamNames?.[1]]);
});

test('a name is taken once', async () => {
  const stream = await aws.createdStream();
  for (const name of [stream, 'defined'])
    await expect(
      aws.kinesis.call('create_stream', { StreamName: name, ShardCount: 1 }),
    ).rejects.toMatchObject({ code: 'ResourceInUseException', status: 400 });
});

test('retention grows and shrinks between a day and a year', async () => {
  const stream = await aws.createdStream();
  const change = (direction: string, hours: number) =>
    aws.kinesis.call(`${direction}_stream_retention_period`, {
      StreamName: stream,
      RetentionPeriodHours: hours,
    });
  await change('increase', 72);
  await active(stream);
  expect((await summaryOf(stream)).RetentionPeriodHours).toBe(72);
  await change('decrease', 48);
  await active(stream);
  expect((await summaryOf(stream)).RetentionPeriodHours).toBe(48);
  for (const [direction, hours] of [
    ['increase', 24],
    ['decrease', 72],
    ['increase', 8761],
    ['decrease', 23],
  ] as const)
    await expect(change(direction, hours), `${direction} to ${hours}`).rejects.toMatchObject({
      code: 'InvalidArgumentException',
      status: 400,
    });
  expect((await summaryOf(stream)).RetentionPeriodHours).toBe(48);
});

test('tags are added, listed in pages and removed', async () => {
  const stream = await aws.createdStream(1, { Tags: { team: 'shop' } });
  const tags = (more = {}) =>
    aws.kinesis.call<ListTagsForStreamOutput>('list_tags_for_stream', {
      StreamName: stream,
      ...more,
    });
  expect(await tags()).toMatchObject({
    Tags: [{ Key: 'team', Value: 'shop' }],
    HasMoreTags: false,
  });
  await aws.kinesis.call('add_tags_to_stream', {
    StreamName: stream,
    Tags: { a: '1', b: '', team: 'till' },
  });
  expect((await tags()).Tags).toEqual([
    { Key: 'a', Value: '1' },
    { Key: 'b', Value: '' },
    { Key: 'team', Value: 'till' },
  ]);
  expect(await tags({ Limit: 2 })).toMatchObject({
    Tags: [{ Key: 'a' }, { Key: 'b' }],
    HasMoreTags: true,
  });
  expect(await tags({ ExclusiveStartTagKey: 'b' })).toMatchObject({
    Tags: [{ Key: 'team' }],
    HasMoreTags: false,
  });
  await aws.kinesis.call('remove_tags_from_stream', {
    StreamName: stream,
    TagKeys: ['a', 'team', 'never'],
  });
  expect((await tags()).Tags).toEqual([{ Key: 'b', Value: '' }]);
});

test('a stream changes between provisioned and on demand', async () => {
  const stream = await aws.createdStream();
  const StreamARN = await arnOf(stream);
  for (const StreamMode of ['ON_DEMAND', 'PROVISIONED']) {
    await aws.kinesis.call('update_stream_mode', {
      StreamARN,
      StreamModeDetails: { StreamMode },
    });
    await active(stream);
    expect((await summaryOf(stream)).StreamModeDetails).toEqual({ StreamMode });
  }
  const onDemand = aws.newName();
  await aws.kinesis.call('create_stream', {
    StreamName: onDemand,
    StreamModeDetails: { StreamMode: 'ON_DEMAND' },
  });
  await aws.kinesis.wait('stream_exists', { StreamName: onDemand });
  expect((await summaryOf(onDemand)).OpenShardCount, 'as Kinesis has them').toBe(4);
});

test('a stream takes records of up to 10 MiB once it is told so', async () => {
  const stream = await aws.createdStream();
  const large = randomBytes(9 * 1024 * 1024);
  await expect(put(stream, large)).rejects.toMatchObject({ status: 400 });
  await aws.kinesis.call('update_max_record_size', {
    StreamARN: await arnOf(stream),
    MaxRecordSizeInKiB: 10_240,
  });
  await active(stream);
  expect((await summaryOf(stream)).MaxRecordSizeInKiB).toBe(10_240);
  await put(stream, large);
  const read = await readStream(aws.kinesis, stream);
  expect(read.map(({ data }) => data.length)).toEqual([large.length]);
  expect(read[0]?.data.equals(large)).toBe(true);
});

test('consumers are registered once, described, listed in pages and deregistered', async () => {
  const stream = await aws.createdStream();
  const StreamARN = await arnOf(stream);
  const register = (ConsumerName: string) =>
    aws.kinesis.call<RegisterStreamConsumerOutput>('register_stream_consumer', {
      StreamARN,
      ConsumerName,
    });
  const { Consumer } = await register('reader');
  expect(Consumer).toMatchObject({
    ConsumerName: 'reader',
    ConsumerARN: expect.stringMatching(/:stream\/.*\/consumer\/reader:\d+$/),
    ConsumerStatus: expect.stringMatching(/CREATING|ACTIVE/),
    ConsumerCreationTimestamp: expect.any(Date),
  });
  await expect(register('reader')).rejects.toMatchObject({ code: 'ResourceInUseException' });
  await register('second');
  const describe = (by: object) =>
    aws.kinesis.call<DescribeStreamConsumerOutput>('describe_stream_consumer', by);
  const byArn = { ConsumerARN: Consumer?.ConsumerARN };
  for (const by of [byArn, { StreamARN, ConsumerName: 'reader' }]) {
    const found = await eventually(async () => {
      const { ConsumerDescription } = await describe(by);
      return ConsumerDescription?.ConsumerStatus === 'ACTIVE' ? ConsumerDescription : undefined;
    });
    expect(found).toMatchObject({ ConsumerARN: Consumer?.ConsumerARN, StreamARN });
  }
  expect((await summaryOf(stream)).ConsumerCount).toBe(2);
  const pages = await aws.kinesis.pages<ListStreamConsumersOutput>('list_stream_consumers', {
    StreamARN,
    PaginationConfig: { PageSize: 1 },
  });
  expect(pages.flatMap(({ Consumers }) => Consumers?.map((one) => one.ConsumerName))).toEqual([
    'reader',
    'second',
  ]);
  await aws.kinesis.call('deregister_stream_consumer', { StreamARN, ConsumerName: 'reader' });
  await eventually(async () => ((await summaryOf(stream)).ConsumerCount === 1 ? true : undefined));
  await expect(describe(byArn)).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
});

test('a subscription gets what is in the shard, from the place it names', async () => {
  const stream = await aws.createdStream();
  const StreamARN = await arnOf(stream);
  const sequences: string[] = [];
  for (const text of ['a', 'b', 'c']) {
    const answer = (await put(stream, Buffer.from(text))) as { SequenceNumber: string };
    sequences.push(answer.SequenceNumber);
  }
  const subscribe = async (name: string, StartingPosition: object, count: number) => {
    const { Consumer } = await aws.kinesis.call<RegisterStreamConsumerOutput>(
      'register_stream_consumer',
      { StreamARN, ConsumerName: name },
    );
    const { ConsumerARN } = Consumer as { ConsumerARN: string };
    await eventually(async () => {
      const { ConsumerDescription } = await aws.kinesis.call<DescribeStreamConsumerOutput>(
        'describe_stream_consumer',
        { ConsumerARN },
      );
      return ConsumerDescription?.ConsumerStatus === 'ACTIVE' ? true : undefined;
    });
    const events = await aws.kinesis.events<{ SubscribeToShardEvent: SubscribeToShardEvent }>(
      'subscribe_to_shard',
      { ConsumerARN, ShardId: 'shardId-000000000000', StartingPosition },
      count,
    );
    const told = events.map((event) => event.SubscribeToShardEvent);
    expect(told.at(-1)).toMatchObject({
      MillisBehindLatest: 0,
      ContinuationSequenceNumber: expect.stringMatching(/^\d+$/),
    });
    return told.flatMap(({ Records }) =>
      Records?.map(({ Data, PartitionKey }) => `${PartitionKey} ${Data}`),
    );
  };
  const SequenceNumber = sequences[1];
  expect(await subscribe('oldest', { Type: 'TRIM_HORIZON' }, 3)).toEqual(['k a', 'k b', 'k c']);
  expect(await subscribe('at', { Type: 'AT_SEQUENCE_NUMBER', SequenceNumber }, 2)).toEqual([
    'k b',
    'k c',
  ]);
  expect(await subscribe('after', { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber }, 1)).toEqual([
    'k c',
  ]);
  expect(await subscribe('time', { Type: 'AT_TIMESTAMP', Timestamp: new Date(0) }, 3)).toEqual([
    'k a',
    'k b',
    'k c',
  ]);
});

test('describe_limits counts the open shards of all streams', async () => {
  const limits = () => aws.kinesis.call<DescribeLimitsOutput>('describe_limits');
  const before = await limits();
  await aws.createdStream(3);
  const after = await limits();
  expect((after.OpenShardCount as number) - (before.OpenShardCount as number)).toBe(3);
  expect(after.ShardLimit).toBeGreaterThan(after.OpenShardCount as number);
  expect(after).toMatchObject({
    OnDemandStreamCount: expect.any(Number),
    OnDemandStreamCountLimit: expect.any(Number),
  });
});

test('a deleted stream is gone with its records, and its name is free', async () => {
  const stream = await aws.createdStream();
  await put(stream, Buffer.from('old'));
  await aws.kinesis.call('register_stream_consumer', {
    StreamARN: await arnOf(stream),
    ConsumerName: 'reader',
  });
  await expect(
    aws.kinesis.call('delete_stream', { StreamName: stream }),
    'it has a consumer',
  ).rejects.toMatchObject({ code: 'ResourceInUseException' });
  await aws.kinesis.call('delete_stream', { StreamName: stream, EnforceConsumerDeletion: true });
  await aws.kinesis.wait('stream_not_exists', { StreamName: stream });
  await expect(put(stream, Buffer.from('x'))).rejects.toMatchObject({
    code: 'ResourceNotFoundException',
  });
  expect((await aws.kinesis.call<ListStreamsOutput>('list_streams')).StreamNames).not.toContain(
    stream,
  );
  await aws.kinesis.call('create_stream', { StreamName: stream, ShardCount: 1 });
  await aws.kinesis.wait('stream_exists', { StreamName: stream });
  expect(await readStream(aws.kinesis, stream), 'a new stream is empty').toEqual([]);
});

test('a stream of the pipeline is not deleted: its definition is where it ends', async () => {
  await expect(aws.kinesis.call('delete_stream', { StreamName: 'defined' })).rejects.toMatchObject({
    status: 400,
  });
  await put('defined', Buffer.from('{"id":1}'));
  expect((await readStream(aws.kinesis, 'defined')).length).toBe(1);
});

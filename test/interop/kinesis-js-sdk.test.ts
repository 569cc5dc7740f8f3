import { randomBytes } from 'node:crypto';
import {
  FirehoseClient,
  PutRecordCommand as FirehosePutRecordCommand,
  PutRecordBatchCommand,
  ResourceNotFoundException as UnknownDeliveryStream,
} from '@aws-sdk/client-firehose';
import {
  CreateStreamCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  SplitShardCommand,
  type StartingPosition,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANY_KEY, REGION } from '../support/aws.ts';
import { awsPipeline } from '../support/aws-pipeline.ts';
import { eventually } from '../support/eventually.ts';

/** The JavaScript SDK: its Kinesis client opens HTTP/2 without TLS and without asking, its Firehose client HTTP/1.1. */
const aws = awsPipeline(`
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int(), name: f.string().optional() } });
`);

let kinesis: KinesisClient;
let firehose: FirehoseClient;

beforeAll(() => {
  const settings = {
    endpoint: aws.pipeline.url,
    region: REGION,
    credentials: { accessKeyId: ANY_KEY.id, secretAccessKey: ANY_KEY.secret },
  };
  kinesis = new KinesisClient(settings);
  firehose = new FirehoseClient(settings);
});

afterAll(() => {
  kinesis.destroy();
  firehose.destroy();
});

const SHARD = 'shardId-000000000000';

async function createdStream(): Promise<string> {
  const StreamName = aws.newName();
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  await waitUntilStreamExists({ client: kinesis, maxWaitTime: 20, minDelay: 1 }, { StreamName });
  return StreamName;
}

const put = (stream: string, text: string | Uint8Array) =>
  kinesis.send(
    new PutRecordCommand({
      StreamName: stream,
      Data: typeof text === 'string' ? Buffer.from(text) : text,
      PartitionKey: 'k',
    }),
  );

async function registered(stream: string, name: string): Promise<string> {
  const { StreamDescriptionSummary } = await kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName: stream }),
  );
  const { Consumer } = await kinesis.send(
    new RegisterStreamConsumerCommand({
      StreamARN: StreamDescriptionSummary?.StreamARN,
      ConsumerName: name,
    }),
  );
  const ConsumerARN = Consumer?.ConsumerARN as string;
  await eventually(async () => {
    const { ConsumerDescription } = await kinesis.send(
      new DescribeStreamConsumerCommand({ ConsumerARN }),
    );
    return ConsumerDescription?.ConsumerStatus === 'ACTIVE' ? true : undefined;
  });
  return ConsumerARN;
}

/** The events of a subscription, as they come. */
async function* subscription(
  ConsumerARN: string,
  StartingPosition: StartingPosition,
): AsyncGenerator<SubscribeToShardEvent> {
  const { EventStream } = await kinesis.send(
    new SubscribeToShardCommand({ ConsumerARN, ShardId: SHARD, StartingPosition }),
  );
  for await (const { SubscribeToShardEvent: event } of EventStream ?? []) if (event) yield event;
}

/** The next events that hold records, or tell of children. */
async function next(events: AsyncGenerator<SubscribeToShardEvent>): Promise<SubscribeToShardEvent> {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error('the subscription ended');
    if (value.Records?.length || value.ChildShards?.length) return value;
  }
}

const textsOf = ({ Records }: SubscribeToShardEvent) =>
  Records?.map(({ Data }) => Buffer.from(Data as Uint8Array).toString());

test('what is put is read back, byte for byte', async () => {
  const stream = await createdStream();
  const data = [randomBytes(300), Buffer.alloc(0), randomBytes(1024 * 1024)];
  for (const bytes of data) await put(stream, bytes);
  const { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: stream,
      ShardId: SHARD,
      ShardIteratorType: 'TRIM_HORIZON',
    }),
  );
  const { Records, MillisBehindLatest } = await kinesis.send(
    new GetRecordsCommand({ ShardIterator }),
  );
  expect(
    Records?.map(({ Data }) => Buffer.from(Data as Uint8Array).equals(data.shift() as Buffer)),
  ).toEqual([true, true, true]);
  expect(MillisBehindLatest).toBe(0);
  const arrived = Records?.[0]?.ApproximateArrivalTimestamp as Date;
  expect(Math.abs(Date.now() - arrived.getTime())).toBeLessThan(60_000);
});

test('AT_TIMESTAMP is exact to the millisecond', async () => {
  const stream = await createdStream();
  await put(stream, 'before');
  const time = Date.now() + 2;
  await eventually(() => (Date.now() > time ? true : undefined));
  await put(stream, 'after');
  const { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: stream,
      ShardId: SHARD,
      ShardIteratorType: 'AT_TIMESTAMP',
      Timestamp: new Date(time),
    }),
  );
  const { Records } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
  expect(Records?.map(({ Data }) => Buffer.from(Data as Uint8Array).toString())).toEqual(['after']);
});

test('200 calls at once over one connection are all answered, and none is lost', async () => {
  const rows = Array.from({ length: 200 }, (_, id) => ({ id: 10_000 + id, name: 'x'.repeat(id) }));
  const answers = await Promise.all(rows.map((row) => put('sales', JSON.stringify(row))));
  expect(new Set(answers.map(({ SequenceNumber }) => SequenceNumber)).size).toBe(200);
  const stored = await aws.pipeline.sql(
    'select id, length(name)::int from lake.sales where id >= 10000 order by id',
  );
  expect(stored).toEqual(rows.map(({ id, name }) => [id, name.length]));
});

test('PutRecords tells which record was refused and why', async () => {
  const Records = [{ id: 20_001 }, { id: 'two' }, { id: 20_003 }].map((row) => ({
    Data: Buffer.from(JSON.stringify(row)),
    PartitionKey: 'k',
  }));
  const answer = await kinesis.send(new PutRecordsCommand({ StreamName: 'sales', Records }));
  expect(answer.FailedRecordCount).toBe(1);
  expect(answer.Records?.[1]).toMatchObject({
    ErrorCode: expect.any(String),
    ErrorMessage: expect.stringContaining("'id'"),
  });
  expect(await aws.pipeline.sql('select id from lake.sales where id > 20000 order by id')).toEqual([
    [20_001],
    [20_003],
  ]);
});

test('errors are those of the SDK', async () => {
  await expect(put('nowhere', 'x')).rejects.toBeInstanceOf(ResourceNotFoundException);
  await expect(
    kinesis.send(new CreateStreamCommand({ StreamName: 'sales', ShardCount: 1 })),
  ).rejects.toBeInstanceOf(ResourceInUseException);
  await expect(
    firehose.send(
      new FirehosePutRecordCommand({
        DeliveryStreamName: 'nowhere',
        Record: { Data: Buffer.from('x') },
      }),
    ),
  ).rejects.toBeInstanceOf(UnknownDeliveryStream);
});

test('a subscription is told of records as they come, and goes on where it was left', async () => {
  const stream = await createdStream();
  await put(stream, 'a');
  const consumer = await registered(stream, 'reader');
  const events = subscription(consumer, { Type: 'TRIM_HORIZON' });
  expect(textsOf(await next(events))).toEqual(['a']);
  const putAt = Date.now();
  await put(stream, 'b');
  const second = await next(events);
  expect(textsOf(second)).toEqual(['b']);
  expect(Date.now() - putAt, 'pushed, not with the next heartbeat').toBeLessThan(4000);
  await events.return(undefined);

  await put(stream, 'c');
  // The same consumer may subscribe to the same shard again after five seconds: this is another.
  const other = await registered(stream, 'other');
  const again = subscription(other, {
    Type: 'AFTER_SEQUENCE_NUMBER',
    SequenceNumber: second.ContinuationSequenceNumber,
  });
  expect(textsOf(await next(again))).toEqual(['c']);
  await again.return(undefined);
});

test('a subscription gets only what comes later where it asks for LATEST', async () => {
  const stream = await createdStream();
  await put(stream, 'old');
  const consumer = await registered(stream, 'reader');
  const { EventStream } = await kinesis.send(
    new SubscribeToShardCommand({
      ConsumerARN: consumer,
      ShardId: SHARD,
      StartingPosition: { Type: 'LATEST' },
    }),
  );
  await put(stream, 'new');
  for await (const { SubscribeToShardEvent: event } of EventStream ?? []) {
    if (!event?.Records?.length) continue;
    expect(textsOf(event)).toEqual(['new']);
    break;
  }
});

test('a second subscription of a consumer within five seconds is refused', async () => {
  const stream = await createdStream();
  await put(stream, 'a');
  const consumer = await registered(stream, 'reader');
  const events = subscription(consumer, { Type: 'TRIM_HORIZON' });
  await next(events);
  await expect(subscription(consumer, { Type: 'TRIM_HORIZON' }).next()).rejects.toBeInstanceOf(
    ResourceInUseException,
  );
  await put(stream, 'b');
  expect(textsOf(await next(events)), 'the first goes on').toEqual(['b']);
  await events.return(undefined);
});

test('a subscription ends with the children of its shard', async () => {
  const stream = await createdStream();
  await put(stream, 'last');
  const consumer = await registered(stream, 'reader');
  const events = subscription(consumer, { Type: 'TRIM_HORIZON' });
  const told = [await next(events)];
  expect(textsOf(told[0] as SubscribeToShardEvent)).toEqual(['last']);
  await kinesis.send(
    new SplitShardCommand({
      StreamName: stream,
      ShardToSplit: SHARD,
      NewStartingHashKey: `${2n ** 127n}`,
    }),
  );
  for await (const event of events) told.push(event);
  expect(told.at(-1)?.ChildShards).toMatchObject([
    { ShardId: 'shardId-000000000001', ParentShards: [SHARD] },
    { ShardId: 'shardId-000000000002', ParentShards: [SHARD] },
  ]);
});

test('Firehose takes records and batches', async () => {
  const records = Array.from({ length: 500 }, (_, id) => ({
    Data: Buffer.from(`${JSON.stringify({ id: 30_000 + id })}\n`),
  }));
  const [first, ...rest] = records;
  const one = await firehose.send(
    new FirehosePutRecordCommand({ DeliveryStreamName: 'sales', Record: first }),
  );
  expect(one.RecordId).toBeTruthy();
  const many = await firehose.send(
    new PutRecordBatchCommand({ DeliveryStreamName: 'sales', Records: rest }),
  );
  expect([many.FailedPutCount, many.RequestResponses?.length]).toEqual([0, 499]);
  expect(
    await aws.pipeline.sql('select count(distinct id)::int from lake.sales where id >= 30000'),
  ).toEqual([[500]]);
});

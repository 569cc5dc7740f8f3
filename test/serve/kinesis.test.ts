import { connect as connectHttp2 } from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import type { App } from '../../src/app/app.ts';
import { systemClock } from '../../src/core/clock.ts';
import { sendTo, startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/folder.ts';

const PIPELINE = `import { stream, field as f } from 'millrace';
export const sales = stream('sales', { fields: { id: f.string(), n: f.int() }, key: 'id', shards: 2 });
`;

type Answer = { readonly [name: string]: unknown };

async function ask(app: App, operation: string, input: object): Promise<Answer> {
  const response = await fetch(app.address, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `Kinesis_20131202.${operation}`,
    },
    body: JSON.stringify(input),
  });
  return (await response.json()) as Answer;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function iterator(app: App, stream: string, more: object = {}): Promise<string> {
  const answer = await ask(app, 'GetShardIterator', {
    StreamName: stream,
    ShardId: 'shardId-000000000000',
    ShardIteratorType: 'TRIM_HORIZON',
    ...more,
  });
  return String(answer['ShardIterator']);
}

/** A clock that can be put forward. */
function shiftedClock() {
  let shift = 0;
  return {
    clock: { ...systemClock, now: () => systemClock.now() + shift },
    pass: (ms: number) => {
      shift += ms;
    },
  };
}

test('an iterator and a token of a list live for five minutes', async () => {
  const { clock, pass } = shiftedClock();
  const app = await startApp(temporaryFolder(), PIPELINE, { clock });
  await ask(app, 'CreateStream', { StreamName: 'made', ShardCount: 3 });
  const ShardIterator = await iterator(app, 'made');
  const { NextToken } = await ask(app, 'ListShards', { StreamName: 'made', MaxResults: 1 });
  pass(299_000);
  expect(await ask(app, 'GetRecords', { ShardIterator })).toMatchObject({ Records: [] });
  expect((await ask(app, 'ListShards', { NextToken }))['Shards']).toHaveLength(2);
  pass(2000);
  expect(await ask(app, 'GetRecords', { ShardIterator })).toMatchObject({
    __type: 'ExpiredIteratorException',
  });
  expect(await ask(app, 'ListShards', { NextToken })).toMatchObject({
    __type: 'ExpiredNextTokenException',
  });
});

test('an iterator of a stream that was deleted leads nowhere, also where another has its name', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  await ask(app, 'CreateStream', { StreamName: 'made', ShardCount: 1 });
  const ShardIterator = await iterator(app, 'made');
  await ask(app, 'DeleteStream', { StreamName: 'made' });
  await ask(app, 'CreateStream', { StreamName: 'made', ShardCount: 1 });
  const gone = { __type: 'ResourceNotFoundException' };
  expect(await ask(app, 'GetRecords', { ShardIterator })).toMatchObject(gone);
  for (const text of ['nonsense', Buffer.from('{"kind":"page"}').toString('base64url'), '{}'])
    expect(await ask(app, 'GetRecords', { ShardIterator: text })).toMatchObject({
      __type: 'InvalidArgumentException',
    });
});

test('a stream that was made keeps its bytes, keys, tags and consumers over a restart, whatever its name', async () => {
  const folder = temporaryFolder();
  const first = await startApp(folder, PIPELINE);
  const StreamName = 'Made..X-1';
  await ask(first, 'CreateStream', { StreamName, ShardCount: 1, Tags: { team: 'shop' } });
  await ask(first, 'CreateStream', { StreamName: 'made..x-1', ShardCount: 2 });
  await ask(first, 'PutRecord', { StreamName, Data: base64('\u0000\n'), PartitionKey: 'ü\n' });
  await ask(first, 'IncreaseStreamRetentionPeriod', { StreamName, RetentionPeriodHours: 48 });
  const StreamARN = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;
  await ask(first, 'RegisterStreamConsumer', { StreamARN, ConsumerName: 'app' });
  await first.stop({ deliver: false });
  const again = await startApp(folder, PIPELINE);
  const ShardIterator = await iterator(again, StreamName);
  expect((await ask(again, 'GetRecords', { ShardIterator }))['Records']).toMatchObject([
    { Data: base64('\u0000\n'), PartitionKey: 'ü\n', SequenceNumber: '0' },
  ]);
  expect(await ask(again, 'DescribeStreamSummary', { StreamName })).toMatchObject({
    StreamDescriptionSummary: { ConsumerCount: 1, OpenShardCount: 1, RetentionPeriodHours: 48 },
  });
  expect(await ask(again, 'ListTagsForStream', { StreamName })).toMatchObject({
    Tags: [{ Key: 'team', Value: 'shop' }],
  });
  expect((await ask(again, 'ListStreams', {}))['StreamNames']).toEqual([
    StreamName,
    'made..x-1',
    'sales',
  ]);
});

test('records that came over HTTP have the value of their key as partition key', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const rows = Array.from({ length: 20 }, (_, n) => ({ id: `k${n % 5}`, n }));
  await sendTo(app, 'sales', rows);
  await ask(app, 'PutRecord', {
    StreamName: 'sales',
    Data: base64('{"id":"k1","n":20}'),
    PartitionKey: 'other',
  });
  const shards = ['shardId-000000000000', 'shardId-000000000001'];
  const found = await Promise.all(
    shards.map(async (ShardId) => {
      const ShardIterator = await iterator(app, 'sales', { ShardId });
      return (await ask(app, 'GetRecords', { ShardIterator }))['Records'] as {
        Data: string;
        PartitionKey: string;
      }[];
    }),
  );
  const keys = found.flat().map(({ Data, PartitionKey }) => {
    const { id, n } = JSON.parse(Buffer.from(Data, 'base64').toString()) as {
      id: string;
      n: number;
    };
    return n === 20 ? PartitionKey === 'other' : PartitionKey === id;
  });
  expect(keys).toEqual(new Array(21).fill(true));
});

test('what a definition says is changed there: its stream is not deleted and keeps its retention', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const inUse = { __type: 'ResourceInUseException' };
  const StreamName = 'sales';
  expect(await ask(app, 'DeleteStream', { StreamName })).toMatchObject(inUse);
  expect(await ask(app, 'CreateStream', { StreamName, ShardCount: 1 })).toMatchObject(inUse);
  const { StreamDescription } = await ask(app, 'DescribeStream', { StreamName });
  const { RetentionPeriodHours } = StreamDescription as { RetentionPeriodHours: number };
  const more = { StreamName, RetentionPeriodHours: RetentionPeriodHours + 24 };
  expect(await ask(app, 'IncreaseStreamRetentionPeriod', more)).toMatchObject({
    ...inUse,
    message: expect.stringContaining('pipeline.ts'),
  });
});

test('a subscription tells of records as they come, and of the children where its shard ends', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  await ask(app, 'CreateStream', { StreamName: 'made', ShardCount: 1 });
  const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/made';
  const { Consumer } = await ask(app, 'RegisterStreamConsumer', { StreamARN, ConsumerName: 'c' });
  const { ConsumerARN } = Consumer as { ConsumerARN: string };
  const session = connectHttp2(app.address);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/',
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': 'Kinesis_20131202.SubscribeToShard',
  });
  const subscription = {
    ConsumerARN,
    ShardId: 'shardId-000000000000',
    StartingPosition: { Type: 'TRIM_HORIZON' },
  };
  stream.end(JSON.stringify(subscription));
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const ended = new Promise((resolve) => stream.once('end', resolve));
  await new Promise((resolve) => stream.once('response', resolve));
  const taken = await ask(app, 'SubscribeToShard', subscription);
  expect(taken).toMatchObject({ __type: 'ResourceInUseException' });
  await ask(app, 'PutRecord', { StreamName: 'made', Data: base64('one'), PartitionKey: 'k' });
  const half = String(2n ** 127n);
  await ask(app, 'SplitShard', {
    StreamName: 'made',
    ShardToSplit: 'shardId-000000000000',
    NewStartingHashKey: half,
  });
  await ended;
  expect(text).toContain('initial-response');
  expect(text).toContain(`"Data":"${base64('one')}"`);
  expect(text).toContain('"ContinuationSequenceNumber":"0"');
  expect(text).toMatch(/"ChildShards":\[\{"ShardId":"shardId-000000000001"/);
});

test('a request that is too large is told so, and its connection lives', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const response = await fetch(app.address, {
    method: 'POST',
    headers: { 'x-amz-target': 'Kinesis_20131202.PutRecords' },
    body: 'x'.repeat(40 * 1024 * 1024),
  });
  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ __type: 'RequestEntityTooLargeException' });
  expect(await ask(app, 'ListStreams', {})).toMatchObject({ HasMoreStreams: false });
});

test('of two that make a stream of one name at once, one does', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const make = () => ask(app, 'CreateStream', { StreamName: 'made', ShardCount: 1 });
  const answers = await Promise.all([make(), make(), make()]);
  const refused = answers.filter((answer) => answer['__type'] === 'ResourceInUseException');
  expect(refused).toHaveLength(2);
});

test('changes of one stream at the same time come one after the other, and its records stay whole', async () => {
  const app = await startApp(temporaryFolder(), PIPELINE);
  const StreamName = 'made';
  const put = (n: number) =>
    ask(app, 'PutRecord', { StreamName, Data: base64(`${n}`), PartitionKey: 'k' });
  await ask(app, 'CreateStream', { StreamName, ShardCount: 1 });
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      n % 3 === 0
        ? ask(app, 'IncreaseStreamRetentionPeriod', { StreamName, RetentionPeriodHours: 25 + n })
        : put(n),
    ),
  );
  const stored = answers.filter((answer) => answer['SequenceNumber'] !== undefined);
  const ShardIterator = await iterator(app, StreamName);
  const { Records } = await ask(app, 'GetRecords', { ShardIterator });
  expect((Records as object[]).length).toBe(stored.length);
  const refused = answers.filter((answer) => answer['__type'] !== undefined);
  // A log that is being opened anew takes nothing: programs repeat that by themselves.
  expect(refused.map((answer) => answer['__type'])).toEqual(
    refused.map(() => expect.stringMatching(/^(ServiceUnavailable|InvalidArgumentException)$/)),
  );
  await Promise.all([
    ask(app, 'DeleteStream', { StreamName }),
    ask(app, 'IncreaseStreamRetentionPeriod', { StreamName, RetentionPeriodHours: 200 }),
    put(1),
  ]);
  await ask(app, 'CreateStream', { StreamName, ShardCount: 1 });
  expect(await put(2)).toMatchObject({ SequenceNumber: '0' });
});

import type {
  DeliveryStreamDescription,
  DescribeDeliveryStreamOutput,
  ListDeliveryStreamsOutput,
  ListTagsForDeliveryStreamOutput,
  PutRecordBatchOutput,
  PutRecordOutput,
} from '@aws-sdk/client-firehose';
import { expect, test } from 'vitest';
import { awsPipeline } from '../support/aws-pipeline.ts';
import { eventually } from '../support/eventually.ts';

/** Delivery streams through boto3: each stream of the pipeline is one, and others are made by call. */
const aws = awsPipeline(`
import { field as f, stream } from 'millrace';
const fields = { id: f.int(), name: f.string().optional() };
export const sales = stream('sales', { fields, shards: 2 });
export const several = stream('several', { fields });
export const careful = stream('careful', { fields, invalid: 'deadletter' });
`);

const S3 = { RoleARN: 'arn:aws:iam::000000000000:role/firehose', BucketARN: 'arn:aws:s3:::lake' };
const record = (data: string | object) => ({
  Data: Buffer.from(typeof data === 'string' ? data : `${JSON.stringify(data)}\n`),
});
const put = (stream: string, data: string | object) =>
  aws.firehose.call<PutRecordOutput>('put_record', {
    DeliveryStreamName: stream,
    Record: record(data),
  });
const putBatch = (stream: string, data: readonly (string | object)[]) =>
  aws.firehose.call<PutRecordBatchOutput>('put_record_batch', {
    DeliveryStreamName: stream,
    Records: data.map(record),
  });
const idsIn = async (stream: string, from = 0) =>
  (await aws.pipeline.sql(`select id from lake.${stream} where id >= ${from} order by id`)).map(
    ([id]) => id,
  );

async function descriptionOf(stream: string): Promise<DeliveryStreamDescription> {
  const answer = await aws.firehose.call<DescribeDeliveryStreamOutput>('describe_delivery_stream', {
    DeliveryStreamName: stream,
  });
  return answer.DeliveryStreamDescription as DeliveryStreamDescription;
}

async function createdStream(more = {}): Promise<string> {
  const name = aws.newName();
  await aws.firehose.call('create_delivery_stream', {
    DeliveryStreamName: name,
    ExtendedS3DestinationConfiguration: S3,
    ...more,
  });
  await eventually(async () =>
    (await descriptionOf(name)).DeliveryStreamStatus === 'ACTIVE' ? true : undefined,
  );
  return name;
}

const list = (more = {}) =>
  aws.firehose.call<ListDeliveryStreamsOutput>('list_delivery_streams', more);

test('the streams of the pipeline are listed and described', async () => {
  expect((await list()).DeliveryStreamNames).toEqual(
    expect.arrayContaining(['careful', 'sales', 'several']),
  );
  expect(await descriptionOf('sales')).toMatchObject({
    DeliveryStreamName: 'sales',
    DeliveryStreamARN: expect.stringMatching(
      /^arn:aws:firehose:us-east-1:\d{12}:deliverystream\/sales$/,
    ),
    DeliveryStreamStatus: 'ACTIVE',
    DeliveryStreamType: 'DirectPut',
    VersionId: expect.stringMatching(/^\d+$/),
    Destinations: [{ DestinationId: 'destinationId-000000000001' }],
    HasMoreDestinations: false,
  });
});

test('a record is a row at once, and has an id of its own', async () => {
  const answers = [await put('sales', { id: 1, name: 'Ünï' }), await put('sales', { id: 2 })];
  expect(new Set(answers.map(({ RecordId }) => RecordId)).size).toBe(2);
  expect(
    await aws.pipeline.sql('select id, name from lake.sales where id <= 2 order by id'),
  ).toEqual([
    [1, 'Ünï'],
    [2, null],
  ]);
});

test('500 records of one batch are rows', async () => {
  const ids = Array.from({ length: 500 }, (_, index) => 1000 + index);
  const answer = await putBatch(
    'sales',
    ids.map((id) => ({ id })),
  );
  expect(answer.FailedPutCount).toBe(0);
  expect(new Set(answer.RequestResponses?.map(({ RecordId }) => RecordId)).size).toBe(500);
  expect(await idsIn('sales', 1000)).toEqual(ids);
});

test('the refused ones of a batch are named, the others are stored', async () => {
  const rows = [{ id: 5001 }, { id: 'two' }, { id: 5003 }, 'nonsense'];
  const answer = await putBatch('sales', rows);
  const refused = { ErrorCode: expect.any(String), ErrorMessage: expect.any(String) };
  expect(answer.FailedPutCount).toBe(2);
  expect(answer.RequestResponses).toEqual([
    { RecordId: expect.any(String) },
    { ...refused, ErrorMessage: expect.stringContaining("'id'") },
    { RecordId: expect.any(String) },
    refused,
  ]);
  expect(await idsIn('sales', 5000)).toEqual([5001, 5003]);
});

test('a single record that is refused is an error that names the field', async () => {
  await expect(put('sales', { id: 'six' })).rejects.toMatchObject({
    code: 'InvalidArgumentException',
    status: 400,
    message: expect.stringContaining("'id'"),
  });
});

test('a stream that keeps dead letters takes them all', async () => {
  const answer = await putBatch('careful', [{ id: 1 }, { id: 'two' }]);
  expect(answer.FailedPutCount).toBe(0);
  expect(await idsIn('careful')).toEqual([1]);
  expect(await aws.pipeline.sql('select field, record from deadletters.careful')).toEqual([
    ['id', '{"id":"two"}'],
  ]);
});

test.each([
  ['one after another, as Firehose writes them to S3', 1, '{"id":1}{"id":2}{"id":3}'],
  ['on lines', 11, '{"id":11}\n{"id":12}\n{"id":13}\n'],
  ['with space between', 21, ' {"id":21}  {"id":22}\r\n\t{"id":23} '],
  ['with braces in texts', 31, '{"id":31,"name":"}{"}{"id":32,"name":"\\"}"}{"id":33}'],
])('several objects in one record are as many rows: %s', async (_, first, data) => {
  await put('several', data);
  const stored = (await idsIn('several', first)).filter((id) => (id as number) < first + 10);
  expect(stored).toEqual([first, first + 1, first + 2]);
});

test('a record with one bad object among several is refused whole: who sends it again doubles nothing', async () => {
  await expect(put('several', '{"id":41}{"id":"two"}{"id":43}')).rejects.toMatchObject({
    code: 'InvalidArgumentException',
    message: expect.stringContaining("'id'"),
  });
  expect((await idsIn('several', 40)).filter((id) => (id as number) < 50)).toEqual([]);
});

test('a delivery stream is made, described, listed in pages and deleted', async () => {
  const [first, second] = [await createdStream(), await createdStream()];
  expect(await descriptionOf(first)).toMatchObject({
    DeliveryStreamName: first,
    DeliveryStreamType: 'DirectPut',
    VersionId: '1',
    CreateTimestamp: expect.any(Date),
    HasMoreDestinations: false,
    Destinations: [
      {
        DestinationId: 'destinationId-000000000001',
        ExtendedS3DestinationDescription: expect.objectContaining(S3),
      },
    ],
  });
  await expect(
    aws.firehose.call('create_delivery_stream', {
      DeliveryStreamName: first,
      ExtendedS3DestinationConfiguration: S3,
    }),
  ).rejects.toMatchObject({ code: 'ResourceInUseException', status: 400 });
  const all = (await list()).DeliveryStreamNames as string[];
  expect(all).toEqual(expect.arrayContaining([first, second]));
  const paged: string[] = [];
  for (let more = true; more; ) {
    const start = paged.length > 0 ? { ExclusiveStartDeliveryStreamName: paged.at(-1) } : {};
    const page = await list({ Limit: 1, ...start });
    expect(page.DeliveryStreamNames).toHaveLength(1);
    paged.push(...(page.DeliveryStreamNames as string[]));
    more = page.HasMoreDeliveryStreams as boolean;
  }
  expect(paged).toEqual(all);
  expect((await put(first, 'any bytes')).RecordId).toBeTruthy();

  await aws.firehose.call('delete_delivery_stream', { DeliveryStreamName: first });
  await eventually(async () =>
    (await list()).DeliveryStreamNames?.includes(first) ? undefined : true,
  );
  const missing = { code: 'ResourceNotFoundException', status: 400 };
  await expect(put(first, 'x')).rejects.toMatchObject(missing);
  await expect(descriptionOf(first)).rejects.toMatchObject(missing);
  await expect(
    aws.firehose.call('delete_delivery_stream', { DeliveryStreamName: first }),
  ).rejects.toMatchObject(missing);
});

test('tags are given, listed in pages and taken', async () => {
  const stream = await createdStream({ Tags: [{ Key: 'team', Value: 'shop' }] });
  const tags = (more = {}) =>
    aws.firehose.call<ListTagsForDeliveryStreamOutput>('list_tags_for_delivery_stream', {
      DeliveryStreamName: stream,
      ...more,
    });
  await aws.firehose.call('tag_delivery_stream', {
    DeliveryStreamName: stream,
    Tags: [{ Key: 'a', Value: '1' }, { Key: 'b' }],
  });
  expect((await tags()).Tags?.map(({ Key }) => Key)).toEqual(['a', 'b', 'team']);
  expect(await tags({ Limit: 1 })).toMatchObject({ Tags: [{ Key: 'a' }], HasMoreTags: true });
  expect(await tags({ ExclusiveStartTagKey: 'a', Limit: 2 })).toMatchObject({
    Tags: [{ Key: 'b' }, { Key: 'team', Value: 'shop' }],
    HasMoreTags: false,
  });
  await aws.firehose.call('untag_delivery_stream', {
    DeliveryStreamName: stream,
    TagKeys: ['a', 'team'],
  });
  expect((await tags()).Tags?.map(({ Key }) => Key)).toEqual(['b']);
});

test('a destination is changed by who knows its version', async () => {
  const stream = await createdStream();
  const update = (version: string, prefix: string) =>
    aws.firehose.call('update_destination', {
      DeliveryStreamName: stream,
      CurrentDeliveryStreamVersionId: version,
      DestinationId: 'destinationId-000000000001',
      ExtendedS3DestinationUpdate: { Prefix: prefix },
    });
  await update('1', 'first/');
  await expect(update('1', 'stale/')).rejects.toMatchObject({
    code: 'ConcurrentModificationException',
    status: 400,
  });
  const { VersionId, Destinations } = await descriptionOf(stream);
  expect([VersionId, Destinations?.[0]?.ExtendedS3DestinationDescription]).toEqual([
    '2',
    expect.objectContaining({ ...S3, Prefix: 'first/' }),
  ]);
  await update('2', 'second/');
});

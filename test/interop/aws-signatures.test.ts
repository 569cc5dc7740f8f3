import { KinesisClient, ListStreamsCommand, PutRecordCommand } from '@aws-sdk/client-kinesis';
import { AwsV4Signer } from 'aws4fetch';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsKey, REGION } from '../support/aws.ts';
import { awsPipeline } from '../support/aws-pipeline.ts';
import { Boto3 } from '../support/boto3.ts';
import { millrace } from '../support/pipeline.ts';

/** Keys of millrace as AWS credentials under `start`: the id is the access key, the whole secret signs. */
const aws = awsPipeline(
  `
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int() } });
`,
  { mode: 'start' },
);

const clients: Boto3[] = [];
afterAll(() => {
  for (const client of clients) client.close();
});

async function keyOf(...roles: string[]): Promise<AwsKey> {
  const { code, out } = await millrace([
    ...['keys', 'create', '--role', roles.join(), '--pipeline', aws.pipeline.folder, '--json'],
  ]);
  expect(code).toBe(0);
  return JSON.parse(out) as AwsKey;
}

function client(key: AwsKey, service: 'kinesis' | 'firehose' = 'kinesis'): Boto3 {
  const made = new Boto3(service, aws.pipeline.url, key);
  clients.push(made);
  return made;
}

let everything: AwsKey;
beforeAll(async () => {
  everything = await keyOf('producer', 'reader', 'admin');
});

const RECORD = { StreamName: 'sales', Data: Buffer.from('{"id":1}'), PartitionKey: 'k' };

async function read(kinesis: Boto3): Promise<object> {
  const { ShardIterator } = await kinesis.call<{ ShardIterator: string }>('get_shard_iterator', {
    StreamName: 'sales',
    ShardId: 'shardId-000000000000',
    ShardIteratorType: 'TRIM_HORIZON',
  });
  return kinesis.call('get_records', { ShardIterator });
}

test('a key of all roles puts, reads and creates', async () => {
  const kinesis = client(everything);
  await kinesis.call('put_record', RECORD);
  expect(await read(kinesis)).toMatchObject({ Records: [{ PartitionKey: 'k' }] });
  await kinesis.call('create_stream', { StreamName: 'made', ShardCount: 1 });
  await kinesis.wait('stream_exists', { StreamName: 'made' });
  const firehose = client(everything, 'firehose');
  await firehose.call('put_record', {
    DeliveryStreamName: 'sales',
    Record: { Data: Buffer.from('{"id":2}') },
  });
});

test('the JavaScript SDK signs over HTTP/2', async () => {
  const kinesis = new KinesisClient({
    endpoint: aws.pipeline.url,
    region: REGION,
    credentials: { accessKeyId: everything.id, secretAccessKey: everything.secret },
  });
  expect((await kinesis.send(new ListStreamsCommand({}))).StreamNames).toContain('sales');
  expect((await kinesis.send(new PutRecordCommand(RECORD))).ShardId).toBe('shardId-000000000000');
  kinesis.destroy();
  const wrong = new KinesisClient({
    endpoint: aws.pipeline.url,
    region: REGION,
    credentials: { accessKeyId: everything.id, secretAccessKey: 'wrong' },
  });
  await expect(wrong.send(new ListStreamsCommand({}))).rejects.toMatchObject({
    name: 'InvalidSignatureException',
  });
  wrong.destroy();
});

test('a wrong secret is InvalidSignatureException, an unknown key UnrecognizedClientException', async () => {
  const wrong = client({ id: everything.id, secret: `${everything.secret.slice(0, -1)}_` });
  await expect(wrong.call('list_streams')).rejects.toMatchObject({
    code: 'InvalidSignatureException',
    status: 400,
  });
  const unknown = { id: '0'.repeat(12), secret: everything.secret };
  for (const service of ['kinesis', 'firehose'] as const)
    await expect(
      client(unknown, service).call(
        service === 'kinesis' ? 'list_streams' : 'list_delivery_streams',
      ),
    ).rejects.toMatchObject({ code: 'UnrecognizedClientException', status: 400 });
});

const denied = (role: string) => ({
  code: 'AccessDeniedException',
  status: 400,
  message: expect.stringContaining(role),
});

test('a producer puts, and neither reads nor creates', async () => {
  const key = await keyOf('producer');
  const kinesis = client(key);
  await kinesis.call('put_record', RECORD);
  await kinesis.call('put_records', {
    StreamName: 'sales',
    Records: [{ Data: RECORD.Data, PartitionKey: 'k' }],
  });
  await expect(
    kinesis.call('create_stream', { StreamName: 'never', ShardCount: 1 }),
  ).rejects.toMatchObject(denied('admin'));
  await expect(read(kinesis)).rejects.toMatchObject(denied('reader'));
  const firehose = client(key, 'firehose');
  await firehose.call('put_record_batch', {
    DeliveryStreamName: 'sales',
    Records: [{ Data: RECORD.Data }],
  });
  await expect(
    firehose.call('delete_delivery_stream', { DeliveryStreamName: 'sales' }),
  ).rejects.toMatchObject(denied('admin'));
});

test('a reader reads, and neither puts nor deletes', async () => {
  const key = await keyOf('reader');
  const kinesis = client(key);
  expect(await read(kinesis)).toMatchObject({ Records: expect.any(Array) });
  await expect(kinesis.call('put_record', RECORD)).rejects.toMatchObject(denied('producer'));
  await expect(kinesis.call('delete_stream', { StreamName: 'sales' })).rejects.toMatchObject(
    denied('admin'),
  );
  await expect(
    client(key, 'firehose').call('put_record', {
      DeliveryStreamName: 'sales',
      Record: { Data: RECORD.Data },
    }),
  ).rejects.toMatchObject(denied('producer'));
});

test('a revoked key is unknown at once', async () => {
  const key = await keyOf('reader');
  const kinesis = client(key);
  await kinesis.call('list_streams');
  await millrace(['keys', 'revoke', key.id, '--pipeline', aws.pipeline.folder]);
  await expect(kinesis.call('list_streams')).rejects.toMatchObject({
    code: 'UnrecognizedClientException',
  });
});

const DAY_MS = 86_400_000;
const TARGET = 'Kinesis_20131202.ListStreams';

/** A call signed now, or as at another time; `change` is done to it on its way. */
async function signed(
  change: (headers: Headers) => string | undefined,
  at: Date = new Date(),
): Promise<{ status: number; type: string }> {
  const signer = new AwsV4Signer({
    url: `${aws.pipeline.url}/`,
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': TARGET },
    accessKeyId: everything.id,
    secretAccessKey: everything.secret,
    service: 'kinesis',
    region: REGION,
    datetime: at.toISOString().replace(/[:-]|\.\d{3}/g, ''),
    allHeaders: true,
  });
  const { headers } = await signer.sign();
  const body = change(headers) ?? '{}';
  const response = await fetch(`${aws.pipeline.url}/`, { method: 'POST', headers, body });
  const answer = (await response.json()) as { __type?: string };
  return { status: response.status, type: answer.__type?.split('#').at(-1) ?? '' };
}

test.each<[string, number, string, (headers: Headers) => string | undefined, Date?]>([
  ['as it was signed', 200, '', () => undefined],
  ['with another body', 400, 'InvalidSignatureException', () => '{"Limit":1}'],
  [
    'for another operation',
    400,
    'InvalidSignatureException',
    (headers) => void headers.set('x-amz-target', 'Kinesis_20131202.DescribeLimits'),
  ],
  [
    'of yesterday',
    400,
    'InvalidSignatureException',
    () => undefined,
    new Date(Date.now() - DAY_MS),
  ],
  ['of tomorrow', 400, 'InvalidSignatureException', () => undefined, new Date(Date.now() + DAY_MS)],
  [
    'with no Authorization',
    400,
    'MissingAuthenticationTokenException',
    (headers) => void headers.delete('authorization'),
  ],
  [
    'with half an Authorization',
    400,
    'IncompleteSignatureException',
    (headers) =>
      void headers.set('authorization', `AWS4-HMAC-SHA256 Credential=${everything.id}/x`),
  ],
  [
    'with no X-Amz-Date',
    400,
    'IncompleteSignatureException',
    (headers) => void headers.delete('x-amz-date'),
  ],
])('a call that comes %s', async (_, status, type, change, at) => {
  expect(await signed(change, at)).toEqual({ status, type });
});

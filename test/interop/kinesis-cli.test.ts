import { expect, test } from 'vitest';
import { awsCli } from '../support/aws.ts';
import { awsPipeline } from '../support/aws-pipeline.ts';

/**
 * The AWS command line, told where millrace is by its environment. This is version 1, which the package registry has: it takes text as it is,
 * as version 2 does with `--cli-binary-format raw-in-base64-out`.
 */
const aws = awsPipeline(`
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int(), name: f.string() } });
`);

async function cli<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await awsCli(aws.pipeline.url, args);
  expect([code, err], args.join(' ')).toEqual([0, '']);
  return JSON.parse(out) as T;
}

interface Shards {
  readonly StreamDescription: { readonly Shards: { readonly ShardId: string }[] };
}

test('`aws kinesis` lists, describes, puts and reads', async () => {
  const stream = ['--stream-name', 'sales'];
  const listed = await cli<{ StreamNames: string[] }>('kinesis', 'list-streams');
  expect(listed.StreamNames).toContain('sales');
  const { StreamDescription } = await cli<Shards>('kinesis', 'describe-stream', ...stream);
  expect(StreamDescription).toMatchObject({ StreamName: 'sales', StreamStatus: 'ACTIVE' });
  const ShardId = StreamDescription.Shards[0]?.ShardId as string;

  const text = '{"id":1,"name":"Ünï"}';
  const put = await cli<{ ShardId: string; SequenceNumber: string }>(
    ...['kinesis', 'put-record', ...stream],
    ...['--partition-key', 'p', '--data', text],
  );
  expect(put).toMatchObject({ ShardId, SequenceNumber: expect.stringMatching(/^\d+$/) });
  const { ShardIterator } = await cli<{ ShardIterator: string }>(
    ...['kinesis', 'get-shard-iterator', ...stream, '--shard-id', ShardId],
    ...['--shard-iterator-type', 'TRIM_HORIZON'],
  );
  const read = await cli<{ Records: { Data: string }[]; MillisBehindLatest: number }>(
    ...['kinesis', 'get-records', '--shard-iterator', ShardIterator],
  );
  expect(read).toMatchObject({
    Records: [{ PartitionKey: 'p', SequenceNumber: put.SequenceNumber }],
    MillisBehindLatest: 0,
  });
  expect(JSON.parse(Buffer.from(read.Records[0]?.Data ?? '', 'base64').toString())).toEqual(
    JSON.parse(text),
  );
  expect(await aws.pipeline.sql('select id, name from lake.sales where id = 1')).toEqual([
    [1, 'Ünï'],
  ]);
});

test('`aws firehose put-record` adds a row', async () => {
  const answer = await cli<{ RecordId: string }>(
    ...['firehose', 'put-record', '--delivery-stream-name', 'sales'],
    ...['--record', '{"Data":"{\\"id\\":2,\\"name\\":\\"two\\"}\\n"}'],
  );
  expect(answer.RecordId).toBeTruthy();
  expect(await aws.pipeline.sql('select name from lake.sales where id = 2')).toEqual([['two']]);
});

test('what is refused is told with its code, and the command fails', async () => {
  const { code, err } = await awsCli(aws.pipeline.url, [
    ...['kinesis', 'describe-stream', '--stream-name', 'nowhere'],
  ]);
  expect(code).toBeGreaterThan(0);
  expect(err).toMatch(
    /\(ResourceNotFoundException\) when calling the DescribeStream operation: .*nowhere/,
  );
});

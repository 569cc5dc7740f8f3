import { decode, encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { serviceModel, type WrongInput, WrongInputs } from '../support/aws-model.ts';
import { awsPipeline } from '../support/aws-pipeline.ts';

/**
 * Every member of every operation, wrong in each way that the service model of AWS's own SDK for Python (botocore) knows: the answer is 400 with
 * AWS's type and words. What a member means is tested with real clients, and bodies that are none in test/serve/aws-wrong-calls.test.ts.
 */
const aws = awsPipeline(`
import { field as f, stream } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int() } });
`);

const OTHER_DESTINATIONS = [
  ...['Redshift', 'Elasticsearch', 'Amazonopensearchservice', 'AmazonOpenSearchServerless'],
  ...['Splunk', 'HttpEndpoint', 'Snowflake', 'Iceberg'],
];

/** Members that AWS has and millrace has no use for: it does not look at them. */
const IGNORED = {
  kinesis: ['StreamId', 'WarmThroughputMiBps', 'RecordDistributionStrategy'],
  firehose: [
    ...['DirectPutSourceConfiguration', 'MSKSourceConfiguration', 'DatabaseSourceConfiguration'],
    ...['DeliveryStreamEncryptionConfigurationInput', 'EncryptionConfiguration'],
    ...['CloudWatchLoggingOptions', 'ProcessingConfiguration', 'DataFormatConversionConfiguration'],
    ...['S3BackupMode', 'S3BackupConfiguration', 'S3BackupUpdate'],
    ...['DynamicPartitioningConfiguration', 'FileExtension', 'CustomTimeZone'],
    ...OTHER_DESTINATIONS.flatMap((name) => [
      `${name}DestinationConfiguration`,
      `${name}DestinationUpdate`,
    ]),
  ],
};

const OPERATIONS = {
  kinesis: [
    'AddTagsToStream',
    'CreateStream',
    'DecreaseStreamRetentionPeriod',
    'DeleteStream',
    'DeregisterStreamConsumer',
    'DescribeLimits',
    'DescribeStream',
    'DescribeStreamConsumer',
    'DescribeStreamSummary',
    'GetRecords',
    'GetShardIterator',
    'IncreaseStreamRetentionPeriod',
    'ListShards',
    'ListStreamConsumers',
    'ListStreams',
    'ListTagsForStream',
    'MergeShards',
    'PutRecord',
    'PutRecords',
    'RegisterStreamConsumer',
    'RemoveTagsFromStream',
    'SplitShard',
    'SubscribeToShard',
    'UpdateMaxRecordSize',
    'UpdateShardCount',
    'UpdateStreamMode',
  ],
  firehose: [
    'CreateDeliveryStream',
    'DeleteDeliveryStream',
    'DescribeDeliveryStream',
    'ListDeliveryStreams',
    'ListTagsForDeliveryStream',
    'PutRecord',
    'PutRecordBatch',
    'TagDeliveryStream',
    'UntagDeliveryStream',
    'UpdateDestination',
  ],
} as const;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly message: string;
}

const toBase64 = (_: string, value: unknown) =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;

/** JSON, and CBOR as the SDK for Java writes it to Kinesis. */
const FORMS = [
  {
    contentType: 'application/x-amz-json-1.1',
    write: (input: object) => Uint8Array.from(Buffer.from(JSON.stringify(input, toBase64))),
    read: (body: Uint8Array) => JSON.parse(Buffer.from(body).toString()) as unknown,
  },
  {
    contentType: 'application/x-amz-cbor-1.1',
    write: (input: object) => Uint8Array.from(encode(input)),
    read: (body: Uint8Array) => decode(body) as unknown,
  },
] as const;

async function ask(
  target: string,
  input: object,
  { contentType, write, read }: (typeof FORMS)[number],
): Promise<Answer> {
  const response = await fetch(`${aws.pipeline.url}/`, {
    method: 'POST',
    headers: { 'content-type': contentType, 'x-amz-target': target },
    body: write(input),
  });
  const answer = read(new Uint8Array(await response.arrayBuffer())) as {
    __type?: string;
    message?: string;
  };
  return { status: response.status, type: answer.__type ?? '', message: answer.message ?? '' };
}

/** What differs from what AWS says, in one line. */
function difference({ input, type, says }: WrongInput, answer: Answer): string[] {
  const isRight = answer.status === 400 && answer.type === type && answer.message.includes(says);
  if (isRight) return [];
  const text = JSON.stringify(input, toBase64);
  return [
    `${text.slice(0, 120)} → ${answer.status} ${answer.type} ${answer.message.slice(0, 200)}; expected ${type} ${says}`,
  ];
}

describe.each(['kinesis', 'firehose'] as const)('%s', (service) => {
  const model = serviceModel(service);

  test.each(OPERATIONS[service])('%s', async (operation) => {
    const { targetPrefix } = (await model).metadata;
    const inputs = new WrongInputs(await model, IGNORED[service]).of(operation);
    const wrong: string[] = [];
    for (const form of service === 'kinesis' ? FORMS : FORMS.slice(0, 1))
      for (const input of inputs) {
        const answer = await ask(`${targetPrefix}.${operation}`, input.input, form);
        wrong.push(...difference(input, answer));
      }
    expect(wrong).toEqual([]);
  });
});

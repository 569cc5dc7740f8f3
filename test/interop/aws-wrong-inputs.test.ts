import { describe, expect, test } from 'vitest';
import {
  type ServiceModel,
  serviceModel,
  type WrongInput,
  WrongInputs,
} from '../support/aws-model.ts';
import { awsPipeline } from '../support/aws-pipeline.ts';

/**
 * Every member of every operation, wrong in each way that the service model of AWS's own SDK for Python (botocore) knows: the answer is 400 with
 * AWS's type and words. What a member means is tested with real clients, and bodies that are none in test/serve/aws-bodies.test.ts.
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

async function ask(model: ServiceModel, operation: string, body: string): Promise<Answer> {
  const response = await fetch(`${aws.pipeline.url}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${model.metadata.targetPrefix}.${operation}`,
    },
    body,
  });
  const answer = (await response.json()) as { __type?: string; message?: string };
  return { status: response.status, type: answer.__type ?? '', message: answer.message ?? '' };
}

/** What differs from what AWS says, in one line. */
function difference({ input, type, says }: WrongInput, answer: Answer): string[] {
  const isRight = answer.status === 400 && answer.type === type && answer.message.includes(says);
  if (isRight) return [];
  const text = JSON.stringify(input);
  return [
    `${text.slice(0, 120)} → ${answer.status} ${answer.type} ${answer.message.slice(0, 200)}; expected ${type} ${says}`,
  ];
}

describe.each(['kinesis', 'firehose'] as const)('%s', (service) => {
  const model = serviceModel(service);

  test.each(OPERATIONS[service])('%s', async (operation) => {
    const inputs = new WrongInputs(await model, IGNORED[service]).of(operation);
    const wrong: string[] = [];
    for (const input of inputs)
      wrong.push(
        ...difference(input, await ask(await model, operation, JSON.stringify(input.input))),
      );
    expect(wrong).toEqual([]);
  });
});

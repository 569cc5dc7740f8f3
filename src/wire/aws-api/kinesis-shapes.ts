import { structure } from './shape.ts';

/**
 * What the operations of Kinesis Data Streams take (API reference 2013-12-02; botocore's service-2.json). A stream
 * is named by `StreamName` or `StreamARN`; which of the two is there is judged by who looks it up.
 */
const NAME = { type: 'string', min: 1, max: 128, pattern: '[a-zA-Z0-9_.-]+' } as const;
const ARN = { type: 'string', min: 1, max: 2048, pattern: 'arn:aws.*:kinesis:.*' } as const;
const CONSUMER_ARN = {
  type: 'string',
  min: 1,
  max: 2048,
  pattern: 'arn:aws.*:kinesis:.*:\\d{12}:.*stream/[a-zA-Z0-9_.-]+/consumer/[a-zA-Z0-9_.-]+:[0-9]+',
} as const;
const HASH_KEY = { type: 'string', pattern: '0|([1-9]\\d{0,38})' } as const;
const SEQUENCE = { type: 'string', pattern: '0|([1-9]\\d{0,128})' } as const;
const TIMESTAMP = { type: 'timestamp' } as const;
const NEXT_TOKEN = { type: 'string', min: 1, max: 1_048_576 } as const;
const PAGE = { type: 'integer', min: 1, max: 10_000 } as const;
const SHARDS = { type: 'integer', min: 1 } as const;
const HOURS = { type: 'integer' } as const;
const RECORD_KIB = { type: 'integer', min: 1024, max: 10_240 } as const;
const DATA = { type: 'blob', max: 10_485_760 } as const;
const PARTITION_KEY = { type: 'string', min: 1, max: 256 } as const;
const TAGS = {
  type: 'map',
  key: { type: 'string', min: 1, max: 128 },
  of: { type: 'string', min: 0, max: 256 },
  min: 1,
  max: 200,
} as const;
const MODE = structure({
  StreamMode: { type: 'string', values: ['PROVISIONED', 'ON_DEMAND'] },
});
const POSITION_TYPE = {
  type: 'string',
  values: ['AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER', 'TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'],
} as const;
const STREAM = { StreamName: NAME, StreamARN: ARN } as const;

const PUT = { PartitionKey: PARTITION_KEY, ExplicitHashKey: HASH_KEY } as const;

export const KINESIS_SHAPES = {
  CreateStream: structure(
    { StreamName: NAME },
    {
      ShardCount: SHARDS,
      StreamModeDetails: MODE,
      Tags: TAGS,
      MaxRecordSizeInKiB: RECORD_KIB,
    },
  ),
  DeleteStream: structure({}, { ...STREAM, EnforceConsumerDeletion: { type: 'boolean' } }),
  DescribeStream: structure({}, { ...STREAM, Limit: PAGE, ExclusiveStartShardId: NAME }),
  DescribeStreamSummary: structure({}, STREAM),
  ListStreams: structure(
    {},
    { Limit: PAGE, ExclusiveStartStreamName: NAME, NextToken: NEXT_TOKEN },
  ),
  ListShards: structure(
    {},
    {
      ...STREAM,
      NextToken: NEXT_TOKEN,
      ExclusiveStartShardId: NAME,
      MaxResults: PAGE,
      StreamCreationTimestamp: TIMESTAMP,
      ShardFilter: structure(
        {
          Type: {
            type: 'string',
            values: [
              'AFTER_SHARD_ID',
              'AT_TRIM_HORIZON',
              'FROM_TRIM_HORIZON',
              'AT_LATEST',
              'AT_TIMESTAMP',
              'FROM_TIMESTAMP',
            ],
          },
        },
        { ShardId: NAME, Timestamp: TIMESTAMP },
      ),
    },
  ),
  PutRecord: structure(
    { Data: DATA },
    { ...STREAM, ...PUT, SequenceNumberForOrdering: SEQUENCE, DryRun: { type: 'boolean' } },
  ),
  PutRecords: structure(
    { Records: { type: 'list', of: structure({ Data: DATA }, PUT), min: 1, max: 500 } },
    { ...STREAM, DryRun: { type: 'boolean' } },
  ),
  GetShardIterator: structure(
    { ShardId: NAME, ShardIteratorType: POSITION_TYPE },
    {
      ...STREAM,
      StartingSequenceNumber: SEQUENCE,
      Timestamp: TIMESTAMP,
      DryRun: { type: 'boolean' },
    },
  ),
  GetRecords: structure(
    { ShardIterator: { type: 'string', min: 1, max: 512 } },
    { StreamARN: ARN, Limit: PAGE, DryRun: { type: 'boolean' } },
  ),
  RegisterStreamConsumer: structure({ StreamARN: ARN, ConsumerName: NAME }, { Tags: TAGS }),
  DescribeStreamConsumer: structure(
    {},
    { StreamARN: ARN, ConsumerName: NAME, ConsumerARN: CONSUMER_ARN },
  ),
  ListStreamConsumers: structure(
    { StreamARN: ARN },
    { NextToken: NEXT_TOKEN, MaxResults: PAGE, StreamCreationTimestamp: TIMESTAMP },
  ),
  DeregisterStreamConsumer: structure(
    {},
    { StreamARN: ARN, ConsumerName: NAME, ConsumerARN: CONSUMER_ARN },
  ),
  SubscribeToShard: structure(
    {
      ConsumerARN: CONSUMER_ARN,
      ShardId: NAME,
      StartingPosition: structure(
        { Type: POSITION_TYPE },
        { SequenceNumber: SEQUENCE, Timestamp: TIMESTAMP },
      ),
    },
    { DryRun: { type: 'boolean' } },
  ),
  IncreaseStreamRetentionPeriod: structure({ RetentionPeriodHours: HOURS }, STREAM),
  DecreaseStreamRetentionPeriod: structure({ RetentionPeriodHours: HOURS }, STREAM),
  UpdateShardCount: structure(
    { TargetShardCount: SHARDS, ScalingType: { type: 'string', values: ['UNIFORM_SCALING'] } },
    STREAM,
  ),
  SplitShard: structure({ ShardToSplit: NAME, NewStartingHashKey: HASH_KEY }, STREAM),
  MergeShards: structure({ ShardToMerge: NAME, AdjacentShardToMerge: NAME }, STREAM),
  UpdateStreamMode: structure({ StreamARN: ARN, StreamModeDetails: MODE }),
  UpdateMaxRecordSize: structure({ MaxRecordSizeInKiB: RECORD_KIB }, { StreamARN: ARN }),
  DescribeLimits: structure({}),
  AddTagsToStream: structure({ Tags: TAGS }, STREAM),
  RemoveTagsFromStream: structure(
    {
      TagKeys: {
        type: 'list',
        of: { type: 'string', min: 1, max: 128 },
        min: 1,
        max: 50,
      },
    },
    STREAM,
  ),
  ListTagsForStream: structure(
    {},
    {
      ...STREAM,
      ExclusiveStartTagKey: { type: 'string', min: 1, max: 128 },
      Limit: { type: 'integer', min: 1, max: 50 },
    },
  ),
} as const;

export type KinesisOperation = keyof typeof KINESIS_SHAPES;

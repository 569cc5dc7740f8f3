import { structure } from './shape.ts';

/** What the operations of Amazon Data Firehose take (API reference 2015-08-04; botocore's service-2.json). */
const NAME = { type: 'string', min: 1, max: 64, pattern: '[a-zA-Z0-9_.-]+' } as const;
const RECORD = structure({ Data: { type: 'blob', max: 1_024_000 } });
const TAG_PATTERN = '[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@%]*';
const TAG_KEY = { type: 'string', min: 1, max: 128, pattern: `(?!aws:)${TAG_PATTERN}` } as const;
const TAG = structure(
  { Key: TAG_KEY },
  { Value: { type: 'string', min: 0, max: 256, pattern: TAG_PATTERN } },
);
const HINTS = structure(
  {},
  {
    SizeInMBs: { type: 'integer', min: 1, max: 128 },
    IntervalInSeconds: { type: 'integer', min: 0, max: 900 },
  },
);
const BUCKET = {
  RoleARN: { type: 'string', min: 1, max: 512, pattern: 'arn:.*' },
  BucketARN: { type: 'string', min: 1, max: 2048, pattern: 'arn:.*:s3:::[\\w\\.\\-]{1,255}' },
} as const;
const S3_OPTIONS = {
  Prefix: { type: 'string', max: 1024 },
  ErrorOutputPrefix: { type: 'string', max: 1024 },
  BufferingHints: HINTS,
  CompressionFormat: {
    type: 'string',
    values: ['UNCOMPRESSED', 'GZIP', 'ZIP', 'Snappy', 'HADOOP_SNAPPY'],
  },
} as const;
const S3 = structure(BUCKET, S3_OPTIONS);
const S3_UPDATE = structure({}, { ...BUCKET, ...S3_OPTIONS });

export const FIREHOSE_SHAPES = {
  CreateDeliveryStream: structure(
    { DeliveryStreamName: NAME },
    {
      DeliveryStreamType: {
        type: 'string',
        values: ['DirectPut', 'KinesisStreamAsSource', 'MSKAsSource', 'DatabaseAsSource'],
      },
      KinesisStreamSourceConfiguration: structure({
        KinesisStreamARN: { type: 'string', min: 1, max: 512, pattern: 'arn:.*' },
        RoleARN: { type: 'string', min: 1, max: 512, pattern: 'arn:.*' },
      }),
      S3DestinationConfiguration: S3,
      ExtendedS3DestinationConfiguration: S3,
      Tags: { type: 'list', of: TAG, min: 1, max: 50 },
    },
  ),
  DescribeDeliveryStream: structure(
    { DeliveryStreamName: NAME },
    {
      Limit: { type: 'integer', min: 1, max: 10_000 },
      ExclusiveStartDestinationId: {
        type: 'string',
        min: 1,
        max: 100,
        pattern: '[a-zA-Z0-9-]+',
      },
    },
  ),
  ListDeliveryStreams: structure(
    {},
    {
      Limit: { type: 'integer', min: 1, max: 10_000 },
      DeliveryStreamType: {
        type: 'string',
        values: ['DirectPut', 'KinesisStreamAsSource', 'MSKAsSource', 'DatabaseAsSource'],
      },
      ExclusiveStartDeliveryStreamName: NAME,
    },
  ),
  PutRecord: structure({ DeliveryStreamName: NAME, Record: RECORD }),
  PutRecordBatch: structure({
    DeliveryStreamName: NAME,
    Records: { type: 'list', of: RECORD, min: 1, max: 500 },
  }),
  UpdateDestination: structure(
    {
      DeliveryStreamName: NAME,
      CurrentDeliveryStreamVersionId: { type: 'string', min: 1, max: 50, pattern: '[0-9]+' },
      DestinationId: { type: 'string', min: 1, max: 100, pattern: '[a-zA-Z0-9-]+' },
    },
    { S3DestinationUpdate: S3_UPDATE, ExtendedS3DestinationUpdate: S3_UPDATE },
  ),
  DeleteDeliveryStream: structure(
    { DeliveryStreamName: NAME },
    { AllowForceDelete: { type: 'boolean' } },
  ),
  TagDeliveryStream: structure({
    DeliveryStreamName: NAME,
    Tags: { type: 'list', of: TAG, min: 1, max: 50 },
  }),
  UntagDeliveryStream: structure({
    DeliveryStreamName: NAME,
    TagKeys: { type: 'list', of: TAG_KEY, min: 1, max: 50 },
  }),
  ListTagsForDeliveryStream: structure(
    { DeliveryStreamName: NAME },
    { ExclusiveStartTagKey: TAG_KEY, Limit: { type: 'integer', min: 1, max: 50 } },
  ),
} as const;

export type FirehoseOperation = keyof typeof FIREHOSE_SHAPES;

import { decode, encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appOfFile } from '../support/app.ts';

/**
 * Calls that no SDK makes, or that mean nothing: each is answered with AWS's type. Wrong members, one by one, are in
 * test/interop/aws-wrong-inputs.test.ts.
 */
const PIPELINE = `import { stream, field as f } from 'millrace';
export const sales = stream('sales', { fields: { id: f.int() }, shards: 2 });
`;
const app = appOfFile(PIPELINE);

const KINESIS = 'Kinesis_20131202';
const FIREHOSE = 'Firehose_20150804';
const JSON_TYPE = 'application/x-amz-json-1.1';
const CBOR_TYPE = 'application/x-amz-cbor-1.1';
const MIB = 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly message: string;
}

interface Call {
  readonly target?: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly contentType?: string;
}

async function send({ target, body, contentType = JSON_TYPE }: Call): Promise<Answer> {
  const response = await fetch(`${app().address}/`, {
    method: 'POST',
    headers: {
      'content-type': contentType,
      ...(target === undefined ? {} : { 'x-amz-target': target }),
    },
    body,
  });
  expect(response.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
  expect(response.headers.get('content-type')).toBe(contentType);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const answer = (
    contentType === CBOR_TYPE ? decode(bytes) : JSON.parse(Buffer.from(bytes).toString())
  ) as { __type?: string; message?: string };
  return { status: response.status, type: answer.__type ?? '', message: answer.message ?? '' };
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const cbor = (value: unknown) => Uint8Array.from(encode(value));
const nested = (open: string, levels: number) => open.repeat(levels);

describe('A body that is none', () => {
  const PUT = `${KINESIS}.PutRecord`;
  const JSON_BODIES: readonly (readonly [string, string | Uint8Array<ArrayBuffer>])[] = [
    ['nothing', ''],
    ['half an object', '{"StreamName":"sales","Da'],
    ['an object and more', '{"StreamName":"sales"} x'],
    ['a list', '[]'],
    ['a text', '"StreamName"'],
    ['a number', '1'],
    ['null', 'null'],
    ['words', 'StreamName=sales'],
    ['100,000 lists', nested('[', 100_000)],
    ['100,000 objects', nested('{"a":', 100_000)],
    ['bytes that are no UTF-8', bytes(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31)],
    ['CBOR', cbor({ StreamName: 'sales' })],
  ];

  test('is a SerializationException in JSON', async () => {
    for (const [what, body] of JSON_BODIES)
      expect(await send({ target: PUT, body }), what).toMatchObject({
        status: 400,
        type: 'SerializationException',
      });
  });

  const CBOR_BODIES: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
    ['nothing', bytes()],
    ['half a map', cbor({ StreamName: 'sales', Data: bytes(1, 2, 3) }).slice(0, -2)],
    ['a map and more', bytes(0xa0, 0xa0)],
    ['a list', cbor([])],
    ['a text', cbor('StreamName')],
    ['null', bytes(0xf6)],
    ['a break without a beginning', bytes(0xff)],
    ['a map without an end', bytes(0xbf, 0x61, 0x61, 0x01)],
    ['a text of 2^64 − 1 bytes', bytes(0x7b, ...Array.from({ length: 8 }, () => 0xff))],
    ['bytes of 2^32 − 1', bytes(0x5a, 0xff, 0xff, 0xff, 0xff)],
    ['a list of 2^53 elements', bytes(0x9b, 0x00, 0x20, 0, 0, 0, 0, 0, 0)],
    ['a tag that is not known', bytes(0xc5, 0xa0)],
    ['a reserved length', bytes(0x1c)],
    ['100,000 lists', Uint8Array.from({ length: 100_000 }, () => 0x81)],
    ['100,000 maps', Uint8Array.from({ length: 200_000 }, (_, at) => (at % 2 ? 0x00 : 0xa1))],
    ['JSON', Uint8Array.from(Buffer.from('{"StreamName":"sales"}'))],
  ];

  test('is a SerializationException in CBOR', async () => {
    for (const [what, body] of CBOR_BODIES)
      expect(await send({ target: PUT, body, contentType: CBOR_TYPE }), what).toMatchObject({
        status: 400,
        type: 'SerializationException',
      });
  });

  test('is data that is not base64', async () => {
    const texts = ['a', 'YQ', 'YQ=', '=YQ=', '****', 'YR==', ' YQ==', 'YQ==\n', 'YQ-_', 'Ünï='];
    for (const Data of texts) {
      const body = JSON.stringify({ StreamName: 'sales', PartitionKey: 'k', Data });
      expect(await send({ target: PUT, body }), Data).toMatchObject({
        status: 400,
        type: 'SerializationException',
      });
    }
  });
});

test('an operation that is not known is an UnknownOperationException, whatever comes with it', async () => {
  const names = ['', 'Nothing', 'putRecord', '__proto__', 'constructor', 'toString'];
  const targets = [
    undefined,
    '.',
    KINESIS,
    ...names.flatMap((name) => [`${KINESIS}.${name}`, `${FIREHOSE}.${name}`]),
    `${KINESIS}.PutRecordBatch`,
    `${FIREHOSE}.PutRecords`,
    'DynamoDB_20120810.ListTables',
    '__proto__.PutRecord',
  ];
  for (const target of targets)
    for (const [contentType, body] of [
      [JSON_TYPE, '{}'],
      [JSON_TYPE, 'nonsense'],
      [CBOR_TYPE, cbor({})],
    ] as const)
      expect(
        await send({ ...(target === undefined ? {} : { target }), contentType, body }),
        String(target),
      ).toMatchObject({ status: 400, type: 'UnknownOperationException' });
});

type Row = readonly [target: string, input: object, type: string, says?: string];

const MISSING_NAME =
  "Value null at 'streamName' failed to satisfy constraint: Member must not be null";
const SHARD = 'shardId-000000000000';
const SALES_ARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/sales';
const TRIM = { StreamName: 'sales', ShardId: SHARD, ShardIteratorType: 'TRIM_HORIZON' };
const record = (PartitionKey?: string, Data = '') => ({
  Data,
  ...(PartitionKey === undefined ? {} : { PartitionKey }),
});
const base64 = (length: number) => Buffer.alloc(length, 'x').toString('base64');

/** What operations need of a stream, beside its name. */
const NAMED: readonly (readonly [string, object])[] = [
  ['DeleteStream', {}],
  ['DescribeStream', {}],
  ['DescribeStreamSummary', {}],
  ['ListShards', {}],
  ['PutRecord', record('k')],
  ['PutRecords', { Records: [record('k')] }],
  ['GetShardIterator', { ShardId: SHARD, ShardIteratorType: 'LATEST' }],
  ['IncreaseStreamRetentionPeriod', { RetentionPeriodHours: 48 }],
  ['DecreaseStreamRetentionPeriod', { RetentionPeriodHours: 24 }],
  ['UpdateShardCount', { TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' }],
  ['SplitShard', { ShardToSplit: SHARD, NewStartingHashKey: '5' }],
  ['MergeShards', { ShardToMerge: SHARD, AdjacentShardToMerge: SHARD }],
  ['AddTagsToStream', { Tags: { a: 'b' } }],
  ['RemoveTagsFromStream', { TagKeys: ['a'] }],
  ['ListTagsForStream', {}],
];

const KINESIS_ROWS: readonly Row[] = [
  ...NAMED.map(
    ([name, more]): Row => [
      name,
      { StreamName: 'nowhere', ...more },
      'ResourceNotFoundException',
      'Stream nowhere under account 000000000000 not found.',
    ],
  ),
  ...NAMED.filter(([name]) => name !== 'ListShards').map(
    ([name, more]): Row => [name, more, 'ValidationException', MISSING_NAME],
  ),
  ['CreateStream', { StreamName: 'sales', ShardCount: 1 }, 'ResourceInUseException', 'sales'],
  ['CreateStream', { StreamName: 'new' }, 'ValidationException', 'ShardCount'],
  ['CreateStream', { StreamName: 'new', ShardCount: 1e6 }, 'LimitExceededException'],
  [
    'CreateStream',
    { StreamName: 'new', ShardCount: 1, StreamModeDetails: { StreamMode: 'ON_DEMAND' } },
    'ValidationException',
  ],
  ['DescribeStream', { StreamARN: `${SALES_ARN}x` }, 'ResourceNotFoundException'],
  ['DescribeStream', { StreamName: 'other', StreamARN: SALES_ARN }, 'InvalidArgumentException'],
  ['ListStreams', { NextToken: 'nonsense' }, 'InvalidArgumentException'],
  ['ListShards', {}, 'InvalidArgumentException'],
  ['ListShards', { NextToken: 'nonsense' }, 'InvalidArgumentException'],
  [
    'ListShards',
    { NextToken: 'nonsense', StreamName: 'sales' },
    'InvalidArgumentException',
    'NextToken and StreamName cannot be provided together.',
  ],
  ...['AT_TIMESTAMP', 'FROM_TIMESTAMP', 'AFTER_SHARD_ID'].map(
    (Type): Row => [
      'ListShards',
      { StreamName: 'sales', ShardFilter: { Type } },
      'InvalidArgumentException',
    ],
  ),
  [
    'PutRecord',
    { StreamName: 'sales', ...record(undefined, 'e30=') },
    'ValidationException',
    "Value null at 'partitionKey' failed to satisfy constraint: Member must not be null",
  ],
  [
    'PutRecord',
    { StreamName: 'sales', ...record('k'), ExplicitHashKey: `${2n ** 128n}` },
    'InvalidArgumentException',
    'ExplicitHashKey',
  ],
  [
    'PutRecords',
    { StreamName: 'sales', Records: [record('k'), record()] },
    'ValidationException',
    "Value null at 'records.2.member.partitionKey'",
  ],
  [
    'PutRecords',
    {
      StreamName: 'sales',
      Records: Array.from({ length: 11 }, () => record('k', base64(MIB))),
    },
    'InvalidArgumentException',
    '10 MiB',
  ],
  ['GetShardIterator', { ...TRIM, ShardId: 'shardId-000000000009' }, 'ResourceNotFoundException'],
  [
    'GetShardIterator',
    { ...TRIM, ShardIteratorType: 'AT_SEQUENCE_NUMBER' },
    'InvalidArgumentException',
  ],
  [
    'GetShardIterator',
    { ...TRIM, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER' },
    'InvalidArgumentException',
  ],
  ['GetShardIterator', { ...TRIM, ShardIteratorType: 'AT_TIMESTAMP' }, 'InvalidArgumentException'],
  ['GetShardIterator', { ...TRIM, StartingSequenceNumber: '1' }, 'InvalidArgumentException'],
  [
    'GetShardIterator',
    { ...TRIM, ShardIteratorType: 'AT_TIMESTAMP', Timestamp: Date.now() / 1000 + 3600 },
    'InvalidArgumentException',
  ],
  [
    'GetShardIterator',
    {
      ...TRIM,
      ShardIteratorType: 'AT_SEQUENCE_NUMBER',
      StartingSequenceNumber: '1'.repeat(60),
    },
    'InvalidArgumentException',
    'StartingSequenceNumber',
  ],
  [
    'GetRecords',
    { ShardIterator: 'nonsense' },
    'InvalidArgumentException',
    'Invalid ShardIterator.',
  ],
  ['GetRecords', { ShardIterator: 'AAAAAAAAAAE=' }, 'InvalidArgumentException'],
  [
    'RegisterStreamConsumer',
    { StreamARN: `${SALES_ARN}x`, ConsumerName: 'c' },
    'ResourceNotFoundException',
  ],
  ['DescribeStreamConsumer', {}, 'InvalidArgumentException'],
  [
    'DescribeStreamConsumer',
    { StreamARN: SALES_ARN, ConsumerName: 'nobody' },
    'ResourceNotFoundException',
  ],
  [
    'DeregisterStreamConsumer',
    { ConsumerARN: `${SALES_ARN}/consumer/nobody:1` },
    'ResourceNotFoundException',
  ],
  [
    'SubscribeToShard',
    {
      ConsumerARN: `${SALES_ARN}/consumer/nobody:1`,
      ShardId: SHARD,
      StartingPosition: { Type: 'LATEST' },
    },
    'ResourceNotFoundException',
  ],
  ['ListStreamConsumers', { StreamARN: `${SALES_ARN}x` }, 'ResourceNotFoundException'],
  ['ListStreamConsumers', { StreamARN: SALES_ARN, NextToken: 'x' }, 'InvalidArgumentException'],
];

const DELIVERY = { DeliveryStreamName: 'nowhere' };
const SALES = { DeliveryStreamName: 'sales' };
const FIREHOSE_ROWS: readonly Row[] = [
  ...(
    [
      ['DescribeDeliveryStream', {}],
      ['DeleteDeliveryStream', {}],
      ['PutRecord', { Record: record() }],
      ['PutRecordBatch', { Records: [record()] }],
      ['TagDeliveryStream', { Tags: [{ Key: 'a' }] }],
      ['UntagDeliveryStream', { TagKeys: ['a'] }],
      ['ListTagsForDeliveryStream', {}],
      [
        'UpdateDestination',
        { CurrentDeliveryStreamVersionId: '1', DestinationId: 'destinationId-000000000001' },
      ],
    ] as const
  ).map(([name, more]): Row => [name, { ...DELIVERY, ...more }, 'ResourceNotFoundException']),
  [
    'PutRecordBatch',
    { ...SALES, Records: Array.from({ length: 5 }, () => record(undefined, base64(900_000))) },
    'InvalidArgumentException',
    '4 M',
  ],
  [
    'UpdateDestination',
    { ...SALES, CurrentDeliveryStreamVersionId: '9', DestinationId: 'destinationId-000000000001' },
    'ConcurrentModificationException',
  ],
  [
    'UpdateDestination',
    { ...SALES, CurrentDeliveryStreamVersionId: '1', DestinationId: 'other' },
    'InvalidArgumentException',
  ],
  [
    'CreateDeliveryStream',
    { DeliveryStreamName: 'new', DeliveryStreamType: 'KinesisStreamAsSource' },
    'InvalidArgumentException',
  ],
];

/** What is answered otherwise, in one line. */
function difference([operation, input, type, says = '']: Row, answer: Answer): string[] {
  const isRight = answer.status === 400 && answer.type === type && answer.message.includes(says);
  if (isRight) return [];
  const text = JSON.stringify(input).slice(0, 150);
  return [
    `${operation} ${text} → ${answer.status} ${answer.type} ${answer.message}; expected ${type} ${says}`,
  ];
}

describe('A call that means nothing here', () => {
  test.each([
    ['Kinesis', KINESIS, KINESIS_ROWS],
    ['Firehose', FIREHOSE, FIREHOSE_ROWS],
  ] as const)('has the type that %s has for it', async (_, prefix, rows) => {
    const wrong: string[] = [];
    for (const row of rows) {
      const [operation, input] = row;
      const body = JSON.stringify(input);
      wrong.push(...difference(row, await send({ target: `${prefix}.${operation}`, body })));
    }
    expect(wrong).toEqual([]);
  });

  test('is the same in CBOR', async () => {
    const wrong: string[] = [];
    for (const row of KINESIS_ROWS) {
      const [operation, input] = row;
      if ('Data' in input || 'Records' in input) continue;
      const target = `${KINESIS}.${operation}`;
      const body = cbor('Timestamp' in input ? { ...input, Timestamp: 9e15 } : input);
      wrong.push(...difference(row, await send({ target, body, contentType: CBOR_TYPE })));
    }
    expect(wrong).toEqual([]);
  });

  test('a stream that another one feeds is not put into', async () => {
    const create = {
      DeliveryStreamName: 'fed',
      DeliveryStreamType: 'KinesisStreamAsSource',
      KinesisStreamSourceConfiguration: {
        KinesisStreamARN: SALES_ARN,
        RoleARN: 'arn:aws:iam::000000000000:role/r',
      },
    };
    const target = `${FIREHOSE}.CreateDeliveryStream`;
    expect((await send({ target, body: JSON.stringify(create) })).status).toBe(200);
    for (const [name, more] of [
      ['PutRecord', { Record: record() }],
      ['PutRecordBatch', { Records: [record()] }],
    ] as const)
      expect(
        await send({
          target: `${FIREHOSE}.${name}`,
          body: JSON.stringify({ DeliveryStreamName: 'fed', ...more }),
        }),
        name,
      ).toMatchObject({ status: 400, type: 'InvalidSourceException' });
  });
});

test('members that AWS does not know are passed over', async () => {
  const more = { NoSuchMember: { deep: [1, { er: null }] }, streamname: 'sales', '': 1 };
  const wrong: string[] = [];
  for (const row of KINESIS_ROWS) {
    const [operation, input] = row;
    const body = JSON.stringify({ ...more, ...input });
    wrong.push(...difference(row, await send({ target: `${KINESIS}.${operation}`, body })));
  }
  expect(wrong).toEqual([]);
  const body = `{"StreamName":"sales","__proto__":{"Limit":"x"},"constructor":1,"Limit":null}`;
  expect((await send({ target: `${KINESIS}.DescribeStream`, body })).status).toBe(200);
});

test('numbers beyond all bounds are refused or bounded', async () => {
  const numbers = ['1e400', '-1e400', '1e300', '9007199254740993', '-1', '0.5', '1.5', '-0'];
  const calls = [
    ['DescribeStream', '{"StreamName":"sales","Limit":N}'],
    ['ListStreams', '{"Limit":N}'],
    ['CreateStream', '{"StreamName":"sales","ShardCount":N}'],
    ['IncreaseStreamRetentionPeriod', '{"StreamName":"sales","RetentionPeriodHours":N}'],
    [
      'UpdateShardCount',
      '{"StreamName":"nowhere","TargetShardCount":N,"ScalingType":"UNIFORM_SCALING"}',
    ],
    [
      'GetShardIterator',
      `{"StreamName":"sales","ShardId":"${SHARD}","ShardIteratorType":"AT_TIMESTAMP","Timestamp":N}`,
    ],
    ['ListShards', '{"StreamName":"sales","ShardFilter":{"Type":"FROM_TIMESTAMP","Timestamp":N}}'],
  ] as const;
  for (const [operation, template] of calls)
    for (const number of numbers) {
      const body = template.replace('N', number);
      const { status } = await send({ target: `${KINESIS}.${operation}`, body });
      expect([200, 400], body).toContain(status);
    }
});

test('whatever comes, in JSON or CBOR, is answered, and by no 500', async () => {
  const operations = [
    ...NAMED.map(([name]) => `${KINESIS}.${name}`),
    ...['GetRecords', 'ListStreams', 'DescribeLimits', 'SubscribeToShard'].map(
      (name) => `${KINESIS}.${name}`,
    ),
    ...['PutRecord', 'PutRecordBatch', 'ListDeliveryStreams', 'UpdateDestination'].map(
      (name) => `${FIREHOSE}.${name}`,
    ),
  ];
  const members = [
    ...[
      'StreamName',
      'StreamARN',
      'ShardId',
      'ShardIteratorType',
      'ShardIterator',
      'Records',
      'Record',
    ],
    ...[
      'Data',
      'PartitionKey',
      'ExplicitHashKey',
      'Limit',
      'NextToken',
      'Timestamp',
      'ShardFilter',
    ],
    ...['Tags', 'TagKeys', 'ConsumerARN', 'StartingPosition', 'DeliveryStreamName', 'Type'],
  ];
  const value = fc.oneof(
    fc.constantFrom('sales', SHARD, 'TRIM_HORIZON', SALES_ARN, 1),
    fc.json({ maxDepth: 3 }).map((text) => JSON.parse(text) as unknown),
  );
  const input = fc.dictionary(fc.constantFrom(...members), value, { maxKeys: 6 });
  const answered = async (call: Call) => {
    const { status } = await send(call);
    expect([200, 400]).toContain(status);
  };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...operations), input, async (target, given) => {
      await answered({ target, body: JSON.stringify(given) });
      await answered({ target, body: cbor(given), contentType: CBOR_TYPE });
    }),
    { numRuns: 150 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...operations),
      fc.uint8Array({ maxLength: 60 }),
      async (target, body) => {
        const own = Uint8Array.from(body);
        await answered({ target, body: own });
        await answered({ target, body: own, contentType: CBOR_TYPE });
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);

import type { Accepted, Difference } from './oracle-compare.ts';

const TYPE = /^body\.__type$/;
const ALL = /^(status|body\..*)$/;

const between =
  (oracle: unknown, millrace: unknown) =>
  (one: Difference): boolean =>
    one.oracle === oracle && one.millrace === millrace;

const isOneBeside = ({ oracle, millrace }: Difference): boolean =>
  [oracle, millrace].every((key) => /^\d+$/.test(`${key}`)) &&
  BigInt(`${millrace}`) - BigInt(`${oracle}`) === 1n;

/** Where kinesis-local and AWS are not the same, millrace is as AWS; each with what says so. */
export const ACCEPTED: readonly Accepted[] = [
  {
    path: TYPE,
    when: between('InvalidArgumentException', 'ValidationException'),
    why: 'a length, range or pattern of the service model: ValidationException (kinesalite, whose tests ran on AWS)',
  },
  {
    path: TYPE,
    when: between('SerializationException', 'ValidationException'),
    why: 'a required member that is missing, or none of the enumerated values: ValidationException (kinesalite)',
  },
  {
    steps: ['create with no shards'],
    path: TYPE,
    why: 'the service model has ShardCount from 1: ValidationException',
  },
  {
    steps: [
      'put to a hash key that is none',
      'put of what is not base64',
      'read with an iterator of its own',
      'read with an iterator of nothing',
      'read with an iterator of 513',
      'list no shards',
      'split at a hash key of letters',
    ],
    path: /^(status|body\.__type|body\.message)$/,
    when: ({ oracle }) => oracle === 500 || oracle === undefined,
    why: 'kinesis-local breaks (500) on what AWS refuses (400)',
  },
  {
    steps: ['put none', 'put 501'],
    path: ALL,
    why: 'the service model has 1 to 500 records in PutRecords; kinesis-local takes any number',
  },
  {
    steps: ['tag with nothing'],
    path: ALL,
    why: 'the service model has at least one tag in AddTagsToStream; kinesis-local takes none',
  },
  {
    steps: ['split at the first hash key'],
    path: ALL,
    why: 'a split makes two shards that are not empty (API_SplitShard); kinesis-local makes one that ends at -1',
  },
  {
    steps: ['merge with a closed shard', 'split a closed shard'],
    path: TYPE,
    when: between('ResourceInUseException', 'InvalidArgumentException'),
    why: '"has already been merged or split, and thus is not eligible" is an InvalidArgumentException of AWS (kinesalite issue 109)',
  },
  {
    path: /HashKeyRange\.(Starting|Ending)HashKey$/,
    when: isOneBeside,
    why: 'kinesis-local divides 2^128-1, AWS 2^128: two shards meet at 2^127',
  },
  {
    steps: ['read a parent of the merge'],
    path: /ChildShards\.0\.ParentShards\.\d$/,
    why: 'which parent is named first says nothing',
  },
  {
    steps: ['list shards at the trim horizon'],
    path: /^body\.Shards\./,
    when: ({ path, oracle, millrace }) =>
      path === 'body.Shards.length' ? oracle === 5 && millrace === 2 : millrace === undefined,
    why: 'AT_TRIM_HORIZON is "the shards that were open at TRIM_HORIZON" (API_ShardFilter): the first two',
  },
  {
    path: /^body\.StreamSummaries\./,
    when: ({ oracle }) => oracle === undefined,
    why: 'AWS has StreamSummaries in ListStreams; kinesis-local has names alone',
  },
  {
    steps: ['list one stream'],
    path: /^body\.NextToken$/,
    when: ({ oracle }) => oracle === undefined,
    why: 'AWS has a NextToken in ListStreams while there are more',
  },
  {
    path: /^body\.StreamDescriptionSummary\.MaxRecordSizeInKiB$/,
    when: ({ oracle }) => oracle === undefined,
    why: 'AWS says 1024 where nothing else was asked for',
  },
  {
    steps: ['update to 4 shards'],
    path: /^body\.StreamARN$/,
    when: ({ oracle }) => oracle === undefined,
    why: 'AWS has StreamARN in the answer of UpdateShardCount',
  },
  {
    steps: ['update to more than double', 'update to less than half'],
    path: ALL,
    why: 'a limit of what a change costs AWS; millrace changes to any number at once',
  },
  {
    steps: ['register'],
    path: /^body\.Consumer\.ConsumerStatus$/,
    when: between('CREATING', 'ACTIVE'),
    why: 'a consumer is there at once; who waits for ACTIVE does not wait',
  },
  {
    steps: ['list consumers'],
    path: /^body\.NextToken$/,
    when: ({ millrace }) => millrace === undefined,
    why: 'there is nothing more to list (API_ListStreamConsumers)',
  },
  {
    steps: ['limits'],
    path: /^body\.(ShardLimit|OpenShardCount|OnDemandStreamCountLimit)$/,
    why: 'limits of an account; millrace has its own, and no shards of two splits it refused',
  },
  {
    steps: ['iterator from the beginning with a sequence number'],
    path: ALL,
    why: 'either a position of its own or a number (kinesalite, whose tests ran on AWS): InvalidArgumentException',
  },
  {
    steps: ['an operation of its own'],
    path: TYPE,
    why: 'UnknownOperationException (API_CommonErrors, kinesalite)',
  },
];

import type { Output } from '../../../wire/aws-api/codec.ts';
import { KINESIS_SHAPES, type KinesisOperation } from '../../../wire/aws-api/kinesis-shapes.ts';
import type { AwsCall } from '../aws-call.ts';
import type { Operation } from '../operation.ts';
import {
  deregisterConsumer,
  describeConsumer,
  listConsumers,
  registerConsumer,
} from './consumers.ts';
import { describeStream, describeStreamSummary, listShards, listStreams } from './describe.ts';
import type { Input } from './input.ts';
import {
  addTags,
  createStream,
  decreaseRetention,
  deleteStream,
  describeLimits,
  increaseRetention,
  listTags,
  removeTags,
  updateMaxRecordSize,
  updateStreamMode,
} from './manage.ts';
import { putRecord, putRecords } from './put.ts';
import { getRecords, getShardIterator } from './read.ts';
import { mergeShards, splitShard, updateShardCount } from './reshard.ts';

type Run<Name extends KinesisOperation> = (call: AwsCall, input: Input<Name>) => Promise<Output>;

/** All but SubscribeToShard, which answers for minutes. */
type Answered = Exclude<KinesisOperation, 'SubscribeToShard'>;

const RUNS: { readonly [Name in Answered]: Run<Name> } = {
  CreateStream: createStream,
  DeleteStream: deleteStream,
  DescribeStream: describeStream,
  DescribeStreamSummary: describeStreamSummary,
  ListStreams: listStreams,
  ListShards: listShards,
  PutRecord: putRecord,
  PutRecords: putRecords,
  GetShardIterator: getShardIterator,
  GetRecords: getRecords,
  RegisterStreamConsumer: registerConsumer,
  DescribeStreamConsumer: describeConsumer,
  ListStreamConsumers: listConsumers,
  DeregisterStreamConsumer: deregisterConsumer,
  IncreaseStreamRetentionPeriod: increaseRetention,
  DecreaseStreamRetentionPeriod: decreaseRetention,
  UpdateShardCount: updateShardCount,
  SplitShard: splitShard,
  MergeShards: mergeShards,
  UpdateStreamMode: updateStreamMode,
  UpdateMaxRecordSize: updateMaxRecordSize,
  DescribeLimits: describeLimits,
  AddTagsToStream: addTags,
  RemoveTagsFromStream: removeTags,
  ListTagsForStream: listTags,
};

const ROLES: { readonly [name: string]: Operation['roles'] } = {
  PutRecord: ['producer'],
  PutRecords: ['producer'],
  GetShardIterator: ['reader'],
  GetRecords: ['reader'],
  RegisterStreamConsumer: ['reader'],
  DeregisterStreamConsumer: ['reader'],
  SubscribeToShard: ['reader'],
};

/** Descriptions and lists are for whoever puts or reads; the rest changes streams. */
function rolesOf(name: string): Operation['roles'] {
  return ROLES[name] ?? (/^(Describe|List)/.test(name) ? ['producer', 'reader'] : ['admin']);
}

/** Undefined for what Kinesis does not have. */
export function kinesisOperation(name: string): Operation | undefined {
  if (!Object.hasOwn(KINESIS_SHAPES, name)) return undefined;
  const shape = KINESIS_SHAPES[name as KinesisOperation];
  const roles = rolesOf(name);
  if (name === 'SubscribeToShard') return { shape, roles, run: undefined };
  return { shape, roles, run: RUNS[name as Answered] as Operation['run'] };
}

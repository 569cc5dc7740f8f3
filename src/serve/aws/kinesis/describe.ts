import { HOUR_MS } from '../../../core/duration.ts';
import { openShards, type Shard } from '../../../stream/shard-map.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import { type Output, Timestamp } from '../../../wire/aws-api/codec.ts';
import { type AwsCall, findStream, invalid, page, streamArn } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';
import type { Input } from './input.ts';
import { shardIdText, shardOutput } from './shard-id.ts';
import { readToken, writeToken } from './token.ts';

const SHARDS_PER_DESCRIPTION = 100;
const STREAMS_PER_PAGE = 100;
const SHARDS_PER_PAGE = 1000;

/** What both descriptions of a stream say. */
function common(call: AwsCall, { name, attributes, retentionMs }: WireStream) {
  return {
    StreamName: name,
    StreamARN: streamArn(call, name),
    StreamStatus: 'ACTIVE',
    StreamModeDetails: { StreamMode: attributes.mode },
    RetentionPeriodHours: Math.max(1, Math.ceil(retentionMs / HOUR_MS)),
    StreamCreationTimestamp: new Timestamp(attributes.createdMs),
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
  } satisfies Output;
}

export async function describeStream(
  call: AwsCall,
  input: Input<'DescribeStream'>,
): Promise<Output> {
  const stream = await findStream(call, input);
  const { items, hasMore } = page(stream.log.shards, ({ id }) => shardIdText(id), {
    after: input.ExclusiveStartShardId,
    limit: input.Limit ?? SHARDS_PER_DESCRIPTION,
  });
  return {
    StreamDescription: {
      ...common(call, stream),
      Shards: items.map(shardOutput),
      HasMoreShards: hasMore,
    },
  };
}

export async function describeStreamSummary(
  call: AwsCall,
  input: Input<'DescribeStreamSummary'>,
): Promise<Output> {
  const stream = await findStream(call, input);
  const { maxRecordKiB, consumers } = stream.attributes;
  return {
    StreamDescriptionSummary: {
      ...common(call, stream),
      OpenShardCount: openShards(stream.log.shards).length,
      ConsumerCount: consumers.length,
      MaxRecordSizeInKiB: maxRecordKiB,
    },
  };
}

export async function listStreams(call: AwsCall, input: Input<'ListStreams'>): Promise<Output> {
  const nowMs = call.clock.now();
  const token = input.NextToken;
  const after =
    token === undefined ? input.ExclusiveStartStreamName : String(pageToken(token, nowMs)['after']);
  const limit = input.Limit ?? STREAMS_PER_PAGE;
  const { items, hasMore } = page(await call.streams.names(), (name) => name, { after, limit });
  const found = await Promise.all(items.map((name) => call.streams.describe(name)));
  const last = items.at(-1);
  return {
    StreamNames: items,
    HasMoreStreams: hasMore,
    NextToken: hasMore ? writeToken('page', { after: last }, nowMs) : undefined,
    StreamSummaries: found
      .filter((stream) => stream !== undefined)
      .map(({ name, attributes }) => ({
        StreamName: name,
        StreamARN: streamArn(call, name),
        StreamStatus: 'ACTIVE',
        StreamModeDetails: { StreamMode: attributes.mode },
        StreamCreationTimestamp: new Timestamp(attributes.createdMs),
      })),
  };
}

export function pageToken(text: string, nowMs: number): { readonly [name: string]: unknown } {
  return readToken('page', text, {
    nowMs,
    expired: new AwsError('ExpiredNextTokenException', 'The NextToken has expired.'),
    wrong: invalid('NextToken is invalid.'),
  });
}

export async function listShards(call: AwsCall, input: Input<'ListShards'>): Promise<Output> {
  const nowMs = call.clock.now();
  const { NextToken, StreamName, StreamARN } = input;
  if (NextToken !== undefined && (StreamName ?? StreamARN) !== undefined)
    throw invalid('NextToken and StreamName cannot be provided together.');
  if ((NextToken ?? StreamName ?? StreamARN) === undefined)
    throw invalid('Either NextToken or StreamName should be provided.');
  const token = NextToken === undefined ? undefined : pageToken(NextToken, nowMs);
  const stream = await findStream(call, token ? { StreamName: String(token['stream']) } : input);
  const after = token ? String(token['after']) : input.ExclusiveStartShardId;
  const ids = token
    ? new Set(Array.isArray(token['shards']) ? (token['shards'] as unknown[]) : [])
    : new Set((await filtered(stream, input.ShardFilter)).map(({ id }) => id));
  const shards = stream.log.shards.filter(({ id }) => ids.has(id));
  const limit = input.MaxResults ?? SHARDS_PER_PAGE;
  const { items, hasMore } = page(shards, ({ id }) => shardIdText(id), { after, limit });
  const last = items.at(-1);
  const next = {
    stream: stream.name,
    after: last && shardIdText(last.id),
    shards: shards.map(({ id }) => id),
  };
  return {
    Shards: items.map(shardOutput),
    NextToken: hasMore ? writeToken('page', next, nowMs) : undefined,
  };
}

/** Which shards were open at a place of the log, or from there on. */
async function filtered(
  { log }: WireStream,
  filter: Input<'ListShards'>['ShardFilter'],
): Promise<readonly Shard[]> {
  const { shards } = log;
  // The oldest that are kept: also one that was closed before it had a record, whose readers go on from there.
  const isRoot = ({ parents }: Shard) => !shards.some(({ id }) => parents.includes(id));
  const isOpenAt = (at: number) => (shard: Shard) =>
    shard.openedAt <= at && (shard.closedAt === null || shard.closedAt > at);
  const isOpenFrom = (at: number) => (shard: Shard) =>
    shard.closedAt === null || shard.closedAt > at;
  switch (filter?.Type) {
    case 'AT_LATEST':
      return shards.filter(({ closedAt }) => closedAt === null);
    case 'AT_TRIM_HORIZON':
      return shards.filter(isRoot);
    case 'AT_TIMESTAMP':
      return shards.filter(isOpenAt(await log.firstAtOrAfter(timeOf(filter))));
    case 'FROM_TIMESTAMP':
      return shards.filter(isOpenFrom(await log.firstAtOrAfter(timeOf(filter))));
    case 'AFTER_SHARD_ID': {
      const { ShardId: after } = filter;
      if (after === undefined) throw invalid('ShardFilter of type AFTER_SHARD_ID needs ShardId.');
      return shards.filter(({ id }) => shardIdText(id) > after);
    }
    default:
      return shards;
  }
}

function timeOf({ Type, Timestamp: timeMs }: { Type: string; Timestamp?: number }): number {
  if (timeMs === undefined) throw invalid(`ShardFilter of type ${Type} needs Timestamp.`);
  return timeMs;
}

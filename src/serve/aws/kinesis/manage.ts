import { HOUR_MS } from '../../../core/duration.ts';
import { LIMITS } from '../../../core/limits.ts';
import { openShards } from '../../../stream/shard-map.ts';
import { DEFAULT_RECORD_KIB } from '../../../stream/stream-attributes.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import type { Output } from '../../../wire/aws-api/codec.ts';
import {
  ACCOUNT,
  type AwsCall,
  findStream,
  inUse,
  invalid,
  type NamedStream,
  notFound,
  streamName,
} from '../aws-call.ts';
import { TAGS_MAX, tagPage, withoutTags, withTags } from '../tags.ts';
import type { WireStream } from '../wire-streams.ts';
import type { Input } from './input.ts';

const ON_DEMAND_SHARDS = 4;
const RETENTION_HOURS = { min: 24, max: 8760 };

export async function createStream(call: AwsCall, input: Input<'CreateStream'>): Promise<Output> {
  const { StreamName: name, ShardCount, StreamModeDetails, Tags = {} } = input;
  const mode = StreamModeDetails?.StreamMode === 'ON_DEMAND' ? 'ON_DEMAND' : 'PROVISIONED';
  if (mode === 'PROVISIONED' && ShardCount === undefined)
    throw new AwsError(
      'ValidationException',
      'ShardCount must be provided for a stream of mode PROVISIONED.',
    );
  if (mode === 'ON_DEMAND' && ShardCount !== undefined)
    throw new AwsError(
      'ValidationException',
      'ShardCount must not be provided for a stream of mode ON_DEMAND.',
    );
  const shards = ShardCount ?? ON_DEMAND_SHARDS;
  refuseTooManyShards(shards);
  const maxRecordKiB = input.MaxRecordSizeInKiB ?? DEFAULT_RECORD_KIB;
  if (await call.streams.create(name, { shards, mode, maxRecordKiB, tags: Tags })) return {};
  throw inUse(`Stream ${name} under account ${ACCOUNT} already exists.`);
}

export function refuseTooManyShards(shards: number): void {
  if (shards > LIMITS.shardsMax)
    throw new AwsError(
      'LimitExceededException',
      `A stream has at most ${LIMITS.shardsMax} shards here, not ${shards}.`,
    );
}

export async function deleteStream(call: AwsCall, input: Input<'DeleteStream'>): Promise<Output> {
  const stream = await call.streams.describe(streamName(input));
  if (!stream) throw notFound(streamName(input));
  if (stream.isDefined)
    throw inUse(
      `Stream ${stream.name} is defined in the pipeline: take it out of pipeline.ts, then end its data with \`millrace drop ${stream.name}\`.`,
    );
  const { consumers } = stream.attributes;
  if (consumers.length > 0 && !input.EnforceConsumerDeletion)
    throw inUse(
      `Stream ${stream.name} under account ${ACCOUNT} has consumers registered: ${consumers.map(({ name }) => name).join(', ')}.`,
    );
  await call.streams.remove(stream.name);
  return {};
}

export async function describeLimits(call: AwsCall): Promise<Output> {
  const names = await call.streams.names();
  const found: WireStream[] = [];
  for (const name of names) {
    const stream = await call.streams.find(name);
    if (stream) found.push(stream);
  }
  return {
    ShardLimit: LIMITS.shardsMax,
    OpenShardCount: found.reduce((sum, { log }) => sum + openShards(log.shards).length, 0),
    OnDemandStreamCount: found.filter(({ attributes }) => attributes.mode === 'ON_DEMAND').length,
    OnDemandStreamCountLimit: 50,
  };
}

export function increaseRetention(
  call: AwsCall,
  input: Input<'IncreaseStreamRetentionPeriod'>,
): Promise<Output> {
  return setRetention(call, input, (wanted, hours) =>
    wanted < hours ? `must not be less than it is now, ${hours}` : undefined,
  );
}

export function decreaseRetention(
  call: AwsCall,
  input: Input<'DecreaseStreamRetentionPeriod'>,
): Promise<Output> {
  return setRetention(call, input, (wanted, hours) =>
    wanted > hours ? `must not be more than it is now, ${hours}` : undefined,
  );
}

async function setRetention(
  call: AwsCall,
  input: Input<'IncreaseStreamRetentionPeriod'>,
  problemOf: (wanted: number, hours: number) => string | undefined,
): Promise<Output> {
  const { RetentionPeriodHours: wanted } = input;
  const { min, max } = RETENTION_HOURS;
  const stream = await findStream(call, input);
  const problem =
    wanted < min || wanted > max
      ? `must be from ${min} to ${max}`
      : problemOf(wanted, Math.ceil(stream.retentionMs / HOUR_MS));
  if (problem !== undefined)
    throw invalid(`RetentionPeriodHours is ${wanted} and ${problem}, for stream ${stream.name}.`);
  refuseDefined(stream, 'retention');
  await call.streams.setRetention(stream.name, wanted);
  return {};
}

/** What a definition says is changed there, so that the next start does not undo it. */
function refuseDefined({ isDefined, name }: WireStream, option: string): void {
  if (isDefined)
    throw inUse(
      `Stream ${name} is defined in the pipeline: change its \`${option}\` in pipeline.ts.`,
    );
}

export async function updateStreamMode(
  call: AwsCall,
  input: Input<'UpdateStreamMode'>,
): Promise<Output> {
  const { name } = await findStream(call, input);
  const mode = input.StreamModeDetails.StreamMode === 'ON_DEMAND' ? 'ON_DEMAND' : 'PROVISIONED';
  await call.streams.changeAttributes(name, () => ({ mode }));
  return {};
}

export async function updateMaxRecordSize(
  call: AwsCall,
  input: Input<'UpdateMaxRecordSize'>,
): Promise<Output> {
  const stream = await findStream(call, input);
  const maxRecordKiB = input.MaxRecordSizeInKiB;
  if (stream.isDefined && maxRecordKiB > DEFAULT_RECORD_KIB)
    throw invalid(
      `Records of stream ${stream.name}, which is defined in the pipeline, have at most 1 MiB. Larger ones are taken by streams that CreateStream makes.`,
    );
  await call.streams.changeAttributes(stream.name, () => ({ maxRecordKiB }));
  return {};
}

export async function addTags(call: AwsCall, input: Input<'AddTagsToStream'>): Promise<Output> {
  const { name } = await findStream(call, input);
  const tooMany = invalid(
    `Failed to add tags to stream ${name} under account ${ACCOUNT} because a given stream cannot have more than ${TAGS_MAX} tags associated with it.`,
  );
  await call.streams.changeAttributes(name, (now) => ({
    tags: withTags(now.tags, input.Tags, tooMany),
  }));
  return {};
}

export async function removeTags(
  call: AwsCall,
  input: Input<'RemoveTagsFromStream'>,
): Promise<Output> {
  const { name } = await findStream(call, input);
  await call.streams.changeAttributes(name, (now) => ({
    tags: withoutTags(now.tags, input.TagKeys),
  }));
  return {};
}

export async function listTags(call: AwsCall, input: Input<'ListTagsForStream'>): Promise<Output> {
  const { attributes } = await findStream(call, input satisfies NamedStream);
  return tagPage(attributes.tags, input.ExclusiveStartTagKey, input.Limit);
}

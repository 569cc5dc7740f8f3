import { DEFAULT_RECORD_KIB, type DeliveryAttributes } from '../../../stream/stream-attributes.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import { type Output, Timestamp } from '../../../wire/aws-api/codec.ts';
import { ACCOUNT, type AwsCall, findStream, inUse, invalid, page } from '../aws-call.ts';
import { TAGS_MAX, tagPage, withoutTags, withTags } from '../tags.ts';
import {
  changeDelivery,
  deliveryArn,
  deliveryNames,
  findDelivery,
  getDelivery,
  plainDelivery,
} from './delivery-stream.ts';
import type { Input } from './input.ts';

const DESTINATION_ID = 'destinationId-000000000001';
const NAMES_PER_PAGE = 10;
const SHARDS = 1;

/**
 * A delivery stream that no definition describes: it keeps what is put into it as bytes, in a stream of its name.
 * Which bucket it was meant for is kept and told, and nothing is sent there.
 */
export async function createDeliveryStream(
  call: AwsCall,
  input: Input<'CreateDeliveryStream'>,
): Promise<Output> {
  const { DeliveryStreamName: name, Tags = [] } = input;
  const { streams, clock, logger } = call;
  if (await findDelivery(call, name)) throw nameTaken(name);
  const type = input.DeliveryStreamType ?? 'DirectPut';
  const source = input.KinesisStreamSourceConfiguration?.KinesisStreamARN;
  if (type !== 'DirectPut' && type !== 'KinesisStreamAsSource')
    throw invalid(
      `DeliveryStreamType ${type} is not supported here: use DirectPut or KinesisStreamAsSource.`,
    );
  if (type === 'KinesisStreamAsSource') {
    if (source === undefined)
      throw invalid('KinesisStreamSourceConfiguration is needed for type KinesisStreamAsSource.');
    await findStream(call, { StreamARN: source });
  }
  const hasOwnStream =
    type === 'DirectPut' &&
    (await streams.create(name, {
      shards: SHARDS,
      mode: 'PROVISIONED',
      maxRecordKiB: DEFAULT_RECORD_KIB,
      tags: {},
    }));
  const destination =
    input.ExtendedS3DestinationConfiguration ?? input.S3DestinationConfiguration ?? {};
  try {
    await streams.deliveries.change(name, (known) => {
      if (known) throw nameTaken(name);
      return {
        ...plainDelivery(clock.now()),
        type,
        hasOwnStream,
        ...(source === undefined ? {} : { sourceArn: source }),
        destination: { ...destination },
        tags: tagsOf(Tags),
      };
    });
  } catch (error) {
    if (hasOwnStream) await streams.remove(name);
    throw error;
  }
  logger.warn(
    { stream: name },
    'a delivery stream was made that no definition describes: its records are kept in a stream of its name and delivered nowhere; define stream() of that name to have a table',
  );
  return { DeliveryStreamARN: deliveryArn(call, name) };
}

const nameTaken = (name: string): AwsError =>
  inUse(`Firehose ${name} under accountId ${ACCOUNT} already exists`);

const tagsOf = (tags: readonly { readonly Key: string; readonly Value?: string }[]) =>
  Object.fromEntries(tags.map(({ Key, Value = '' }) => [Key, Value]));

export async function describeDeliveryStream(
  call: AwsCall,
  input: Input<'DescribeDeliveryStream'>,
): Promise<Output> {
  const { name, attributes } = await getDelivery(call, input.DeliveryStreamName);
  const { createdMs, updatedMs, type, version, sourceArn } = attributes;
  return {
    DeliveryStreamDescription: {
      DeliveryStreamName: name,
      DeliveryStreamARN: deliveryArn(call, name),
      DeliveryStreamStatus: 'ACTIVE',
      DeliveryStreamType: type,
      VersionId: String(version),
      CreateTimestamp: new Timestamp(createdMs),
      LastUpdateTimestamp: new Timestamp(updatedMs),
      Source:
        sourceArn === undefined
          ? undefined
          : {
              KinesisStreamSourceDescription: {
                KinesisStreamARN: sourceArn,
                DeliveryStartTimestamp: new Timestamp(createdMs),
              },
            },
      Destinations: [{ DestinationId: DESTINATION_ID, ...destinationOutput(attributes) }],
      HasMoreDestinations: false,
    },
  };
}

function destinationOutput({ destination }: DeliveryAttributes): { [name: string]: Output } {
  if (Object.keys(destination).length === 0) return {};
  const described = {
    CompressionFormat: 'UNCOMPRESSED',
    EncryptionConfiguration: { NoEncryptionConfig: 'NoEncryption' },
    ...destination,
    BufferingHints: {
      SizeInMBs: 5,
      IntervalInSeconds: 300,
      ...(destination['BufferingHints'] as object | undefined),
    },
  } as Output;
  return { S3DestinationDescription: described, ExtendedS3DestinationDescription: described };
}

export async function listDeliveryStreams(
  call: AwsCall,
  input: Input<'ListDeliveryStreams'>,
): Promise<Output> {
  const names = await deliveryNames(call);
  const wanted = input.DeliveryStreamType;
  const found = await Promise.all(names.map((name) => findDelivery(call, name)));
  const all = found
    .filter((one) => one !== undefined)
    .filter(({ attributes }) => wanted === undefined || attributes.type === wanted)
    .map(({ name }) => name);
  const { items, hasMore } = page(all, (name) => name, {
    after: input.ExclusiveStartDeliveryStreamName,
    limit: input.Limit ?? NAMES_PER_PAGE,
  });
  return { DeliveryStreamNames: items, HasMoreDeliveryStreams: hasMore };
}

export async function updateDestination(
  call: AwsCall,
  input: Input<'UpdateDestination'>,
): Promise<Output> {
  const { DeliveryStreamName: name, CurrentDeliveryStreamVersionId: version } = input;
  const update = input.ExtendedS3DestinationUpdate ?? input.S3DestinationUpdate ?? {};
  await changeDelivery(call, name, (now) => {
    if (version !== String(now.version))
      throw new AwsError(
        'ConcurrentModificationException',
        `The version of delivery stream ${name} is ${now.version}, not ${version}. Describe it, and try again.`,
      );
    if (input.DestinationId !== DESTINATION_ID)
      throw invalid(`Destination ${input.DestinationId} of delivery stream ${name} not found.`);
    return {
      destination: { ...now.destination, ...update },
      version: now.version + 1,
      updatedMs: call.clock.now(),
    };
  });
  return {};
}

/** Its records go with it, where they are kept only for it. */
export async function deleteDeliveryStream(
  call: AwsCall,
  input: Input<'DeleteDeliveryStream'>,
): Promise<Output> {
  const { name, isDefined } = await getDelivery(call, input.DeliveryStreamName);
  if (isDefined)
    throw inUse(
      `Delivery stream ${name} is a stream of the pipeline: take it out of pipeline.ts, then end its data with \`millrace drop ${name}\`.`,
    );
  let hasOwnStream = false;
  await call.streams.deliveries.change(name, (known) => {
    hasOwnStream = known?.hasOwnStream === true;
    return undefined;
  });
  if (hasOwnStream) await call.streams.remove(name);
  return {};
}

export async function tagDeliveryStream(
  call: AwsCall,
  input: Input<'TagDeliveryStream'>,
): Promise<Output> {
  const tooMany = new AwsError(
    'LimitExceededException',
    `A delivery stream has at most ${TAGS_MAX} tags.`,
  );
  await changeDelivery(call, input.DeliveryStreamName, ({ tags }) => ({
    tags: withTags(tags, tagsOf(input.Tags), tooMany),
  }));
  return {};
}

export async function untagDeliveryStream(
  call: AwsCall,
  input: Input<'UntagDeliveryStream'>,
): Promise<Output> {
  await changeDelivery(call, input.DeliveryStreamName, ({ tags }) => ({
    tags: withoutTags(tags, input.TagKeys),
  }));
  return {};
}

export async function listDeliveryTags(
  call: AwsCall,
  input: Input<'ListTagsForDeliveryStream'>,
): Promise<Output> {
  const { attributes } = await getDelivery(call, input.DeliveryStreamName);
  return tagPage(attributes.tags, input.ExclusiveStartTagKey, input.Limit);
}

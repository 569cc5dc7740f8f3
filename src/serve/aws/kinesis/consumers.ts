import type { StreamConsumerAttributes } from '../../../stream/stream-attributes.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import { type Output, Timestamp } from '../../../wire/aws-api/codec.ts';
import { ACCOUNT, type AwsCall, findStream, inUse, invalid, page, streamArn } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';
import { pageToken } from './describe.ts';
import type { Input } from './input.ts';
import { writeToken } from './token.ts';

const CONSUMERS_MAX = 20;
const CONSUMERS_PER_PAGE = 100;

/** `…:stream/sales/consumer/app:1763800000` */
function consumerArn(call: AwsCall, stream: string, consumer: StreamConsumerAttributes): string {
  return `${streamArn(call, stream)}/consumer/${consumer.name}:${secondsOf(consumer)}`;
}

function consumerOutput(call: AwsCall, stream: string, consumer: StreamConsumerAttributes) {
  return {
    ConsumerName: consumer.name,
    ConsumerARN: consumerArn(call, stream, consumer),
    ConsumerStatus: 'ACTIVE',
    ConsumerCreationTimestamp: new Timestamp(consumer.createdMs),
  } satisfies Output;
}

export async function registerConsumer(
  call: AwsCall,
  input: Input<'RegisterStreamConsumer'>,
): Promise<Output> {
  const { name } = await findStream(call, input);
  const consumer = { name: input.ConsumerName, createdMs: call.clock.now() };
  await call.streams.changeAttributes(name, ({ consumers }) => {
    if (consumers.some((one) => one.name === consumer.name))
      throw inUse(
        `Consumer ${consumer.name} under stream ${name} already exists for account ${ACCOUNT}.`,
      );
    if (consumers.length >= CONSUMERS_MAX)
      throw new AwsError(
        'LimitExceededException',
        `Stream ${name} has ${CONSUMERS_MAX} registered consumers already.`,
      );
    return { consumers: [...consumers, consumer] };
  });
  return { Consumer: consumerOutput(call, name, consumer) };
}

export async function describeConsumer(
  call: AwsCall,
  input: Input<'DescribeStreamConsumer'>,
): Promise<Output> {
  const { stream, consumer } = await findConsumer(call, input);
  return {
    ConsumerDescription: {
      ...consumerOutput(call, stream.name, consumer),
      StreamARN: streamArn(call, stream.name),
    },
  };
}

export async function listConsumers(
  call: AwsCall,
  input: Input<'ListStreamConsumers'>,
): Promise<Output> {
  const nowMs = call.clock.now();
  const { name, attributes } = await findStream(call, input);
  const token = input.NextToken === undefined ? undefined : pageToken(input.NextToken, nowMs);
  const sorted = [...attributes.consumers].sort((a, b) => (a.name < b.name ? -1 : 1));
  const { items, hasMore } = page(sorted, (consumer) => consumer.name, {
    after: token && String(token['after']),
    limit: input.MaxResults ?? CONSUMERS_PER_PAGE,
  });
  const after = items.at(-1)?.name;
  return {
    Consumers: items.map((consumer) => consumerOutput(call, name, consumer)),
    NextToken: hasMore ? writeToken('page', { after }, nowMs) : undefined,
  };
}

export async function deregisterConsumer(
  call: AwsCall,
  input: Input<'DeregisterStreamConsumer'>,
): Promise<Output> {
  const { stream, consumer } = await findConsumer(call, input);
  await call.streams.changeAttributes(stream.name, ({ consumers }) => ({
    consumers: consumers.filter(({ name }) => name !== consumer.name),
  }));
  return {};
}

export interface NamedConsumer {
  readonly StreamARN?: string;
  readonly ConsumerName?: string;
  readonly ConsumerARN?: string;
}

/** @throws AwsError ResourceNotFoundException, InvalidArgumentException */
export async function findConsumer(
  call: AwsCall,
  { StreamARN, ConsumerName, ConsumerARN }: NamedConsumer,
): Promise<{ stream: WireStream; consumer: StreamConsumerAttributes }> {
  const arn = ConsumerARN === undefined ? undefined : partsOf(ConsumerARN);
  const name = arn?.consumer ?? ConsumerName;
  if (name === undefined || (arn === undefined && StreamARN === undefined))
    throw invalid('Either ConsumerARN, or StreamARN and ConsumerName must be provided.');
  const stream = await findStream(
    call,
    arn ? { StreamName: arn.stream } : { StreamARN: StreamARN as string },
  );
  const consumer = stream.attributes.consumers.find(
    (one) => one.name === name && (arn === undefined || arn.seconds === secondsOf(one)),
  );
  if (consumer) return { stream, consumer };
  throw new AwsError(
    'ResourceNotFoundException',
    `Consumer ${ConsumerARN ?? name}, account ${ACCOUNT} not found.`,
  );
}

const secondsOf = ({ createdMs }: StreamConsumerAttributes): string =>
  String(Math.floor(createdMs / 1000));

function partsOf(arn: string): { stream: string; consumer: string; seconds: string } {
  const [, stream = '', consumer = '', seconds = ''] =
    /stream\/([^/]+)\/consumer\/([^:]+):(\d+)$/.exec(arn) ?? [];
  return { stream, consumer, seconds };
}

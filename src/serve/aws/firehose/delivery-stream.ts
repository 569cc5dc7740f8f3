import type { DeliveryAttributes } from '../../../stream/stream-attributes.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import { ACCOUNT, type AwsCall } from '../aws-call.ts';

/** A stream that Firehose's producers put into: one of the pipeline's, or one that a program made. */
export interface DeliveryStream {
  readonly name: string;
  readonly attributes: DeliveryAttributes;
  /** False for those that a program made: they can be deleted. */
  readonly isDefined: boolean;
}

const NAME_LENGTH_MAX = 64;

export const deliveryArn = ({ region }: AwsCall, name: string): string =>
  `arn:aws:firehose:${region}:${ACCOUNT}:deliverystream/${name}`;

export async function deliveryNames({ streams }: AwsCall): Promise<string[]> {
  const all = new Set(streams.deliveries.names());
  for (const name of await streams.names())
    if (name.length <= NAME_LENGTH_MAX && (await streams.describe(name))?.isDefined) all.add(name);
  return [...all].sort();
}

export async function findDelivery(
  { streams }: AwsCall,
  name: string,
): Promise<DeliveryStream | undefined> {
  const stream = await streams.describe(name);
  const attributes = streams.deliveries.get(name);
  if (stream?.isDefined)
    return {
      name,
      isDefined: true,
      attributes: attributes ?? plainDelivery(stream.attributes.createdMs),
    };
  return attributes && { name, isDefined: false, attributes };
}

/** @throws AwsError ResourceNotFoundException */
export async function getDelivery(call: AwsCall, name: string): Promise<DeliveryStream> {
  const found = await findDelivery(call, name);
  if (found) return found;
  throw notFound(name);
}

const notFound = (name: string): AwsError =>
  new AwsError('ResourceNotFoundException', `Firehose ${name} under account ${ACCOUNT} not found.`);

/** Of two changes at once the second one sees the first. @throws AwsError ResourceNotFoundException */
export async function changeDelivery(
  call: AwsCall,
  name: string,
  change: (now: DeliveryAttributes) => Partial<DeliveryAttributes>,
): Promise<void> {
  const { isDefined, attributes } = await getDelivery(call, name);
  await call.streams.deliveries.change(name, (known) => {
    // Of one that a program made nothing is known any more where it was deleted meanwhile.
    const now = known ?? (isDefined ? attributes : undefined);
    if (!now) throw notFound(name);
    return { ...now, ...change(now) };
  });
}

export function plainDelivery(nowMs: number): DeliveryAttributes {
  return {
    createdMs: nowMs,
    updatedMs: nowMs,
    type: 'DirectPut',
    destination: {},
    version: 1,
    hasOwnStream: false,
    tags: {},
  };
}

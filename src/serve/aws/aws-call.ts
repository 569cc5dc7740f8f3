import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { AwsError } from '../../wire/aws-api/aws-error.ts';
import type { WireStream, WireStreams } from './wire-streams.ts';

/** What an operation knows beside its input. */
export interface AwsCall {
  readonly streams: WireStreams;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly region: string;
  /** Who asks: kept with dead letters. */
  readonly producer: string | undefined;
}

/** There is one account; this number is nobody's. */
export const ACCOUNT = '000000000000';

export const streamArn = ({ region }: AwsCall, name: string): string =>
  `arn:aws:kinesis:${region}:${ACCOUNT}:stream/${name}`;

export const notFound = (name: string): AwsError =>
  new AwsError('ResourceNotFoundException', `Stream ${name} under account ${ACCOUNT} not found.`);

export const invalid = (message: string): AwsError =>
  new AwsError('InvalidArgumentException', message);

export const inUse = (message: string): AwsError => new AwsError('ResourceInUseException', message);

export interface NamedStream {
  readonly StreamName?: string;
  readonly StreamARN?: string;
}

/** @throws AwsError where none of the two is given, or they differ */
export function streamName({ StreamName, StreamARN }: NamedStream): string {
  const fromArn = StreamARN === undefined ? undefined : /:stream\/([^/]+)/.exec(StreamARN)?.[1];
  if (StreamARN !== undefined && fromArn === undefined)
    throw invalid(`StreamARN ${StreamARN} is not the ARN of a stream.`);
  const name = StreamName ?? fromArn;
  if (name === undefined)
    throw new AwsError(
      'ValidationException',
      "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: Member must not be null",
    );
  if (fromArn !== undefined && fromArn !== name)
    throw invalid(`StreamName ${name} and StreamARN ${StreamARN} are of two streams.`);
  return name;
}

/** @throws AwsError ResourceNotFoundException */
export async function findStream(call: AwsCall, named: NamedStream): Promise<WireStream> {
  const name = streamName(named);
  const stream = await call.streams.find(name);
  if (!stream) throw notFound(name);
  return stream;
}

/** A request that only asks whether it would succeed ends here. @throws AwsError DryRunOperationException */
export function refuseDryRun(isDryRun: boolean | undefined): void {
  if (isDryRun)
    throw new AwsError(
      'DryRunOperationException',
      'Request would have succeeded, but the DryRun flag is set.',
    );
}

/** Lists are given in pages: what follows `after`, and whether there is more. */
export function page<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): { readonly items: readonly T[]; readonly hasMore: boolean } {
  const rest = after === undefined ? all : all.filter((one) => keyOf(one) > after);
  return { items: rest.slice(0, limit), hasMore: rest.length > limit };
}

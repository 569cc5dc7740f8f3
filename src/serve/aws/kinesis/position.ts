import type { Shard } from '../../../stream/shard-map.ts';
import { ACCOUNT, type AwsCall, invalid } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';
import { shardIdText } from './shard-id.ts';
import type { ShardPosition } from './shard-reader.ts';

/** Where to begin, as GetShardIterator and SubscribeToShard say it. */
export interface StartingPosition {
  readonly type: string;
  readonly sequence: string | undefined;
  readonly timeMs: number | undefined;
}

/** @throws AwsError InvalidArgumentException */
export async function startOf(
  call: AwsCall,
  stream: WireStream,
  shard: Shard,
  start: StartingPosition,
): Promise<ShardPosition> {
  const { log } = stream;
  refuseSequence(start);
  switch (start.type) {
    case 'LATEST':
      return { next: shard.closedAt ?? log.nextSequence, sinceMs: undefined };
    case 'AT_TIMESTAMP': {
      const { timeMs } = start;
      if (timeMs === undefined) throw invalid('Timestamp is needed for type AT_TIMESTAMP.');
      if (timeMs > call.clock.now())
        throw invalid(
          `The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: ${timeMs}, currentTimestampInMillis: ${call.clock.now()}`,
        );
      const next = await log.firstAtOrAfter(timeMs);
      return { next: Math.max(next, shard.openedAt), sinceMs: timeMs };
    }
    case 'AT_SEQUENCE_NUMBER':
      return { next: sequenceOf(stream, shard, start), sinceMs: undefined };
    case 'AFTER_SEQUENCE_NUMBER':
      return { next: sequenceOf(stream, shard, start) + 1, sinceMs: undefined };
    default:
      return { next: Math.max(log.firstSequence, shard.openedAt), sinceMs: undefined };
  }
}

function refuseSequence({ type, sequence }: StartingPosition): void {
  if (sequence !== undefined && (type === 'LATEST' || type === 'TRIM_HORIZON'))
    throw invalid(
      `Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified ${type} and also a StartingSequenceNumber.`,
    );
}

function sequenceOf(
  { name, log }: WireStream,
  shard: Shard,
  { type, sequence }: StartingPosition,
): number {
  if (sequence === undefined) throw invalid(`A sequence number is needed for type ${type}.`);
  const number = BigInt(sequence);
  // In front of the first record a subscription goes on behind the last number before it.
  const start = BigInt(shard.openedAt - (type === 'AFTER_SEQUENCE_NUMBER' ? 1 : 0));
  const end = BigInt(shard.closedAt ?? log.nextSequence);
  if (number < start || number > end)
    throw invalid(
      `StartingSequenceNumber ${sequence} used in GetShardIterator on shard ${shardIdText(shard.id)} in stream ${name} under account ${ACCOUNT} is invalid.`,
    );
  return Number(number);
}

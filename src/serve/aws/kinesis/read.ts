import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import type { Output } from '../../../wire/aws-api/codec.ts';
import { type AwsCall, findStream, invalid, notFound, refuseDryRun } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';
import type { Input } from './input.ts';
import { startOf } from './position.ts';
import { childShards, findShard, shardIdText } from './shard-id.ts';
import { readShard, recordsOutput, type ShardPosition } from './shard-reader.ts';
import { readToken, writeToken } from './token.ts';

const RECORDS_MAX = 10_000;
/** AWS stops at 10 MiB; a program asks again in either case. */
const BYTES_MAX = 4 * 1024 * 1024;

export async function getShardIterator(
  call: AwsCall,
  input: Input<'GetShardIterator'>,
): Promise<Output> {
  const stream = await findStream(call, input);
  const shard = findShard(stream, input.ShardId);
  const position = await startOf(call, stream, shard, {
    type: input.ShardIteratorType,
    sequence: input.StartingSequenceNumber,
    timeMs: input.Timestamp,
  });
  refuseDryRun(input.DryRun);
  return { ShardIterator: iteratorText(call, stream, shard.id, position) };
}

export async function getRecords(call: AwsCall, input: Input<'GetRecords'>): Promise<Output> {
  const { stream, shard, position } = await openIterator(call, input.ShardIterator);
  refuseDryRun(input.DryRun);
  const piece = await readShard(call, stream, shard, position, {
    limit: input.Limit ?? RECORDS_MAX,
    bytesMax: BYTES_MAX,
  });
  const next = { next: piece.next, sinceMs: position.sinceMs };
  return {
    Records: recordsOutput(piece.records),
    NextShardIterator: piece.isEnd ? undefined : iteratorText(call, stream, shard.id, next),
    MillisBehindLatest: piece.behindMs,
    ChildShards: piece.isEnd ? childShards(stream, shard) : undefined,
  };
}

/** The log's epoch is in it: of another stream of the same name it says nothing. */
function iteratorText(
  { clock }: AwsCall,
  { name, log }: WireStream,
  shard: number,
  { next, sinceMs }: ShardPosition,
): string {
  const content = { stream: name, epoch: log.epoch, shard, next, sinceMs };
  return writeToken('iterator', content, clock.now());
}

async function openIterator(call: AwsCall, text: string) {
  const wrong = invalid('Invalid ShardIterator.');
  const token = readToken('iterator', text, {
    nowMs: call.clock.now(),
    expired: new AwsError(
      'ExpiredIteratorException',
      'Iterator expired. It is valid for 5 minutes from when it was given.',
    ),
    wrong,
  });
  const { stream: name, epoch, shard: id, next, sinceMs } = token;
  if (typeof name !== 'string' || typeof id !== 'number' || !Number.isSafeInteger(next))
    throw wrong;
  const stream = await call.streams.find(name);
  if (stream?.log.epoch !== epoch || !stream) throw notFound(name);
  const shard = findShard(stream, shardIdText(id));
  const since = typeof sinceMs === 'number' ? sinceMs : undefined;
  return { stream, shard, position: { next: next as number, sinceMs: since } };
}

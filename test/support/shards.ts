import { createHash } from 'node:crypto';
import type {
  ChildShard,
  GetRecordsOutput,
  GetShardIteratorOutput,
  ListShardsOutput,
  Shard,
} from '@aws-sdk/client-kinesis';
import type { Boto3 } from './boto3.ts';

export const LARGEST_HASH_KEY = 2n ** 128n - 1n;

export interface ReadRecord {
  readonly shard: string;
  readonly sequence: string;
  readonly key: string;
  readonly data: Buffer;
  readonly arrived: Date;
}

interface ReadShard {
  readonly records: readonly ReadRecord[];
  /** At the end of a shard that was split or merged. */
  readonly children: readonly ChildShard[] | undefined;
}

/** Where a reader begins; the oldest record where nothing is said. */
interface Position {
  readonly ShardIteratorType?: string;
  readonly StartingSequenceNumber?: string;
  readonly Timestamp?: Date;
}

export async function shardsOf(kinesis: Boto3, stream: string, more = {}): Promise<Shard[]> {
  const input = { StreamName: stream, ...more };
  return (await kinesis.call<ListShardsOutput>('list_shards', input)).Shards as Shard[];
}

export async function iteratorAt(
  kinesis: Boto3,
  stream: string,
  shard: string,
  position: Position = {},
): Promise<string> {
  const answer = await kinesis.call<GetShardIteratorOutput>('get_shard_iterator', {
    StreamName: stream,
    ShardId: shard,
    ShardIteratorType: 'TRIM_HORIZON',
    ...position,
  });
  return answer.ShardIterator as string;
}

/** What is in one shard from a position on, until it says that nothing is behind or that it has ended. */
export async function readShard(
  kinesis: Boto3,
  stream: string,
  shard: string,
  position: Position = {},
  limit?: number,
): Promise<ReadShard> {
  const records: ReadRecord[] = [];
  let iterator: string | undefined = await iteratorAt(kinesis, stream, shard, position);
  for (;;) {
    const answer: GetRecordsOutput = await kinesis.call('get_records', {
      ShardIterator: iterator,
      ...(limit === undefined ? {} : { Limit: limit }),
    });
    for (const record of answer.Records ?? [])
      records.push({
        shard,
        sequence: record.SequenceNumber as string,
        key: record.PartitionKey as string,
        data: record.Data as Buffer,
        arrived: record.ApproximateArrivalTimestamp as Date,
      });
    iterator = answer.NextShardIterator;
    if (iterator === undefined || answer.MillisBehindLatest === 0)
      return { records, children: iterator === undefined ? answer.ChildShards : undefined };
  }
}

/** Every record of a stream, shard by shard. */
export async function readStream(kinesis: Boto3, stream: string): Promise<ReadRecord[]> {
  const records: ReadRecord[] = [];
  for (const { ShardId } of await shardsOf(kinesis, stream))
    records.push(...(await readShard(kinesis, stream, ShardId as string)).records);
  return records;
}

/** The place of a partition key among hash keys, as Kinesis documents it: its MD5 as a number, highest byte first. */
export function hashKeyOf(key: string): bigint {
  return BigInt(`0x${createHash('md5').update(key, 'utf8').digest('hex')}`);
}

/** The open shard that has a hash key. */
export function shardWith(shards: readonly Shard[], hashKey: bigint): string | undefined {
  const found = shards.filter(({ HashKeyRange: range, SequenceNumberRange: sequences }) => {
    const [first, last] = [range?.StartingHashKey, range?.EndingHashKey].map((text) =>
      BigInt(text as string),
    ) as [bigint, bigint];
    return sequences?.EndingSequenceNumber === undefined && first <= hashKey && hashKey <= last;
  });
  return found.length === 1 ? found[0]?.ShardId : undefined;
}

import { PartitionKeys } from '../../../stream/partition-keys.ts';
import { RecordReader } from '../../../stream/record-reader.ts';
import type { Shard } from '../../../stream/shard-map.ts';
import { BlobOutput, type Output, Timestamp } from '../../../wire/aws-api/codec.ts';
import type { AwsCall } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';
import { type ShardRecord, ShardRecords } from './shard-records.ts';

/** Where a reader of a shard is. */
export interface ShardPosition {
  readonly next: number;
  /** Only records that arrived then or later. */
  readonly sinceMs: number | undefined;
}

export interface ShardPiece {
  readonly records: readonly ShardRecord[];
  readonly next: number;
  /** How far behind the newest record of the log its reader is. */
  readonly behindMs: number;
  /** True where the shard is closed and all of it was read. */
  readonly isEnd: boolean;
}

/** Windows of the log that are looked through for one answer: a shard may have few of the records. */
const WINDOWS_MAX = 200;

/** The records of a shard from a place on, up to so many, or so many bytes. */
export async function readShard(
  { streams, clock, logger }: AwsCall,
  stream: WireStream,
  shard: Shard,
  from: ShardPosition,
  { limit, bytesMax }: { readonly limit: number; readonly bytesMax: number },
): Promise<ShardPiece> {
  const { log } = stream;
  const end = shard.closedAt ?? Number.POSITIVE_INFINITY;
  const reader = new RecordReader(streams.files, {
    // What retention has taken meanwhile is passed over, as Kinesis does.
    from: Math.max(from.next, log.firstSequence),
    until: end,
    sinceMs: from.sinceMs,
    shards: new Set([shard.id]),
    key: undefined,
    limit,
  });
  const keys = new PartitionKeys();
  const records: ShardRecord[] = [];
  let bytes = 0;
  const isMore = () => !reader.done && reader.position < log.nextSequence && bytes < bytesMax;
  for (let window = 0; window < WINDOWS_MAX && isMore(); window++) {
    const sink = new ShardRecords(stream);
    await streams.turns.take((buffer) => reader.next(log, buffer, sink));
    records.push(...(await sink.all(streams.files, keys)));
    bytes += sink.length;
    for (const { first, last } of sink.damage)
      logger.error({ stream: stream.name, first, last }, 'damaged records are passed over');
  }
  const next = reader.position;
  const isEnd = next >= end;
  const isBehind = !isEnd && next < log.nextSequence;
  const newest = records.at(-1)?.timeMs ?? clock.now() - 1;
  return { records, next, behindMs: isBehind ? Math.max(1, clock.now() - newest) : 0, isEnd };
}

export function recordsOutput(records: readonly ShardRecord[]): Output[] {
  return records.map(({ sequence, timeMs, data, partitionKey }) => ({
    SequenceNumber: String(sequence),
    ApproximateArrivalTimestamp: new Timestamp(timeMs),
    Data: new BlobOutput(data),
    PartitionKey: partitionKey,
    EncryptionType: 'NONE',
  }));
}

import type { Shard } from '../../../stream/shard-map.ts';
import { AwsError } from '../../../wire/aws-api/aws-error.ts';
import type { Output } from '../../../wire/aws-api/codec.ts';
import { ACCOUNT } from '../aws-call.ts';
import type { WireStream } from '../wire-streams.ts';

/** Each answer to PutRecords has hundreds of few. */
const texts = new Map<number, string>();

export function shardIdText(id: number): string {
  const known = texts.get(id);
  if (known !== undefined) return known;
  const text = `shardId-${String(id).padStart(12, '0')}`;
  texts.set(id, text);
  return text;
}

/** @throws AwsError ResourceNotFoundException */
export function findShard({ name, log }: WireStream, text: string): Shard {
  const shard = log.shards.find(({ id }) => shardIdText(id) === text);
  if (shard) return shard;
  throw new AwsError(
    'ResourceNotFoundException',
    `Shard ${text} in stream ${name} under account ${ACCOUNT} does not exist`,
  );
}

export function hashKeyRange({ hashFrom, hashLast }: Shard): Output {
  return { StartingHashKey: String(hashFrom), EndingHashKey: String(hashLast) };
}

export function shardOutput({ id, parents, openedAt, closedAt, ...range }: Shard): Output {
  const [parent, adjacent] = parents;
  return {
    ShardId: shardIdText(id),
    ParentShardId: parent === undefined ? undefined : shardIdText(parent),
    AdjacentParentShardId: adjacent === undefined ? undefined : shardIdText(adjacent),
    HashKeyRange: hashKeyRange({ id, parents, openedAt, closedAt, ...range }),
    SequenceNumberRange: {
      StartingSequenceNumber: String(openedAt),
      EndingSequenceNumber:
        closedAt === null ? undefined : String(Math.max(openedAt, closedAt - 1)),
    },
  };
}

/** Those that took the place of a closed shard. */
export function childShards({ log }: WireStream, { id }: Shard): Output[] {
  return log.shards
    .filter(({ parents }) => parents.includes(id))
    .map((child) => ({
      ShardId: shardIdText(child.id),
      ParentShards: child.parents.map(shardIdText),
      HashKeyRange: hashKeyRange(child),
    }));
}

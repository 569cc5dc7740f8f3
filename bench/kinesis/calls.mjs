import { setTimeout as sleep } from 'node:timers/promises';

/** Kinesis in JSON 1.1, where it is not measured: streams are made and read back. */

const ACTIVE_POLL_MS = 50;
/** As many as GetRecords gives at most. */
const LIMIT = 10_000;

export const kinesisHeaders = (operation) => ({
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-target': `Kinesis_20131202.${operation}`,
});

/** Of servers that want to read who asks, and never check it. */
export const SIGNED_BY_NOBODY = {
  'x-amz-date': '20110101T000000Z',
  authorization: `AWS4-HMAC-SHA256 Credential=bench/20110101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`,
};

async function call({ url, headers }, operation, input) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...kinesisHeaders(operation), ...headers },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${operation}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Resolves once records can be put. */
export async function makeStream(server, { stream: StreamName, shards: ShardCount }) {
  await call(server, 'CreateStream', { StreamName, ShardCount });
  const status = async () => {
    const answer = await call(server, 'DescribeStreamSummary', { StreamName });
    return answer.StreamDescriptionSummary.StreamStatus;
  };
  while ((await status()) !== 'ACTIVE') await sleep(ACTIVE_POLL_MS);
}

/** How many records GetRecords gives of all shards; throws where one comes twice or out of order. */
export async function countRecords(server, StreamName) {
  const { Shards } = await call(server, 'ListShards', { StreamName });
  let count = 0;
  for (const { ShardId } of Shards) count += await countShard(server, { StreamName, ShardId });
  return count;
}

async function countShard(server, shard) {
  const asked = { ...shard, ShardIteratorType: 'TRIM_HORIZON' };
  let { ShardIterator } = await call(server, 'GetShardIterator', asked);
  let [count, newest] = [0, ''];
  for (;;) {
    const answer = await call(server, 'GetRecords', { ShardIterator, Limit: LIMIT });
    for (const { SequenceNumber } of answer.Records) {
      if (!isAfter(SequenceNumber, newest))
        throw new Error(`${shard.ShardId} gives ${SequenceNumber} after ${newest}`);
      newest = SequenceNumber;
    }
    count += answer.Records.length;
    if (answer.Records.length === 0 && answer.MillisBehindLatest === 0) return count;
    ShardIterator = answer.NextShardIterator;
  }
}

/** They are numbers of up to 57 digits, without zeros in front. */
const isAfter = (one, other) =>
  one.length === other.length ? one > other : one.length > other.length;

import { hash } from 'node:crypto';
import { isValid, openLog, serve } from './support/bare-server.mjs';

/**
 * The anchor of `kinesis`: the least a Node server must do for the promise of PutRecords. It parses the request
 * and what is in each record, checks its fields, routes it by the MD5 of its key, and answers with a number and a
 * shard for each once all are on disk; requests that arrive meanwhile share the next sync.
 */
const [, , path] = process.argv;
const log = await openLog(path);
const NEWLINE = Buffer.from('\n');
const SHARDS = 4;
let sequence = 0;

/** The first byte says it, as shards share all sums evenly. Of all ways to ask for a sum this is the quickest. */
const shardOf = (key) => (hash('md5', key, 'latin1').charCodeAt(0) * SHARDS) >> 8;

function put({ Data, PartitionKey }) {
  const bytes = Buffer.from(Data, 'base64');
  if (!isValid(JSON.parse(bytes.toString()))) return { ErrorCode: 'InvalidArgumentException' };
  log.add(bytes, NEWLINE);
  return {
    SequenceNumber: String(sequence++),
    ShardId: `shardId-00000000000${shardOf(PartitionKey)}`,
  };
}

serve((chunks, response) => {
  const Records = JSON.parse(Buffer.concat(chunks).toString()).Records.map(put);
  const FailedRecordCount = Records.filter(({ ErrorCode }) => ErrorCode !== undefined).length;
  const answer = Buffer.from(JSON.stringify({ FailedRecordCount, Records }));
  const head = {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': answer.length,
  };
  log.commit(() => response.writeHead(200, head).end(answer));
});

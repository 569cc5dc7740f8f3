import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';

/**
 * The anchor of `kinesis`: the least a Node server must do for the promise of PutRecords. It parses the request
 * and what is in each record, checks its fields, routes it by the MD5 of its key, and answers with a number and a
 * shard for each once all are on disk; requests that arrive meanwhile share the next sync.
 */
const [, , path] = process.argv;
const file = await open(path, 'a');
const NEWLINE = Buffer.from('\n');
const SHARDS = 4;
let sequence = 0;
let gathered = [];
let waiting = [];
let committing = false;

async function commit() {
  committing = true;
  while (gathered.length > 0) {
    const [parts, answers] = [gathered, waiting];
    [gathered, waiting] = [[], []];
    await file.appendFile(Buffer.concat(parts));
    await file.datasync();
    for (const answer of answers) answer();
  }
  committing = false;
}

const isText = (value) => typeof value === 'string';
const isTextOrNothing = (value) => value === undefined || value === null || isText(value);

function isValid(record) {
  return (
    isText(record.invoice_no) &&
    isText(record.stock_code) &&
    isTextOrNothing(record.description) &&
    Number.isInteger(record.quantity) &&
    typeof record.unit_price === 'number' &&
    isText(record.invoice_date) &&
    isTextOrNothing(record.customer_id) &&
    isText(record.country)
  );
}

/** The first byte says it, as shards share all sums evenly. Of all ways to ask for a sum this is the quickest. */
const shardOf = (key) => (hash('md5', key, 'latin1').charCodeAt(0) * SHARDS) >> 8;

function put({ Data, PartitionKey }) {
  const bytes = Buffer.from(Data, 'base64');
  if (!isValid(JSON.parse(bytes.toString()))) return { ErrorCode: 'InvalidArgumentException' };
  gathered.push(bytes, NEWLINE);
  return {
    SequenceNumber: String(sequence++),
    ShardId: `shardId-00000000000${shardOf(PartitionKey)}`,
  };
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const Records = JSON.parse(Buffer.concat(chunks).toString()).Records.map(put);
    const FailedRecordCount = Records.filter(({ ErrorCode }) => ErrorCode !== undefined).length;
    const answer = Buffer.from(JSON.stringify({ FailedRecordCount, Records }));
    const head = {
      'content-type': 'application/x-amz-json-1.1',
      'content-length': answer.length,
    };
    waiting.push(() => response.writeHead(200, head).end(answer));
    if (!committing) void commit();
  });
});
server.listen(0, '127.0.0.1', () => {
  const http = `http://127.0.0.1:${server.address().port}`;
  process.stdout.write(`${JSON.stringify({ event: 'ready', http })}\n`);
});
process.once('SIGTERM', () => process.exit(0));

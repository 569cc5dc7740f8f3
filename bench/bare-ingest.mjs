import { open } from 'node:fs/promises';
import { createServer } from 'node:http';

/**
 * The anchor of `ingest`: the least a Node server must do for the same promise. It parses each line,
 * checks its fields, and answers once the body is on disk; bodies that arrive meanwhile share the next sync.
 * Without a file it only receives and answers: what no Node server can do without.
 */
const [, , path] = process.argv;
const file = path === undefined ? undefined : await open(path, 'a');
let gathered = [];
let waiting = [];
let committing = false;

async function commit() {
  committing = true;
  while (gathered.length > 0) {
    const [parts, answers] = [gathered, waiting];
    [gathered, waiting] = [[], []];
    await file.appendFile(parts.length === 1 ? parts[0] : Buffer.concat(parts));
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

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (!file) {
      response.end();
      return;
    }
    const body = Buffer.concat(chunks);
    let accepted = 0;
    for (const line of body.toString().split('\n')) {
      if (line === '') continue;
      if (!isValid(JSON.parse(line))) {
        response.writeHead(422).end('{"accepted":0}');
        return;
      }
      accepted += 1;
    }
    gathered.push(body);
    waiting.push(() => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"accepted":${accepted}}`);
    });
    if (!committing) void commit();
  });
});
server.listen(0, '127.0.0.1', () => {
  const http = `http://127.0.0.1:${server.address().port}`;
  process.stdout.write(`${JSON.stringify({ event: 'ready', http })}\n`);
});
process.once('SIGTERM', () => process.exit(0));

import { open } from 'node:fs/promises';
import { createServer } from 'node:http';

/** What the anchors of `ingest` and `kinesis` have in common. */

/** A file that is appended to: what arrives during a write shares the next sync. */
export async function openLog(path) {
  const file = await open(path, 'a');
  let gathered = [];
  let waiting = [];
  let committing = false;
  async function commit() {
    committing = true;
    while (waiting.length > 0) {
      const [parts, answers] = [gathered, waiting];
      [gathered, waiting] = [[], []];
      await file.appendFile(parts.length === 1 ? parts[0] : Buffer.concat(parts));
      await file.datasync();
      for (const answer of answers) answer();
    }
    committing = false;
  }
  return {
    add: (...parts) => gathered.push(...parts),
    /** Answers once all that was added is on disk. */
    commit: (answer) => {
      waiting.push(answer);
      if (!committing) void commit();
    },
  };
}

const isText = (value) => typeof value === 'string';
const isTextOrNothing = (value) => value === undefined || value === null || isText(value);

export function isValid(record) {
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

/** Answers each body, given as the pieces it came in, and says where it listens as millrace does. */
export function serve(answer) {
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => answer(chunks, response));
  });
  server.listen(0, '127.0.0.1', () => {
    const http = `http://127.0.0.1:${server.address().port}`;
    process.stdout.write(`${JSON.stringify({ event: 'ready', http })}\n`);
  });
  process.once('SIGTERM', () => process.exit(0));
}

import { openConnection } from '../support/connection.mjs';

/** Records are published to JetStream one by one, or as its atomic batches, which are stored as one. */

let numbers = 0;

/** Each request has an inbox of its own, as any connection may send it; it ends with the last answer. */
export function request(body, { batches }) {
  const lines = body.toString().trimEnd().split('\n');
  const number = ++numbers;
  const inbox = `_INBOX.${number}`;
  const isBatch = batches && lines.length > 1;
  const published = isBatch ? batch(lines, inbox) : lines.map((line) => single(line, inbox));
  const answers = isBatch ? 2 : lines.length;
  return Buffer.from(
    `SUB ${inbox} ${number}\r\nUNSUB ${number} ${answers}\r\n${published.join('')}`,
  );
}

const single = (line, inbox) => `PUB sales ${inbox} ${Buffer.byteLength(line)}\r\n${line}\r\n`;

/** Only the first, which opens the batch, and the last, which stores it, are answered. */
function batch(lines, inbox) {
  return lines.map((line, index) => {
    const isLast = index === lines.length - 1;
    const head =
      `NATS/1.0\r\nNats-Batch-Id: ${inbox}\r\nNats-Batch-Sequence: ${index + 1}\r\n` +
      `${isLast ? 'Nats-Batch-Commit: 1\r\n' : ''}\r\n`;
    const reply = index === 0 || isLast ? `${inbox} ` : '';
    const whole = head.length + Buffer.byteLength(line);
    return `HPUB sales ${reply}${head.length} ${whole}\r\n${head}${line}\r\n`;
  });
}

export async function open({ port, perRequest, batches }) {
  const connection = await openNats(port);
  const answers = batches && perRequest > 1 ? 2 : perRequest;
  return {
    send: async (bytes) => {
      await connection.ask(bytes, (answer) => wholeAnswer(answer, answers));
      return perRequest;
    },
    close: connection.close,
  };
}

export async function makeStream(port) {
  const connection = await openNats(port);
  const stream = { name: 'SALES', subjects: ['sales'], storage: 'file', allow_atomic: true };
  const content = JSON.stringify({
    ...stream,
    retention: 'limits',
    discard: 'old',
    num_replicas: 1,
  });
  const asked = `PUB $JS.API.STREAM.CREATE.SALES _INBOX.0 ${content.length}\r\n${content}\r\n`;
  await connection.ask(`SUB _INBOX.0 0\r\n${asked}`, (answer) => wholeAnswer(answer, 1));
  connection.close();
}

async function openNats(port) {
  const connection = openConnection({ port });
  const hello = { verbose: false, pedantic: false, headers: true, no_responders: true };
  await connection.ask(`CONNECT ${JSON.stringify(hello)}\r\nPING\r\n`, (bytes) =>
    bytes.includes('PONG\r\n') ? true : undefined,
  );
  return connection;
}

function wholeAnswer(bytes, answers) {
  const text = bytes.latin1Slice();
  if (/"error":|-ERR|NATS\/1.0 503/.test(text)) throw new Error(text.slice(0, 500));
  if (!text.endsWith('\r\n') || text.split('MSG ').length <= answers) return undefined;
  return true;
}

import { openConnection } from '../support/connection.mjs';

export const columns = [
  'invoice_no text NOT NULL',
  'stock_code text NOT NULL',
  'description text',
  'quantity integer NOT NULL',
  'unit_price numeric(10,3) NOT NULL',
  'invoice_date timestamp NOT NULL',
  'customer_id text',
  'country text NOT NULL',
];
const FIELDS = columns.map((column) => column.split(' ')[0]);

/** A message: its type, its length with the four bytes of the length, its content. */
function message(type, content) {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

export const query = (sql) => message('Q', Buffer.from(`${sql}\0`));

const COPY = query('COPY sales FROM STDIN');
const COPY_DONE = message('c', Buffer.alloc(0));

/** No backslashes or tabs occur in the records, so nothing is escaped. */
export function request(body) {
  const lines = body.toString().trimEnd().split('\n').map(JSON.parse);
  const rows = lines.map((record) => FIELDS.map((name) => record[name] ?? '\\N').join('\t'));
  return Buffer.concat([COPY, message('d', Buffer.from(`${rows.join('\n')}\n`)), COPY_DONE]);
}

export async function open({ port }) {
  const connection = openConnection({ port });
  await logIn(connection);
  return {
    send: async (bytes) => {
      const answer = await connection.ask(bytes, wholeAnswer);
      return Number(/COPY (\d+)\0/.exec(answer)?.[1]);
    },
    close: connection.close,
  };
}

export function logIn(connection) {
  const content = Buffer.from('\0\x03\0\0user\0bench\0database\0postgres\0\0', 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return connection.ask(Buffer.concat([length, content]), wholeAnswer);
}

const READY_BYTES = 6;

/** The answer ends with ReadyForQuery: 'Z', a length of 5, and the state. */
export function wholeAnswer(bytes) {
  const end = bytes.length - READY_BYTES;
  if (end < 0 || bytes[end] !== 90 || bytes.readInt32BE(end + 1) !== 5) return undefined;
  const text = bytes.latin1Slice(0, end);
  if (text.startsWith('E') || /E\0\0..SERROR/s.test(text)) throw new Error(text);
  return text;
}

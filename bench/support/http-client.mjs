import { openConnection } from './connection.mjs';

/** Requests made beforehand on sockets of their own: Node's own client costs as much as the server. */

export function request(body, { url, headers }) {
  const { host, pathname } = new URL(url);
  const fields = {
    host,
    'content-type': 'application/x-ndjson',
    'content-length': body.length,
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`), body]);
}

export async function open({ url, perRequest }) {
  const { hostname: host, port } = new URL(url);
  const connection = openConnection({ host, port: Number(port) });
  return {
    send: async (bytes) => {
      const { status, text } = await connection.ask(bytes, wholeAnswer);
      if (status !== 200) throw new Error(`status ${status}: ${text}`);
      return text === '' ? perRequest : JSON.parse(text).accepted;
    },
    close: connection.close,
  };
}

const BLANK = '\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';

/** Status and text of an answer, once all of it has come. */
export function wholeAnswer(bytes) {
  const headEnd = bytes.indexOf(BLANK);
  if (headEnd < 0) return undefined;
  const head = bytes.latin1Slice(0, headEnd);
  const body = bytes.subarray(headEnd + BLANK.length);
  const status = Number(head.slice(9, 12));
  const length = /content-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined)
    return body.length < Number(length) ? undefined : { status, text: body.toString() };
  const text = body.toString();
  if (!text.endsWith(LAST_CHUNK)) return undefined;
  const [, chunk = ''] = /^[0-9a-f]+\r\n(.*?)\r\n/is.exec(text) ?? [];
  return { status, text: chunk };
}

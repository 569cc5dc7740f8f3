import { openConnection } from '../support/connection.mjs';
import * as http from '../support/http-client.mjs';
import { kinesisHeaders } from './calls.mjs';

/** PutRecords made beforehand, written as the SDKs of Java and JavaScript write it: names in the order of the service's model. */

export function request(body, { url, headers, stream, key }) {
  const lines = body.toString().trimEnd().split('\n');
  const Records = lines.map((line) => ({
    Data: Buffer.from(line).toString('base64'),
    PartitionKey: JSON.parse(line)[key],
  }));
  const input = Buffer.from(JSON.stringify({ Records, StreamName: stream }));
  return http.request(input, { url, headers: { ...kinesisHeaders('PutRecords'), ...headers } });
}

/** `closes`: the server ends the connection with each answer. */
export async function open({ url, perRequest, closes }) {
  const { hostname: host, port } = new URL(url);
  const connect = () => openConnection({ host, port: Number(port) });
  let connection = connect();
  return {
    send: async (bytes) => {
      const { status, text } = await connection.ask(bytes, http.wholeAnswer);
      if (status !== 200) throw new Error(`status ${status}: ${text}`);
      if (closes) {
        connection.close();
        connection = connect();
      }
      return accepted(text, perRequest);
    },
    close: () => connection.close(),
  };
}

const PLACE = '"SequenceNumber"';
const ALL_STORED = /"FailedRecordCount": ?0\b/;

/** Read no closer than needed, as the client shares the cores with the server. */
function accepted(text, asked) {
  if (!ALL_STORED.test(text)) throw new Error(`records were refused: ${text.slice(0, 500)}`);
  let count = 0;
  for (let at = text.indexOf(PLACE); at >= 0; at = text.indexOf(PLACE, at + PLACE.length))
    count += 1;
  if (count !== asked) throw new Error(`${count} of ${asked} records have a sequence number`);
  return count;
}

import { makeStream } from './calls.mjs';

/**
 * What is put to, by all clients alike. A target is `{ server, stream, key, log, durable, share, closes }`:
 * 1. `server` has `pid`, `url` and `headers` as those of support/server.mjs; requests go to `stream` of it.
 * 2. `key` is the field whose value is the partition key; `log` names where the records are counted at the end.
 * 3. `durable`, `share`: as of a case of peers/peers.mjs.
 * 4. `closes`: it ends a connection with each answer.
 */

/** The key of the stream, so that it is in the record already, and one that says something else. */
const [OWN_KEY, OTHER_KEY] = ['invoice_no', 'stock_code'];
const STREAMS = {
  defined: { name: 'millrace', stream: 'sales', key: OWN_KEY },
  beside: { name: 'millrace, keys stored beside', stream: 'sales', key: OTHER_KEY },
  made: { name: 'millrace, a made stream', stream: 'made', key: OWN_KEY },
};

export const STREAM_NAMES = Object.keys(STREAMS);

/** The pipeline's stream, keys of another field beside its records, and a stream that a program has made. */
export async function ownTargets(millrace, names) {
  if (names.includes('made'))
    await makeStream(millrace, { stream: STREAMS.made.stream, shards: 4 });
  return names.map((name) => {
    const target = { ...STREAMS[name], server: millrace, durable: true, share: 1 };
    return { ...target, log: target.stream, isOurs: true };
  });
}

export const bareTarget = (server) => {
  const always = { durable: true, share: 1 };
  return { name: 'bare', log: 'bare', server, stream: 'sales', key: OWN_KEY, ...always };
};

/** Of peers/peers.mjs. */
export const peerTarget = ({ name, target }) => ({ ...target, name, key: OWN_KEY, log: name });

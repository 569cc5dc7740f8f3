import { crc32 } from 'node:zlib';

/**
 * A message of `application/vnd.amazon.eventstream`: two lengths and their CRC, headers, payload, a CRC of all
 * (smithy.io, Amazon Event Stream Specification). Only text headers (type 7) are written.
 *
 * Own code: a server only writes, which is this function; the libraries are parts of AWS's SDK.
 */
export function eventMessage(
  headers: { readonly [name: string]: string },
  payload: Buffer,
): Buffer {
  const written = Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const [key, text] = [Buffer.from(name), Buffer.from(value)];
      const lengths = Buffer.from([TEXT_HEADER, text.length >> 8, text.length & 0xff]);
      return Buffer.concat([Buffer.from([key.length]), key, lengths, text]);
    }),
  );
  const total = PRELUDE_BYTES + written.length + payload.length + CRC_BYTES;
  const message = Buffer.alloc(total);
  message.writeUInt32BE(total, 0);
  message.writeUInt32BE(written.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  written.copy(message, PRELUDE_BYTES);
  payload.copy(message, PRELUDE_BYTES + written.length);
  message.writeUInt32BE(crc32(message.subarray(0, total - CRC_BYTES)), total - CRC_BYTES);
  return message;
}

const TEXT_HEADER = 7;
const PRELUDE_BYTES = 12;
const CRC_BYTES = 4;

import { ByteSink } from '../byte-sink.ts';

/** A field of a message: its number, and a varint, or bytes of a text or of a message in it. */
export type MessageField = readonly [number, number | string | Uint8Array];

const VARINT = 0;
const BYTES = 2;

/** A message of Protocol Buffers (encoding specification, "Message Structure"), of the kinds of fields that ORC's have. */
export function message(fields: readonly MessageField[]): Buffer {
  const sink = new ByteSink();
  for (const [number, value] of fields) {
    sink.varint(number * 8 + (typeof value === 'number' ? VARINT : BYTES));
    if (typeof value === 'number') sink.varint(value);
    else {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      sink.varint(bytes.length);
      sink.fixed(bytes);
    }
  }
  return sink.take();
}

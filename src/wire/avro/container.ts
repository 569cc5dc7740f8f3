import { crc32, inflateRawSync } from 'node:zlib';
import { unsnappy } from '../snappy.ts';
import { unzstd } from '../zstd.ts';
import { AvroTap } from './tap.ts';

/** Object container files (Avro specification 1.12, "Object Container Files"). */
const MAGIC = Buffer.from('Obj\x01');
const SYNC_BYTES = 16;
/** Of a block, packed or not: a length comes out of the file and must not become memory before it is believed. */
const BLOCK_BYTES_MAX = 256 * 1024 * 1024;
const LONG_BYTES_MAX = 10;

export interface AvroHeader {
  /** As JSON. */
  readonly schema: string;
  readonly codec: string;
  readonly sync: Buffer;
}

export interface AvroBlock {
  readonly records: number;
  readonly bytes: Buffer;
}

/** A file as its header and then one block at a time. Errors say at which byte what is wrong. */
export class AvroContainer {
  readonly header: AvroHeader;
  readonly #queue: ByteQueue;

  private constructor(header: AvroHeader, queue: ByteQueue) {
    this.header = header;
    this.#queue = queue;
  }

  static async open(chunks: AsyncIterable<Buffer>): Promise<AvroContainer> {
    const queue = new ByteQueue(chunks);
    if (!(await queue.peek(MAGIC.length)).equals(MAGIC))
      throw new Error(`it does not begin with ${JSON.stringify(MAGIC.toString('latin1'))}`);
    queue.drop(MAGIC.length);
    return new AvroContainer(await readHeader(queue), queue);
  }

  async *blocks(): AsyncGenerator<AvroBlock> {
    const { codec, sync } = this.header;
    const unpack = CODECS[codec];
    if (!unpack)
      throw new Error(
        `its codec is '${codec}'; ${Object.keys(CODECS).join(', ')} can be read. Write it with one of them`,
      );
    while ((await this.#queue.peek(1)).length > 0) {
      const { at } = this.#queue;
      const { records, packed } = await this.#packedBlock(sync).catch((error: Error) => {
        throw blockError(at, error);
      });
      try {
        yield { records, bytes: await unpack(packed) };
      } catch (error) {
        throw blockError(at, error as Error);
      }
    }
  }

  async #packedBlock(sync: Buffer): Promise<{ records: number; packed: Buffer }> {
    const tap = new AvroTap(await this.#queue.peek(2 * LONG_BYTES_MAX));
    const records = tap.count();
    const size = tap.count();
    if (size > BLOCK_BYTES_MAX)
      throw new Error(`it has ${size} bytes; at most ${BLOCK_BYTES_MAX} are taken`);
    this.#queue.drop(tap.at);
    const whole = await this.#queue.peek(size + SYNC_BYTES);
    if (whole.length < size + SYNC_BYTES) throw new Error('the file ends in it; it may be cut off');
    if (!whole.subarray(size).equals(sync))
      throw new Error('what follows it is not the mark that the header names');
    this.#queue.drop(size + SYNC_BYTES);
    return { records, packed: whole.subarray(0, size) };
  }
}

const blockError = (at: number, { message }: Error): Error =>
  new Error(`the block at byte ${at} is damaged: ${message}`);

/** Metadata grows with what a writer has to say: as much of the file is taken as the map needs. */
async function readHeader(queue: ByteQueue): Promise<AvroHeader> {
  for (let bytes = 4096; ; bytes *= 4) {
    const head = await queue.peek(bytes);
    try {
      const tap = new AvroTap(head);
      const metadata = new Map<string, Buffer>();
      tap.items(() => {
        metadata.set(tap.text(), Buffer.from(tap.bytes()));
      });
      const sync = Buffer.from(tap.fixed(SYNC_BYTES));
      queue.drop(tap.at);
      const schema = metadata.get('avro.schema');
      if (!schema) throw new Error('its header has no schema');
      const codec = metadata.get('avro.codec')?.toString() ?? '';
      return { schema: schema.toString(), codec: codec === '' ? 'null' : codec, sync };
    } catch (error) {
      if (head.length < bytes || bytes > BLOCK_BYTES_MAX)
        throw new Error(`its header is damaged: ${(error as Error).message}`);
    }
  }
}

const CODECS: { readonly [codec: string]: (packed: Buffer) => Buffer | Promise<Buffer> } = {
  null: (packed) => packed,
  deflate: (packed) => inflateRawSync(packed, { maxOutputLength: BLOCK_BYTES_MAX }),
  snappy: unsnappyChecked,
  zstandard: unzstdWhole,
};

/** The checksum behind the block is of what it unpacks to. */
function unsnappyChecked(packed: Buffer): Buffer {
  const end = packed.length - 4;
  if (end < 1) throw new Error('a block of Snappy has no checksum');
  const bytes = unsnappy(packed.subarray(0, end), BLOCK_BYTES_MAX);
  if (crc32(bytes) !== packed.readUInt32BE(end)) throw new Error('its checksum is another');
  return bytes;
}

async function unzstdWhole(packed: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of unzstd(once(packed))) {
    length += part.length;
    if (length > BLOCK_BYTES_MAX) throw new Error(`it has more than ${BLOCK_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts, length);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Bytes that come in pieces, to be looked at in any length. */
class ByteQueue {
  /** How many were dropped. */
  at = 0;
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes; fewer than asked for at the end only. They stay until they are dropped. */
  async peek(length: number): Promise<Buffer> {
    if (this.#held.length < length) {
      const parts = [this.#held];
      let held = this.#held.length;
      while (held < length) {
        const { value, done } = await this.#chunks.next();
        if (done === true) break;
        parts.push(value);
        held += value.length;
      }
      this.#held = Buffer.concat(parts, held);
    }
    return this.#held.subarray(0, length);
  }

  drop(length: number): void {
    this.#held = this.#held.subarray(length);
    this.at += length;
  }
}

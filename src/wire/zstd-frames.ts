const MAGIC = 0xfd2fb528;
/** Sixteen magic numbers of frames that are skipped: the last four bits are free (RFC 8878, 3.1.2). */
const SKIPPABLE = 0x184d2a50;
const BLOCK_BYTES_MAX = 128 * 1024;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const RUN = 1;
const EMPTY: Buffer = Buffer.alloc(0);

/** What the bytes at the beginning of what is held are. */
type Place = 'frame' | 'block' | 'checksum';

/**
 * Cuts a zstd stream where its headers and blocks end, without inflating it, so that each step of an inflater is a
 * small one. Only lengths are judged here; the inflater judges the rest.
 */
export class ZstdFrames {
  readonly #takeWindow: (bytes: number) => void;
  #held: Buffer = EMPTY;
  #place: Place = 'frame';
  #hasChecksum = false;
  /** Of a frame that is skipped. */
  #skipBytes = 0;

  constructor(takeWindow: (bytes: number) => void) {
    this.#takeWindow = takeWindow;
  }

  /** Bytes of a part that has not ended yet. */
  get rest(): Buffer {
    return this.#held;
  }

  /** The parts that end in this chunk. Must be drained before the next chunk. */
  *parts(chunk: Uint8Array): Generator<Buffer> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (;;) {
      const skipped = Math.min(this.#skipBytes, this.#held.length);
      const length = skipped > 0 ? skipped : this.#partLength();
      if (length === undefined || length === 0 || length > this.#held.length) return;
      const part = this.#held.subarray(0, length);
      if (skipped > 0) this.#skipBytes -= skipped;
      else this.#pass(part);
      this.#held = this.#held.subarray(length);
      yield part;
    }
  }

  /** Undefined while too little is there to know. */
  #partLength(): number | undefined {
    switch (this.#place) {
      case 'frame':
        return this.#frameHeaderLength();
      case 'block':
        return this.#blockLength();
      case 'checksum':
        return CHECKSUM_BYTES;
    }
  }

  #frameHeaderLength(): number | undefined {
    const held = this.#held;
    if (held.length < 6) return undefined;
    const magic = held.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) return 8;
    // The inflater says what is wrong with it.
    if (magic !== MAGIC) return held.length;
    return frameHeaderLength(held[4] as number);
  }

  #blockLength(): number | undefined {
    if (this.#held.length < BLOCK_HEADER_BYTES) return undefined;
    const header = this.#held.readUIntLE(0, BLOCK_HEADER_BYTES);
    const size = header >> 3;
    if (size > BLOCK_BYTES_MAX) throw new Error(`a block of zstd has ${size} bytes`);
    return BLOCK_HEADER_BYTES + (((header >> 1) & 3) === RUN ? 1 : size);
  }

  #pass(part: Buffer): void {
    if (this.#place === 'block') {
      const isLast = ((part[0] as number) & 1) === 1;
      if (isLast) this.#place = this.#hasChecksum ? 'checksum' : 'frame';
    } else if (this.#place === 'checksum') this.#place = 'frame';
    else this.#begin(part);
  }

  #begin(header: Buffer): void {
    const magic = header.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      this.#skipBytes = header.readUInt32LE(4);
      return;
    }
    if (magic !== MAGIC) return;
    this.#takeWindow(windowBytesOf(header));
    this.#hasChecksum = ((header[4] as number) & 4) !== 0;
    this.#place = 'block';
  }
}

const isSingleSegment = (descriptor: number): boolean => (descriptor & 32) !== 0;
const dictionaryIdBytes = (descriptor: number): number => [0, 1, 2, 4][descriptor & 3] as number;
const contentSizeBytes = (descriptor: number): number =>
  [isSingleSegment(descriptor) ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;

function frameHeaderLength(descriptor: number): number {
  const windowBytes = isSingleSegment(descriptor) ? 0 : 1;
  return 5 + windowBytes + dictionaryIdBytes(descriptor) + contentSizeBytes(descriptor);
}

/** RFC 8878, 3.1.1.1.2; where there is one segment, the window is the content. */
function windowBytesOf(header: Buffer): number {
  const descriptor = header[4] as number;
  if (!isSingleSegment(descriptor)) {
    const window = header[5] as number;
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  const at = 5 + dictionaryIdBytes(descriptor);
  const size = contentSizeBytes(descriptor);
  if (size === 8) return Number(header.readBigUInt64LE(at));
  return header.readUIntLE(at, size) + (size === 2 ? 256 : 0);
}

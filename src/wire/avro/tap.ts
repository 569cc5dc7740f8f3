import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../../core/limits.ts';

/** Reads what Avro's binary encoding is made of (specification 1.12, "Binary Encoding"). Throws where it is not whole. */
export class AvroTap {
  /** Whether a text since the last `begin()` was not UTF-8. */
  hasBrokenText = false;
  at = 0;
  readonly #bytes: Buffer;
  #items = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A new record. */
  begin(): void {
    this.hasBrokenText = false;
    this.#items = 0;
  }

  /** The bytes from `from` up to here. */
  since(from: number): Buffer {
    return this.#bytes.subarray(from, this.at);
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  /** A number where it holds the value, a bigint else. */
  long(): number | bigint {
    const start = this.at;
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 7; index++) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    this.at = start;
    return this.#wideLong();
  }

  #wideLong(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new Error('a number has more than 64 bits');
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new Error('a value ends too early');
    this.at += 1;
    return byte;
  }

  /** A length, or an index. */
  count(): number {
    const value = Number(this.long());
    if (value < 0) throw new Error(`a length is ${value}`);
    return value;
  }

  boolean(): boolean {
    const byte = this.#byte();
    if (byte > 1) throw new Error(`a boolean is ${byte}`);
    return byte === 1;
  }

  float(): number {
    return this.fixed(4).readFloatLE();
  }

  double(): number {
    return this.fixed(8).readDoubleLE();
  }

  fixed(size: number): Buffer {
    const end = this.at + size;
    if (end > this.#bytes.length) throw new Error('a value ends too early');
    const bytes = this.#bytes.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  bytes(): Buffer {
    return this.fixed(this.count());
  }

  text(): string {
    const bytes = this.bytes();
    if (!isUtf8(bytes)) this.hasBrokenText = true;
    return bytes.toString();
  }

  /** Calls `item` for each item of an array or map: they come in blocks, the last of which is empty. */
  items(item: () => void): void {
    for (;;) {
      let count = Number(this.long());
      if (count === 0) return;
      if (count < 0) {
        count = -count;
        this.count();
      }
      // Items of no bytes are as many as the file says.
      this.#items += count;
      if (this.#items > LIMITS.recordBytesMax)
        throw new Error(`a record has more than ${LIMITS.recordBytesMax} items`);
      for (let index = 0; index < count; index++) item();
    }
  }
}

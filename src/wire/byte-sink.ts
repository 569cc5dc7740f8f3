/** A buffer that grows, and the numbers of seven bits a byte that Avro, ORC and Protocol Buffers are made of. */
export class ByteSink {
  #bytes: Buffer = Buffer.allocUnsafe(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written, until the next byte is; the sink is empty then. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** Not below 0; a number is a safe integer. */
  varint(value: number | bigint): void {
    let low = value;
    if (typeof low === 'bigint') {
      while (low > LOW_MAX) {
        this.byte(Number(low & 127n) | 128);
        low >>= 7n;
      }
      low = Number(low);
    }
    this.#room(8);
    while (low > LOW_NUMBER_MAX) {
      this.#bytes[this.#length++] = (low % 128) | 128;
      low = Math.floor(low / 128);
    }
    while (low > 127) {
      this.#bytes[this.#length++] = (low & 127) | 128;
      low >>>= 7;
    }
    this.#bytes[this.#length++] = low;
  }

  /** Of any sign and size: 0, -1, 1, -2 … are 0, 1, 2, 3 …; a number is a safe integer. */
  zigzag(value: number | bigint): void {
    if (typeof value === 'number' && Math.abs(value) < 2 ** 30)
      this.varint((value << 1) ^ (value >> 31));
    else {
      const wide = BigInt(value);
      this.varint(wide < 0n ? -2n * wide - 1n : 2n * wide);
    }
  }

  float(value: number): void {
    this.#room(4);
    this.#length = this.#bytes.writeFloatLE(value, this.#length);
  }

  double(value: number): void {
    this.#room(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  fixed(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** @returns how many bytes of UTF-8 it is */
  text(value: string): number {
    const length = Buffer.byteLength(value);
    this.#room(length);
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
    return length;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#length + bytes, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** What the fast loops go up to. */
const LOW_NUMBER_MAX = 2 ** 31 - 1;
const LOW_MAX = BigInt(LOW_NUMBER_MAX);

/** Writes what Avro's binary encoding is made of (specification 1.12, "Binary Encoding"). */
export class AvroSink {
  #bytes: Buffer = Buffer.allocUnsafe(64 * 1024);
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

  boolean(value: boolean): void {
    this.#room(1);
    this.#bytes[this.#length++] = value ? 1 : 0;
  }

  /** Zigzag, seven bits a byte; a number must be a safe integer of half the size. */
  long(value: number | bigint): void {
    this.#room(10);
    if (typeof value === 'number' && Math.abs(value) < 2 ** 30) {
      let left = (value << 1) ^ (value >> 31);
      while (left > 127) {
        this.#bytes[this.#length++] = (left & 127) | 128;
        left >>>= 7;
      }
      this.#bytes[this.#length++] = left;
      return;
    }
    const wide = BigInt(value);
    let left = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n));
    while (left > 127n) {
      this.#bytes[this.#length++] = Number(left & 127n) | 128;
      left >>= 7n;
    }
    this.#bytes[this.#length++] = Number(left);
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

  bytes(value: Uint8Array): void {
    this.long(value.length);
    this.fixed(value);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.long(length);
    this.#room(length);
    this.#length += this.#bytes.write(value, this.#length, 'utf8');
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#length + bytes, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

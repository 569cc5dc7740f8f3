import { ByteSink } from '../byte-sink.ts';

/** Writes what Avro's binary encoding is made of (specification 1.12, "Binary Encoding"). */
export class AvroSink extends ByteSink {
  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  long(value: number | bigint): void {
    this.zigzag(value);
  }

  bytes(value: Uint8Array): void {
    this.long(value.length);
    this.fixed(value);
  }

  /** With its length before it. */
  override text(value: string): number {
    this.long(Buffer.byteLength(value));
    return super.text(value);
  }
}

import type { RecordBatch } from '../stream/stream-store.ts';
import { ID_WORDS, type IdBatch } from './dedupe-window.ts';
import type { RecordIds } from './record-id.ts';
import type { Refusal } from './validate.ts';

export interface Rejected extends Refusal {
  /** Ordinal of the record in the request. */
  readonly index: number;
  /** The record's bytes. */
  readonly bytes: Buffer;
}

export interface DecodedIds extends IdBatch {
  /** Ordinals of the records in the request. */
  readonly indexes: Uint32Array;
}

/** What is found in one piece; columns grow by doubling. */
export class Piece {
  readonly bytes: Buffer;
  readonly end: number;
  readonly final: boolean;
  readonly shard: number;
  readonly rejected: Rejected[] = [];
  readonly ids: PieceIds | undefined;
  #starts: Uint32Array;
  #ends: Uint32Array;
  #shards: Uint16Array;
  #count = 0;

  constructor(
    bytes: Buffer,
    end: number,
    final: boolean,
    capacity: number,
    shard: number,
    ids: RecordIds | undefined,
  ) {
    this.bytes = bytes;
    this.end = end;
    this.final = final;
    this.shard = shard;
    this.ids = ids && new PieceIds(ids, capacity);
    this.#starts = new Uint32Array(capacity);
    this.#ends = new Uint32Array(capacity);
    this.#shards = new Uint16Array(capacity);
  }

  /** Records that were found. */
  get count(): number {
    return this.#count;
  }

  /** Takes back those behind the first `count`. */
  cutTo(count: number): void {
    this.#count = count;
    this.ids?.cutTo(count);
  }

  add(start: number, end: number, shard: number): void {
    if (this.#count === this.#starts.length) this.#grow();
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#shards[this.#count] = shard;
    this.#count += 1;
  }

  #grow(): void {
    this.#starts = larger(this.#starts, (length) => new Uint32Array(length));
    this.#ends = larger(this.#ends, (length) => new Uint32Array(length));
    this.#shards = larger(this.#shards, (length) => new Uint16Array(length));
  }

  batch(routing: number, keys?: readonly string[]): RecordBatch {
    return {
      keys,
      bytes: this.bytes,
      count: this.#count,
      starts: this.#starts,
      ends: this.#ends,
      shards: this.#shards,
      routing,
    };
  }
}

/** Hashes of the ids of a piece's records, and which records of the request they are of. */
class PieceIds implements DecodedIds {
  readonly #ids: RecordIds;
  count = 0;
  words: Uint32Array;
  present: Uint8Array;
  indexes: Uint32Array;

  constructor(ids: RecordIds, capacity: number) {
    this.#ids = ids;
    this.words = new Uint32Array(capacity * ID_WORDS);
    this.present = new Uint8Array(capacity);
    this.indexes = new Uint32Array(capacity);
  }

  /** The next record, which has no id until one is added. */
  begin(index: number): void {
    if (this.count === this.present.length) this.#grow();
    this.indexes[this.count] = index;
    this.count += 1;
  }

  cutTo(count: number): void {
    this.count = count;
    this.present.fill(0, count);
  }

  /** The id of a record that another piece has found. */
  addFrom(other: IdBatch, record: number): void {
    if (!other.present[record]) return;
    const words = other.words.subarray(record * ID_WORDS, (record + 1) * ID_WORDS);
    this.words.set(words, this.#next());
  }

  addBytes(bytes: Buffer, start: number, end: number): void {
    this.#ids.hashBytes(bytes, start, end, this.words, this.#next());
  }

  addText(text: string): void {
    this.#ids.hashText(text, this.words, this.#next());
  }

  #next(): number {
    this.present[this.count - 1] = 1;
    return (this.count - 1) * ID_WORDS;
  }

  #grow(): void {
    this.words = larger(this.words, (length) => new Uint32Array(length));
    this.present = larger(this.present, (length) => new Uint8Array(length));
    this.indexes = larger(this.indexes, (length) => new Uint32Array(length));
  }
}

function larger<A extends Uint32Array | Uint16Array | Uint8Array>(
  column: A,
  make: (length: number) => A,
): A {
  const grown = make(column.length * 2);
  grown.set(column);
  return grown;
}

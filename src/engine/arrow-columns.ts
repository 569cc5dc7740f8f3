import duckdb from '@duckdb/node-bindings';
import { Batch, type DataType } from '@uwdata/flechette';

/**
 * A column of an Arrow record batch in the making, filled from the engine's own vectors: as bytes, since a JavaScript
 * value for each cell costs ten times as much.
 */
export interface ArrowColumn {
  readonly type: DataType;
  /** Takes rows [from, to) of a vector of the column's type. */
  append(vector: duckdb.Vector, from: number, to: number): void;
  appendNulls(count: number): void;
  /** What was taken so far, about. */
  readonly bytes: number;
  /** Gives what was taken, and begins anew. */
  take(): Batch<unknown>;
}

/** Bytes that grow. */
class Buffered {
  #bytes = new Uint8Array(4096);
  length = 0;

  /** Room for `count` bytes more, all 0. @returns where they begin */
  grow(count: number): number {
    const from = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, from));
      this.#bytes = larger;
    }
    return from;
  }

  set(bytes: Uint8Array, at: number): void {
    this.#bytes.set(bytes, at);
  }

  setBit(index: number): void {
    this.#bytes[index >> 3] = (this.#bytes[index >> 3] as number) | (1 << (index & 7));
  }

  view(at: number, length: number): DataView {
    return new DataView(this.#bytes.buffer, at, length);
  }

  /** What is there; it begins anew with as much room. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.length);
    this.#bytes = new Uint8Array(this.#bytes.length);
    this.length = 0;
    return taken;
  }
}

/** Which rows of a vector have a value. */
type IsValid = (row: number) => boolean;

const allValid: IsValid = () => true;

function validRows(vector: duckdb.Vector, to: number): IsValid {
  const bits = duckdb.vector_get_validity(vector, Math.ceil(to / 64) * 8) as Uint8Array | null;
  return bits ? (row) => (((bits[row >> 3] as number) >> (row & 7)) & 1) === 1 : allValid;
}

/** One bit a row: 1 where there is a value. */
class Validity {
  readonly #bits = new Buffered();
  length = 0;
  nulls = 0;

  append(isValid: IsValid, from: number, to: number): void {
    this.#room(to - from);
    for (let row = from; row < to; row++) {
      const place = this.length + row - from;
      if (isValid(row)) this.#bits.setBit(place);
      else this.nulls += 1;
    }
    this.length += to - from;
  }

  appendNulls(count: number): void {
    this.#room(count);
    this.length += count;
    this.nulls += count;
  }

  #room(count: number): void {
    this.#bits.grow(((this.length + count + 7) >> 3) - this.#bits.length);
  }

  take(): { length: number; nullCount: number; validity: Uint8Array } {
    const { length, nulls: nullCount } = this;
    const bits = this.#bits.take();
    this.length = 0;
    this.nulls = 0;
    // Where there are no nulls the format wants no bits.
    return { length, nullCount, validity: nullCount === 0 ? new Uint8Array(0) : bits };
  }
}

/** Puts the values of rows [from, to) of a vector into Arrow's bytes for them. */
type Copy = (vector: duckdb.Vector, from: number, to: number, target: DataView) => void;

/** Of values that both have in the same bytes. */
const sameBytes =
  (width: number): Copy =>
  (vector, from, to, target) => {
    const data = duckdb.vector_get_data(vector, to * width);
    new Uint8Array(target.buffer, target.byteOffset).set(data.subarray(from * width));
  };

const UNSCALED: { readonly [width: number]: (view: DataView, at: number) => bigint } = {
  2: (view, at) => BigInt(view.getInt16(at, true)),
  4: (view, at) => BigInt(view.getInt32(at, true)),
  8: (view, at) => view.getBigInt64(at, true),
};
export const DECIMAL_BYTES = 16;

/** Of decimals that the engine has in fewer bytes; every reader of Arrow has those of 16. */
export const widened =
  (width: 2 | 4 | 8): Copy =>
  (vector, from, to, target) => {
    const data = duckdb.vector_get_data(vector, to * width);
    const source = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const read = UNSCALED[width] as (view: DataView, at: number) => bigint;
    for (let row = 0; row < to - from; row++) {
      const value = read(source, (from + row) * width);
      target.setBigInt64(row * DECIMAL_BYTES, value, true);
      target.setBigInt64(row * DECIMAL_BYTES + 8, value < 0n ? -1n : 0n, true);
    }
  };

/** Values of one width. */
export class FixedColumn implements ArrowColumn {
  readonly type: DataType;
  readonly #width: number;
  readonly #copy: Copy;
  readonly #validity = new Validity();
  readonly #values = new Buffered();

  constructor(type: DataType, width: number, copy: Copy = sameBytes(width)) {
    this.type = type;
    this.#width = width;
    this.#copy = copy;
  }

  append(vector: duckdb.Vector, from: number, to: number): void {
    this.#validity.append(validRows(vector, to), from, to);
    const length = (to - from) * this.#width;
    this.#copy(vector, from, to, this.#values.view(this.#values.grow(length), length));
  }

  appendNulls(count: number): void {
    this.#validity.appendNulls(count);
    this.#values.grow(count * this.#width);
  }

  get bytes(): number {
    return this.#values.length;
  }

  take(): Batch<unknown> {
    return new Batch({ type: this.type, ...this.#validity.take(), values: this.#values.take() });
  }
}

export class BooleanColumn implements ArrowColumn {
  readonly type: DataType;
  readonly #validity = new Validity();
  readonly #values = new Validity();

  constructor(type: DataType) {
    this.type = type;
  }

  append(vector: duckdb.Vector, from: number, to: number): void {
    this.#validity.append(validRows(vector, to), from, to);
    const data = duckdb.vector_get_data(vector, to);
    this.#values.append((row) => data[row] === 1, from, to);
  }

  appendNulls(count: number): void {
    this.#validity.appendNulls(count);
    this.#values.appendNulls(count);
  }

  get bytes(): number {
    return this.#values.length >> 3;
  }

  take(): Batch<unknown> {
    const { length, nullCount: zeros, validity: bits } = this.#values.take();
    const values = zeros === 0 ? new Uint8Array((length + 7) >> 3).fill(255) : bits;
    return new Batch({ type: this.type, ...this.#validity.take(), values });
  }
}

/** Where each row's part of the values ends. */
class Offsets {
  #ends = new Int32Array(1025);
  #count = 0;
  end = 0;

  add(length: number): void {
    this.end += length;
    this.#count += 1;
    if (this.#count === this.#ends.length) {
      const larger = new Int32Array(this.#ends.length * 2);
      larger.set(this.#ends);
      this.#ends = larger;
    }
    this.#ends[this.#count] = this.end;
  }

  addNulls(count: number): void {
    for (let row = 0; row < count; row++) this.add(0);
  }

  take(): Int32Array {
    const taken = this.#ends.slice(0, this.#count + 1);
    this.#count = 0;
    this.end = 0;
    return taken;
  }
}

/** The engine keeps texts up to this size beside their length, longer ones behind a pointer. */
const INLINE_BYTES = 12;
const STRING_BYTES = 16;

/** Texts and bytes. */
export class BytesColumn implements ArrowColumn {
  readonly type: DataType;
  readonly #validity = new Validity();
  readonly #offsets = new Offsets();
  readonly #values = new Buffered();

  constructor(type: DataType) {
    this.type = type;
  }

  append(vector: duckdb.Vector, from: number, to: number): void {
    const isValid = validRows(vector, to);
    this.#validity.append(isValid, from, to);
    const data = duckdb.vector_get_data(vector, to * STRING_BYTES);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let row = from; row < to; row++) {
      const at = row * STRING_BYTES;
      const length = isValid(row) ? view.getUint32(at, true) : 0;
      this.#offsets.add(length);
      if (length === 0) continue;
      const bytes =
        length <= INLINE_BYTES
          ? data.subarray(at + 4, at + 4 + length)
          : duckdb.get_data_from_pointer(
              data.buffer as ArrayBuffer,
              data.byteOffset + at + 8,
              length,
            );
      this.#values.set(bytes, this.#values.grow(length));
    }
  }

  appendNulls(count: number): void {
    this.#validity.appendNulls(count);
    this.#offsets.addNulls(count);
  }

  get bytes(): number {
    return this.#values.length;
  }

  take(): Batch<unknown> {
    return new Batch({
      type: this.type,
      ...this.#validity.take(),
      offsets: this.#offsets.take(),
      values: this.#values.take(),
    });
  }
}

/** Lists, and maps: those are lists of their entries. */
export class ListColumn implements ArrowColumn {
  readonly type: DataType;
  readonly #child: ArrowColumn;
  readonly #validity = new Validity();
  readonly #offsets = new Offsets();

  constructor(type: DataType, child: ArrowColumn) {
    this.type = type;
    this.#child = child;
  }

  append(vector: duckdb.Vector, from: number, to: number): void {
    const isValid = validRows(vector, to);
    this.#validity.append(isValid, from, to);
    const data = duckdb.vector_get_data(vector, to * STRING_BYTES);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const items = duckdb.list_vector_get_child(vector);
    // Neighbours are taken together; in what was filtered or sorted they need not be neighbours.
    let [first, end] = [0, 0];
    for (let row = from; row < to; row++) {
      const length = isValid(row) ? Number(view.getBigUint64(row * STRING_BYTES + 8, true)) : 0;
      this.#offsets.add(length);
      if (length === 0) continue;
      const begin = Number(view.getBigUint64(row * STRING_BYTES, true));
      if (begin !== end) {
        if (end > first) this.#child.append(items, first, end);
        first = begin;
      }
      end = begin + length;
    }
    if (end > first) this.#child.append(items, first, end);
  }

  appendNulls(count: number): void {
    this.#validity.appendNulls(count);
    this.#offsets.addNulls(count);
  }

  get bytes(): number {
    return this.#child.bytes;
  }

  take(): Batch<unknown> {
    return new Batch({
      type: this.type,
      ...this.#validity.take(),
      offsets: this.#offsets.take(),
      children: [this.#child.take()],
    });
  }
}

export class StructColumn implements ArrowColumn {
  readonly type: DataType;
  readonly #children: readonly ArrowColumn[];
  readonly #validity = new Validity();

  constructor(type: DataType, children: readonly ArrowColumn[]) {
    this.type = type;
    this.#children = children;
  }

  append(vector: duckdb.Vector, from: number, to: number): void {
    const isValid = validRows(vector, to);
    this.#validity.append(isValid, from, to);
    for (const [index, child] of this.#children.entries()) {
      const part = duckdb.struct_vector_get_child(vector, index);
      if (isValid === allValid) child.append(part, from, to);
      // What a part has where the whole is NULL is nobody's business, and may be no value at all.
      else
        for (let row = from; row < to; row++)
          if (isValid(row)) child.append(part, row, row + 1);
          else child.appendNulls(1);
    }
  }

  appendNulls(count: number): void {
    this.#validity.appendNulls(count);
    for (const child of this.#children) child.appendNulls(count);
  }

  get bytes(): number {
    return this.#children.reduce((sum, child) => sum + child.bytes, 0);
  }

  take(): Batch<unknown> {
    return new Batch({
      type: this.type,
      ...this.#validity.take(),
      children: this.#children.map((child) => child.take()),
    });
  }
}

import { deflateRawSync } from 'node:zlib';
import type { FieldType, NamedField } from '../../core/field-types.ts';
import type { PlainValue } from '../../core/plain-value.ts';
import { type OrcColumn, orcColumn } from './column.ts';
import { type MessageField, message } from './message.ts';

export interface OrcWriterOptions {
  readonly fields: readonly NamedField[];
  readonly codec: 'none' | 'zlib';
}

/** A stripe is in memory until it ends: with as many rows, or values of lists and maps. */
const STRIPE_ROWS = 64 * 1024;
const STRIPE_VALUES = 4_000_000;
/** How often values are counted. */
const LOOK_ROWS = 256;
const CHUNK_BYTES = 256 * 1024;
const MAGIC = 'ORC';
const CODECS = { none: 0, zlib: 1 };
/** The version of the format, 0.12, and of what is known of its bugs: times of statistics are in UTC. */
const FORMAT_VERSION: readonly number[] = [0, 12];
const WRITER_VERSION = 6;
const PROLEPTIC_GREGORIAN = 2;

interface Stripe {
  readonly offset: number;
  readonly dataBytes: number;
  readonly footerBytes: number;
  readonly rows: number;
}

/**
 * An ORC file (specification v1) of rows, a stripe at a time. Integers are in runs of version 1 and texts without
 * dictionaries, which all readers know; there are no indexes.
 */
export class OrcWriter {
  /** What a file begins with. */
  readonly header = Buffer.from(MAGIC);
  readonly #options: OrcWriterOptions;
  readonly #root: OrcColumn;
  readonly #columns: readonly OrcColumn[];
  readonly #stripes: Stripe[] = [];
  #rows = 0;
  /** Of the stripes that were written. */
  #valuesBefore = 0;
  #offset = MAGIC.length;

  constructor(options: OrcWriterOptions) {
    this.#options = options;
    this.#root = orcColumn({ kind: 'struct', fields: options.fields });
    this.#columns = this.#root.all;
  }

  /** @returns a stripe, once one is full */
  add(row: readonly PlainValue[]): Buffer | undefined {
    this.#root.add(row);
    this.#rows += 1;
    return this.#isFull() ? this.#stripe() : undefined;
  }

  #isFull(): boolean {
    if (this.#rows >= STRIPE_ROWS) return true;
    return this.#rows % LOOK_ROWS === 0 && this.#values() - this.#valuesBefore >= STRIPE_VALUES;
  }

  #values(): number {
    return this.#columns.reduce((sum, { values }) => sum + values, 0);
  }

  /** What is left of the rows, and the footer. */
  end(): Buffer {
    const stripe = this.#rows > 0 ? this.#stripe() : Buffer.alloc(0);
    const footer = this.#packed(this.#footer());
    const tail = message([
      [1, footer.length],
      [2, CODECS[this.#options.codec]],
      [3, CHUNK_BYTES],
      ...FORMAT_VERSION.map((part) => [4, part] as const),
      [5, 0],
      [6, WRITER_VERSION],
      [8000, MAGIC],
    ]);
    return Buffer.concat([stripe, footer, tail, Buffer.of(tail.length)]);
  }

  #stripe(): Buffer {
    const streams = this.#columns.flatMap((column, number) =>
      column.take().map(({ kind, bytes }) => ({ kind, number, packed: this.#packed(bytes) })),
    );
    const footer = this.#packed(
      message([
        ...streams.map(({ kind, number, packed }): MessageField => {
          const stream = message([
            [1, kind],
            [2, number],
            [3, packed.length],
          ]);
          return [1, stream];
        }),
        // Their encoding is DIRECT.
        ...this.#columns.map((): MessageField => [2, message([[1, 0]])]),
        [3, 'UTC'],
      ]),
    );
    const data = streams.map(({ packed }) => packed);
    const dataBytes = data.reduce((sum, { length }) => sum + length, 0);
    const stripe = { dataBytes, footerBytes: footer.length, rows: this.#rows };
    this.#stripes.push({ offset: this.#offset, ...stripe });
    this.#offset += dataBytes + footer.length;
    this.#rows = 0;
    this.#valuesBefore = this.#values();
    return Buffer.concat([...data, footer]);
  }

  #footer(): Buffer {
    const { fields } = this.#options;
    return message([
      [1, MAGIC.length],
      [2, this.#offset],
      ...this.#stripes.map(({ offset, dataBytes, footerBytes, rows }): MessageField => {
        const stripe = message([
          [1, offset],
          [2, 0],
          [3, dataBytes],
          [4, footerBytes],
          [5, rows],
        ]);
        return [3, stripe];
      }),
      ...typesOf({ kind: 'struct', fields }, 0).map((type): MessageField => [4, type]),
      [6, this.#stripes.reduce((sum, { rows }) => sum + rows, 0)],
      ...this.#columns.map(({ values, hasNull }): MessageField => {
        const statistics = message([
          [1, values],
          [10, hasNull ? 1 : 0],
        ]);
        return [7, statistics];
      }),
      [8, 0],
      [11, PROLEPTIC_GREGORIAN],
    ]);
  }

  /** In chunks, each as it is where packing does not make it smaller (specification, "Compression"). */
  #packed(bytes: Buffer): Buffer {
    if (this.#options.codec === 'none') return bytes;
    const chunks: Buffer[] = [];
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      const plain = bytes.subarray(from, from + CHUNK_BYTES);
      const packed = deflateRawSync(plain);
      const isPlain = packed.length >= plain.length;
      const chunk = isPlain ? plain : packed;
      const header = Buffer.alloc(3);
      header.writeUIntLE(chunk.length * 2 + (isPlain ? 1 : 0), 0, 3);
      chunks.push(header, chunk);
    }
    return Buffer.concat(chunks);
  }
}

const KINDS = {
  boolean: 0,
  int: 3,
  long: 4,
  float: 5,
  double: 6,
  string: 7,
  binary: 8,
  timestamp: 9,
  list: 10,
  map: 11,
  struct: 12,
  decimal: 14,
  date: 15,
  timestamptz: 18,
  uuid: 7,
} as const satisfies { readonly [K in FieldType['kind']]: number };

/** Spark has no word for ORC's instants, and refuses the file, where it does not say in Spark's what they are. */
const SPARK_TYPE = message([
  [1, 'spark.sql.catalyst.type'],
  [2, 'timestamp'],
]);

/** A type and those in it, in the order of their numbers. */
function typesOf(type: FieldType, number: number): Buffer[] {
  const parts: Buffer[] = [];
  const numbers = partsOf(type).map((part) => {
    const partNumber = number + 1 + parts.length;
    parts.push(...typesOf(part, partNumber));
    return partNumber;
  });
  const own = message([
    [1, KINDS[type.kind]],
    ...numbers.map((part) => [2, part] as const),
    ...(type.kind === 'struct' ? type.fields.map(({ name }) => [3, name] as const) : []),
    ...(type.kind === 'decimal'
      ? ([
          [5, type.precision],
          [6, type.scale],
        ] as const)
      : []),
    ...(type.kind === 'timestamptz' ? ([[7, SPARK_TYPE]] as const) : []),
  ]);
  return [own, ...parts];
}

function partsOf(type: FieldType): FieldType[] {
  switch (type.kind) {
    case 'list':
      return [type.element.type];
    case 'map':
      return [type.key.type, type.value.type];
    case 'struct':
      return type.fields.map((field) => field.type);
    default:
      return [];
  }
}

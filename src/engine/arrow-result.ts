import { closeSync, openSync, writeSync } from 'node:fs';
import {
  type DuckDBDataChunk,
  type DuckDBDecimalType,
  type DuckDBListType,
  type DuckDBMapType,
  type DuckDBResult,
  type DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import {
  binary,
  bool,
  Column,
  type DataType,
  dateDay,
  decimal,
  type Field,
  field,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  list,
  map,
  struct,
  Table,
  TimeUnit,
  tableToIPC,
  timeMicrosecond,
  timestamp,
  uint8,
  uint16,
  uint32,
  uint64,
  utf8,
  Version,
} from '@uwdata/flechette';
import {
  type ArrowColumn,
  BooleanColumn,
  BytesColumn,
  DECIMAL_BYTES,
  FixedColumn,
  ListColumn,
  StructColumn,
  widened,
} from './arrow-columns.ts';
import { resultTooLarge } from './held-result.ts';

export interface ArrowField {
  readonly name: string;
  /** As in other formats; it stands in the field's metadata as `sql_type`. */
  readonly sqlType: string;
}

export interface ArrowFile {
  readonly path: string;
  readonly bytesMax: number;
}

/** Rows taken at once: fewer of wide ones, as they are in memory twice. */
const [SLICE_ROWS, SLICE_ROWS_MAX] = [64, 2048];
const [SLICE_BYTES_MIN, SLICE_BYTES_MAX] = [256 * 1024, 4 * 1024 * 1024];
/** Rows of a record batch, and about how many bytes end it before. */
const BATCH_ROWS = 65_536;
const BATCH_BYTES = 16 * 1024 * 1024;
/** The mark at a stream's end (Arrow columnar format, "IPC streaming format"). */
const END_BYTES = 8;

/**
 * Writes a result as an Arrow stream: schema, record batches, end. Its columns have types of `ARROW_TYPES`.
 * @returns how many rows were written
 */
export async function writeArrow(
  result: DuckDBResult,
  named: readonly ArrowField[],
  { path, bytesMax }: ArrowFile,
): Promise<number> {
  const columns = result.columnTypes().map(arrowColumn);
  const fields = columns.map(({ type }, index) => {
    const { name, sqlType } = named[index] as ArrowField;
    return field(name, type, true, new Map([['sql_type', sqlType]]));
  });
  const file = openSync(path, 'w', 0o600);
  try {
    const stream = new BatchWriter(fields, columns, { file, bytesMax });
    let rows = 0;
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; ) {
      rows += chunk.rowCount;
      stream.add(chunk);
      chunk = await result.fetchChunk();
    }
    stream.end();
    return rows;
  } finally {
    closeSync(file);
  }
}

class BatchWriter {
  readonly #fields: Field[];
  readonly #columns: readonly ArrowColumn[];
  readonly #file: number;
  readonly #bytesMax: number;
  readonly #schemaBytes: number;
  readonly #end: Uint8Array;
  #rows = 0;
  #written = 0;
  #slice = SLICE_ROWS;

  constructor(
    fields: Field[],
    columns: readonly ArrowColumn[],
    { file, bytesMax }: { readonly file: number; readonly bytesMax: number },
  ) {
    this.#fields = fields;
    this.#columns = columns;
    this.#file = file;
    this.#bytesMax = bytesMax;
    const empty = this.#encoded(columns.map(({ type }) => new Column([], type)));
    this.#schemaBytes = empty.length - END_BYTES;
    this.#end = empty.subarray(this.#schemaBytes);
    this.#write(empty.subarray(0, this.#schemaBytes));
  }

  add({ chunk, rowCount }: DuckDBDataChunk): void {
    const vectors = this.#columns.map((_, index) => duckdb.data_chunk_get_vector(chunk, index));
    for (let from = 0; from < rowCount; ) {
      const to = Math.min(rowCount, from + this.#slice);
      const before = this.#held;
      for (const [index, column] of this.#columns.entries())
        column.append(vectors[index] as duckdb.Vector, from, to);
      this.#rows += to - from;
      from = to;
      this.#adapt(this.#held - before);
      if (this.#rows >= BATCH_ROWS || this.#held >= BATCH_BYTES) this.#writeBatch();
    }
  }

  get #held(): number {
    return this.#columns.reduce((sum, column) => sum + column.bytes, 0);
  }

  /** After a slice of so many bytes. */
  #adapt(bytes: number): void {
    if (bytes < SLICE_BYTES_MIN) this.#slice = Math.min(SLICE_ROWS_MAX, this.#slice * 2);
    else if (bytes > SLICE_BYTES_MAX) this.#slice = Math.max(1, this.#slice >> 2);
  }

  end(): void {
    if (this.#rows > 0) this.#writeBatch();
    this.#write(this.#end);
  }

  #writeBatch(): void {
    const encoded = this.#encoded(this.#columns.map((column) => new Column([column.take()])));
    this.#write(encoded.subarray(this.#schemaBytes, encoded.length - END_BYTES));
    this.#rows = 0;
  }

  /** A stream of its own: each begins with the same schema. */
  #encoded(columns: Column<unknown>[]): Uint8Array {
    const schema = {
      version: Version.V5,
      endianness: 0 as const,
      fields: this.#fields,
      metadata: null,
      dictionaryTypes: new Map(),
    };
    return tableToIPC(new Table(schema, columns), { format: 'stream' }) as Uint8Array;
  }

  #write(bytes: Uint8Array): void {
    this.#written += bytes.length;
    if (this.#written > this.#bytesMax) throw resultTooLarge(this.#bytesMax);
    let written = 0;
    while (written < bytes.length)
      written += writeSync(this.#file, bytes, written, bytes.length - written);
  }
}

/** Types that both have in the same bytes, and how many those are. */
const FIXED: { readonly [id: number]: readonly [type: DataType, width: number] } = {
  [DuckDBTypeId.TINYINT]: [int8(), 1],
  [DuckDBTypeId.SMALLINT]: [int16(), 2],
  [DuckDBTypeId.INTEGER]: [int32(), 4],
  [DuckDBTypeId.BIGINT]: [int64(), 8],
  [DuckDBTypeId.UTINYINT]: [uint8(), 1],
  [DuckDBTypeId.USMALLINT]: [uint16(), 2],
  [DuckDBTypeId.UINTEGER]: [uint32(), 4],
  [DuckDBTypeId.UBIGINT]: [uint64(), 8],
  [DuckDBTypeId.FLOAT]: [float32(), 4],
  [DuckDBTypeId.DOUBLE]: [float64(), 8],
  [DuckDBTypeId.DATE]: [dateDay(), 4],
  [DuckDBTypeId.TIME]: [timeMicrosecond(), 8],
  [DuckDBTypeId.TIMESTAMP]: [timestamp(TimeUnit.MICROSECOND), 8],
  [DuckDBTypeId.TIMESTAMP_S]: [timestamp(TimeUnit.SECOND), 8],
  [DuckDBTypeId.TIMESTAMP_MS]: [timestamp(TimeUnit.MILLISECOND), 8],
  [DuckDBTypeId.TIMESTAMP_NS]: [timestamp(TimeUnit.NANOSECOND), 8],
  [DuckDBTypeId.TIMESTAMP_TZ]: [timestamp(TimeUnit.MICROSECOND, 'UTC'), 8],
};

function arrowColumn(type: DuckDBType): ArrowColumn {
  const fixed = FIXED[type.typeId];
  if (fixed) return new FixedColumn(...fixed);
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return new BooleanColumn(bool());
    case DuckDBTypeId.DECIMAL:
      return decimalColumn(type as DuckDBDecimalType);
    case DuckDBTypeId.VARCHAR:
      return new BytesColumn(utf8());
    case DuckDBTypeId.BLOB:
      return new BytesColumn(binary());
    case DuckDBTypeId.LIST: {
      const item = arrowColumn((type as DuckDBListType).valueType);
      return new ListColumn(list(field('item', item.type)), item);
    }
    case DuckDBTypeId.MAP: {
      const { keyType, valueType } = type as DuckDBMapType;
      const [key, value] = [arrowColumn(keyType), arrowColumn(valueType)];
      const entries = struct([field('key', key.type, false), field('value', value.type)]);
      return new ListColumn(
        map(field('key', key.type, false), field('value', value.type)),
        new StructColumn(entries, [key, value]),
      );
    }
    case DuckDBTypeId.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      const parts = entryTypes.map(arrowColumn);
      const fields = parts.map((part, index) => field(entryNames[index] as string, part.type));
      return new StructColumn(struct(fields), parts);
    }
    default:
      throw new Error(`a result column of type ${String(type)} was not made exact`);
  }
}

/** The engine keeps a decimal in as few bytes as its digits need. */
function decimalColumn({ width, scale }: DuckDBDecimalType): ArrowColumn {
  const type = decimal(width, scale, 128);
  if (width > 18) return new FixedColumn(type, DECIMAL_BYTES);
  return new FixedColumn(type, DECIMAL_BYTES, widened(width > 9 ? 8 : width > 4 ? 4 : 2));
}

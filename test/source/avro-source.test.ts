import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { Zstd } from '@hpcc-js/wasm-zstd';
import avro from 'avsc';
import { describe, expect, test } from 'vitest';
import { openAvro } from '../../src/source/embedded/avro-source.ts';
import type { SourceRow } from '../../src/source/source.ts';
import { unsnappy } from '../../src/wire/snappy.ts';
import { temporaryFolder } from '../support/folder.ts';
import { rowsOf } from '../support/source.ts';

// Files are written by avsc's own encoder, or byte by byte as the specification says.

const MAGIC = Buffer.from('Obj\x01');
const SYNC = Buffer.alloc(16, 7);
const LONG = avro.Type.forSchema('long');
const METADATA = avro.Type.forSchema({ type: 'map', values: 'bytes' });

interface Block {
  readonly records: number;
  readonly bytes: Buffer;
}

function container(schema: unknown, codec: string, ...blocks: readonly Block[]): Buffer {
  const metadata = METADATA.toBuffer({
    'avro.schema': Buffer.from(JSON.stringify(schema)),
    'avro.codec': Buffer.from(codec),
  });
  const packed = blocks.flatMap(({ records, bytes }) => [
    ...[LONG.toBuffer(records), LONG.toBuffer(bytes.length), bytes, SYNC],
  ]);
  return Buffer.concat([MAGIC, metadata, SYNC, ...packed]);
}

function file(bytes: Buffer, name = 'rows.avro'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

const read = (bytes: Buffer): Promise<SourceRow[]> => rowsOf(openAvro(file(bytes)));

/** The JSON of each value of the only row. */
async function valuesOf(fields: readonly unknown[], bytes: Buffer): Promise<readonly string[]> {
  const schema = {
    type: 'record',
    name: 'r',
    fields: fields.map((type, index) => ({ name: `f${index}`, type })),
  };
  const [row] = await read(container(schema, 'null', { records: 1, bytes }));
  return row?.values ?? [];
}

const encoded = (type: unknown, value: unknown): Buffer =>
  avro.Type.forSchema(type as avro.Schema, { wrapUnions: true }).toBuffer(value);

const jsonOf = async (type: unknown, bytes: Buffer) => (await valuesOf([type], bytes))[0];

const SCHEMA = {
  type: 'record' as const,
  name: 'sale',
  fields: [
    { name: 'id', type: 'long' as const },
    { name: 'item', type: 'string' as const },
  ],
};
const sales = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: index, item: `thing ${index % 7} ü €` }));
const saleBytes = (count: number) =>
  Buffer.concat(sales(count).map((sale) => encoded(SCHEMA, sale)));

test('A file of many blocks, as avsc writes it, has its records in their order', async () => {
  const path = join(temporaryFolder(), 'sales.avro');
  const encoder = avro.createFileEncoder(path, SCHEMA, { codec: 'deflate', blockSize: 500 });
  for (const sale of sales(5000)) encoder.write(sale);
  encoder.end();
  await once(encoder, 'finish');
  const rows = await rowsOf(openAvro(path));
  expect(rows.map(({ row }) => row)).toEqual(sales(5000).map((_, index) => index + 1));
  expect(rows.map(({ text }) => text)).toEqual(
    sales(5000).map(({ id, item }) => `{"id":"${id}","item":"${item}"}`),
  );
});

/** Snappy without any compression: one literal. */
function snappyLiteral(bytes: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length - 1);
  return Buffer.concat([varint(bytes.length), Buffer.from([63 << 2]), size, bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

function withChecksum(packed: Buffer, bytes: Buffer): Buffer {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(bytes));
  return Buffer.concat([packed, checksum]);
}

const PACKERS: { readonly [codec: string]: (bytes: Buffer) => Buffer | Promise<Buffer> } = {
  null: (bytes) => bytes,
  deflate: (bytes) => deflateRawSync(bytes),
  snappy: (bytes) => withChecksum(snappyLiteral(bytes), bytes),
  zstandard: async (bytes) => Buffer.from((await Zstd.load()).compress(bytes)),
};

test.each(Object.keys(PACKERS))('The codec %s gives the same rows', async (codec) => {
  const pack = PACKERS[codec] as (bytes: Buffer) => Promise<Buffer>;
  const block = { records: 300, bytes: await pack(saleBytes(300)) };
  const rows = await read(container(SCHEMA, codec, block, block));
  expect(rows.length).toBe(600);
  expect(rows.map(({ values }) => values)).toEqual(
    [...sales(300), ...sales(300)].map(({ id, item }) => [`"${id}"`, `"${item}"`]),
  );
});

test('Snappy as other programs write it, with copies that overlap, is unpacked', () => {
  // pyarrow.Codec('snappy').compress(…)
  const packed = Buffer.from(
    'oQEIYWJjUgMAbCwgYW5kIHRoZW4gc29tZXRoaW5nIGVsc2U6IHj+AQCKAQAkIGFiY2FiY2FiYw==',
    'base64',
  );
  const text = `${'abc'.repeat(8)}, and then something else: ${'x'.repeat(100)} abcabcabc`;
  expect(unsnappy(packed, 1000).toString()).toBe(text);
  expect(() => unsnappy(packed, 100)).toThrow('at most 100');
  for (let end = 0; end < packed.length; end++)
    expect(() => unsnappy(packed.subarray(0, end), 1000)).toThrow('damaged');
});

test('Integers of 64 bits are exact texts, floats have their fewest digits', async () => {
  const longs = [0n, -1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n, 1n << 48n, -(1n << 49n)];
  const zigzag = (value: bigint): Buffer => {
    const bytes: number[] = [];
    for (let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)); ; rest >>= 7n) {
      bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
      if (rest < 128n) return Buffer.from(bytes);
    }
  };
  for (const long of longs) expect(await jsonOf('long', zigzag(long))).toBe(`"${long}"`);
  for (const [value, json] of [
    [0.1, '0.1'],
    [-0, '-0.0'],
    [16777216, '16777216'],
    [3.4028234663852886e38, '3.4028235e+38'],
    [1.401298464324817e-45, '1.4013e-45'],
    [Number.NaN, '"NaN"'],
    [Number.NEGATIVE_INFINITY, '"-Infinity"'],
  ] as const) {
    const json32 = (await jsonOf('float', encoded('float', value))) as string;
    expect(json32).toBe(json);
    if (Number.isFinite(value)) expect(Math.fround(JSON.parse(json32))).toBe(Math.fround(value));
  }
  expect(await jsonOf('double', encoded('double', 0.1 + 0.2))).toBe('0.30000000000000004');
});

describe('A logical type is what it means:', () => {
  const fixed = (size: number, more: object) => ({ type: 'fixed', name: 'x', size, ...more });
  const decimal = { logicalType: 'decimal', precision: 38, scale: 4 };
  const hex = (text: string) => Buffer.from(text, 'hex');
  const bytes = (text: string) => Buffer.concat([LONG.toBuffer(text.length / 2), hex(text)]);
  test.each([
    ['decimal of bytes', { type: 'bytes', ...decimal }, bytes('ff85'), '"-0.0123"'],
    ['decimal of nothing', { type: 'bytes', ...decimal }, bytes(''), '"0.0000"'],
    [
      'decimal of 38 digits',
      fixed(16, decimal),
      hex('4b3b4ca85a86c47a098a223fffffffff'),
      '"9999999999999999999999999999999999.9999"',
    ],
    ['no decimal', { type: 'bytes', ...decimal, scale: 50 }, bytes('ff85'), '"/4U="'],
    ['date', { type: 'int', logicalType: 'date' }, LONG.toBuffer(-719162), '"0001-01-01"'],
    [
      'no date',
      { type: 'int', logicalType: 'date' },
      LONG.toBuffer(-719163),
      '"-719163 days since 1970"',
    ],
    [
      'time-millis',
      { type: 'int', logicalType: 'time-millis' },
      LONG.toBuffer(86399999),
      '"23:59:59.999"',
    ],
    [
      'time-micros',
      { type: 'long', logicalType: 'time-micros' },
      LONG.toBuffer(1),
      '"00:00:00.000001"',
    ],
    [
      'timestamp-millis',
      { type: 'long', logicalType: 'timestamp-millis' },
      LONG.toBuffer(-1),
      '"1969-12-31T23:59:59.999Z"',
    ],
    [
      'timestamp-micros',
      { type: 'long', logicalType: 'timestamp-micros' },
      LONG.toBuffer(1_291_190_400_000_001),
      '"2010-12-01T08:00:00.000001Z"',
    ],
    [
      'timestamp-nanos',
      { type: 'long', logicalType: 'timestamp-nanos' },
      LONG.toBuffer(-1),
      '"1969-12-31T23:59:59.999999999Z"',
    ],
    [
      'local-timestamp-micros',
      { type: 'long', logicalType: 'local-timestamp-micros' },
      LONG.toBuffer(1_291_190_400_000_000),
      '"2010-12-01T08:00:00"',
    ],
    [
      'local-timestamp-millis',
      { type: 'long', logicalType: 'local-timestamp-millis' },
      LONG.toBuffer(1_291_190_400_120),
      '"2010-12-01T08:00:00.12"',
    ],
    [
      'uuid of text',
      { type: 'string', logicalType: 'uuid' },
      encoded('string', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'),
      '"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"',
    ],
    [
      'uuid of bytes',
      fixed(16, { logicalType: 'uuid' }),
      hex('f81d4fae7dec11d0a76500a0c91e6bf6'),
      '"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"',
    ],
    ['an unknown one', { type: 'int', logicalType: 'colour' }, LONG.toBuffer(3), '3'],
  ])('%s', async (_, type, value, json) => {
    expect(await jsonOf(type, value)).toBe(json);
  });
});

test('Unions, enums, lists, maps, records in records and records of themselves become JSON', async () => {
  const tree = {
    type: 'record',
    name: 'tree',
    namespace: 'a.b',
    fields: [
      { name: 'size', type: 'long' },
      { name: 'below', type: { type: 'array', items: 'tree' } },
    ],
  };
  const types = [
    ['null', 'long', 'string'],
    ['null', 'long', 'string'],
    { type: 'enum', name: 'colour', symbols: ['RED', 'GREEN'] },
    {
      type: 'map',
      values: ['null', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }],
    },
    tree,
    'boolean',
    'bytes',
    'null',
  ];
  const oneTree = { size: 1, below: [{ size: 2, below: [] }] };
  const bytes = Buffer.concat([
    encoded(types[0], null),
    encoded(types[1], { string: 'x "y" \u0000' }),
    encoded(types[2], 'GREEN'),
    encoded(types[3], { a: { bytes: Buffer.from([1]) }, b: null }),
    encoded(tree, oneTree),
    Buffer.from([1, 4, 250, 251]),
  ]);
  expect(await valuesOf(types, bytes)).toEqual([
    ...['null', '"x \\"y\\" \\u0000"', '"GREEN"', '{"a":"0.01","b":null}'],
    ...['{"size":"1","below":[{"size":"2","below":[]}]}', 'true', '"+vs="', 'null'],
  ]);
});

test('A list in several blocks, one of which tells its bytes, is one list', async () => {
  const bytes = Buffer.from([2, 2, 3, 4, 4, 6, 2, 8, 0]);
  expect(await jsonOf({ type: 'array', items: 'int' }, bytes)).toBe('[1,2,3,4]');
});

test('A text that is not UTF-8 rejects its row with its bytes; the others are read', async () => {
  const broken = Buffer.from([4, 4, 0x52, 0xe9]);
  const bytes = Buffer.concat([saleBytes(2), broken, saleBytes(1)]);
  const rows = await read(container(SCHEMA, 'null', { records: 4, bytes }));
  expect(rows.map(({ problem }) => problem?.code)).toEqual([
    ...[undefined, undefined, 'MR_RECORD_ENCODING', undefined],
  ]);
  expect(rows[2]).toMatchObject({ row: 3, text: '{"id":"2","item":"R\ufffd"}', bytes: broken });
  expect(rows[3]?.values[0]).toBe('"0"');
});

test('A file that is packed as a whole is unpacked', async () => {
  const bytes = container(SCHEMA, 'null', { records: 3, bytes: saleBytes(3) });
  const path = file(gzipSync(bytes), 'rows.avro.gz');
  expect((await rowsOf(openAvro(path))).length).toBe(3);
});

test('Damage is told with its place, wherever the file is cut or changed, and no row is made up', async () => {
  const block = { records: 40, bytes: deflateRawSync(saleBytes(40)) };
  const whole = container(SCHEMA, 'deflate', block, block);
  const expected = (await read(whole)).map(({ text }) => text);
  const blockBytes = (whole.length - container(SCHEMA, 'deflate').length) / 2;
  for (let end = 0; end < whole.length; end += 7) {
    const isBlockEnd =
      (whole.length - end) % blockBytes === 0 && end >= whole.length - 2 * blockBytes;
    if (isBlockEnd) continue;
    const rows: string[] = [];
    const reading = (async () => {
      for await (const batch of openAvro(file(whole.subarray(0, end))).batches())
        for (const { text } of batch) rows.push(text);
    })();
    await expect(reading, `cut at ${end}`).rejects.toThrow(
      /could not be read as Avro behind row \d+: /,
    );
    expect(expected.slice(0, rows.length)).toEqual(rows);
  }
  const other = Buffer.from(whole);
  other[other.length - 1] = 0;
  await expect(read(other)).rejects.toThrow(
    `behind row 40: the block at byte ${whole.length - blockBytes} is damaged: what follows it is not the mark`,
  );
});

test('What cannot be read says what it is', async () => {
  const block = { records: 1, bytes: Buffer.from([2, 0]) };
  await expect(read(container(SCHEMA, 'bzip2', block))).rejects.toThrow(
    "its codec is 'bzip2'; null, deflate, snappy, zstandard can be read",
  );
  await expect(read(container('long', 'null', block))).rejects.toThrow('its schema is a long');
  await expect(read(container({ type: 'what' }, 'null', block))).rejects.toThrow(/unknown type/);
  const checksum = Buffer.concat([snappyLiteral(saleBytes(1)), Buffer.alloc(4)]);
  await expect(read(container(SCHEMA, 'snappy', { records: 1, bytes: checksum }))).rejects.toThrow(
    'its checksum is another',
  );
  await expect(
    read(container(SCHEMA, 'null', { records: 1, bytes: saleBytes(2) })),
  ).rejects.toThrow('something follows row 1 in its block');
  const bomb = {
    type: 'record',
    name: 'r',
    fields: [{ name: 'a', type: { type: 'array', items: 'null' } }],
  };
  await expect(
    read(container(bomb, 'null', { records: 1, bytes: LONG.toBuffer(2 ** 40) })),
  ).rejects.toThrow('a record has more than');
  expect(await read(container(SCHEMA, 'null'))).toEqual([]);
});

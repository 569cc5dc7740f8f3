import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FieldType, NamedField } from '../../src/core/field-types.ts';
import type { PlainValue } from '../../src/core/plain-value.ts';
import { openOrc } from '../../src/source/embedded/orc-source.ts';
import { OrcWriter } from '../../src/wire/orc/writer.ts';
import { seededRandom } from '../support/fault-file-system.ts';
import { temporaryFolder } from '../support/folder.ts';
import { rowsOf } from '../support/source.ts';

const SEED = Number(process.env['FAULT_SEED'] ?? 20261122);

const field = (name: string, type: FieldType): NamedField => ({ name, type, optional: true });

/** Read by orc-rust, which knows nothing of how it was written: JSON of each value. */
async function readBack(
  fields: readonly NamedField[],
  rows: readonly (readonly PlainValue[])[],
  codec: 'none' | 'zlib',
): Promise<string[][]> {
  const path = join(temporaryFolder(), 'file.orc');
  const writer = new OrcWriter({ fields, codec });
  const parts: Uint8Array[] = [writer.header];
  for (const row of rows) {
    const part = writer.add(row);
    if (part) parts.push(part);
  }
  writeFileSync(path, Buffer.concat([...parts, writer.end()]));
  return (await rowsOf(openOrc(path))).map((row) => [...row.values]);
}

/** Runs of one value, of rising and falling ones, steps at the edge of a run's, and values of no order. */
function integers(random: () => number, count: number, max: bigint): bigint[] {
  const wide = () => BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) * 2053n) % max;
  const values: bigint[] = [];
  while (values.length < count) {
    const steps = [0n, 1n, -1n, 127n, 128n, -128n, -129n];
    const step = steps[Math.floor(random() * steps.length)] as bigint;
    const length = 1 + Math.floor(random() * 300);
    const start = random() < 0.1 ? (random() < 0.5 ? max - 1n : -max) : wide();
    const isRun = random() < 0.6;
    for (let at = 0; at < length; at++) {
      const value = isRun ? start + step * BigInt(at) : wide();
      values.push(value < -max || value >= max ? start : value);
    }
  }
  return values.slice(0, count);
}

test.each(['none', 'zlib'] as const)(
  `70,000 rows with nulls, in two stripes, are read as they were written, packed with %s (seed ${SEED})`,
  async (codec) => {
    const random = seededRandom(SEED);
    const count = 70_000;
    const longs = integers(random, count, 2n ** 63n);
    const ints = integers(random, count, 2n ** 31n).map(Number);
    const fields = [
      field('long', { kind: 'long' }),
      field('int', { kind: 'int' }),
      field('flag', { kind: 'boolean' }),
      field('text', { kind: 'string' }),
      field('wide', { kind: 'decimal', precision: 38, scale: 3 }),
      field('list', { kind: 'list', element: { type: { kind: 'int' }, optional: true } }),
    ];
    const rows = longs.map((long, index): PlainValue[] => {
      const int = ints[index] as number;
      const row: PlainValue[] = [
        long,
        int,
        index % 1000 < 500 ? random() < 0.5 : true,
        'é😀x'.repeat(Math.abs(int) % 5),
        long * 10n ** 18n,
        int % 3 === 0 ? [] : [int, null, index],
      ];
      return row.map((value) => (random() < 0.1 ? null : value));
    });
    const decimal = (value: bigint) => {
      const digits = String(value < 0n ? -value : value).padStart(4, '0');
      return `${value < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
    };
    const expected = rows.map((row) =>
      row.map((value, column) => {
        if (value === null) return 'null';
        if (column === 4) return JSON.stringify(decimal(value as bigint));
        if (column === 0) return JSON.stringify(String(value));
        return JSON.stringify(value);
      }),
    );
    expect(await readBack(fields, rows, codec)).toEqual(expected);
  },
  60_000,
);

const MICROS: readonly (readonly [micros: bigint, text: string])[] = [
  [0n, '1970-01-01T00:00:00'],
  [-999_001n, '1969-12-31T23:59:59.000999'],
  [-1_000_000n, '1969-12-31T23:59:59'],
  [-1_000_001n, '1969-12-31T23:59:58.999999'],
  [-1_200_000n, '1969-12-31T23:59:58.8'],
  [1_420_070_400_100_000n, '2015-01-01T00:00:00.1'],
  [1_790_000_000_123_456n, '2026-09-21T14:13:20.123456'],
  [-62_135_596_799_999_900n, '0001-01-01T00:00:00.0001'],
  [253_402_300_799_999_999n, '9999-12-31T23:59:59.999999'],
];

test('times are exact, before 1970 too; of the second before it, ORC has its first millisecond alone', async () => {
  const fields = [
    field('local', { kind: 'timestamp' }),
    field('instant', { kind: 'timestamptz' }),
    field('day', { kind: 'date' }),
  ];
  const rows = MICROS.map(([micros]) => [micros, micros, Number(micros / 86_400_000_000n)]);
  const read = await readBack(fields, rows, 'zlib');
  expect(read.map(([local]) => JSON.parse(local as string))).toEqual(
    MICROS.map(([, text]) => text),
  );
  expect(read.map(([, instant]) => JSON.parse(instant as string))).toEqual(
    MICROS.map(([, text]) => `${text}Z`),
  );
  // Readers tell the second before 1970 from the one after it by the sign of a 0 (ORC-763).
  const [[lost] = []] = await readBack(fields, [[-500_000n, null, null]], 'zlib');
  expect(JSON.parse(lost as string)).toBe('1970-01-01T00:00:00.5');
});

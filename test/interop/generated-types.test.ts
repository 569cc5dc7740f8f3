import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { startPipeline } from '../support/pipeline.ts';
import { runPython } from '../support/python.ts';

const READ = fileURLToPath(new URL('generated_types.py', import.meta.url));
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20261122);
const TABLES = 8;
const RECORDS = 40;

type Type =
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly element: Part }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Part }
  | { readonly kind: 'struct'; readonly parts: readonly Part[] }
  | { readonly kind: string };
interface Part {
  readonly type: Type;
  readonly optional: boolean;
}
type Row = { readonly [name: string]: unknown };
type Is<K extends string> = Extract<Type, { kind: K; readonly [part: string]: unknown }>;

const PLAIN = 'boolean int long float double string uuid binary date timestamp timestamptz'.split(
  ' ',
);
const KEYS = ['string', 'int', 'long', 'uuid', 'date'];

const plain: fc.Arbitrary<Type> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PLAIN).map((kind): Type => ({ kind })) },
  fc.tuple(fc.integer({ min: 1, max: 38 }), fc.nat(38)).map(([precision, scale]) => ({
    kind: 'decimal',
    precision,
    scale: Math.min(precision, scale),
  })),
);
const part = (depth: number): fc.Arbitrary<Part> =>
  fc.record({ type: typeOf(depth), optional: fc.boolean() });

function typeOf(depth: number): fc.Arbitrary<Type> {
  if (depth === 0) return plain;
  const inner = part(depth - 1);
  return fc.oneof(
    plain,
    inner.map((element): Type => ({ kind: 'list', element })),
    fc
      .tuple(fc.constantFrom(...KEYS), inner)
      .map(([kind, value]): Type => ({ kind: 'map', key: { kind }, value })),
    fc
      .array(inner, { minLength: 1, maxLength: 3 })
      .map((parts): Type => ({ kind: 'struct', parts })),
  );
}

const as = <K extends string>(type: Type): Is<K> => type as Is<K>;

function source({ type, optional }: Part): string {
  const text = (() => {
    switch (type.kind) {
      case 'decimal':
        return `f.decimal(${as<'decimal'>(type).precision}, ${as<'decimal'>(type).scale})`;
      case 'list':
        return `f.list(${source(as<'list'>(type).element)})`;
      case 'map':
        return `f.map(f.${as<'map'>(type).key.kind}(), ${source(as<'map'>(type).value)})`;
      case 'struct':
        return `f.struct({ ${as<'struct'>(type)
          .parts.map((one, index) => `p${index}: ${source(one)}`)
          .join(', ')} })`;
      default:
        return `f.${type.kind}()`;
    }
  })();
  return optional ? `${text}.optional()` : text;
}

const time = fc
  .tuple(
    fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    }),
    fc.nat(999_999),
  )
  .map(([at, micros]) =>
    `${at.toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}`.replace(
      /\.?0+$/,
      (end) => (end.startsWith('.') ? '' : end.replaceAll('0', '')),
    ),
  );
/** Statistics are cut at 16 characters: what is there is raised, where it can be. */
const TEXTS = [
  ...['', 'NULL', ' ', 'fifteen letters😀', 'fifteen letters😀x', 'fifteen letters\u{10ffff}x'],
  ...[
    '\u{10ffff}'.repeat(17),
    `${'\ud7ff'.repeat(16)}x`,
    'x'.repeat(20_000),
    '😀'.repeat(5000),
    'a/b=c d%é',
  ],
];

const VALUES: { readonly [kind: string]: fc.Arbitrary<unknown> } = {
  boolean: fc.boolean(),
  int: fc.oneof(fc.integer(), fc.constantFrom(-2147483648, 2147483647, 0)),
  long: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    fc.constantFrom('-9223372036854775808', '9223372036854775807'),
  ),
  float: fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.constantFrom('NaN', 'Infinity', '-Infinity', 3.4028234663852886e38),
  ),
  double: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.constantFrom('NaN', 'Infinity', '-Infinity', 5e-324, -1.7976931348623157e308),
  ),
  string: fc.oneof(
    fc
      .string({ unit: 'grapheme', maxLength: 24 })
      .filter((text) => text.isWellFormed() && !text.includes('\0')),
    fc.constantFrom(...TEXTS),
  ),
  uuid: fc.uuid(),
  binary: fc
    .oneof(fc.uint8Array({ maxLength: 24 }), fc.constant(Buffer.alloc(20, 255)))
    .map((bytes) => Buffer.from(bytes).toString('base64')),
  date: time.map((text) => text.slice(0, 10)),
  timestamp: time,
  timestamptz: time.map((text) => `${text}Z`),
};

function value(type: Type): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'decimal': {
      const { precision, scale } = as<'decimal'>(type);
      const most = 10n ** BigInt(precision) - 1n;
      return fc
        .oneof(fc.bigInt({ min: -most, max: most }), fc.constantFrom(most, -most, 0n))
        .map((unscaled) => decimalText(unscaled, scale));
    }
    case 'list':
      return fc.array(maybe(as<'list'>(type).element), { maxLength: 3 });
    case 'map': {
      const { key, value: inside } = as<'map'>(type);
      const entries = fc.array(fc.tuple(value(key), maybe(inside)), { maxLength: 3 });
      return entries.map((some) =>
        Object.fromEntries(some.filter(([name]) => String(name) !== '__proto__')),
      );
    }
    case 'struct': {
      const { parts } = as<'struct'>(type);
      return fc.record(Object.fromEntries(parts.map((one, index) => [`p${index}`, maybe(one)])));
    }
    default:
      return VALUES[type.kind] as fc.Arbitrary<unknown>;
  }
}

const maybe = ({ type, optional }: Part): fc.Arbitrary<unknown> =>
  optional ? fc.option(value(type), { freq: 4 }) : value(type);

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return unscaled < 0n ? `-${text}` : text;
}

/** Floats compare as floats; PyIceberg 0.12 makes empty lists and maps of null ones (apache/arrow#38809). */
function comparable(type: Type, found: unknown, asEmpty: boolean): unknown {
  if (found === null || found === undefined) {
    if (asEmpty && type.kind === 'list') return [];
    return asEmpty && type.kind === 'map' ? {} : null;
  }
  switch (type.kind) {
    case 'float':
      return typeof found === 'number' ? Math.fround(found) : found;
    case 'list':
      return (found as unknown[]).map((item) =>
        comparable(as<'list'>(type).element.type, item, asEmpty),
      );
    case 'map':
      return Object.fromEntries(
        Object.entries(found as Row).map(([name, item]) => [
          name,
          comparable(as<'map'>(type).value.type, item, asEmpty),
        ]),
      );
    case 'struct':
      return Object.fromEntries(
        as<'struct'>(type).parts.map((one, index) => [
          `p${index}`,
          comparable(one.type, (found as Row)[`p${index}`], asEmpty),
        ]),
      );
    default:
      return found;
  }
}

interface Reading {
  readonly rows: readonly Row[];
  readonly ids: { readonly [path: string]: number };
  readonly paths: readonly string[];
  readonly bounds: number;
  readonly wrong: readonly unknown[];
}

const generated = fc
  .sample(fc.array(part(3), { minLength: 6, maxLength: 9 }), { seed: SEED, numRuns: TABLES })
  .map((fields, index) => {
    const [first = []] = [fields];
    const kinds = PLAIN.map((kind): Part => ({ type: { kind }, optional: index % 2 === 0 }));
    const columns = [...first, ...(index < 2 ? kinds : [])];
    const row = fc.record(
      Object.fromEntries(columns.map((one, column) => [`c${column}`, maybe(one)])),
    );
    const records = fc.sample(row, { seed: SEED + index, numRuns: RECORDS });
    return {
      name: `t${index}`,
      columns,
      records: records.map((one, id): Row => ({ id, ...one })),
    };
  });

test(`values of any type, however nested, are equal through SQL, PyIceberg and plain DuckDB, and within their bounds (seed ${SEED})`, async () => {
  const folder = temporaryFolder();
  const pipe = await startPipeline(
    folder,
    `import { field as f, stream } from 'millrace';\n${generated
      .map(
        ({ name, columns }) =>
          `export const ${name} = stream('${name}', { fields: { id: f.int(), ${columns.map((one, column) => `c${column}: ${source(one)}`).join(', ')} }, table: { every: '1h' } });`,
      )
      .join('\n')}`,
  );
  for (const { name, records } of generated) {
    const body = records.map((one) => JSON.stringify(one)).join('\n');
    const answer = await (await pipe.post(`/v1/streams/${name}/records`, body)).json();
    expect(answer, name).toMatchObject({ accepted: RECORDS, rejected: [] });
  }
  const rowsBySql = async () =>
    Promise.all(generated.map(({ name }) => pipe.sql(`select * from ${name} order by id`)));
  const texts = await Promise.all(
    generated.map(({ name, columns }) =>
      pipe.sql(`select id, ${jsonTexts(columns)} from ${name} order by id`),
    ),
  );
  const hot = await rowsBySql();
  expect(await pipe.stop()).toBe(0);
  const again = await startPipeline(folder, undefined);
  const delivered = await Promise.all(
    generated.map(({ name }) => again.sql(`select * from ${name} order by id`)),
  );
  await again.stop();
  const folders = generated.map(({ name }) => join(folder, '.millrace/lake/lake', name));
  const readings = JSON.parse(await runPython(READ, folders)) as Reading[];
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect();
  await duckdb.run("SET TimeZone = 'UTC'");

  for (const [index, { name, columns, records }] of generated.entries()) {
    const { rows, paths, bounds, wrong, ids } = readings[index] as Reading;
    const byId = [...rows].sort((a, b) => Number(a['id']) - Number(b['id']));
    for (const [column, { type }] of columns.entries()) {
      const what = `${name}, c${column}: ${source({ type, optional: false })}`;
      const expected = records.map((one) => comparable(type, one[`c${column}`], false));
      const of = (some: readonly unknown[][] | undefined) =>
        some?.map((row) => comparable(type, row[column + 1], false));
      expect.soft(of(hot[index]), `undelivered ${what}`).toEqual(expected);
      expect.soft(of(delivered[index]), `delivered ${what}`).toEqual(expected);
      expect
        .soft(
          byId.map((row) => comparable(type, row[`c${column}`], true)),
          `PyIceberg ${what}`,
        )
        .toEqual(records.map((one) => comparable(type, one[`c${column}`], true)));
    }
    expect(wrong, name).toEqual([]);
    expect(bounds, name).toBeGreaterThan(columns.length);
    // By field ids, as an engine reads that knows nothing of us.
    const types = await duckdb.runAndReadAll(
      `SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet([${paths.map((path) => `'${path.replace('file://', '')}'`).join()}]))`,
    );
    const schema = (types.getRowsJson() as [string, string][])
      .map(
        ([column, type]) =>
          `${ids[column]}: {name: '${column}', type: '${type}', default_value: NULL}`,
      )
      .join();
    const plainRows = await duckdb.runAndReadAll(
      `SELECT id::VARCHAR, ${jsonTexts(columns)} FROM read_parquet([${paths.map((path) => `'${path.replace('file://', '')}'`).join()}], schema = MAP {${schema}}) ORDER BY id`,
    );
    expect(plainRows.getRowsJson(), name).toEqual(
      texts[index]?.map((row) => row.map((one, at) => (at === 0 ? String(one) : one))),
    );
  }
}, 90_000);

const jsonTexts = (columns: readonly Part[]): string =>
  columns.map((_, column) => `to_json(c${column})::varchar`).join(', ');

/** Records that have every field type, with the values that are read wrong most easily. */

export type Row = { readonly [field: string]: unknown };

export const STRUCT =
  'f.struct({ name: f.string(), amount: f.decimal(10, 3).optional(), inner: f.struct({ flag: f.boolean(), seen: f.timestamptz().optional(), parts: f.list(f.int()) }).optional() })';

export const TYPES: { readonly [name: string]: string } = {
  boolean: 'f.boolean()',
  int: 'f.int()',
  long: 'f.long()',
  float: 'f.float()',
  double: 'f.double()',
  price: 'f.decimal(10, 3)',
  wide: 'f.decimal(38, 10)',
  text: 'f.string()',
  uuid: 'f.uuid()',
  bytes: 'f.binary()',
  date: 'f.date()',
  local: 'f.timestamp()',
  instant: 'f.timestamptz()',
  lines:
    'f.list(f.struct({ sku: f.string(), count: f.long().optional(), tags: f.list(f.string().optional()) }))',
  rates: 'f.map(f.string(), f.double())',
  numbered: 'f.map(f.long(), f.decimal(38, 10).optional())',
  nested: STRUCT,
};

/** The fields of such a stream, as its definition has them. */
export const everyField = (struct = STRUCT): string => `
    id: f.int(),
    at: f.timestamp(),
    site: f.string().optional(),
${Object.entries(TYPES)
  .map(([name, type]) => [name, type.replace(STRUCT, struct)])
  .map(([name, type]) => `    ${name}: ${type},\n    maybe_${name}: ${type}.optional(),`)
  .join('\n')}`;

export const ORDINARY: Row = {
  boolean: true,
  int: 42,
  long: '42',
  float: 0.1,
  double: 0.1,
  price: '2.550',
  wide: '1.0000000001',
  text: 'plain',
  uuid: '0b0e1c0a-9a55-4bd4-a7a8-0f2c0f3f4c11',
  bytes: Buffer.from('plain').toString('base64'),
  date: '2024-02-29',
  local: '2024-02-29T12:34:56.123456',
  instant: '2024-02-29T12:34:56.123456Z',
  lines: [
    { sku: 'A', count: '9007199254740993', tags: ['x', null, ''] },
    { sku: 'B', count: null, tags: [] },
  ],
  rates: { GBP: 1, EUR: 1.17, 'a key "quoted"': 0.1 },
  numbered: { '1': '1.0000000000', '-9223372036854775808': null },
  nested: {
    name: 'outer',
    amount: '0.001',
    inner: { flag: false, seen: '2024-02-29T12:34:56.5Z', parts: [1, 2, 3] },
  },
};

const LEAST: Row = {
  boolean: false,
  int: -2147483648,
  long: '-9223372036854775808',
  float: -3.4028234663852886e38,
  double: -1.7976931348623157e308,
  price: '-9999999.999',
  wide: '-9999999999999999999999999999.9999999999',
  text: '',
  uuid: '00000000-0000-0000-0000-000000000000',
  bytes: '',
  date: '0001-01-01',
  local: '0001-01-01T00:00:00',
  instant: '0001-01-01T00:00:00Z',
  lines: [],
  rates: {},
  numbered: {},
  nested: { name: '', amount: null, inner: null },
};

const MOST: Row = {
  boolean: true,
  int: 2147483647,
  long: '9223372036854775807',
  float: 3.4028234663852886e38,
  double: 1.7976931348623157e308,
  price: '9999999.999',
  wide: '9999999999999999999999999999.9999999999',
  text: 'long and wide 😀 '.repeat(1250),
  uuid: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  bytes: Buffer.from(Array.from({ length: 256 }, (_, byte) => 255 - byte)).toString('base64'),
  date: '9999-12-31',
  local: '9999-12-31T23:59:59.999999',
  instant: '9999-12-31T23:59:59.999999Z',
  lines: Array.from({ length: 50 }, (_, index) => ({
    sku: `😀${index}`,
    count: '9223372036854775807',
    tags: ['👩‍👩‍👧', 'ø'],
  })),
  rates: { '😀': 1.7976931348623157e308, '': 5e-324 },
  numbered: { '9223372036854775807': '-9999999999999999999999999999.9999999999' },
  nested: {
    name: '\u0001 \t "quoted" \\ \u2028 é',
    amount: '9999999.999',
    inner: { flag: true, seen: null, parts: [] },
  },
};

/** Fields of the optional kind have the values `maybe` says; null where it says nothing. */
export function record(
  id: number,
  at: string,
  site: string | null,
  values: Row,
  maybe: Row = {},
): Row {
  const names = Object.keys(TYPES);
  return {
    id,
    at,
    site,
    ...Object.fromEntries(names.map((name) => [name, values[name]])),
    ...Object.fromEntries(names.map((name) => [`maybe_${name}`, maybe[name] ?? null])),
  };
}

export const RECORDS: readonly Row[] = [
  record(1, '2024-02-29T00:00:00', 'shop', ORDINARY, ORDINARY),
  record(2, '2024-02-29T23:59:59.999999', 'shop', LEAST),
  record(3, '2024-03-01T00:00:00', 'a/b=c d%é', MOST, MOST),
  record(4, '0001-01-01T00:00:00', null, LEAST, LEAST),
  record(5, '9999-12-31T23:59:59.999999', 'NULL', MOST),
  record(6, '1969-12-31T23:59:59.999999', '', { ...ORDINARY, float: 'NaN', double: 'NaN' }),
  record(
    7,
    '1970-01-01T00:00:00',
    '__HIVE_DEFAULT_PARTITION__',
    {
      ...ORDINARY,
      float: 'Infinity',
      double: '-Infinity',
      local: '1969-12-31T23:59:59.9',
      instant: '1969-12-31T23:59:59.00001Z',
    },
    { float: '-Infinity', double: 'Infinity', rates: { x: 'NaN' } },
  ),
  // Statistics keep 16 characters of a text: this one is cut within the row of emoji.
  record(8, '2024-03-01T12:00:00', 'fifteen letters😀😀', {
    ...ORDINARY,
    text: 'fifteen letters😀\u{10ffff}',
    double: 5e-324,
    long: '-1',
  }),
];

const NULL_FREE = Object.fromEntries(
  Object.entries(RECORDS[1] as Row).filter(([, value]) => value !== null),
);

/** What is sent: the second record leaves out its optional fields instead of saying null. */
export const SENT = RECORDS.map((row, index) => (index === 1 ? NULL_FREE : row));

/** Floats compare as floats: JSON has a double's shortest digits for them, or a float's. */
export function comparable(
  rows: readonly Row[],
  columns: readonly string[] = Object.keys(RECORDS[0] as Row),
): Row[] {
  const float = (value: unknown) => (typeof value === 'number' ? Math.fround(value) : value);
  return [...rows]
    .sort((a, b) => Number(a['id']) - Number(b['id']))
    .map((row) => {
      const picked = Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
      return {
        ...picked,
        float: float(picked['float']),
        maybe_float: float(picked['maybe_float']),
      };
    });
}

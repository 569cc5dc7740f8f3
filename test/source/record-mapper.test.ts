import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Fields, field as f, type StreamOptions, stream } from '../../src/index.ts';
import { compile } from '../../src/plan/compile.ts';
import type { StreamPlan } from '../../src/plan/plan.ts';
import { jsonText } from '../../src/source/cell-json.ts';
import { type MappingOptions, RecordMapper } from '../../src/source/record-mapper.ts';
import type { FileSource, SourceRow } from '../../src/source/source.ts';
import { rowsOf } from '../support/source.ts';

const NOTHING: MappingOptions = {
  map: new Map(),
  ignore: new Set(),
  nulls: new Set(),
  dates: undefined,
  decimalComma: false,
};

function planOf(fields: Fields, options: Partial<StreamOptions<Fields>> = {}): StreamPlan {
  return compile([stream('sales', { fields, ...options })]).plan.streams[0] as StreamPlan;
}

function csv(columns: readonly string[], ...cells: readonly (readonly string[])[]): FileSource {
  const rows = cells.map(
    (values, index): SourceRow => ({
      row: index + 1,
      line: index + 2,
      text: values.join(','),
      columns,
      values,
    }),
  );
  return {
    path: 'sales.csv',
    columns,
    dialect: { format: 'csv', encoding: 'utf-8', delimiter: ',', quote: '"', header: true },
    async *batches() {
      yield rows;
    },
  };
}

/** Rows whose values are JSON. */
function typed(format: 'json' | 'parquet', ...found: readonly object[]): FileSource {
  const rows = found.map(
    (row, index): SourceRow => ({
      row: index + 1,
      text: '',
      columns: Object.keys(row),
      values: Object.values(row).map((value) => JSON.stringify(value)),
    }),
  );
  return {
    path: `sales.${format}`,
    columns: [],
    dialect: { format, encoding: 'utf-8', delimiter: '', quote: '', header: false },
    async *batches() {
      yield rows;
    },
  };
}

async function records(
  source: FileSource,
  plan: StreamPlan,
  options: Partial<MappingOptions> = {},
): Promise<unknown[]> {
  const mapper = await RecordMapper.create(source, plan, { ...NOTHING, ...options });
  const rows = await rowsOf(source);
  return rows.map((row) => JSON.parse(mapper.record(row)) as unknown);
}

/** What becomes of cells of one column. */
async function cells(
  field: Fields[string],
  texts: readonly string[],
  options: Partial<MappingOptions> = {},
): Promise<unknown[]> {
  const found = await records(
    csv(['x'], ...texts.map((text) => [text])),
    planOf({ x: field }),
    options,
  );
  return found.map((record) => (record as { x?: unknown }).x);
}

describe('columns and fields:', () => {
  const plan = planOf({ invoice_no: f.string(), unitPrice: f.string() });
  test.each([
    ['invoice_no'],
    ['InvoiceNo'],
    ['INVOICE NO'],
    ['invoice-no'],
    ['Invoice.No'],
    ['invoiceno'],
  ])('%s is the field invoice_no', async (column) => {
    expect(await records(csv([column, 'Unit Price'], ['1', '2']), plan)).toEqual([
      { invoice_no: '1', unitPrice: '2' },
    ]);
  });

  test('a column goes where the user says', async () => {
    expect(
      await records(csv(['Nummer', 'unit_price'], ['1', '2']), plan, {
        map: new Map([['Nummer', 'invoice_no']]),
      }),
    ).toEqual([{ invoice_no: '1', unitPrice: '2' }]);
  });

  test('a column is left out where the user says', async () => {
    expect(
      await records(csv(['invoice_no', 'unit_price', 'Row'], ['1', '2', '3']), plan, {
        ignore: new Set(['Row']),
      }),
    ).toEqual([{ invoice_no: '1', unitPrice: '2' }]);
  });

  test('a column without a field is refused, with what to do', async () => {
    const unknown = records(csv(['invoice_no', 'Price'], ['1', '2']), plan);
    await expect(unknown).rejects.toMatchObject({
      code: 'MR_IMPORT_FILE',
      details: { column: 'Price' },
    });
    await expect(unknown).rejects.toThrow(
      'sales.csv: column "Price" matches no field of stream \'sales\' (invoice_no, unitPrice). Say which with --map "Price=field", or leave it out with --ignore "Price".',
    );
  });

  test('a mapping to no field is refused', async () => {
    await expect(records(csv(['a'], ['1']), plan, { map: new Map([['a', 'b']]) })).rejects.toThrow(
      "is mapped to 'b', which is not a field",
    );
  });

  test('two columns of one field are refused before any row, with both and what to do', async () => {
    const twice = records(csv(['invoice_no', 'Invoice No', 'unitPrice'], ['1', '', '2']), plan);
    await expect(twice).rejects.toMatchObject({
      code: 'MR_IMPORT_FILE',
      details: { column: 'Invoice No', field: 'invoice_no' },
    });
    await expect(twice).rejects.toThrow(
      'sales.csv: columns "invoice_no" and "Invoice No" are both field \'invoice_no\' of stream \'sales\'. Leave one out with --ignore "Invoice No", or say with --map "Invoice No=field" which other field it is.',
    );
    const map = new Map([['name', 'unitPrice']]);
    const source = csv(['invoice_no', 'name', 'unit price'], ['1', '2', '3']);
    await expect(records(source, plan, { map })).rejects.toThrow(
      'columns "name" and "unit price" are both field \'unitPrice\'',
    );
    expect(await records(source, plan, { map, ignore: new Set(['unit price']) })).toEqual([
      { invoice_no: '1', unitPrice: '2' },
    ]);
  });

  test('of two members of one field in a JSON record, one of its own name is it; the stream decides about the other', async () => {
    const source = typed('json', { InvoiceNo: '1', invoice_no: '2' }, { INVOICENO: '3', zzz: '4' });
    expect(await records(source, plan)).toEqual([
      { InvoiceNo: '1', invoice_no: '2' },
      { invoice_no: '3', zzz: '4' },
    ]);
  });

  test('a Parquet file with a column that has no field, or two of one, is refused', async () => {
    await expect(records(typed('parquet', { zzz: '4' }), plan)).rejects.toThrow('matches no field');
    await expect(
      records(typed('parquet', { InvoiceNo: '1', invoice_no: '2' }), plan),
    ).rejects.toThrow("both field 'invoice_no'");
  });

  test('a stream that takes unknown fields gets them under their own name', async () => {
    for (const unknown of ['keep', 'drop'] as const)
      expect(
        await records(csv(['id', 'More Things'], ['1', 'x']), planOf({ id: f.int() }, { unknown })),
      ).toEqual([{ id: 1, 'More Things': 'x' }]);
  });
});

describe('a cell becomes what its field wants, or goes on as it is for the stream to refuse:', () => {
  test.each<[string, Fields[string], string[], unknown[]]>([
    [
      'int',
      f.int(),
      ['1', ' -5 ', '1.0', 'x', '1,000', '007'],
      [1, -5, '1.0', 'x', '1,000', '007'],
    ],
    ['long stays exact', f.long(), ['9223372036854775807', ' 1 '], ['9223372036854775807', '1']],
    ['double', f.double(), ['1.5', '1e3', '.5', '1,5', 'NaN'], [1.5, 1000, '.5', '1,5', 'NaN']],
    [
      'decimal stays exact',
      f.decimal(38, 2),
      ['12345678901234567890.10', '2.550 '],
      ['12345678901234567890.10', '2.550'],
    ],
    [
      'boolean',
      f.boolean(),
      ['true', 'YES', '1', 'f', 'N', '0', 'maybe'],
      [true, true, true, false, false, false, 'maybe'],
    ],
    [
      'string keeps its spaces and zeros',
      f.string(),
      ['007', ' a ', '1.0', ''],
      ['007', ' a ', '1.0', ''],
    ],
    ['integer text', f.string().from('integer-text'), ['17850.0', 'C1'], ['17850.0', 'C1']],
    [
      'uuid',
      f.uuid(),
      [' 0f3a9c21-0000-4000-8000-000000000000 '],
      ['0f3a9c21-0000-4000-8000-000000000000'],
    ],
    [
      'epoch seconds',
      f.timestamptz().from('epoch-seconds'),
      ['1700000000', 'x'],
      [1700000000, 'x'],
    ],
    ['list', f.list(f.int()), ['[1, 2]', 'x'], [[1, 2], 'x']],
    ['struct', f.struct({ a: f.int() }), ['{"a": 1}'], [{ a: 1 }]],
  ])('%s', async (_, field, texts, expected) =>
    expect(await cells(field, texts)).toEqual(expected),
  );

  test('an empty cell is no value, but for a required string', async () => {
    expect(await cells(f.string().optional(), [''])).toEqual([undefined]);
    expect(await cells(f.int(), [''])).toEqual([undefined]);
    expect(await cells(f.string(), [''])).toEqual(['']);
  });

  test('texts that stand for no value are those the user names', async () => {
    expect(
      await cells(f.string().optional(), ['NULL', 'n/a', 'null'], {
        nulls: new Set(['NULL', 'n/a']),
      }),
    ).toEqual([undefined, undefined, 'null']);
    expect(await cells(f.string().optional(), ['NULL'])).toEqual(['NULL']);
  });
});

describe('dates:', () => {
  test('the order of day and month is found where any row shows it', async () => {
    expect(await cells(f.timestamp(), ['12/1/2010 8:26', '12/13/2010 17:05'])).toEqual([
      '2010-12-01T08:26:00',
      '2010-12-13T17:05:00',
    ]);
    expect(await cells(f.timestamp(), ['1/12/2010 8:26:30', '13/12/2010 17:05:01.5'])).toEqual([
      '2010-12-01T08:26:30',
      '2010-12-13T17:05:01.5',
    ]);
    expect(await cells(f.date(), ['1.12.2010', '31.12.2010'])).toEqual([
      '2010-12-01',
      '2010-12-31',
    ]);
    expect(await cells(f.date(), ['2010/12/1', '2010/2/3'])).toEqual(['2010-12-01', '2010-02-03']);
  });

  test('the row that shows it may come late', async () => {
    const texts = [...Array.from({ length: 5000 }, () => '1/2/2010'), '1/13/2010'];
    expect((await cells(f.date(), texts)).slice(-2)).toEqual(['2010-01-02', '2010-01-13']);
  });

  test('each column has its own order', async () => {
    const source = csv(['a', 'b'], ['12/13/2010', '13/12/2010'], ['1/2/2010', '1/2/2010']);
    expect(await records(source, planOf({ a: f.date(), b: f.date() }))).toEqual([
      { a: '2010-12-13', b: '2010-12-13' },
      { a: '2010-01-02', b: '2010-02-01' },
    ]);
  });

  test('a file that can be read in two ways is refused, with what to do', async () => {
    const ambiguous = cells(f.timestamp(), ['1/2/2010 8:26', '12/12/2010 8:26']);
    await expect(ambiguous).rejects.toMatchObject({ code: 'MR_IMPORT_FILE' });
    await expect(ambiguous).rejects.toThrow(
      "the dates of 'x' can be read as month/day and as day/month, as line 2 ('1/2/2010 8:26'). Say which with --dates MDY or --dates DMY.",
    );
  });

  test('a file whose rows contradict each other is refused, with the rows and what to do', async () => {
    const contradicting = cells(f.date(), ['1/2/2010', '13/1/2010', '1/14/2010', '1/13/2010']);
    await expect(contradicting).rejects.toMatchObject({ code: 'MR_IMPORT_FILE' });
    await expect(contradicting).rejects.toThrow(
      "the dates of 'x' are month/day in line 4 ('1/14/2010') and day/month in line 3 ('13/1/2010'). Say which is right with --dates MDY or --dates DMY",
    );
    expect(await cells(f.date(), ['13/1/2010', '1/13/2010'], { dates: 'DMY' })).toEqual([
      '2010-01-13',
      '1/13/2010',
    ]);
  });

  test('the contradiction may come late, and texts that are no dates end no search', async () => {
    const days = Array.from({ length: 9_999 }, () => '1/13/2010');
    await expect(cells(f.date(), ['?', ...days, '13/1/2010'])).rejects.toThrow(/line 10002/);
    expect(await cells(f.date(), ['?', '', '2010-01-12', '1/2/2010', '1/13/2010'])).toEqual([
      '?',
      undefined,
      '2010-01-12',
      '2010-01-02',
      '2010-01-13',
    ]);
  });

  test('a row of the other order behind those looked at goes on as it is: the stream refuses it', async () => {
    const texts = [...Array.from({ length: 30_000 }, () => '1/13/2010'), '13/1/2010'];
    expect((await cells(f.date(), texts)).slice(-2)).toEqual(['2010-01-13', '13/1/2010']);
  });

  test('the order that was found is told', async () => {
    const source = csv(['a', 'b', 'c'], ['12/13/2010', '13/12/2010', '2010-12-13']);
    const plan = planOf({ a: f.date(), b: f.date(), c: f.date() });
    const { orders } = await RecordMapper.create(source, plan, NOTHING);
    expect(Object.fromEntries(orders)).toEqual({ a: 'MDY', b: 'DMY' });
  });

  test('a year in front says its order itself, whatever the order of the others', async () => {
    expect(await cells(f.date(), ['2010/12/1', '13/12/2010', '2010-2-3'])).toEqual([
      '2010-12-01',
      '2010-12-13',
      '2010-02-03',
    ]);
    expect(await cells(f.date(), ['10/12/1', '70.1.2'], { dates: 'YMD' })).toEqual([
      '2010-12-01',
      '1970-01-02',
    ]);
  });

  test('what is no date goes on as it is', async () => {
    const texts = ['0/1/2010', '1/32/2010', '1/2/3', '1/2-2010', '1/2/2010 13:00 AM', '1/2/20100'];
    expect(await cells(f.timestamp(), texts, { dates: 'MDY' })).toEqual(texts);
  });

  test('the user says the order', async () => {
    expect(await cells(f.date(), ['1/2/2010'], { dates: 'MDY' })).toEqual(['2010-01-02']);
    expect(await cells(f.date(), ['1/2/2010'], { dates: 'DMY' })).toEqual(['2010-02-01']);
  });

  test('ISO dates pass as they are', async () => {
    expect(await cells(f.timestamp(), ['2010-12-01 08:26:00', '2010-12-01T08:26'])).toEqual([
      '2010-12-01 08:26:00',
      '2010-12-01T08:26',
    ]);
    expect(await cells(f.timestamptz(), ['2010-12-01T08:26:00+01:00'])).toEqual([
      '2010-12-01T08:26:00+01:00',
    ]);
  });

  test('a date in a column of times is its midnight; midnight in a column of dates is its date', async () => {
    expect(await cells(f.timestamp(), ['2010-12-01'])).toEqual(['2010-12-01T00:00:00']);
    expect(await cells(f.timestamptz(), ['2010-12-01'])).toEqual(['2010-12-01T00:00:00Z']);
    expect(
      await cells(f.date(), ['2010-12-01 00:00:00', '2010-12-02T00:00', '2010-12-03 01:00:00']),
    ).toEqual(['2010-12-01', '2010-12-02', '2010-12-03 01:00:00']);
  });

  test('hours may be counted to twelve, and years in two digits', async () => {
    expect(
      await cells(f.timestamp(), ['12/13/10 12:05 AM', '1/2/69 12:05 PM', '1/2/70 1:05pm']),
    ).toEqual(['2010-12-13T00:05:00', '2069-01-02T12:05:00', '1970-01-02T13:05:00']);
  });
});

test('any text is the JSON of itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(jsonText(text)).toBe(JSON.stringify(text));
    }),
    { numRuns: 2000 },
  );
});

test('a record is one line, also where JSON in it has several', async () => {
  const source = csv(['x'], ['{"a":\r\n1}']);
  const plan = planOf({ x: f.struct({ a: f.int() }) });
  const mapper = await RecordMapper.create(source, plan, NOTHING);
  const [row] = await rowsOf(source);
  expect(mapper.record(row as SourceRow)).toBe('{"x":{"a":  1}}');

  const json: FileSource = { ...source, dialect: { ...source.dialect, format: 'json' } };
  const members = await RecordMapper.create(json, plan, NOTHING);
  expect(members.record(row as SourceRow)).toBe('{"x":{"a":  1}}');
});

describe('numbers of a Parquet file', () => {
  const fields = {
    i: f.int(),
    l: f.long(),
    d: f.double(),
    s: f.string(),
    at: f.timestamptz().from('epoch-seconds'),
    st: f.struct({ a: f.int(), rest: f.list(f.map(f.string(), f.long())) }),
  };

  test.each([
    [
      { i: '1', l: '9007199254740993' },
      { i: 1, l: 9007199254740993n },
    ],
    [
      { i: 1.5, l: '1.0' },
      { i: 1.5, l: 1 },
    ],
    [
      { i: 'x', d: '1.5', s: '1' },
      { i: 'x', d: 1.5, s: '1' },
    ],
    [
      { i: '-0.0', at: '1600000000' },
      { i: 0, at: 1600000000 },
    ],
    [
      { i: null, d: 'NaN', l: 1e300 },
      { i: null, d: 'NaN', l: 1e300 },
    ],
    [
      { st: { a: '3', rest: [{ x: '4.00', y: null }] } },
      { st: { a: 3, rest: [{ x: 4, y: null }] } },
    ],
  ])('are those of the field where they fit: %j', async (row, expected) => {
    const source = typed('parquet', row);
    const mapper = await RecordMapper.create(source, planOf(fields), NOTHING);
    const [first] = await rowsOf(source);
    const line = mapper.record(first as SourceRow);
    expect(line).toBe(
      JSON.stringify(expected, (_, value: unknown) =>
        typeof value === 'bigint' ? `<${value}>` : value,
      ).replace(/"<(\d+)>"/g, '$1'),
    );
  });

  test('of a DOUBLE column are whole numbers where they are', async () => {
    const source = typed('parquet', { i: 0 });
    const mapper = await RecordMapper.create(source, planOf(fields), NOTHING);
    const row = { row: 1, text: '', columns: ['i', 'l'], values: ['1.0', '1e3'] };
    expect(mapper.record(row)).toBe('{"i":1,"l":1000}');
  });

  test('of JSON stay as their producer wrote them', async () => {
    expect(await records(typed('json', { i: '1' }), planOf(fields))).toEqual([{ i: '1' }]);
  });
});

test('with a decimal comma, 1.234,56 is a number and 12.50 is none', async () => {
  const decimalComma = { decimalComma: true };
  const texts = ['12,50', '1.234,56', '-1.234.567', '0,5', '12.50', '1.23,4', ''];
  expect(await cells(f.decimal(12, 2).optional(), texts, decimalComma)).toEqual([
    ...['12.50', '1234.56', '-1234567', '0.5'],
    '12.50 (not a number with a decimal comma)',
    '1.23,4 (not a number with a decimal comma)',
    undefined,
  ]);
  expect(await cells(f.double(), ['1,5', '1 234,5', '1,5e3'], decimalComma)).toEqual([
    1.5, 1234.5, 1500,
  ]);
  expect(await cells(f.int(), ['1.234'], decimalComma)).toEqual([1234]);
  expect(await cells(f.string(), ['1.234,5'], decimalComma)).toEqual(['1.234,5']);
  expect(await cells(f.decimal(12, 2), ['12,50']), 'else it goes on as it is').toEqual(['12,50']);
});

test('where no column has the name of a field, the first row may be data', async () => {
  const plan = planOf({ id: f.int(), name: f.string() });
  await expect(records(csv(['1', 'Ann'], ['2', 'Bob']), plan)).rejects.toThrow(
    /column "1" matches no field .* no header, read it with --no-header\.$/,
  );
  await expect(records(csv(['id', 'nom'], ['2', 'Bob']), plan)).rejects.toThrow(
    /leave it out with --ignore "nom"\.$/,
  );
});

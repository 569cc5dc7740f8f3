import { describe, expect, test } from 'vitest';
import { type Field, field as f, stream } from '../../src/index.ts';
import { Validator } from '../../src/ingest/validate.ts';

function refusal(
  field: Field,
  json: string,
  unknown: 'refuse' | 'drop' = 'refuse',
): { code: string; message: string } | undefined {
  const { fields } = stream('one', { fields: { x: field } }).settings;
  const verdict = new Validator({ fields, unknown }).check(`{"x":${json}}`);
  return 'refusal' in verdict ? verdict.refusal : undefined;
}

const accepted: readonly [string, Field, readonly string[]][] = [
  ['boolean', f.boolean(), ['true', 'false']],
  ['int', f.int(), ['0', '-0', '2147483647', '-2147483648']],
  ['long', f.long(), ['9223372036854775807', '"-9223372036854775808"', '0']],
  ['float', f.float(), ['1.5', '3.4e38', '"NaN"']],
  ['double', f.double(), ['1e308', '"-Infinity"', '0.1']],
  ['decimal(10,3)', f.decimal(10, 3), ['1.255', '"1234567.891"', '"-0.5"', '1.5000', '"007.5"']],
  ['decimal(38,10)', f.decimal(38, 10), ['"1234567890123456789012345678.1234567891"']],
  ['string', f.string(), ['""', '"ü😀"', '"\\ud83d\\ude00"']],
  ['uuid', f.uuid(), ['"6F9619FF-8B86-D011-B42D-00CF4FC964FF"']],
  ['binary', f.binary(), ['""', '"AQID/w=="']],
  ['date', f.date(), ['"2012-02-29"', '"0001-01-01"']],
  [
    'timestamp',
    f.timestamp(),
    ['"2010-12-01T08:26:00"', '"2010-12-01 08:26"', '"2010-12-01T08:26:00.123456"'],
  ],
  ['timestamptz', f.timestamptz(), ['"2010-12-01T08:26:00Z"', '"2010-12-01 08:26:00.5+01:30"']],
  [
    'timestamptz from epoch seconds',
    f.timestamptz().from('epoch-seconds'),
    ['1262304000', '1262304000.123456'],
  ],
  [
    'string from integer text',
    f.string().from('integer-text'),
    ['17850.0', '"17850.0"', '17850', '"C17850"'],
  ],
  ['list', f.list(f.int().optional()), ['[]', '[1,null,2]']],
  ['map', f.map(f.string(), f.double()), ['{}', '{"a":1}']],
  ['struct', f.struct({ a: f.int(), b: f.string().optional() }), ['{"a":1}', '{"a":1,"b":null}']],
];

const refused: readonly [string, Field, readonly string[]][] = [
  ['boolean', f.boolean(), ['1', '"true"', 'null']],
  ['int', f.int(), ['1.0', '1e2', '"5"', '2147483648', '-2147483649', '01']],
  ['long', f.long(), ['9223372036854775808', '1.5', '"x"']],
  ['float', f.float(), ['1e39', '"nan"']],
  ['double', f.double(), ['1e400', '"1"', 'NaN']],
  ['decimal(10,3)', f.decimal(10, 3), ['1.2345', '"12345678.1"', '1e2', 'true']],
  ['decimal(38,10) as a long number', f.decimal(38, 10), ['1234567890123456.5']],
  ['string', f.string(), ['5', '"\\ud800"', '"a\\u0000b"', 'null']],
  ['uuid', f.uuid(), ['"6F9619FF"']],
  ['binary', f.binary(), ['"AQI"', '"@@@@"']],
  ['date', f.date(), ['"2011-02-29"', '"2010-13-01"', '"2010-12-01T00:00:00"', '"0000-01-01"']],
  [
    'timestamp',
    f.timestamp(),
    [
      '"2010-12-01"',
      '"2010-12-01T08:26:00Z"',
      '"2010-12-01T24:00:00"',
      '"2010-12-01T08:26:00.1234567"',
    ],
  ],
  ['timestamptz', f.timestamptz(), ['"2010-12-01T08:26:00"', '1262304000']],
  ['list', f.list(f.int()), ['[null]', '["a"]', '{}']],
  ['map', f.map(f.int(), f.double()), ['{"a":1}', '[]']],
  ['struct', f.struct({ a: f.int() }), ['{}', '{"a":1,"z":1}', '{"a":"1"}']],
];

describe('the reference validator', () => {
  test.each(accepted)('accepts what a %s takes', (_name, field, values) => {
    for (const json of values) expect(refusal(field, json), json).toBeUndefined();
  });

  test.each(refused)('refuses what a %s would change or cannot hold', (_name, field, values) => {
    for (const json of values) expect(refusal(field, json), json).toBeDefined();
  });

  test('names field, rule, form and value', () => {
    expect(refusal(f.int(), '"six"')).toMatchObject({
      code: 'MR_FIELD_TYPE',
      field: 'x',
      message: `Field 'x' is int: send a whole number of 32 bits, got the text "six".`,
    });
    expect(refusal(f.int().min(1), '0')).toMatchObject({
      code: 'MR_FIELD_RULE',
      message: `Field 'x': must be at least 1, got the number 0.`,
    });
    expect(refusal(f.struct({ city: f.string() }), '{"city":5}')).toMatchObject({
      field: 'x.city',
    });
    expect(refusal(f.timestamp(), '"2010-12-01T08:26:00Z"')?.message).toContain('it has no zone');
  });

  test.each<[Field, string, RegExp]>([
    [f.timestamptz().from('epoch-seconds'), '9999999999999', /beyond the year 9999; .*epoch-milli/],
    [f.timestamptz().from('epoch-seconds'), '1.1234567', /at most 6 digits behind the point/],
    [f.timestamptz().from('epoch-seconds'), '1e9', /without an exponent/],
    [f.timestamptz().from('epoch-milliseconds'), '999999999999999', /not in the years 1 to 9999/],
    [f.timestamptz().from('epoch-seconds'), '"1"', /send seconds since 1970 as a number/],
    [f.float(), '3.5e38', /a float holds numbers up to 3\.4028235e38; .* double/],
    [f.double(), '1e400', /a double holds numbers up to 1\.79/],
    [f.timestamptz(), '"2026-01-01T00:00:00.1234567Z"', /at most 6 digits behind the point/],
    [f.timestamp(), '"2026-01-01T00:00:00.1234567"', /at most 6 digits behind the point/],
    [f.timestamptz(), '"2026-01-01T00:00:00"', /with an offset/],
  ])('says which rule of the form is broken: %o %s', (field, value, says) => {
    expect(refusal(field, value)).toMatchObject({
      code: 'MR_FIELD_TYPE',
      message: expect.stringMatching(says),
    });
  });

  test('holds values to their rules', () => {
    expect(refusal(f.string().pattern(/[A-Z]{2}/), '"ABC"')?.code).toBe('MR_FIELD_RULE');
    expect(refusal(f.string().oneOf(['a', 'b']), '"c"')?.code).toBe('MR_FIELD_RULE');
    expect(refusal(f.string().max(2), '"😀😀"')).toBeUndefined();
    expect(refusal(f.decimal(10, 2).min('0.10'), '"0.09"')?.code).toBe('MR_FIELD_RULE');
    expect(refusal(f.long().max(5n), '"6"')?.code).toBe('MR_FIELD_RULE');
    expect(
      refusal(f.timestamptz().max(new Date('2020-01-01T00:00:00Z')), '"2020-01-01T01:00:00+02:00"'),
    ).toBeUndefined();
  });

  test('holds a value to its rules however it is written', () => {
    const instant = f.timestamptz().min(new Date('2020-01-01T00:00:00Z'));
    expect(refusal(instant, '"2020-01-01T04:00:00+05"')?.code).toBe('MR_FIELD_RULE');
    expect(refusal(instant, '"2020-01-01T05:00:00+05"')).toBeUndefined();
    const until = f.timestamptz().max(new Date('2020-01-01T00:00:00Z'));
    expect(refusal(until, '"2020-01-01T00:00:00.000001Z"')?.code).toBe('MR_FIELD_RULE');
    const epoch = f.timestamptz().from('epoch-seconds').max(new Date(1000));
    expect(refusal(epoch, '1.000001')?.code).toBe('MR_FIELD_RULE');
    expect(refusal(epoch, '1')).toBeUndefined();
    const local = f.timestamp().min('2020-01-01T00:00:00').max('2020-01-01 00:00:00.5');
    expect(refusal(local, '"2020-01-01 00:00"')).toBeUndefined();
    expect(refusal(local, '"2020-01-01T00:00:00.500"')).toBeUndefined();
    expect(refusal(local, '"2020-01-01T00:00:00.500001"')?.code).toBe('MR_FIELD_RULE');
    const code = f.string().from('integer-text').max(5).pattern(/\d+/);
    for (const json of ['17850', '17850.0', '"17850.0"'])
      expect(refusal(code, json)).toBeUndefined();
    expect(refusal(code, '178501.0')?.code).toBe('MR_FIELD_RULE');
    expect(
      refusal(
        f
          .string()
          .from('integer-text')
          .pattern(/[A-Z]+/),
        '5',
      )?.code,
    ).toBe('MR_FIELD_RULE');
  });

  test('a range leaves no place for what is not a number', () => {
    expect(refusal(f.double().min(0), '"NaN"')?.code).toBe('MR_FIELD_RULE');
    expect(refusal(f.float().max(0), '"NaN"')?.code).toBe('MR_FIELD_RULE');
    expect(refusal(f.double().max(0), '"-Infinity"')).toBeUndefined();
  });

  test('refuses members that differ in case only, doubled members, depth, and what is no object', () => {
    const { fields } = stream('one', { fields: { x: f.int().optional() } }).settings;
    const check = (text: string) => new Validator({ fields, unknown: 'refuse' }).check(text);
    expect(check('{"X":1}')).toMatchObject({
      refusal: {
        code: 'MR_FIELD_UNKNOWN',
        message: `There is no field 'X'. Did you mean 'x'? Case matters.`,
      },
    });
    expect(check('{"x":1,"x":1}')).toMatchObject({ refusal: { code: 'MR_RECORD_DUPLICATE_KEY' } });
    expect(check('['.repeat(200) + ']'.repeat(200))).toMatchObject({
      refusal: { code: 'MR_RECORD_TOO_DEEP' },
    });
    expect(check('[1]')).toMatchObject({ refusal: { code: 'MR_RECORD_SHAPE' } });
    expect(check('{"x":1')).toMatchObject({ refusal: { code: 'MR_RECORD_SYNTAX' } });
    expect(check('{"__proto__":{"x":1}}')).toMatchObject({ refusal: { code: 'MR_FIELD_UNKNOWN' } });
  });
});

import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NamedField } from '../../src/core/field-types.ts';
import { field as f, stream } from '../../src/index.ts';
import { PADDING_BYTES } from '../../src/ingest/decode.ts';
import { compileScanner } from '../../src/ingest/scanner.ts';
import { Validator } from '../../src/ingest/validate.ts';

const SEED = Number(process.env['PROPERTY_SEED'] ?? 20261121);
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 20_000);

const fields = stream('all', {
  fields: {
    key: f.string(),
    text: f.string().optional(),
    whole: f.int(),
    big: f.long().optional(),
    ratio: f.double().optional(),
    price: f.decimal(10, 3),
    flag: f.boolean().optional(),
    day: f.date().optional(),
    at: f.timestamp().optional(),
    when: f.timestamptz().optional(),
    bounded: f.int().min(-5).max(5).optional(),
    code: f.string().from('integer-text').optional(),
    epoch: f.timestamptz().from('epoch-seconds').optional(),
  },
}).settings.fields;
const schema = { fields, unknown: 'refuse' as const };
const MARKED = { key: 'key', id: undefined };
const scanner = compileScanner(schema, MARKED);
const validator = new Validator(schema, MARKED);

function accepts(line: Buffer): { accepted: boolean; key: string | undefined } {
  const bytes = Buffer.concat([line, Buffer.alloc(PADDING_BYTES, 10)]);
  const accepted = isUtf8(line) && scanner.accept(bytes, 0) === line.length;
  const [start, end] = scanner.keyRange as unknown as [number, number];
  return {
    accepted,
    key: accepted && start !== -1 ? bytes.toString('utf8', start, end) : undefined,
  };
}

const GOOD = [
  '{"key":"536365","whole":6,"price":2.55}',
  '{"key":"a","text":"x","whole":-6,"big":9007199254740,"ratio":1.5,"price":"12.500","flag":true,"day":"2010-12-01","at":"2010-12-01T08:26:00","when":"2010-12-01 08:26:00.123+01:00","bounded":-5}',
  '{"key":"b","whole":1,"price":1,"code":"17850.0","epoch":1262304000}',
  '{"key":"b","whole":1,"price":1,"code":17850,"epoch":-5}',
  '{"price":0,"whole":0,"key":"ordered otherwise","text":null,"flag":null}',
  '{ "key" : "spaced" , "whole" : 1 , "price" : 1 }',
  '{"key":"ü☃😀","text":"quote \\" back \\\\ slash \\/ \\n","whole":1,"price":1}',
];

/** Bytes of good lines, spliced, changed and doubled: near misses find holes that random bytes do not. */
const mutated = fc
  .tuple(
    fc.constantFrom(...GOOD),
    fc.array(
      fc.tuple(
        fc.nat(250),
        fc.oneof(
          fc.constantFrom(...'{}[]":,\\\'+-.eE0123456789 \t\r\ntfnu_ZzTé\u0000'.split('')),
          fc.constantFrom(
            'null',
            '1e5',
            '"key":"x",',
            ',"whole":1',
            '\\u0000',
            '\\ud800',
            '99999999999',
            '2010-02-30',
            '24:00:00',
            '000',
            ' ',
            '""',
            '12345678901234567890',
            '-0',
            '1.',
            '.5',
            '0x1',
          ),
        ),
        fc.constantFrom('insert', 'replace', 'delete'),
      ),
      { maxLength: 4 },
    ),
  )
  .map(([line, changes]) => {
    let text = line;
    for (const [at, part, how] of changes) {
      const place = at % (text.length + 1);
      text =
        text.slice(0, place) +
        (how === 'delete' ? '' : part) +
        text.slice(place + (how === 'insert' ? 0 : 1));
    }
    return text;
  })
  .filter((text) => !text.includes('\n') && text.isWellFormed());

describe('the scanner', () => {
  test('accepts common records in any order and spacing', () => {
    for (const line of GOOD) expect(accepts(Buffer.from(line)).accepted, line).toBe(true);
  });

  test(`is sound: what it accepts the reference accepts, with the same key (seed ${SEED})`, () => {
    let accepted = 0;
    fc.assert(
      fc.property(mutated, (text) => {
        const scanned = accepts(Buffer.from(text));
        if (!scanned.accepted) return;
        accepted += 1;
        const verdict = validator.check(text);
        expect(verdict, text).not.toHaveProperty('refusal');
        expect('key' in verdict ? verdict.key : undefined, text).toBe(scanned.key);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    // A scanner that accepts nothing would be sound too.
    expect(accepted).toBeGreaterThan(RUNS / 10);
  });

  test('leaves bad UTF-8, doubled and unknown members, and values out of range to the reference', () => {
    const lines = [
      '{"key":"a","key":"a","whole":1,"price":1}',
      '{"key":"a","whole":1,"price":1,"other":1}',
      '{"key":"a","whole":99999999999,"price":1}',
      '{"key":"a","whole":1,"price":1.2345}',
      '{"key":"a","whole":1,"price":1,"bounded":6}',
      '{"key":"a","whole":1.0,"price":1}',
      '{"key":"a","price":1}',
    ];
    for (const line of lines) expect(accepts(Buffer.from(line)).accepted, line).toBe(false);
  });

  test('a stream whose fields it cannot scan leaves every record to the reference', () => {
    const nested: NamedField[] = [
      {
        name: 'tags',
        type: { kind: 'list', element: { type: { kind: 'string' }, optional: false } },
        optional: false,
      },
    ];
    const line = Buffer.from('{"tags":["a"]}');
    expect(
      compileScanner({ fields: nested, unknown: 'refuse' }).accept(
        Buffer.concat([line, Buffer.alloc(PADDING_BYTES, 10)]),
        0,
      ),
    ).toBe(-1);
  });
});

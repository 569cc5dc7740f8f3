import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { field as f, stream } from '../../src/index.ts';
import { Decoder, PADDING_BYTES } from '../../src/ingest/decode.ts';
import { createRouter } from '../../src/ingest/route.ts';
import { compileScanner } from '../../src/ingest/scanner.ts';
import { Validator } from '../../src/ingest/validate.ts';
import { evenShards } from '../../src/stream/shard-map.ts';

const { fields } = stream('s', {
  fields: { n: f.int(), text: f.string().optional(), nested: f.struct({ a: f.int() }).optional() },
}).settings;
const oneShard = createRouter({ version: 0, open: evenShards(1) });
const schema = { fields, unknown: 'refuse' as const };

/** Feeds a body in pieces of `size` bytes, as a connection would. */
function decode(
  body: string | Buffer,
  options: { size?: number; linesOnly?: boolean } = {},
): { records: string[]; rejected: { index: number; code: string }[] } {
  const bytes = Buffer.from(body as string);
  const decoder = new Decoder({
    scanner: compileScanner(schema),
    validator: new Validator(schema),
    router: () => oneShard,
    keyed: false,
    linesOnly: options.linesOnly ?? false,
  });
  const size = options.size ?? bytes.length;
  const records: string[] = [];
  const rejected: { index: number; code: string }[] = [];
  let rest = Buffer.alloc(0);
  for (let at = 0; at <= bytes.length; at += Math.max(1, size)) {
    const part = bytes.subarray(at, at + Math.max(1, size));
    const filled = rest.length + part.length;
    const buffer = Buffer.concat([rest, part, Buffer.alloc(PADDING_BYTES)]);
    const piece = decoder.decode(buffer, filled, at + size >= bytes.length);
    for (let index = 0; index < piece.batch.count; index++)
      records.push(buffer.toString('utf8', piece.batch.starts[index], piece.batch.ends[index]));
    rejected.push(...piece.rejected.map(({ index, code }) => ({ index, code })));
    rest = Buffer.from(buffer.subarray(piece.consumed, filled));
    if (at + size >= bytes.length) break;
  }
  return { records, rejected };
}

describe('the decoder', () => {
  test('takes one object, an array, NDJSON, and objects one after the other', () => {
    expect(decode('{"n":1}').records).toEqual(['{"n":1}']);
    expect(decode('[{"n":1}, {"n":2}]').records).toEqual(['{"n":1}', '{"n":2}']);
    expect(decode('{"n":1}\n{"n":2}\r\n\n{"n":3}').records).toEqual([
      '{"n":1}',
      '{"n":2}',
      '{"n":3}',
    ]);
    expect(decode('{"n":1}{"n":2} {"n":3}').records).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
  });

  test('makes one line of a record that has several, and keeps numbers and keys as sent', () => {
    expect(decode('{\n  "n" : 10,\r\n  "nested": {"a": 1}\n}').records).toEqual([
      '{   "n" : 10,    "nested": {"a": 1} }',
    ]);
  });

  test('keeps the good records around a broken one, and says which it was', () => {
    expect(decode('{"n":1}\n{"n":\n{"n":3}\n')).toEqual({
      records: ['{"n":1}', '{"n":3}'],
      rejected: [{ index: 1, code: 'MR_RECORD_SYNTAX' }],
    });
    expect(decode('[{"n":1},{"n":"x"},{"n":3}]')).toEqual({
      records: ['{"n":1}', '{"n":3}'],
      rejected: [{ index: 1, code: 'MR_FIELD_TYPE' }],
    });
    expect(decode('{"n":1}\n{"text":"unclosed}\n{"n":3}')).toEqual({
      records: ['{"n":1}', '{"n":3}'],
      rejected: [{ index: 1, code: 'MR_RECORD_SYNTAX' }],
    });
  });

  test.each([1, 3, 100])('refuses a comma before the end of an array, in pieces of %i', (size) => {
    expect(decode('[{"n":1}, ]', { size })).toEqual({
      records: ['{"n":1}'],
      rejected: [{ index: 1, code: 'MR_RECORD_SYNTAX' }],
    });
    expect(decode(' [ ] ', { size })).toEqual({ records: [], rejected: [] });
  });

  test('says that an array is not closed, lacks a comma, or has something behind it', () => {
    expect(decode('[{"n":1}')).toEqual({
      records: ['{"n":1}'],
      rejected: [{ index: 1, code: 'MR_RECORD_SYNTAX' }],
    });
    expect(decode('[{"n":1} {"n":2}]')).toEqual({
      records: ['{"n":1}'],
      rejected: [{ index: 1, code: 'MR_RECORD_SYNTAX' }],
    });
    expect(decode('[{"n":1}] x')).toEqual({
      records: ['{"n":1}'],
      rejected: [{ index: 1, code: 'MR_RECORD_SYNTAX' }],
    });
  });

  test('refuses a record with bad UTF-8 and keeps its neighbours', () => {
    const body = Buffer.concat([
      Buffer.from('{"n":1}\n{"n":2,"text":"'),
      Buffer.from([0xff]),
      Buffer.from('"}\n{"n":3}\n'),
    ]);
    expect(decode(body)).toEqual({
      records: ['{"n":1}', '{"n":3}'],
      rejected: [{ index: 1, code: 'MR_RECORD_ENCODING' }],
    });
  });

  test('with linesOnly each line is a record, whatever stands on it', () => {
    expect(decode('{"n":1}{"n":2}\n{"n":3}', { linesOnly: true })).toEqual({
      records: ['{"n":3}'],
      rejected: [{ index: 0, code: 'MR_RECORD_SYNTAX' }],
    });
  });

  test('gives the same answer however the body is cut into pieces', () => {
    const bodies = fc.constantFrom(
      '{"n":1}\n{"n":2,"text":"ü😀\\n"}\n{"n":"x"}\n\n{"n":4}',
      '[ {"n":1} ,\n {"n":2,"text":"a,]b"},{"n":true}, {"nested":{"a":1},"n":5} ]\n',
      '{\n "n": 1\n}\n{"n":2}\n{"n":}\n{"n":3}',
      '{"n":1}{"n":2}{"n":3}',
    );
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 40 }), (body, size) => {
        expect(decode(body, { size })).toEqual(decode(body));
      }),
      { seed: 20261121, numRuns: 300 },
    );
  });
});

test('a byte order mark in front of a body says nothing, in whatever pieces it comes', () => {
  for (const body of ['{"n":1}\n{"n":2}', '[{"n":1},{"n":2}]', ' {"n":1} {"n":2}'])
    for (const size of [1, 2, 3, 5, 100])
      expect(decode(`\ufeff${body}`, { size }), `${body} by ${size}`).toEqual({
        records: ['{"n":1}', '{"n":2}'],
        rejected: [],
      });
  expect(decode('{"n":1}\n\ufeff{"n":2}').rejected, 'elsewhere it is a character').toHaveLength(1);
});

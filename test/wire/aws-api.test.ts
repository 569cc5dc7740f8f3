import { crc32 } from 'node:zlib';
import { decode, encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import {
  BlobOutput,
  CBOR_CODEC,
  codecOf,
  JSON_CODEC,
  type Output,
  Timestamp,
} from '../../src/wire/aws-api/codec.ts';
import { eventMessage } from '../../src/wire/aws-api/event-stream.ts';
import { parseInput } from '../../src/wire/aws-api/parse-shape.ts';
import { structure } from '../../src/wire/aws-api/shape.ts';

const SHAPE = structure(
  { Name: { type: 'string', min: 1, max: 5, pattern: '[a-z]+' } },
  {
    Count: { type: 'integer', min: 1, max: 10 },
    Flag: { type: 'boolean' },
    At: { type: 'timestamp' },
    Data: { type: 'blob', max: 4 },
    Mode: { type: 'string', values: ['A', 'B'] },
    Tags: { type: 'map', key: { type: 'string', max: 3 }, of: { type: 'string', max: 3 } },
    Parts: { type: 'list', of: structure({ Id: { type: 'string' } }), max: 2 },
  },
);

const fromJson = (value: unknown) => parseInput(SHAPE, value, JSON_CODEC);

describe('the input of an operation', () => {
  test('is what its shape names, and nothing else', () => {
    const input = fromJson({
      Name: 'abc',
      Count: 3.9,
      Flag: false,
      At: 1763800000.5,
      Data: 'AAEC',
      Mode: null,
      Tags: { a: 'b' },
      Parts: [{ Id: 'x', More: 1 }],
      __proto__: 1,
      Strange: { deep: [] },
    });
    expect(input).toEqual({
      Name: 'abc',
      Count: 3,
      Flag: false,
      At: 1763800000500,
      Data: 'AAEC',
      Tags: { a: 'b' },
      Parts: [{ Id: 'x' }],
    });
  });

  test.each([
    [[], 'START_ARRAY can not be converted to a Structure'],
    ['text', 'STRING_VALUE can not be converted to a Structure'],
    [null, 'NULL_VALUE can not be converted to a Structure'],
    [{ Name: 1 }, 'NUMBER_VALUE can not be converted to a String'],
    [{ Name: true }, 'TRUE_VALUE can not be converted to a String'],
    [{ Name: 'a', Count: '1' }, 'STRING_VALUE can not be converted to an Integer'],
    [{ Name: 'a', Flag: 'true' }, 'STRING_VALUE can not be converted to a Boolean'],
    [{ Name: 'a', At: 'now' }, 'STRING_VALUE can not be converted to a Timestamp'],
    [{ Name: 'a', Data: 'AAE' }, 'can not be converted to a Blob'],
    [{ Name: 'a', Data: 'A*EC' }, 'can not be converted to a Blob'],
    [{ Name: 'a', Data: 'YR==' }, 'can not be converted to a Blob'],
    [{ Name: 'a', Data: 'YWF=' }, 'can not be converted to a Blob'],
    [{ Name: 'a', Data: 'Y-_a' }, 'can not be converted to a Blob'],
    [{ Name: 'a', Data: 'Y===' }, 'can not be converted to a Blob'],
    [{ Name: 'a', Data: 1 }, 'NUMBER_VALUE can not be converted to a Blob'],
    [{ Name: 'a', Tags: [] }, 'START_ARRAY can not be converted to a Map'],
    [{ Name: 'a', Parts: {} }, 'START_OBJECT can not be converted to a List'],
    [{ Name: 'a', Parts: ['x'] }, 'STRING_VALUE can not be converted to a Structure'],
  ])('of a wrong type is a SerializationException: %j', (value, message) => {
    expect(() => fromJson(value)).toThrow(
      expect.objectContaining({
        type: 'SerializationException',
        message: expect.stringContaining(message),
      }),
    );
  });

  test.each([
    [{}, "Value null at 'name' failed to satisfy constraint: Member must not be null"],
    [
      { Name: '' },
      "Value '' at 'name' failed to satisfy constraint: Member must have length greater",
    ],
    [{ Name: 'abcdef' }, 'Member must have length less than or equal to 5'],
    [{ Name: 'A' }, 'Member must satisfy regular expression pattern: [a-z]+'],
    [
      { Name: 'a', Count: 0 },
      "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [{ Name: 'a', Count: 11 }, 'Member must have value less than or equal to 10'],
    [
      { Name: 'a', Data: 'AAECAwQ=' },
      "at 'data' failed to satisfy constraint: Member must have length less than or equal to 4",
    ],
    [{ Name: 'a', Mode: 'C' }, 'Member must satisfy enum value set: [A, B]'],
    [{ Name: 'a', Tags: { long1: 'b' } }, "at 'tags.key'"],
    [{ Name: 'a', Parts: [{}] }, "Value null at 'parts.1.member.id'"],
    [{ Name: 'a', Parts: [null] }, "Value null at 'parts.1.member'"],
    [
      { Name: 'a', Parts: [{ Id: '' }, { Id: '' }, { Id: '' }] },
      'Member must have length less than or equal to 2',
    ],
  ])('out of its bounds is a ValidationException: %j', (value, message) => {
    expect(() => fromJson(value)).toThrow(
      expect.objectContaining({
        type: 'ValidationException',
        message: expect.stringContaining(message),
      }),
    );
  });

  test('is told all that is wrong with it at once', () => {
    expect(() => fromJson({ Name: 'A', Count: 0 })).toThrow('2 validation errors detected: ');
  });
});

describe('the two forms of a wire', () => {
  const OUTPUT: Output = {
    Text: 'ü',
    At: new Timestamp(1763800000123),
    Data: new BlobOutput('AAEC'),
    List: [{ Bytes: new BlobOutput(new Uint8Array([1, 2])), Gone: undefined }],
    Flag: true,
    Gone: undefined,
  };

  test('JSON has seconds and base64', () => {
    expect(JSON.parse(JSON_CODEC.encode(OUTPUT).toString())).toEqual({
      Text: 'ü',
      At: 1763800000.123,
      Data: 'AAEC',
      List: [{ Bytes: 'AQI=' }],
      Flag: true,
    });
  });

  test('CBOR has milliseconds and bytes', () => {
    expect(decode(CBOR_CODEC.encode(OUTPUT))).toEqual({
      Text: 'ü',
      At: 1763800000123,
      Data: new Uint8Array([0, 1, 2]),
      List: [{ Bytes: new Uint8Array([1, 2]) }],
      Flag: true,
    });
  });

  test('a map of indefinite length and a tagged time are read, as the SDK for Java writes them', () => {
    // {_ "Name": "abc", "At": 1(1763800000123), "Data": h'000102'}
    const body = Buffer.concat([
      Buffer.from('bf', 'hex'),
      encode('Name'),
      encode('abc'),
      encode('At'),
      Buffer.from('c1', 'hex'),
      encode(1763800000123),
      encode('Data'),
      encode(new Uint8Array([0, 1, 2])),
      Buffer.from('ff', 'hex'),
    ]);
    const input = parseInput(SHAPE, CBOR_CODEC.decode(body), CBOR_CODEC);
    expect(input).toEqual({
      Name: 'abc',
      At: 1763800000123,
      Data: new Uint8Array([0, 1, 2]),
    });
  });

  test('what is neither is a SerializationException', () => {
    for (const [codec, body] of [
      [JSON_CODEC, Buffer.from('{"Name":')],
      [JSON_CODEC, Buffer.alloc(0)],
      [CBOR_CODEC, Buffer.from('bf6161', 'hex')],
      [CBOR_CODEC, Buffer.from('ffffff', 'hex')],
      [CBOR_CODEC, Buffer.alloc(0)],
    ] as const)
      expect(() => codec.decode(body)).toThrow(
        expect.objectContaining({ type: 'SerializationException' }),
      );
  });

  test('the type of the body says which', () => {
    expect(codecOf('application/x-amz-cbor-1.1')).toBe(CBOR_CODEC);
    expect(codecOf('application/x-amz-json-1.1; charset=utf-8')).toBe(JSON_CODEC);
    expect(codecOf(undefined)).toBe(JSON_CODEC);
  });
});

test('a message of an event stream has its lengths, headers and checksums', () => {
  const message = eventMessage({ ':event-type': 'x' }, Buffer.from('{}'));
  const headers = message.readUInt32BE(4);
  expect(message.readUInt32BE(0)).toBe(message.length);
  expect(message.readUInt32BE(8)).toBe(crc32(message.subarray(0, 8)));
  expect(message.readUInt32BE(message.length - 4)).toBe(crc32(message.subarray(0, -4)));
  expect(message.subarray(12, 12 + headers).toString('latin1')).toBe(
    '\x0b:event-type\x07\x00\x01x',
  );
  expect(message.subarray(12 + headers, -4).toString()).toBe('{}');
});

import { describe, expect, test } from 'vitest';
import { icebergJson, parseIcebergJson } from '../../src/lake/iceberg/json.ts';

describe('JSON of Iceberg', () => {
  test('ids of 64 bits come and go as they are, and equal ones are equal', () => {
    const text =
      '{"a":9223372036854775807,"b":[-9007199254740993,1234567890123456],"c":9007199254740991}';
    const value = parseIcebergJson(text) as { a: unknown; b: unknown[]; c: unknown };
    expect(value).toEqual({
      a: 9223372036854775807n,
      b: [-9007199254740993n, 1234567890123456],
      c: 9007199254740991,
    });
    expect(icebergJson(value)).toBe(text);
  });

  test('digits in texts, names and fractions are no ids', () => {
    const text =
      '{"12345678901234567890":"12345678901234567890","x":0.1234567890123456,"y":-1.5e-300,"z":9007199254740993,"q":"\\"9007199254740993"}';
    const value = parseIcebergJson(text);
    expect(value).toEqual({
      '12345678901234567890': '12345678901234567890',
      x: 0.1234567890123456,
      y: -1.5e-300,
      z: 9007199254740993n,
      q: '"9007199254740993',
    });
    expect(parseIcebergJson(icebergJson(value))).toEqual(value);
  });

  test('no text of a client is taken for an id, whatever it begins with', () => {
    const value = {
      text: '\u0000id:5',
      '\u0000id:7': '\u0000\u0000',
      id: 9007199254740993n,
      ['__proto__']: 'own',
    };
    expect(parseIcebergJson(icebergJson(value))).toEqual(value);
    expect(parseIcebergJson('{"a":"\\u0000id:5","b":9007199254740993}')).toEqual({
      a: '\u0000id:5',
      b: 9007199254740993n,
    });
  });

  test('a text of megabytes is no matter', () => {
    const text = 'x\\"'.repeat(3_000_000);
    const value = parseIcebergJson(
      `{"text":"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}","id":9007199254740993}`,
    );
    expect(value).toEqual({ text, id: 9007199254740993n });
  });
});

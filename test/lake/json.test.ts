import fc from 'fast-check';
import { expect, test } from 'vitest';
import { icebergJson, idOf, parseIcebergJson } from '../../src/lake/iceberg/json.ts';

/** Ids as this product keeps them: a number wherever it is exact. */
const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(idOf);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.bigInt().map(String),
  fc.constantFrom(
    '\u0000id:5',
    '\u0000id:no number',
    'x"\u0000id:5',
    '\u0000',
    '\u0000s',
    '"12345678901234567890"',
    '\\',
    '\\"12345678901234567890',
    ': 12345678901234567890,',
    '\\u0000id:7',
  ),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    id,
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }),
  ),
}));

test('what is written is read back: ids of 63 bits, strings that look like numbers, escapes, marks', () => {
  fc.assert(
    fc.property(value, (original) => {
      const back = parseIcebergJson(icebergJson(original));
      expect(back).toEqual(normal(original));
    }),
    { numRuns: 2000 },
  );
});

/** Doubles that are whole, and too large to be exact, come back as the bigint that was written. */
function normal(part: unknown): unknown {
  if (typeof part === 'number' && !Number.isSafeInteger(part) && /^-?\d+$/.test(String(part)))
    return BigInt(String(part));
  if (Array.isArray(part)) return part.map(normal);
  if (typeof part !== 'object' || part === null) return part;
  const members = Object.entries(part).map(([name, value]) => [name, normal(value)] as const);
  return Object.fromEntries(members);
}

test.each([
  ['9223372036854775807', 9223372036854775807n],
  ['-9223372036854775808', -9223372036854775808n],
  ['9007199254740991', 9007199254740991],
  ['9007199254740993', 9007199254740993n],
  ['0.1234567890123456789', Number('0.1234567890123456789')],
  ['12345678901234567890.5', Number('12345678901234567890.5')],
  ['1.5e300', 1.5e300],
  ['[-1,1234567890123456789]', [-1, 1234567890123456789n]],
  [
    '{"a":3051729675574597004,"b":"3051729675574597004"}',
    { a: 3051729675574597004n, b: '3051729675574597004' },
  ],
  [
    '{"3051729675574597004" : 3051729675574597004}',
    { '3051729675574597004': 3051729675574597004n },
  ],
])('%s is read as it is', (json, expected) => {
  expect(parseIcebergJson(json)).toEqual(expected);
});

test.each(['', '{', '[1,]', '"\u0000"', '12345678901234567890x'])('%j is no JSON', (json) => {
  expect(() => parseIcebergJson(json)).toThrow(SyntaxError);
});

test('control: JSON.parse rounds what this keeps', () => {
  expect(BigInt(JSON.parse('3051729675574597004'))).not.toBe(3051729675574597004n);
});

import { expect, test } from 'vitest';
import { lowerBound, upperBound } from '../../src/lake/iceberg/bounds.ts';

const text = (bound: Buffer | undefined) => bound?.toString();

test('a text is cut at 16 characters, and raised above what was cut off', () => {
  const emoji = `fifteen letters😀${'x'.repeat(20_000)}`;
  expect(text(lowerBound('string', emoji))).toBe('fifteen letters😀');
  expect(text(upperBound('string', emoji))).toBe('fifteen letters😁');
  expect(text(upperBound('string', 'sixteen letters!'))).toBe('sixteen letters!');
  expect(text(upperBound('string', `fifteen letters\u{10ffff}x`))).toBe(
    'fifteen letters'.replace(/s$/, 't'),
  );
  expect(text(upperBound('string', `${'a'.repeat(15)}\ud7ffx`))).toBe(`${'a'.repeat(15)}\ue000`);
  expect(upperBound('string', '\u{10ffff}'.repeat(17))).toBeUndefined();
});

test('a zero bounds -0 and 0, which the engine takes for equal', () => {
  for (const zero of ['0.0', '-0.0']) {
    expect(Object.is(lowerBound('double', zero)?.readDoubleLE(), -0), zero).toBe(true);
    expect(Object.is(upperBound('double', zero)?.readDoubleLE(), 0), zero).toBe(true);
    expect(Object.is(lowerBound('float', zero)?.readFloatLE(), -0), zero).toBe(true);
    expect(Object.is(upperBound('float', zero)?.readFloatLE(), 0), zero).toBe(true);
  }
});

test('infinities bound, NaN and times before our era bound nothing', () => {
  expect(lowerBound('double', '-inf')?.readDoubleLE()).toBe(-Infinity);
  expect(upperBound('float', 'inf')?.readFloatLE()).toBe(Infinity);
  expect(lowerBound('double', 'nan')).toBeUndefined();
  expect(lowerBound('date', '0044-03-15 (BC)')).toBeUndefined();
  expect(lowerBound('timestamp', '0044-03-15 (BC) 00:00:00')).toBeUndefined();
  expect(lowerBound('date', '1969-12-31')?.readInt32LE()).toBe(-1);
  expect(lowerBound('decimal(38, 0)', `-${'9'.repeat(38)}`)).toHaveLength(16);
});
